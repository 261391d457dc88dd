"""A step on which model and module differ, held against what the outside witness shows soon after.

The witness looks only while the machine stands, some steps later.  An entry is reported only
where that cannot mislead: the witness shows what model or module said.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from harness.compare.divergence import Disagreement, Divergence
from harness.compare.witness_comparison import disagreement
from harness.model.records.layout import Layout
from harness.model.records.observation import Observation, Snapshot
from harness.trace.trace_records import WitnessView

_TOUCH: Final = 0x60  # accessed and dirty: hardware may set them


def witnessed_disagreements(
    divergence: Divergence, snapshot: Snapshot, witness: WitnessView
) -> tuple[Disagreement, ...]:
    """Which witness stands alone on each entry of *divergence*; empty where none can tell."""
    if divergence.seen is None or not divergence.allowed or divergence.machine is None:
        return ()
    nearest = min(divergence.allowed, key=lambda one: len(one.differs)).observation
    layout, seen = divergence.machine.layout, divergence.seen
    return (
        *_slots(layout, nearest, seen, witness),
        *_windows(layout, nearest, seen, dict(snapshot.windows), dict(witness.windows)),
    )


def _slots(
    layout: Layout, model: Observation, module: Observation, witness: WitnessView
) -> Iterator[Disagreement]:
    said, seen = _pkmap_ptes(layout, model), _pkmap_ptes(layout, module)
    for slot in sorted(said.keys() | seen.keys()):
        if slot >= len(witness.ptes) or said.get(slot) == seen.get(slot):
            continue
        values = said.get(slot, 0), seen.get(slot, 0)
        outside = _same(witness.ptes[slot], values)
        if outside:
            yield from _told("slot", slot, *values, outside)


def _windows(
    layout: Layout,
    model: Observation,
    module: Observation,
    inside: Mapping[int, int],
    outside: Mapping[int, int],
) -> Iterator[Disagreement]:
    """Windows are empty at rest: only an entry that the module still shows is reported."""
    said, seen = _window_ptes(layout, model), _window_ptes(layout, module)
    for index in sorted(said.keys() | seen.keys()):
        values = said.get(index, 0), seen.get(index, 0)
        found = _same(outside.get(index, 0), values)
        still = _same(inside.get(index, 0), values[1:])
        if values[0] != values[1] and still is not None and found is not None:
            yield from _told("window", index, *values, found)


def _told(what: str, index: int, model: int, module: int, outside: int) -> Iterator[Disagreement]:
    found = disagreement(what, index, model, module, outside)
    if found:
        yield found


def _same(pte: int, said: Iterable[int]) -> int | None:
    """The one of *said* that *pte* is, but for what the hardware sets in it."""
    return next((one for one in said if not (one ^ pte) & ~_TOUCH), None)


def _pkmap_ptes(layout: Layout, one: Observation) -> dict[int, int]:
    """Entries of pkmap in an observation; the entry at the operation's address counts most."""
    ptes = {change.slot: change.pte for change in one.slots}
    if layout.in_pkmap(one.value):
        ptes[layout.pkmap_slot(one.value)] = one.pte
    return ptes


def _window_ptes(layout: Layout, one: Observation) -> dict[int, int]:
    ptes = {change.index: change.pte for change in one.windows}
    index = layout.fixindex(one.value)
    if layout.fix_kmap_begin <= index <= layout.fix_kmap_end:
        ptes[index] = one.pte
    return ptes
