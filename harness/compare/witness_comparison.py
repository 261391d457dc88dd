"""Three witnesses of one state: the model, the module's snapshot, the page tables from outside."""

from collections.abc import Iterator, Mapping
from typing import Final

from harness.compare.divergence import Disagreement
from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, TYPED_FIRST
from harness.model.records.machine import Machine
from harness.model.records.observation import Snapshot
from harness.model.records.state import Phase, State
from harness.trace.trace_records import WitnessView

_TOUCH: Final = 0x60  # accessed and dirty: hardware may set them


def disagreements(
    machine: Machine, state: State | None, snapshot: Snapshot | None, witness: WitnessView | None
) -> tuple[Disagreement, ...]:
    """Entries on which the witnesses differ; without a *state* only the two real ones speak."""
    slots = None if state is None else tuple(vector.items(state.slots))
    return (
        *_table(
            "slot",
            None if slots is None else tuple(slot.pte for slot in slots),
            None if snapshot is None else snapshot.ptes,
            None if witness is None else witness.ptes,
        ),
        *_table(
            "count",
            None if slots is None else tuple(slot.count for slot in slots),
            None if snapshot is None else snapshot.counts,
            None if witness is None else witness.counts,
        ),
        *_windows(machine, state, snapshot, witness),
    )


def wrong_users(machine: Machine, state: State, found: tuple[Disagreement, ...]) -> Iterator[str]:
    """Slots of our pages that have users by the operations alone, or by the count alone."""
    if state.tampered or state.locked:
        return
    for one in found:
        if one.what != "count" or one.odd != "model":
            continue
        page = machine.page_of(vector.get(state.slots, one.index).pte)
        told, shown = one.model or 0, one.module or 0
        if page is not None and (told > 1) != (shown > 1):
            kmaps, counted = max(told - 1, 0), max(shown - 1, 0)
            yield f"users: page {page}: {kmaps} kmaps not undone, {counted} by the count"


def disagreement(
    what: str, index: int, model: int | None, module: int | None, outside: int | None
) -> Disagreement | None:
    """The three on one entry, and which stands alone; None where all that speak agree."""
    said = {"model": model, "module": module, "outside": outside}
    values = [value for value in said.values() if value is not None]
    if len(set(values)) <= 1:
        return None
    odd = [name for name, value in said.items() if value is not None and values.count(value) == 1]
    return Disagreement(what, index, model, module, outside, odd[0] if len(odd) == 1 else "")


def _table(
    what: str,
    model: tuple[int, ...] | None,
    module: tuple[int, ...] | None,
    outside: tuple[int, ...] | None,
) -> Iterator[Disagreement]:
    """Entries of a table of all pkmap slots; a view that is empty does not speak."""
    views = [view or None for view in (model, module, outside)]
    said = [view for view in views if view is not None]
    if len(set(said)) <= 1:
        return
    for index in range(max(len(view) for view in said)):
        found = disagreement(
            what, index, *(None if view is None else view[index] for view in views)
        )
        if found:
            yield found


def _windows(
    machine: Machine, state: State | None, snapshot: Snapshot | None, witness: WitnessView | None
) -> Iterator[Disagreement]:
    """Window entries; one of a page that is not ours may come and go between two looks."""
    model = None if state is None else windows_at_rest(machine, state)
    module = None if snapshot is None else dict(snapshot.windows)
    outside = None if witness is None else dict(witness.windows)
    indices = {index for view in (model, module, outside) if view is not None for index in view}
    for index in sorted(indices):
        found = disagreement(
            "window", index, _at(model, index), _at(module, index), _at(outside, index)
        )
        if found and not _only_foreign(machine, found):
            yield found


def _at(view: Mapping[int, int] | None, index: int) -> int | None:
    return None if view is None else view.get(index, 0) & ~_TOUCH


def _only_foreign(machine: Machine, found: Disagreement) -> bool:
    layout = machine.layout
    if (
        not layout.fix_kmap_begin <= found.index <= layout.fix_kmap_end
        and found.index < TYPED_FIRST
    ):
        return True
    values = [value for value in (found.model, found.module, found.outside) if value]
    return not any((value & FRAME_MASK) >> PAGE_SHIFT in machine.ids for value in values)


def at_rest(machine: Machine, state: State) -> State:
    """*state* after a snapshot: every task waits, and the next observation is told from there.

    Source: kmod/snapshot.c, which takes what it reports as the base of later deltas.
    """
    return state._replace(windows=windows_at_rest(machine, state), current=-1)


def windows_at_rest(machine: Machine, state: State) -> dict[int, int]:
    """The model's window entries once every task waits: its local mappings are switched out.

    Source: kernel/sched/core.c, kmap_local_sched_out (5.11 to 7.3).
    """
    if not machine.local or state.current < 0:
        return state.windows
    task = state.tasks[state.current]
    if task.phase is not Phase.READY or task.atomic:
        return state.windows
    layout = machine.layout
    gone = {layout.window_index(task.cpu, entry) for entry in range(task.depth)}
    return {index: pte for index, pte in state.windows.items() if index not in gone}
