"""How long a silent guest is waited for."""

from types import SimpleNamespace

import pytest

from harness.guest.conversation import Conversation
from harness.guest.deadline import Deadline
from harness.guest.module_work import ModuleWork
from harness.guest.patience import LOOK_SECONDS, STALL_CPU_SECONDS, Stall


@pytest.fixture(autouse=True)
def _ordinary_host(monkeypatch):
    monkeypatch.setattr("harness.guest.patience.host_slowness", lambda: 1.0)


def test_a_step_that_takes_the_cpu_for_ever_is_a_stall():
    stall = Stall()
    assert not stall.says(7, 100.0)
    assert not stall.says(7, 99.9 + STALL_CPU_SECONDS)
    assert stall.says(7, 100.0 + STALL_CPU_SECONDS)


def test_a_guest_that_finishes_steps_gets_on_however_long_it_takes():
    stall = Stall()
    assert not any(stall.says(step, step * 0.9 * STALL_CPU_SECONDS) for step in range(50))


def test_a_guest_that_the_host_does_not_let_run_has_not_failed():
    stall = Stall()
    assert not any(stall.says(7, 0.001 * look) for look in range(1000))


class Silent:
    """A link that stays silent, beside a QEMU that uses a second of CPU time between two looks."""

    def __init__(self, steps):
        self.looks = 0
        self.steps = steps

    def collect(self, deadline):
        self.looks += 1
        raise TimeoutError

    def cpu_seconds(self):
        return float(self.looks)

    def work(self):
        return ModuleWork(self.steps(self.looks), 1, 0)


def answer(silent, seconds, monkeypatch):
    """Wait in vain; the number of looks that were needed."""
    guest = SimpleNamespace(
        carrier=silent, module_work=silent.work, session=SimpleNamespace(process=silent)
    )
    times = iter(range(10_000))
    monkeypatch.setattr("harness.guest.deadline.time.monotonic", lambda: float(next(times) // 3))
    with pytest.raises(TimeoutError):
        Conversation.await_steps(guest, Deadline("run", seconds, seconds))
    return silent.looks


def test_an_endless_step_is_given_up_long_before_its_batch_would_be(monkeypatch):
    assert answer(Silent(lambda looks: 5), 10_000, monkeypatch) == STALL_CPU_SECONDS + 1


def test_a_batch_that_goes_on_has_all_of_its_time(monkeypatch):
    assert answer(Silent(lambda looks: looks), 60, monkeypatch) > 2 * STALL_CPU_SECONDS


def test_what_cannot_be_read_says_nothing(monkeypatch):
    silent = Silent(lambda looks: 5)
    silent.work = lambda: None
    assert answer(silent, 60, monkeypatch) > 2 * STALL_CPU_SECONDS
    assert LOOK_SECONDS < STALL_CPU_SECONDS
