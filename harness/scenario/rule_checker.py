"""The rules of program_rules.py, checked one operation after the other."""

from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from harness.model.records.helper import mapped_most, operation_word
from harness.model.records.layout import PAGE_SIZE, Generation, Layout
from harness.model.records.operation import (
    MIGHT_SLEEP,
    OPENS_CONTEXT,
    OPERATIONS,
    PFN_MAPS,
    SLEEPING,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    AtomicSection,
    Base,
    OpCode,
    Operation,
    OperationFlag,
)
from harness.model.records.page import PageKind
from harness.scenario.checked_task import CheckedTask, RegisterContent
from harness.scenario.facts import usable_depth
from harness.scenario.program import UNBOUND, Program
from harness.scenario.scenario_error import ScenarioError, SourcePlace


class RuleChecker:
    """Follows a program step by step; each step is checked before it changes anything."""

    def __init__(self, program: Program, layout: Layout, places: Sequence[SourcePlace]) -> None:
        self._program = program
        self._layout = layout
        self._places = places
        self._kinds = program.page_kinds
        self._tasks = [CheckedTask(cpu) for cpu in program.tasks]
        self._registers: dict[int, RegisterContent] = {}
        self._mapped: Counter[int] = Counter()
        self._maps = 0
        self._atomic_task: int | None = None
        self._iomap_atomic = layout.generation is Generation.STACK
        self._depth = usable_depth(layout)

    def _where(self, step: int) -> SourcePlace:
        return (
            self._places[step]
            if step < len(self._places)
            else SourcePlace(self._program.name, step, 1)
        )

    def _refuse(self, step: int, problem: str, hint: str) -> NoReturn:
        operation = self._program.operations[step]
        offending = operation_word(operation)
        raise ScenarioError(self._where(step), problem, offending=offending, hint=hint)

    def boundary(self, step: int, opened: SourcePlace | None, closed: bool) -> None:
        """The edges of an ``atomic`` block: nothing may be open there."""
        if (opened or closed) and self._atomic_task is not None:
            where = opened or self._where(step - 1)
            hint = "end every kmap_atomic, irq_off and preempt_off inside the block that began it"
            raise ScenarioError(
                where, "this atomic block does not hold one closed section", hint=hint
            )

    def step(self, step: int, operation: Operation) -> None:
        """One operation."""
        if operation.task >= len(self._tasks):
            self._refuse(step, "unknown task", "declare it: 'tasks: a@0'")
        task = self._tasks[operation.task]
        self._turn(step, operation, task)
        self._operands(step, operation)
        code = operation.code
        if code is OpCode.KMAP:
            self._kmap(operation)
        elif code is OpCode.KUNMAP:
            self._kunmap(step, operation)
        elif code is OpCode.TYPED_MAP:
            self._set(operation, window=False)
        elif code in WINDOW_MAPS:
            self._map(step, operation, task)
        elif code in WINDOW_UNMAPS:
            self._unmap(step, operation, task)
        elif code is OpCode.HELPER:
            self._room(step, len(task.windows) + mapped_most(operation))
        self._bracket(step, operation, task)
        task.gone |= code is OpCode.EXIT

    def left_out(self, step: int, operation: Operation) -> None:
        """Go on after an operation that was refused; a block may end with it."""
        if operation.task < len(self._tasks) and self._tasks[operation.task].irq_end == step:
            self._tasks[operation.task].irq_end = -1

    def _turn(self, step: int, operation: Operation, task: CheckedTask) -> None:
        if task.gone:
            self._refuse(
                step, "this task has exited", "let another task do it, or move 'exit' down"
            )
        if task.atomic and operation.code in SLEEPING and not self._may_sleep(operation, task):
            self._refuse(
                step, "sleeps in an atomic section", "move it behind the end of the section"
            )
        for number, other in enumerate(self._tasks):
            if number != operation.task and other.atomic and _same_cpu(other.cpu, task.cpu):
                name = self._program.task_name(number)
                hint = f"end the section of {name} first, or run this task on another CPU"
                self._refuse(
                    step, f"comes between the steps of an atomic section of task {name}", hint
                )

    def _may_sleep(self, operation: Operation, task: CheckedTask) -> bool:
        """Tell whether it does not sleep after all, or is meant to break the rule."""
        return self._may_break(operation) or self._only_releases(operation, task)

    def _may_break(self, operation: Operation) -> bool:
        """Tell whether the scenario breaks on purpose the rule that kmap and kunmap may sleep."""
        return self._program.throwaway and operation.code in MIGHT_SLEEP

    def _only_releases(self, operation: Operation, task: CheckedTask) -> bool:
        """Tell whether it is kunmap with only preemption off: only RT and debug kernels mind."""
        strict = self._layout.rt or self._layout.debug_atomic_sleep
        kept = {what for what, count in task.open.items() if count}
        return (
            operation.code is OpCode.KUNMAP
            and kept == {AtomicSection.PREEMPT}
            and task.irq_end < 0
            and not strict
        )

    def _operands(self, step: int, operation: Operation) -> None:
        uses_address = OperationFlag.HAS_ADDRESS in OPERATIONS[operation.code].flags
        if uses_address and operation.base is Base.REG and operation.reg not in self._registers:
            hint = f"set it first, like 'm{operation.reg} = kmap h0'"
            self._refuse(step, f"register m{operation.reg} is not set before", hint)
        if (
            uses_address
            and operation.base is Base.DIRECT
            and self._kind(operation) is not PageKind.LOW
        ):
            self._refuse(step, "only a lowmem page has a direct address", "take l0")

        if operation.code is OpCode.INTERRUPT:
            last = operation.page + (operation.value & 0xFF)
            if PageKind.LOW in self._kinds[operation.page : last]:
                self._refuse(step, "lowmem among the pages that it maps", "take highmem pages")

    def _kind(self, operation: Operation) -> PageKind:
        return self._kinds[operation.page]

    def _kmap(self, operation: Operation) -> None:
        self._mapped[operation.page] += 1
        self._set(operation, window=False)

    def _kunmap(self, step: int, operation: Operation) -> None:
        if not self._mapped[operation.page] and not self._program.throwaway:
            self._refuse(
                step,
                "unmaps a page that is not mapped",
                "kmap it before, or say 'requires: throwaway'",
            )
        self._mapped[operation.page] -= 1

    def _set(self, operation: Operation, *, window: bool) -> int:
        self._maps += 1
        self._registers[operation.reg] = RegisterContent(self._maps, window)
        return self._maps

    def _map(self, step: int, operation: Operation, task: CheckedTask) -> None:
        direct = self._kind(operation) is PageKind.LOW and operation.code not in PFN_MAPS
        window = not direct or self._layout.force_map
        if window:
            self._room(step, len(task.windows) + 1)
        number = self._set(operation, window=window)
        if window:
            task.windows.append(number)

    def _room(self, step: int, mapped: int) -> None:
        """Refuse what needs more entries than the window has."""
        if mapped > self._depth and not self._program.throwaway:
            hint = f"this guest has {self._depth} (DEPTH); deeper needs 'requires: throwaway'"
            self._refuse(step, "more mappings than the window has slots", hint)

    def _unmap(self, step: int, operation: Operation, task: CheckedTask) -> None:
        live = self._registers.get(operation.reg) if operation.base is Base.REG else None
        if live is None or not live.window:
            self._unmap_beside(step, operation, task)
            return
        inside = 0 <= operation.offset < PAGE_SIZE
        if inside and task.windows and task.windows[-1] == live.number:
            task.windows.pop()
        elif not self._program.throwaway:
            hint = "unmap the newest mapping of this task first, or say 'requires: throwaway'"
            self._refuse(step, "not the newest mapping of this task", hint)
        elif task.windows:
            task.windows.pop()

    def _unmap_beside(self, step: int, operation: Operation, task: CheckedTask) -> None:
        """The kernel ignores addresses beside the windows; any window address pops the newest."""
        layout = self._layout
        if operation.base is not Base.FIXMAP:
            return
        index = operation.reg - (operation.offset >> 12)
        if not layout.fix_kmap_begin <= index <= layout.fix_kmap_end:
            return
        if not self._program.throwaway:
            self._refuse(
                step,
                "unmaps a window slot by number",
                "unmap a register, or say 'requires: throwaway'",
            )
        if task.windows:
            task.windows.pop()

    def _bracket(self, step: int, operation: Operation, task: CheckedTask) -> None:
        """Sections entered and left."""
        if operation.code in OPENS_CONTEXT:
            self._interrupt(step, operation, task)
        kind = OPERATIONS[operation.code]
        entered, left = self._section(kind.enters), self._section(kind.leaves)
        if entered:
            task.open[entered] += 1
            task.opened_at = self._where(step)
        if left:
            self._leave(step, left, task)
        if step == task.irq_end:
            self._interrupt_end(step, task)
        self._atomic_task = operation.task if task.atomic else None

    def _section(self, named: AtomicSection | None) -> AtomicSection | None:
        """*named*, the section of an operation, unless it is none on this kernel."""
        beside = named is AtomicSection.IOMAP and not self._iomap_atomic
        return None if beside else named

    def _leave(self, step: int, what: AtomicSection, task: CheckedTask) -> None:
        if not task.open[what]:
            self._refuse(
                step, "ends a section that was not begun", "give the operation that begins it"
            )
        if task.irq_end >= 0 and task.open[what] <= task.irq_open[what]:
            self._refuse(
                step, "ends, in an interrupt, what the task began", "end it outside of the block"
            )
        task.open[what] -= 1

    def _interrupt(self, step: int, operation: Operation, task: CheckedTask) -> None:
        if task.irq_end >= 0:
            self._refuse(
                step, "an interrupt within an interrupt", "give the blocks one after the other"
            )
        task.irq_end = step + operation.value
        task.irq_open = Counter(task.open)
        task.opened_at = self._where(step)

    def _interrupt_end(self, step: int, task: CheckedTask) -> None:
        task.irq_end = -1
        if +task.open != +task.irq_open:
            self._refuse(
                step, "the interrupt ends with something open", "unmap and enable inside the block"
            )

    def finish(self) -> None:
        """The end of the program: every section is closed."""
        for number, task in enumerate(self._tasks):
            if task.atomic and task.opened_at is not None:
                name = self._program.task_name(number)
                raise ScenarioError(
                    task.opened_at,
                    f"the atomic section of task {name} is not closed",
                    hint="add the kunmap_atomic, irq_on or preempt_on that ends it",
                )


def _same_cpu(one: int, other: int) -> bool:
    return UNBOUND in (one, other) or one == other
