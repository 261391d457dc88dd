"""A small text picture of the slots around a divergence: before, seen, allowed.

Pure: the same state and divergence give the same text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

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
    changes = [_slot_changes(view) for view in (seen, allowed)]
    touched = {slot for view in changes for slot in view}
    odd = {slot for slot in touched if changes[0].get(slot) != changes[1].get(slot)}
    slots = _around(odd or sorted(touched)[:_ALIKE], machine.layout.last_pkmap)
    if not slots and (seen is None or allowed is None or seen.cursor == allowed.cursor):
        return
    yield _cursor_line(before, seen, allowed)
    yield f"{'':>2}{'slot':>6}  {'before':<{CELL}}{'seen':<{CELL}}allowed"
    for slot in slots or _around({before.cursor}, machine.layout.last_pkmap):
        old = vector.get(before.slots, slot)
        base = (old.count, old.pte)
        cells = [_cell(machine, *view.get(slot, base), namer) for view in changes]
        mark = ">" if cells[0] != cells[1] else " "
        first = _cell(machine, *base, namer)
        yield f"{mark:>2}{slot:>6}  {first:<{CELL}}{cells[0]:<{CELL}}{cells[1]}".rstrip()


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
    changes = [_window_changes(view) for view in (seen, allowed)]
    indices = {index for view in changes for index in view}
    if not indices:
        return
    owner = machine.window_owner(min(indices))
    first = machine.layout.window_index(owner, 0)
    address = machine.layout.fixaddr(first)
    yield f"window of CPU {owner}: slot 0 is fixmap index {first}, address {address:#x}"
    live = {index for index in before.windows if machine.window_owner(index) == owner}
    for index in sorted(indices | live)[:_MOST]:
        base = before.windows.get(index, 0)
        cells = [_pte(machine, view.get(index, base), namer) for view in changes]
        mark = ">" if cells[0] != cells[1] else " "
        old = _pte(machine, base, namer)
        yield f"{mark:>2}{index - first:>6}  {old:<{CELL}}{cells[0]:<{CELL}}{cells[1]}".rstrip()


def _window_changes(view: Observation | None) -> Mapping[int, int]:
    return {} if view is None else {change.index: change.pte for change in view.windows}


def _disagreement(one: Disagreement) -> str:
    said = ", ".join(
        f"{name} {'-' if value is None else hex(value)}"
        for name, value in (("model", one.model), ("module", one.module), ("outside", one.outside))
    )
    return f"  {one.what} {one.index}: {said}" + (f"; {one.odd} stands alone" if one.odd else "")
