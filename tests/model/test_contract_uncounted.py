"""The contract does not guess at sections in a kernel that does not count preemption."""

import pytest

from harness.model.contract import contract_window
from harness.model.records.observation import Status
from tests.model.judged import found, run

pytestmark = pytest.mark.judges("contract_window")


@pytest.mark.parametrize(("kind", "names"), [("stack", []), ("stack-counted", ["preempt"])])
@pytest.mark.parametrize("program", ["0 PREEMPT_OFF", "0 PREEMPT_OFF; 0 PREEMPT_ON"])
def test_an_operation_that_failed_has_opened_no_section_where_that_is_counted(
    kind, names, program
):
    failed = run(kind, program).but(status=Status.BUG)
    assert found(contract_window.bookkeeping, failed) == names
