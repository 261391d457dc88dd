"""Programs that a reader understands sooner: fewer tasks, CPUs and pages, plainer operands."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.model.records.helper import HelperFlag, helper_call
from harness.model.records.operation import (
    NO_PAGE,
    OPERATIONS,
    OpCode,
    Operation,
    OperationFlag,
    Prot,
)
from harness.model.records.page import PageKind
from harness.scenario.program import Program


def simpler_programs(program: Program) -> Iterator[Program]:
    """Programs each of which is simpler than *program* in one way."""
    yield from _with_fewer_tasks(program)
    yield from _on_fewer_cpus(program)
    yield from _with_fewer_pages(program)
    yield from _with_plain_operands(program)


def _with_fewer_tasks(program: Program) -> Iterator[Program]:
    """The last task's operations done by another, or its place taken off if it has none."""
    last = len(program.tasks) - 1
    if last < 1 or any(one.code in _NAMES_TASK for one in program.operations):
        return
    for other in range(last):
        operations = tuple(
            one._replace(task=other) if one.task == last else one for one in program.operations
        )
        yield replace(program, operations=operations, tasks=program.tasks[:-1])


_NAMES_TASK = frozenset(
    code for code, kind in OPERATIONS.items() if kind.operand.name in ("TASK", "TASK_CPU")
)


def _on_fewer_cpus(program: Program) -> Iterator[Program]:
    for number, cpu in enumerate(program.tasks):
        if cpu:
            tasks = (*program.tasks[:number], 0, *program.tasks[number + 1 :])
            yield replace(program, tasks=tasks)


def _with_fewer_pages(program: Program) -> Iterator[Program]:
    """Pages that nobody names go; then one page takes the place of another."""
    used = _used_pages(program)
    if len(used) < len(program.page_kinds):
        yield without_unused_pages(program)
        return
    for page in reversed(used[1:]):
        operations = tuple(
            one._replace(page=used[0]) if one.page == page else one for one in program.operations
        )
        yield replace(program, operations=operations)


def without_unused_pages(program: Program) -> Program:
    """*program* with those pages only that an operation names, and the rest of their folios."""
    return _with_pages(program, {page: number for number, page in enumerate(_used_pages(program))})


def _used_pages(program: Program) -> list[int]:
    kinds = program.page_kinds
    named = {page for one in program.operations for page in _pages(one)}
    return sorted(named | _whole_folios(kinds, named))


def _whole_folios(kinds: tuple[PageKind, ...], named: set[int]) -> set[int]:
    """The pages of all folios, where one of them is *named*: no page of a folio can go alone."""
    folios = {page for page, kind in enumerate(kinds) if kind is PageKind.FOLIO}
    return folios if folios & named else set()


def _pages(operation: Operation) -> tuple[int, ...]:
    """The pages that an operation names."""
    if operation.page == NO_PAGE:
        return ()
    if operation.code is OpCode.INTERRUPT:
        return tuple(range(operation.page, operation.page + (operation.value & 0xFF)))
    return (operation.page, operation.reg) if _copies(operation) else (operation.page,)


def _copies(operation: Operation) -> bool:
    """Tell whether it is a helper whose register operand is a second page."""
    if operation.code is not OpCode.HELPER:
        return False
    return HelperFlag.COPIES in helper_call(operation).kind.flags


def _renumbered(operation: Operation, number_of: Mapping[int, int]) -> Operation:
    """*operation* with the new numbers of its pages."""
    if operation.page == NO_PAGE:
        return operation
    moved = operation._replace(page=number_of.get(operation.page, operation.page))
    return moved._replace(reg=number_of[operation.reg]) if _copies(operation) else moved


def _with_pages(program: Program, number_of: dict[int, int]) -> Program:
    """*program* with only the pages of *number_of*, under their new numbers."""
    kinds = [program.page_kinds[page] for page in number_of]
    pools: list[tuple[PageKind, int]] = []
    for kind in kinds:
        if pools and pools[-1][0] is kind:
            pools[-1] = (kind, pools[-1][1] + 1)
        else:
            pools.append((kind, 1))
    operations = tuple(_renumbered(one, number_of) for one in program.operations)
    return replace(program, operations=operations, pools=tuple(pools))


def _with_plain_operands(program: Program) -> Iterator[Program]:
    for number, operation in enumerate(program.operations):
        for simpler in _plainer(operation):
            operations = list(program.operations)
            operations[number] = simpler
            yield replace(program, operations=tuple(operations))


def _plainer(operation: Operation) -> Iterator[Operation]:
    """*operation* with one operand at its plainest value."""
    if operation.code is OpCode.INTERRUPT:
        if operation.value != 1:
            yield operation._replace(value=1)
        return
    for offset in (0, 1):
        if operation.offset not in (0, offset):
            yield operation._replace(offset=offset)
    if operation.prot is not Prot.KERNEL:
        yield operation._replace(prot=Prot.KERNEL)
    if operation.code is OpCode.WRITE and operation.value != 1:
        yield operation._replace(value=1)
    plain = _PLAIN_FORM.get(operation.code)
    if plain is not None:
        yield operation._replace(code=plain, prot=Prot.KERNEL)


_PLAIN_FORM = {
    kind.code: plain
    for kind in OPERATIONS.values()
    for plain in (OpCode.KMAP_ATOMIC, OpCode.KMAP_LOCAL)
    if kind.unmap is OPERATIONS[plain].unmap
    and kind.code is not plain
    and OperationFlag.WINDOW in kind.flags
}
"""The form that most callers use, in the place of its relatives."""
