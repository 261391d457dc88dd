"""A signal in the middle of a library's work: the library is left whole, and nothing runs on."""

import asyncio
import os
import signal
import socket
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children

import pytest
from qemu.qmp import legacy

from harness.base.signals import ENDING, EndedBySignal, raise_when_ended
from harness.base.worker_processes import worker_processes
from harness.guest.monitor import Monitor


@pytest.fixture(autouse=True)
def raising():
    """Signals that raise, as in a command; the test runner's own afterwards."""
    before = {one: signal.getsignal(one) for one in ENDING}
    raise_when_ended()
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def test_a_signal_while_workers_start_leaves_no_pool(monkeypatch):
    """The signal raised before anything could close the pool, whose thread then met the exit."""
    submit = ProcessPoolExecutor.submit
    pools = []

    def interrupted(pool, *task):
        os.kill(os.getpid(), signal.SIGTERM)
        pools.append(pool)
        return submit(pool, *task)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", interrupted)
    others = set(active_children())
    with pytest.raises(EndedBySignal), worker_processes(2):
        pytest.fail("the block began")
    assert set(active_children()) == others
    with pytest.raises(RuntimeError, match="after shutdown"):
        submit(pools[0], int)


def test_a_signal_while_the_monitor_greets_leaves_no_task(caplog):
    """The client's tasks were left in the loop, which complained of them at the exit."""
    ours, theirs = socket.socketpair()
    monitor = Monitor(ours, 30.0)
    loop = asyncio.get_event_loop_policy().get_event_loop()
    loop.call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    with theirs, pytest.raises(EndedBySignal):
        monitor.connect()
    assert not asyncio.all_tasks(loop)
    assert not [one for one in caplog.records if one.name == "asyncio"]


def test_a_signal_while_the_event_loop_is_made_waits_until_it_is(monkeypatch):
    """A loop that was half made complained when it was collected."""
    make, made = legacy.get_or_create_event_loop, []

    def interrupted():
        os.kill(os.getpid(), signal.SIGHUP)
        made.append(make())
        return made[0]

    monkeypatch.setattr(legacy, "get_or_create_event_loop", interrupted)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(EndedBySignal):
        Monitor(ours, 30.0)
    assert made
