"""The pkmap array and a window at a divergence as JSON values, from which pictures are drawn."""

from itertools import groupby
from typing import Any

from harness.compare.divergence import Divergence
from harness.compare.picture import PictureRow, scenario_names, slot_rows, window_rows
from harness.model.records import vector


def picture_value(one: Divergence) -> dict[str, Any] | None:
    """Slots and window entries before the step, as seen, and as the nearest outcome has them."""
    if one.machine is None:
        return None
    seen = one.seen
    nearest = min(one.allowed, key=lambda allowed: len(allowed.differs), default=None)
    allowed = nearest.observation if nearest else None
    views = (one.machine, one.before, seen, allowed, scenario_names(one.pools))
    owner, entries = window_rows(*views)
    counts = (slot.count for slot in vector.items(one.before.slots))
    return {
        "counts": [[len(list(same)), count] for count, same in groupby(counts)],
        "cursor": [
            one.before.cursor,
            seen.cursor if seen else None,
            allowed.cursor if allowed else None,
        ],
        "slots": [_row_value(row) for row in slot_rows(*views)],
        "cpu": owner,
        "window": [_row_value(row) for row in entries],
    }


def _row_value(row: PictureRow) -> dict[str, Any]:
    return {**row._asdict(), "odd": row.odd}
