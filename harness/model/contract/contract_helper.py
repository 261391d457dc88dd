"""The contract of page helpers: what their pages hold afterwards.

That they leave no mapping, no section and no count behind, the other rules say of every
operation (``contract_window.stack``, ``contract_window.bookkeeping``).  How they map is behaviour.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records.helper import operation_word
from harness.model.records.observation import UNCLAIMED
from harness.model.records.operation import OpCode


def contents(v: View) -> Iterator[Violation]:
    """Both pages of a helper hold what its name says, to the last byte.

    Any correct kernel, because file systems and the fault handlers give these pages to users, who
    must find their own data in them, and nobody else's.
    """
    if v.op.code != OpCode.HELPER or not v.done or not v.allowed:
        return
    if not any(one.value in (v.seen.value, UNCLAIMED) for one in v.allowed):
        wanted = ", ".join(f"{one.value:#x}" for one in v.allowed)
        told = f"the pages' CRC is {v.seen.value:#x}, not {wanted}"
        yield Violation("contents", f"{operation_word(v.op)}: {told}")


RULES = (contents,)
