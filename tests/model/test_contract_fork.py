"""The contract of a fork with local mappings: the first one is told."""

import pytest

from harness.model.contract import contract_outside
from harness.model.records.observation import Status
from tests.model.judged import check, found, run

pytestmark = pytest.mark.judges("contract_outside")

MAP, FORK = "0 KMAP_LOCAL page=0 reg=1", "0 FORK"
TOLD = frozenset({"fork"})


@pytest.mark.parametrize(
    ("program", "changes", "after", "names"),
    [
        (f"{MAP}; {FORK}", {}, {}, []), (f"{MAP}; {FORK}", {"warns": 0}, {}, ["fork"]),
        (f"{MAP}; {FORK}", {"warns": 0}, {"warned": TOLD}, []),
        (f"{MAP}; {FORK}", {"warns": 0, "status": Status.REFUSED}, {}, []),
        (FORK, {}, {}, []), (f"{MAP}; 1 FORK", {}, {}, []), (f"{MAP}; 0 NOP", {}, {}, []),
    ],
)  # fmt: skip
def test_the_first_fork_with_a_mapping_is_told(program, changes, after, names):
    seen = run("local", program).after(**after).but(**changes)
    assert found(contract_outside.fork_told, seen) == names
    assert found(contract_outside.fork_told, seen, "warns") == []


def test_a_silent_fork_breaks_the_contract():
    assert [one.rule for one in check(*run("local", f"{MAP}; {FORK}").but(warns=0))] == ["fork"]
