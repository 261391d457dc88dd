"""One step as the contract's rules see it: what they look at, and what they find.

A view holds the step and facts about it that several rules need.  The rules of the model are not
imported: what they expect comes in as data (``contract.check``).
"""

from typing import NamedTuple

from harness.model.records.km_type import slot
from harness.model.records.layout import PAGE_MASK, Generation
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import (
    ATOMIC_MAPS,
    PFN_MAPS,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    Operation,
)
from harness.model.records.state import State, TaskState


class Violation(NamedTuple):
    """A broken rule of the contract: its name, and what was seen."""

    rule: str
    detail: str


class View(NamedTuple):
    """One step: the states before it and after it as it was seen.

    ``allowed`` is what the rules of the model let be seen (empty: they claim nothing).
    ``blind``: observation fields for which this guest has no evidence.
    """

    machine: Machine
    before: State
    after: State
    op: Operation
    seen: Observation
    allowed: tuple[Observation, ...]
    blind: frozenset[str]

    # -- the acting task ------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Tell whether the operation was carried out."""
        return self.seen.status is Status.OK

    @property
    def task_before(self) -> TaskState:
        """The acting task before the step."""
        return self.before.tasks[self.op.task]

    @property
    def task_after(self) -> TaskState:
        """The acting task after the step."""
        return self.after.tasks[self.op.task]

    @property
    def depth_before(self) -> int:
        """Depth of the stack that the operation uses: its task's, or that of its CPU."""
        before = self.before
        return self.task_before.depth if self.machine.local else before.depths[self.seen.cpu]

    @property
    def depth_after(self) -> int:
        """The same after the step."""
        after = self.after
        return self.task_after.depth if self.machine.local else after.depths[self.seen.cpu]

    def live(self, task: TaskState) -> dict[int, int]:
        """Window entries of *task*'s local mappings and their PTEs, while it runs."""
        entries = task.live_entries(self.machine.layout, self.machine.increment)
        return {index: pte for index, pte in zip(*entries, strict=True) if pte}

    @property
    def address_hidden(self) -> bool:
        """Tell whether ``page_address`` could not be asked for: on RT its lock sleeps."""
        inside = bool(self.task_before.contexts) or self.task_after.atomic
        locks = self.task_before.may_lock_on_rt and self.task_after.may_lock_on_rt
        return self.machine.layout.rt and (inside or not locks or self.seen.preempt != 0)

    # -- windows --------------------------------------------------------------------------

    @property
    def operand(self) -> int:
        """The address that the operation names."""
        return self.machine.operand_address(self.op, self.before.registers)

    @property
    def maps_window(self) -> bool:
        """Tell whether the operation must have made a mapping in a window."""
        return (
            self.op.code in WINDOW_MAPS
            and self.done
            and (
                self.machine.pages[self.op.page].highmem
                or self.op.code in PFN_MAPS
                or self.machine.layout.force_map
            )
        )

    @property
    def unmaps_window(self) -> bool:
        """Tell whether the operation has unmapped an address of a window."""
        return self.op.code in WINDOW_UNMAPS and self.done and self.machine.in_window(self.operand)

    @property
    def disorder(self) -> bool:
        """Tell whether the caller unmapped out of order: then the rules of the stack are off."""
        layout, depth = self.machine.layout, self.depth_before
        if self.op.code not in WINDOW_UNMAPS or not self.machine.in_window(self.operand):
            return False
        cpu = self.task_before.cpu if self.machine.local else self.seen.cpu
        top = layout.fixaddr(layout.window_index(cpu, depth - 1))
        return depth <= 0 or top != self.operand & PAGE_MASK

    def too_deep(self, depth: int) -> bool:
        """Tell whether a stack of that *depth* must be a BUG.

        Without DEBUG_HIGHMEM the stack generation has no limit.
        """
        layout = self.machine.layout
        if self.machine.local:
            return depth >= layout.window
        return layout.debug_highmem and depth > layout.window

    @property
    def window_may_die(self) -> bool:
        """Tell whether the caller has done what a BUG of the windows is for.

        That is: mapped too deep or over an entry set by hand, or unmapped what is not mapped.
        """
        code, layout = self.op.code, self.machine.layout
        if layout.generation is Generation.TYPED:
            wrong = code in WINDOW_UNMAPS and layout.debug_highmem
            return self._type_in_use if code in ATOMIC_MAPS else wrong
        depth = self.depth_before
        if code in WINDOW_UNMAPS:
            return depth <= 0 or layout.debug_highmem
        deeper = depth + self.machine.increment
        index = layout.window_index(self.seen.cpu, deeper - 1)
        return code in WINDOW_MAPS and (self.set_by_hand(index) or self.too_deep(deeper))

    @property
    def _type_in_use(self) -> bool:
        """Tell whether the entry of the type that the operation names is in use."""
        layout = self.machine.layout
        entry = slot(self.op.value, debug=layout.debug_highmem)
        return layout.window_index(self.seen.cpu, entry) in self.before.windows

    def set_by_hand(self, index: int) -> bool:
        """Tell whether a program that sets PTEs has an entry there that is no task's mapping."""
        if not self.before.tampered or index not in self.before.windows:
            return False
        return not any(index in self.live(one) for one in self.before.tasks)
