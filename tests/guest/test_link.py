"""The link: whatever happens to bytes, answers are right and come once, or it raises an error."""

import socket
from contextlib import suppress

import pytest

from harness.guest import protocol, steps
from harness.guest.deadline import Deadline
from harness.guest.events import Events
from harness.guest.failure import WireError
from harness.guest.frame import Frame, FrameType
from harness.guest.link import Link
from harness.guest.protocol import RequestType
from harness.model.records.operation import OpCode, Operation
from tests.guest.fake_agent import FakeAgent
from tests.guest.tap import Tap

SILENCE = 0.03


def deadline(seconds=20.0):
    return Deadline.after("test", seconds)


PATIENT = 60.0
"""For a wire that loses nothing: a busy host may answer late, and must not be asked again."""


OPENED: list[socket.socket | Events] = []


@pytest.fixture(autouse=True)
def everything_is_closed():
    yield
    while OPENED:
        one = OPENED.pop()
        if isinstance(one, socket.socket):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        one.close()


def linked(host, guest, silence=SILENCE):
    events = Events()
    OPENED.extend((events, host, guest))
    agent = FakeAgent(guest)
    agent.start()
    link = Link(host, events, silence=silence)
    link.await_ready(deadline())
    return link, agent


def ping(size, salt=0):
    return protocol.request(RequestType.PING, bytes((n * 7 + salt) & 0xFF for n in range(size)))


def exchange(link, count, size):
    """Send *count* pings, four on the way at a time, and check every answer."""
    for number in range(count):
        link.submit(ping(size, number))
        if number >= 3:
            check(link, number - 3, size)
    for number in range(max(0, count - 3), count):
        check(link, number, size)


def check(link, number, size):
    expected = ping(size, number)[protocol.REQUEST.size :]
    assert bytes(protocol.answer(RequestType.PING, link.collect(deadline()))) == expected


def test_answers_come_in_order_and_once():
    link, agent = linked(*socket.socketpair(), silence=PATIENT)
    exchange(link, 50, 3000)
    assert set(agent.executed.values()) == {1}
    assert link.statistics.repaired == 0


def test_a_lost_ready_is_repeated():
    tap = Tap(to_host=[(0, "cut")])
    link, _ = linked(tap.host, tap.guest)
    exchange(link, 3, 10)


@pytest.mark.parametrize("kind", ["flip", "drop", "double", "cut"])
@pytest.mark.parametrize("direction", ["to_guest", "to_host"])
@pytest.mark.parametrize("offset", [0, 5, 9, 13, 17, 25, 700, 2100, 5000])
def test_one_fault_is_recovered_and_counted(kind, direction, offset):
    tap = Tap(**{direction: [(offset, kind)]})
    link, agent = linked(tap.host, tap.guest)
    exchange(link, 12, 2500)
    assert tap.injected == 1
    assert set(agent.executed.values()) == {1}
    seen = link.statistics
    assert seen.naks + seen.resends + seen.damaged > 0 or offset < 20


@pytest.mark.parametrize("seed", range(6))
def test_many_faults_never_give_wrong_data(seed):
    tap = Tap(rate=2e-4, seed=seed)
    link, agent = linked(tap.host, tap.guest)
    exchange(link, 30, 600)
    assert set(agent.executed.values()) == {1}
    assert tap.injected == 0 or link.statistics.repaired > 0


def test_a_hopeless_wire_is_given_up():
    tap = Tap()
    link, _ = linked(tap.host, tap.guest)
    tap._rate = 0.05
    link.submit(ping(5000))
    with pytest.raises((WireError, TimeoutError)):
        link.collect(deadline(1))
    assert link.statistics.repaired > 0


def test_a_closed_wire_is_an_error_at_once():
    host, guest = socket.socketpair()
    link, _ = linked(host, guest)
    guest.shutdown(socket.SHUT_RDWR)
    link.submit(ping(5))
    with pytest.raises(WireError, match="closed"):
        link.collect(deadline())


def test_an_agent_that_starts_anew_is_noticed():
    host, guest = socket.socketpair()
    link, agent = linked(host, guest)
    exchange(link, 3, 10)
    agent.answer = lambda seq, first: agent.send(Frame(FrameType.READY, 7))
    link.submit(ping(5))
    with pytest.raises(WireError, match="anew"):
        link.collect(deadline())


def test_steps_over_a_damaged_wire_are_those_that_were_written():
    tap = Tap(to_host=[(900, "flip"), (4000, "drop"), (9000, "double")])
    link, _ = linked(tap.host, tap.guest)
    operations = [Operation(OpCode.KMAP, page=number, value=number) for number in range(200)]
    link.submit(protocol.request(RequestType.RUN, protocol.encode_operations(operations)))
    body = protocol.answer(RequestType.RUN, link.collect(deadline()))
    records, chain = steps.decode_steps(bytes(body), steps.Chain(0, 0))
    assert [record.observation.value for record in records] == list(range(200))
    assert chain.step == 200
    assert link.statistics.damaged > 0
