"""The bytes of a request, and of an answer, whole and cut short."""

import pytest

from harness.guest.failure import WireError
from harness.guest.gate_wire import GATE, Gate, GateFlag, GateKind, encode_gates, refused_gates
from harness.guest.history_wire import RECORD, SLOT, THREAD, HistoryCode, HistoryOutcome
from harness.guest.schedule_wire import (
    ANSWER,
    CHANGED,
    DECISION,
    EVENT,
    OUTCOME,
    PROGRAM,
    REQUEST,
    GateEvent,
    RandomDraw,
    ScheduleCode,
    SearchDecision,
    SearchRequest,
    SearchThread,
    decode_search,
    encode_search,
)

CODE = bytes.fromhex("e8 00 00 00 00")
GATES = (
    Gate("f+0x1", "lock", -4, GateKind.ACQUIRE, GateFlag.BEFORE, CODE),
    Gate("g+0x1", "unlock", 12, GateKind.RELEASE, GateFlag.AFTER, CODE),
)


def test_a_request_has_its_tables():
    thread = SearchThread(1, ((ScheduleCode.KMAP, 0), (ScheduleCode.KUNMAP, 1)))
    decision = SearchDecision(3, 0, 1, 1, 1)
    request = SearchRequest(
        100, 2000, 0, 512, 512, 8, 2, 7, 3, 1, 0, (0, 1), GATES, (decision,), (thread, thread)
    )
    request = request._replace(draw=RandomDraw(seed=7, first=4, length=90, depth=3))
    body = encode_search(request)
    assert REQUEST.unpack_from(body) == (
        *(100, 2000, 0, 512, 512, 8, 2, 7),
        *(1, 2, 2, 3, 1, 0, 2),
        *(0, 1, 0, 0, 0, 0, 0, 0),
        *(7, 4, 90, 3),
    )
    rest = body[REQUEST.size :]
    assert rest[: 2 * GATE.size] == encode_gates(GATES)
    assert DECISION.unpack_from(rest, 2 * GATE.size) == decision
    assert PROGRAM.unpack_from(rest, 2 * GATE.size + DECISION.size)[:6] == (1, 2, 0, 0, 1, 2)
    assert len(rest) == 2 * GATE.size + DECISION.size + 2 * PROGRAM.size


def test_refused_gates_are_named_with_their_errno():
    body = memoryview(b"\0\0\0\0" + (-84).to_bytes(4, "little", signed=True))
    assert list(refused_gates(GATES, body)) == [(GATES[1], 84)]


def answer():
    before = [SLOT.pack(2, 700), SLOT.pack(0, 0)]
    outcome = OUTCOME.pack(4, 3, 1, HistoryOutcome.ASLEEP, 5, 0, 1, 1, 1, 1, 2)
    threads = THREAD.pack(1, 1, 2, 5, 0, 1, 1), THREAD.pack(0, 4, 5, 6, HistoryCode.KMAP, 2, 2)
    record = RECORD.pack(1, 2, 3, 0x1000, 5, HistoryCode.KMAP, 1, 0)
    tables = CHANGED.pack(1, 1, 701), DECISION.pack(3, 0, 1, 0, 1)
    events = EVENT.pack(0, GateKind.START, 0, 0), EVENT.pack(1, GateKind.RELEASE, 1, 1)
    head = ANSWER.pack(2, 9, 1, 1, 2, 7, 90, 4, 0, 0, 0, 0, 0, 0)
    plan = DECISION.pack(3, 255, 0, 2, 0)
    return b"".join((head, *before, plan, outcome, *threads, record, *tables, *events))


def test_an_answer_becomes_logs_with_their_schedules():
    found = decode_search(memoryview(answer()), 2)
    assert (found.head.schedules, found.decisions) == (9, (SearchDecision(3, 255, 0, 2, 0),))
    (one,) = found.outcomes
    assert (one.head.times, one.head.preemptions) == (3, 1)
    assert [len(events) for events in one.history.events] == [1, 0]
    assert one.history.before == ((2, 700), (0, 0))
    assert one.history.after == ((2, 700), (1, 701))
    assert one.history.head.unused_slots == 1
    assert one.history.head.asleep_at == 5
    assert one.events == (GateEvent(0, 5, 0, 0), GateEvent(1, 2, 1, 1))


@pytest.mark.parametrize("length", [0, ANSWER.size - 1, -1, -EVENT.size, -60])
def test_an_answer_cut_short_is_damage(length):
    with pytest.raises(WireError):
        decode_search(memoryview(answer()[:length]), 2)
