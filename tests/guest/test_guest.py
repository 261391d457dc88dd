"""A real guest: what it answers, what is seen from outside, and how its end is told apart."""

import os
import signal

import pytest

from harness.architecture.i386 import I386
from harness.guest import patience
from harness.guest.failure import (
    AgentError,
    GuestCrashedError,
    GuestHungError,
    GuestLoopingError,
    GuestPausedError,
    QemuExitedError,
    WireError,
)
from harness.guest.protocol import Config, RequestType
from harness.guest.shape import Wire
from harness.guest.trouble import TroubleKind
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind

pytestmark = pytest.mark.guest

PROGRAM = [
    Operation(OpCode.KMAP, page=0, reg=0),
    Operation(OpCode.KMAP_ATOMIC, page=1, reg=1),
    Operation(OpCode.KUNMAP_ATOMIC, reg=1),
    Operation(OpCode.KUNMAP, page=0),
]


def agrees_with_witness(guest):
    snapshot, seen = guest.snapshot(), guest.witness()
    assert (snapshot.ptes, snapshot.counts) == (seen.ptes, seen.counts)
    assert snapshot.windows == seen.windows
    return seen


def exercise(guest, rounds=300):
    """Enough kmaps for a flush; gives the steps."""
    guest.pool(PageKind.HIGH, 40)
    guest.tasks([0])
    steps = guest.run(PROGRAM * rounds)
    assert [step.step for step in steps] == list(range(len(PROGRAM) * rounds))
    assert {step.observation.status for step in steps} == {Status.OK}
    return steps


@pytest.mark.parametrize("smp", [1, 2])
def test_steps_and_witness_agree(pae, tmp_path, smp):
    with pae.boot(tmp_path, smp=smp) as guest:
        layout, facts = guest.info()
        assert (layout.online_cpus, layout.last_pkmap, layout.pae) == (smp, 512, True)
        assert facts.release == pae.kernel.release
        assert facts.highmem_pages > 0
        exercise(guest)
        assert any(agrees_with_witness(guest).ptes)
        assert guest.troubles() == ()


def test_two_level_tables_and_the_stack_generation(plain, tmp_path):
    with plain.boot(tmp_path, smp=2) as guest:
        assert guest.info()[0].last_pkmap == 1024
        exercise(guest)
        assert any(agrees_with_witness(guest).ptes)


def test_page_table_isolation(pae, tmp_path):
    with pae.boot(tmp_path, smp=2, cpu=I386.emulated.isolating_cpu, pti=True) as guest:
        assert Config.PTI in guest.info()[1].config
        exercise(guest, 20)
        agrees_with_witness(guest)


def test_the_serial_wire(pae, tmp_path):
    with pae.boot(tmp_path, smp=1, wire=Wire.SERIAL) as guest:
        exercise(guest, 20)
        agrees_with_witness(guest)


def test_two_guests_at_once(pae, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with pae.boot(folders[0], smp=1) as first, pae.boot(folders[1], smp=1) as second:
        assert exercise(first, 5)[-1].step == exercise(second, 5)[-1].step


def test_unload_and_load(pae, tmp_path):
    with pae.boot(tmp_path, smp=1) as guest:
        exercise(guest, 5)
        guest.reset()
        guest.unload()
        with pytest.raises(AgentError):
            guest.info()
        guest.load(pae.module.read_bytes())
        assert exercise(guest, 5)[0].step == 0


def test_a_killed_guest_is_an_error_at_once(pae, tmp_path):
    with pae.boot(tmp_path, smp=1) as guest:
        os.kill(guest.session.process.pid, signal.SIGKILL)
        with pytest.raises(QemuExitedError, match="SIGKILL"):
            guest.ping()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 1.5)


def test_a_stopped_machine(pae, tmp_path, impatient):
    with pae.boot(tmp_path, smp=1) as guest:
        guest.session.monitor.stop()
        with pytest.raises(GuestPausedError, match="paused"):
            guest.ping()


def test_a_stopped_emulator(pae, tmp_path, impatient):
    with pae.boot(tmp_path, smp=1) as guest:
        os.kill(guest.session.process.pid, signal.SIGSTOP)
        with pytest.raises(GuestPausedError, match="signal"):
            guest.ping()


class DeadEnd:
    """The wire's end of a link that is cut: it loses what it sends, and what it hears, if it
    *hears*.
    """

    def __init__(self, end, hears):
        self._end, self._hears = end, hears

    def send(self, data):
        return self._end.send(data) if self._hears else len(data)

    def recv(self, size):
        self._end.recv(size)
        raise BlockingIOError

    def fileno(self):
        return self._end.fileno()

    def close(self):
        self._end.close()


@pytest.mark.parametrize("hears", [False, True])
def test_a_dead_wire_is_no_hang(pae, tmp_path, impatient, hears):
    """Of either direction: the module has nothing to do."""
    with pae.boot(tmp_path, smp=1) as guest:
        guest.info()
        exercise(guest, 5)
        guest.session.link._socket = DeadEnd(guest.session.link._socket, hears)
        with pytest.raises(WireError, match="finished all of the"):
            guest.snapshot()


def test_a_task_that_sleeps_is_a_hang(pae, tmp_path, impatient, monkeypatch):
    """The same silence, but the module has begun what it has not ended."""
    monkeypatch.setattr(patience, "run_seconds", lambda operations: 1.5)
    with pae.boot(tmp_path, smp=1) as guest:
        guest.info()
        exercise(guest, 5)
        with pytest.raises(GuestHungError, match="idle"):
            guest.run([Operation(OpCode.SLEEP, value=1_000_000)] * 12)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ({"cpu": "486"}, "interrupts off"),
        ({"cpu": "486", "kaslr": True, "memory": 1536, "highmem": None}, "real mode"),
    ],
)
def test_a_cpu_that_the_kernel_refuses(pae, tmp_path, shape, why):
    """The CPU shows it long before the boot's deadline, at which a silent guest is reported."""
    with pytest.raises(
        GuestCrashedError, match=f"gave up before the agent was up: .*{why}"
    ) as caught:
        pae.boot(tmp_path, **shape)
    assert "not made for" in caught.value.hint


def trouble(ingredients, workdir, mode):
    return ingredients.boot(workdir, smp=1, extra=(f"kmh.params=mode={mode}",))


def make_trouble(guest, ingredients):
    guest.ask(RequestType.LOAD, ingredients.troublemaker.read_bytes())


def test_a_loop_with_interrupts_off(pae, tmp_path, impatient):
    with (
        trouble(pae, tmp_path, "loop") as guest,
        pytest.raises(GuestLoopingError, match="CPU 0 at 0x"),
    ):
        make_trouble(guest, pae)


def test_a_panic(pae, tmp_path):
    with (
        trouble(pae, tmp_path, "panic") as guest,
        pytest.raises(GuestCrashedError, match="made on purpose"),
    ):
        make_trouble(guest, pae)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("warn", TroubleKind.WARNING),
        ("atomic", TroubleKind.ATOMIC),
        ("bug", TroubleKind.BUG),
        ("fault", TroubleKind.FAULT),
    ],
)
def test_trouble_is_recognised(pae, tmp_path, mode, kind, impatient):
    with trouble(pae, tmp_path, mode) as guest:
        with pytest.raises((AgentError, GuestCrashedError)):
            make_trouble(guest, pae)
        found = guest.session.troubles(whole=True)
    assert found[0].kind is kind
    assert any("troublemaker" in line or "agent" in line for line in found[0].lines)
