"""What a walk of reach is without: a typed window that the module does not have, branches that
are no rules.
"""

import pytest

from harness.model.search import reach
from tests.model.kinds import LAYOUTS, of_kind

pytestmark = pytest.mark.judges("reach")


def test_the_typed_window_is_walked_where_there_is_one():
    without = of_kind("local").with_layout(LAYOUTS["local"]._replace(typed_count=0))
    names = [
        [walk.name for walk in reach.walks(machine)] for machine in (of_kind("local"), without)
    ]
    assert names[0] == [*names[1], "typed window"]


def test_what_a_kernel_does_not_have_is_no_branch(monkeypatch):
    machine = of_kind("stack")
    few = [walk._replace(states=10) for walk in reach.walks(machine) if walk.name == "outside"]
    monkeypatch.setattr(reach, "walks", lambda machine: few)
    met = reach.taken(few[0])
    assert {"refused", "not-applicable"} <= met
    assert reach.reachable(machine) == met - {"refused", "not-applicable"}
