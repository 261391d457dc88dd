"""A page helper whose work is looked at: words at the edges of its ranges, before and after.

A helper changes a few bytes of one of hundreds of pages: a read that comes by chance misses them.
"""

from harness.model.records.helper import HelperCall, HelperFlag, helper_call
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.operation import OpCode
from harness.model.records.page import FOLIO_PAGES, PageKind
from harness.scenario.episodes import Palette
from harness.scenario.helper_episodes import MAPPED_MOST, helper
from harness.scenario.ledger import Ledger

_WORD = 4
_NO_BYTE_ZERO = 0x01010101


def checked_helper(ledger: Ledger, task: int, forms: Palette) -> None:
    """Words of the helper's pages are written, it is called, and they are read."""
    layout, rng = ledger.layout, ledger.rng
    full = ledger.slots_held >= layout.last_pkmap // 2
    if not forms.helpers or ledger.room(task) < MAPPED_MOST or full:
        return
    helper(ledger, task, forms.helpers)
    operation = ledger.operations.pop()
    places = _places(ledger, helper_call(operation))
    pages = sorted({page for page, _ in places})
    for page in pages:
        ledger.kmap(task, page)
    for page, offset in places:
        value = rng.getrandbits(32) | _NO_BYTE_ZERO
        ledger.add(OpCode.WRITE, task, reg=page, offset=offset, value=value)
    ledger.operations.append(operation)
    for page, offset in places:
        ledger.add(OpCode.READ, task, reg=page, offset=offset)
    for page in pages:
        ledger.kunmap(task, page)


def _places(ledger: Ledger, call: HelperCall) -> list[tuple[int, int]]:
    """The words at the edges of the call's ranges, as page and offset."""
    flags = call.kind.flags
    edges = {call.first, call.first + call.length, call.second, call.second + call.length}
    if HelperFlag.SEGMENT in flags:
        edges = {call.first, call.length, call.second, call.other}
    pages = [call.page, *([call.other] if HelperFlag.COPIES in flags else [])]
    return sorted(
        {place for page in pages for edge in edges for place in _words(ledger, page, edge)}
    )


def _words(ledger: Ledger, page: int, edge: int) -> list[tuple[int, int]]:
    """The words before and behind *edge*, which counts from the first page of a folio."""
    first, count = page, 1
    if ledger.kinds[page] is PageKind.FOLIO:
        first, count = page - (page - ledger.folios[0]) % FOLIO_PAGES, FOLIO_PAGES
    around = {(byte // _WORD) * _WORD for byte in (edge - 1, edge)}
    inside = (at for at in around if 0 <= at < count * PAGE_SIZE)
    return [(first + at // PAGE_SIZE, at % PAGE_SIZE) for at in inside]
