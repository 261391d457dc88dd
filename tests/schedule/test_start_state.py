"""Schedules begin alike where the kernel has the variables that the module sets."""

from types import SimpleNamespace

import pytest

from harness.kernel.variables import OddVariable
from harness.schedule import start_state
from harness.schedule.gate_finder import NoGatesError
from harness.schedule.start_state import require_variables

MAP = "c1000000 D pkmap_count\nc1000004 d last_pkmap_nr.1\nc1000008 d pkmap_map_wait.0\n"


@pytest.fixture
def judged(tmp_path, monkeypatch):
    def judge(text, odd=()):
        monkeypatch.setattr(start_state, "odd_variables", lambda _: odd)
        path = tmp_path / "System.map"
        path.write_text(text)
        require_variables(SimpleNamespace(release="6.1", system_map=path))

    return judge


def test_a_kernel_as_the_module_knows_it_has_schedules(judged):
    judged(MAP)


@pytest.mark.parametrize("name", ["pkmap_count", "last_pkmap_nr", "pkmap_map_wait"])
def test_a_variable_that_is_gone_is_named(judged, name):
    left = "".join(line for line in MAP.splitlines(keepends=True) if name not in line)
    with pytest.raises(NoGatesError, match=f"it has no {name}"):
        judged(left)


def test_a_variable_of_another_type_is_named(judged):
    with pytest.raises(NoGatesError, match="it is of another type"):
        judged(MAP, (OddVariable("pkmap_count", "it is of another type"),))
