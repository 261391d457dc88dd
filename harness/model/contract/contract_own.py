"""The contract of what an operation tells of its own page and address.

An observation has the PTE behind the operation's address and ``page_address`` of its page, and
also the changes of slots and entries.  If the two disagree, the kernel (or the module) is wrong
in one of them.
"""

from collections.abc import Iterator

from harness.model.contract.users import users_after
from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, OperationFlag, operations_with
from harness.model.records.state import Phase

_RETURNS_ADDRESS = operations_with(OperationFlag.RETURNS_ADDRESS)
_HAS_ADDRESS = operations_with(OperationFlag.HAS_ADDRESS)
_DONE = (Status.OK, Status.FAULT)


def _address(v: View) -> int | None:
    """Address whose PTE the operation tells, where that is known."""
    if v.seen.status not in _DONE:
        return None
    if v.op.code in _RETURNS_ADDRESS:
        return v.seen.value
    if v.op.code in _HAS_ADDRESS:
        return v.operand
    if v.op.code == OpCode.KUNMAP and not v.address_hidden:
        return vector.get(v.before.where, v.op.page)
    return None


def _entry(v: View, address: int) -> int | None:
    """PTE of *address* by the changes that were seen; None outside of pkmap and the windows."""
    layout = v.machine.layout
    if layout.in_pkmap(address):
        return vector.get(v.after.slots, layout.pkmap_slot(address)).pte
    index = layout.fixindex(address)
    return v.after.windows.get(index, 0) if index in v.machine.watched else None


def pte(v: View) -> Iterator[Violation]:
    """The PTE told with the operation is that of the slot or entry of its address.

    Any correct kernel, because a walk of the page tables and the table of the area are two ways to
    one entry: where they part, the area's page tables are not those that the CPU walks.
    """
    address = _address(v)
    want = None if address is None else _entry(v, address)
    if want is not None and v.seen.pte != want:
        yield Violation(
            "own-pte", f"{address:#x}: told PTE {v.seen.pte:#x}, the table has {want:#x}"
        )


def page_address(v: View) -> Iterator[Violation]:
    """``page_address`` of the operation's page is where its users have it mapped.

    Any correct kernel, because ``kunmap`` of that page starts from it.
    """
    page = v.op.page
    if page >= len(v.machine.pages) or v.task_before.phase is not Phase.READY:
        return
    after = users_after(v.machine, v.before, v.op, v.seen, page)
    if v.machine.pages[page].highmem and after <= 0:
        return
    want = vector.get(v.after.where, page) or v.machine.direct[page]
    if v.seen.page_address != want and not (v.address_hidden and not v.seen.page_address):
        yield Violation(
            "page-address", f"page {page}: {v.seen.page_address:#x}, mapped at {want:#x}"
        )


RULES = (pte, page_address)
