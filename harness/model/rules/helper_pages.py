"""The pages of a page helper, and the calls that the module turns down (kmod/helper.c)."""

from harness.model.records.helper import (
    HELPERS,
    HelperCall,
    HelperFlag,
    helper_call,
)
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.machine import Machine
from harness.model.records.operation import Operation

_F = HelperFlag


def pages_written(machine: Machine, call: HelperCall) -> range:
    """Ids of the pages that the range of *call* counts from."""
    whole = _F.FOLIO in call.kind.flags
    return machine.folio(call.page) if whole else range(call.page, call.page + 1)


def pages_read(machine: Machine, call: HelperCall) -> range:
    """Ids of the pages that *call* copies from."""
    if _F.COPIES not in call.kind.flags:
        return range(0)
    whole = _F.FOLIO in call.kind.flags
    return machine.folio(call.other) if whole else range(call.other, call.other + 1)


def senseless_call(machine: Machine, op: Operation) -> bool:
    """Tell whether a HELPER names no helper, a wrong page, or bytes that its pages do not have."""
    call = helper_call(op)
    if not _right_pages(machine, call):
        return True
    flags, size = call.kind.flags, len(pages_written(machine, call)) * PAGE_SIZE
    if _F.SEGMENT in flags:
        return max(call.length, call.other if _F.SEGMENTS in flags else 0) > size
    if _F.RANGE not in flags:
        return False
    end = call.first + call.length
    behind = end > size or (_F.FOLIO in flags and call.first >= size)
    return behind or (_F.COPIES in flags and _bad_source(machine, call, end))


def _right_pages(machine: Machine, call: HelperCall) -> bool:
    """Tell whether the helper exists, and the pages are there and of its kind."""
    if call.number not in HELPERS or call.page >= len(machine.pages):
        return False
    flags = call.kind.flags
    if _F.INTO_BUFFER in flags and machine.pages[call.page].highmem:
        return False
    if _F.COPIES not in flags:
        return True
    if call.other >= len(machine.pages) or call.other in machine.folio(call.page):
        return False
    return _F.FROM_BUFFER not in flags or not machine.pages[call.other].highmem


def _bad_source(machine: Machine, call: HelperCall, end: int) -> bool:
    """Tell whether it copies what is not there.

    ``folio_fill_tail`` must not end its copy with a page: in 6.8 to 7.3 it then goes on behind it.
    """
    flags, size = call.kind.flags, len(pages_read(machine, call)) * PAGE_SIZE
    if call.second + call.length > size or (_F.FOLIO in flags and call.second >= size):
        return True
    return _F.TAIL in flags and not end % PAGE_SIZE
