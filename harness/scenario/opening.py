"""The opening of a program whose author asserts something: whatever went before, it starts alike.

Programs follow each other in one guest.  Slots stand at 1 for pages that were given back, and
these pages may come again with their old address; the cursor is anywhere, perhaps just before
the wrap.
Operations at the beginning of the program put that in order; they are judged as all others.
Generated programs, which assert nothing, start from what they find.
"""

from harness.model.records.layout import Layout
from harness.model.records.observation import Snapshot
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind
from harness.scenario.program import Program


def opened(program: Program, layout: Layout, start: Snapshot) -> Program:
    """*program* with its opening, if it needs one, for a guest in the state *start*."""
    if not program.assertions or not any(one.code is OpCode.KMAP for one in program.operations):
        return program
    opening = _opening(program, layout, start)
    return program.after(opening)


def _opening(program: Program, layout: Layout, start: Snapshot) -> tuple[Operation, ...]:
    """Operations after which no slot is at 1, and few maps fit between cursor and last slot."""
    flush = Operation(OpCode.FLUSH_UNUSED)
    high = next(
        (page for page, kind in enumerate(program.page_kinds) if kind is not PageKind.LOW), None
    )
    free = [slot for slot, count in enumerate(start.counts) if count < 2]
    above = sum(1 for slot in free if slot > start.cursor)
    maps = sum(1 for one in program.operations if one.code is OpCode.KMAP)
    if high is None or maps <= above or maps > layout.last_pkmap // 2:
        return (flush,)
    turn = (Operation(OpCode.KMAP, page=high), Operation(OpCode.KUNMAP, page=high), flush)
    return (flush, *turn * (above + 1))
