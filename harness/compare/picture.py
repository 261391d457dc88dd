"""A small text picture of the slots around a divergence: before, seen, allowed.

Pure: the same state and divergence give the same text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from harness.compare.divergence import Disagreement, Divergence
from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, PTE_PRESENT
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.page import PageKind
from harness.model.records.state import State
from harness.scenario.program_text import page_name

_MOST: Final = 12
_ALIKE: Final = 4
_BESIDE: Final = 1
CELL: Final = 26
"""Columns of the cells of a picture but the last, which is as long as it likes."""


class PictureRow(NamedTuple):
    """One slot or window entry: how it was, was seen, and should be."""

    number: int
    before: str
    seen: str
    allowed: str

    @property
    def odd(self) -> bool:
        """Tell whether no allowed outcome has what the kernel left here."""
        return self.seen != self.allowed


Pools = tuple[tuple[PageKind, int], ...]


def picture(
    machine: Machine, divergence: Divergence, name_page: Callable[[int], str] | None = None
) -> str:
    """Lines of text; *name_page* gives the name of a page id (default ``page 3``)."""
    namer = name_page or (lambda page: f"page {page}")
    seen, before = divergence.seen, divergence.before
    allowed = divergence.allowed[0].observation if divergence.allowed else None
    lines = [
        *_pkmap(machine, before, seen, allowed, namer),
        *_window(machine, before, seen, allowed, namer),
    ]
    lines += [_disagreement(one) for one in divergence.witnesses[:_MOST]]
    return "\n".join(lines)


def scenario_names(pools: Pools) -> Callable[[int], str]:
    """Names of pages as the scenario has them."""
    return lambda page: page_name(page, pools)


def _pkmap(
    machine: Machine,
    before: State,
    seen: Observation | None,
    allowed: Observation | None,
    namer: Callable[[int], str],
) -> Iterator[str]:
    rows = slot_rows(machine, before, seen, allowed, namer)
    if rows:
        yield _cursor_line(before, seen, allowed)
        yield f"{'':>2}{'slot':>6}  {'before':<{CELL}}{'seen':<{CELL}}allowed"
        yield from (_row_line(row) for row in rows)


def _row_line(row: PictureRow) -> str:
    mark = ">" if row.odd else " "
    cells = f"{row.before:<{CELL}}{row.seen:<{CELL}}{row.allowed}"
    return f"{mark:>2}{row.number:>6}  {cells}".rstrip()


def slot_rows(
    machine: Machine,
    before: State,
    seen: Observation | None,
    allowed: Observation | None,
    namer: Callable[[int], str],
) -> tuple[PictureRow, ...]:
    """The slots around those that differ; none where neither slot nor cursor does."""
    changes = [_slot_changes(view) for view in (seen, allowed)]
    touched = {slot for view in changes for slot in view}
    odd = {slot for slot in touched if changes[0].get(slot) != changes[1].get(slot)}
    slots = _around(odd or sorted(touched)[:_ALIKE], machine.layout.last_pkmap)
    if not slots and (seen is None or allowed is None or seen.cursor == allowed.cursor):
        return ()
    rows = []
    for slot in slots or _around({before.cursor}, machine.layout.last_pkmap):
        old = vector.get(before.slots, slot)
        base = (old.count, old.pte)
        cells = [_cell(machine, *view.get(slot, base), namer) for view in changes]
        rows.append(PictureRow(slot, _cell(machine, *base, namer), *cells))
    return tuple(rows)


def _cursor_line(before: State, seen: Observation | None, allowed: Observation | None) -> str:
    after = "" if seen is None else f", seen {seen.cursor}"
    wanted = "" if allowed is None else f", allowed {allowed.cursor}"
    return f"pkmap: cursor {before.cursor}{after}{wanted}; count, page, flags"


def _slot_changes(view: Observation | None) -> Mapping[int, tuple[int, int]]:
    return (
        {} if view is None else {change.slot: (change.count, change.pte) for change in view.slots}
    )


def _around(centres: Iterable[int], size: int) -> list[int]:
    near = {at + step for at in sorted(centres)[:_MOST] for step in range(-_BESIDE, _BESIDE + 1)}
    return sorted(at for at in near if 0 <= at < size)


def _cell(machine: Machine, count: int, pte: int, namer: Callable[[int], str]) -> str:
    return f"{count} {_pte(machine, pte, namer)}"


def _pte(machine: Machine, pte: int, namer: Callable[[int], str]) -> str:
    if not pte:
        return "-"
    pfn = (pte & FRAME_MASK) >> PAGE_SHIFT
    owner = namer(machine.ids[pfn]) if pfn in machine.ids else f"pfn {pfn:#x}"
    high = "+NX" if pte >> 63 else ""
    absent = "" if pte & PTE_PRESENT else " not present"
    return f"{owner} {pte & 0xFFF:#05x}{high}{absent}"


def _window(
    machine: Machine,
    before: State,
    seen: Observation | None,
    allowed: Observation | None,
    namer: Callable[[int], str],
) -> Iterator[str]:
    owner, rows = window_rows(machine, before, seen, allowed, namer)
    if rows:
        first = machine.layout.window_index(owner, 0)
        address = machine.layout.fixaddr(first)
        yield f"window of CPU {owner}: slot 0 is fixmap index {first}, address {address:#x}"
        yield from (_row_line(row) for row in rows)


def window_rows(
    machine: Machine,
    before: State,
    seen: Observation | None,
    allowed: Observation | None,
    namer: Callable[[int], str],
) -> tuple[int, tuple[PictureRow, ...]]:
    """The CPU in whose window something changes, and its entries; none where nothing does."""
    changes = [_window_changes(view) for view in (seen, allowed)]
    indices = {index for view in changes for index in view}
    if not indices:
        return 0, ()
    owner = machine.window_owner(min(indices))
    layout = machine.layout
    live = {index for index in before.windows if machine.window_owner(index) == owner}
    rows = []
    for index in sorted(indices | live)[:_MOST]:
        base = before.windows.get(index, 0)
        ptes = (base, *(view.get(index, base) for view in changes))
        rows.append(
            PictureRow(
                layout.window_slot(owner, index), *(_pte(machine, pte, namer) for pte in ptes)
            )
        )
    return owner, tuple(rows)


def _window_changes(view: Observation | None) -> Mapping[int, int]:
    return {} if view is None else {change.index: change.pte for change in view.windows}


def _disagreement(one: Disagreement) -> str:
    said = ", ".join(
        f"{name} {'-' if value is None else hex(value)}"
        for name, value in (("model", one.model), ("module", one.module), ("outside", one.outside))
    )
    return f"  {one.what} {one.index}: {said}" + (f"; {one.odd} stands alone" if one.odd else "")
