"""The wire of schedules: KMH_REQ_SCHEDULES (kmod/protocol_schedule.h)."""

from collections.abc import Hashable, Iterator, Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from harness.guest.failure import WireError
from harness.guest.gate_wire import Gate, encode_gates
from harness.guest.history_wire import (
    RECORD,
    SLOT,
    THREAD,
    HistoryEvent,
    HistoryHead,
    HistoryOutcome,
    HistorySlot,
    RawHistory,
    ThreadHead,
)

PROGRAM = Struct("<4B8B8B")
REQUEST = Struct("<II7H6B8BIIHBx")
DECISION = Struct("<5B3x")
ANSWER = Struct("<14I")
OUTCOME = Struct("<3I8H")
CHANGED = Struct("<III")
EVENT = Struct("<4B")

THREADS: Final = 4
"""``KMH_SCHEDULE_THREADS``."""
OPERATIONS: Final = 8
"""``KMH_SCHEDULE_OPS``: of one thread."""
PAGES: Final = 8
"""``KMH_SCHEDULE_PAGES``."""
REPLAY: Final = 1
"""``KMH_SCHEDULE_REPLAY``: execute the decisions given, and no others."""
RANDOM: Final = 2
"""``KMH_SCHEDULE_RANDOM``: schedules by drawn priorities."""
NO_THREAD: Final = 0xFF
"""``KMH_NO_THREAD``."""


class ScheduleCode(IntEnum):
    """``enum kmh_schedule_code``."""

    KMAP = 1
    KUNMAP = 2
    PAGE_ADDRESS = 3
    READ = 4
    FLUSH = 5
    KMAP_LOCAL = 6
    KUNMAP_LOCAL = 7
    READ_LOCAL = 8
    SLEEP = 9


class ScheduleContext(IntEnum):
    """``enum kmh_schedule_context``."""

    TASK = 0
    HARDIRQ = 1
    SOFTIRQ = 2


class SearchStatus(IntEnum):
    """``enum kmh_schedules_status``."""

    COMPLETE = 1
    MORE = 2
    STATE = 3
    STUCK = 4
    DEPARTED = 5
    LONG = 6


class SearchDecision(NamedTuple):
    """``struct kmh_decision``: several threads could go on, ``choice`` did."""

    enabled: int
    current_thread: int
    choice: int
    done: int
    used: int


class GateEvent(NamedTuple):
    """``struct kmh_gate_event``: a thread passes a gate, or begins an operation."""

    thread: int
    kind: int
    after: int
    gate: int


class SearchThread(NamedTuple):
    """``struct kmh_schedule_thread``: operations as pairs of code and page."""

    cpu: int
    operations: tuple[tuple[ScheduleCode, int], ...]
    context: ScheduleContext = ScheduleContext.TASK
    target: int = 0
    """Of an interrupt: the thread that it interrupts."""


class RandomDraw(NamedTuple):
    """The settings of random schedules; ``first`` is the number of the first schedule."""

    seed: int = 0
    first: int = 0
    length: int = 0
    depth: int = 0


class SearchRequest(NamedTuple):
    """``struct kmh_schedules_request`` without the counts of its tables."""

    limit: int
    limit_ms: int
    first_pin: int
    pins: int
    first_page: int
    first_free: int
    slots: int
    cursor: int
    bound: int
    flags: int
    coordinator: int
    initial: tuple[int, ...]
    """How often each page is mapped before."""
    gates: tuple[Gate, ...]
    decisions: tuple[SearchDecision, ...]
    threads: tuple[SearchThread, ...]
    draw: RandomDraw = RandomDraw()


class SearchHead(NamedTuple):
    """``struct kmh_schedules``."""

    status: int
    schedules: int
    n_outcomes: int
    n_decisions: int
    last_pkmap: int
    cursor: int
    events: int
    ms: int
    departed: int
    longest: int
    """Of random schedules: the most steps that one had."""
    stuck: tuple[int, ...]


class OutcomeHead(NamedTuple):
    """``struct kmh_outcome_log``."""

    number: int
    times: int
    cursor: int
    outcome: int
    clock: int
    free_slots: int
    unused_slots: int
    preemptions: int
    n_changed: int
    n_decisions: int
    n_events: int


class SearchOutcome(NamedTuple):
    """A log that schedules had, and the shortest of these schedules."""

    head: OutcomeHead
    history: RawHistory
    decisions: tuple[SearchDecision, ...]
    events: tuple[GateEvent, ...]

    @property
    def what(self) -> Hashable:
        """What threads and slots show after it, whatever the order: the same is one outcome."""
        values = tuple(
            tuple((one.code, one.page, one.value, one.flags) for one in events)
            for events in self.history.events
        )
        states = tuple((one.state, one.code, one.page) for one in self.history.threads)
        return self.head.outcome, self.head.cursor, states, values, self.history.after


class SearchAnswer(NamedTuple):
    """What a request for schedules has found; ``decisions`` say where to go on."""

    head: SearchHead
    decisions: tuple[SearchDecision, ...]
    outcomes: tuple[SearchOutcome, ...]


def encode_search(request: SearchRequest) -> bytes:
    """Return the body of a SCHEDULES request."""
    pages = max(len(request.initial), 1)
    head = REQUEST.pack(
        *request[:8],
        len(request.decisions),
        len(request.threads),
        len(request.gates),
        request.bound,
        request.flags,
        request.coordinator,
        pages,
        *_padded(request.initial, PAGES),
        *request.draw,
    )
    decisions = b"".join(DECISION.pack(*one) for one in request.decisions)
    threads = b"".join(_thread(one) for one in request.threads)
    return head + encode_gates(request.gates) + decisions + threads


def _padded(values: Sequence[int], length: int) -> tuple[int, ...]:
    return (*values, *(0 for _ in range(length - len(values))))


def _thread(one: SearchThread) -> bytes:
    codes = _padded([code for code, _ in one.operations], OPERATIONS)
    pages = _padded([page for _, page in one.operations], OPERATIONS)
    return PROGRAM.pack(one.cpu, len(one.operations), one.context, one.target, *codes, *pages)


class _Reader:
    """Takes structures from the beginning of an answer."""

    def __init__(self, body: memoryview) -> None:
        self.body, self.at = body, 0

    def take(self, layout: Struct, count: int = 1) -> Iterator[tuple[int, ...]]:
        """Return *count* structures; raises WireError where the answer ends before."""
        first, self.at = self.at, self.at + layout.size * count
        if self.at > len(self.body):
            raise WireError(
                f"schedules cut short: {len(self.body)} bytes", hint="look for damage on the wire"
            )
        return layout.iter_unpack(self.body[first : self.at])


def decode_search(body: memoryview, threads: int) -> SearchAnswer:
    """Decode the answer to a request with so many *threads*; raises WireError."""
    reader = _Reader(body)
    words = next(reader.take(ANSWER))
    head = SearchHead._make((*words[:10], words[10:]))
    before = tuple(map(HistorySlot._make, reader.take(SLOT, head.last_pkmap)))
    decisions = tuple(map(SearchDecision._make, reader.take(DECISION, head.n_decisions)))
    outcomes = tuple(_outcome(reader, head, before, threads) for _ in range(head.n_outcomes))
    return SearchAnswer(head, decisions, outcomes)


def _outcome(
    reader: _Reader, whole: SearchHead, before: tuple[HistorySlot, ...], count: int
) -> SearchOutcome:
    head = OutcomeHead._make(next(reader.take(OUTCOME)))
    threads = tuple(map(ThreadHead._make, reader.take(THREAD, count)))
    events = tuple(tuple(map(HistoryEvent._make, reader.take(RECORD, t.used))) for t in threads)
    after = list(before)
    for slot, users, pfn in reader.take(CHANGED, head.n_changed):
        after[slot] = HistorySlot(users, pfn)
    decisions = tuple(map(SearchDecision._make, reader.take(DECISION, head.n_decisions)))
    gates = tuple(map(GateEvent._make, reader.take(EVENT, head.n_events)))
    history = RawHistory(_head(head, whole, threads), threads, events, before, tuple(after))
    return SearchOutcome(head, history, decisions, gates)


def _head(one: OutcomeHead, whole: SearchHead, threads: Sequence[ThreadHead]) -> HistoryHead:
    """Return the head of the history: its stamps are positions, and nothing is foreign."""
    asleep = one.clock if one.outcome == HistoryOutcome.ASLEEP else 0
    return HistoryHead(
        outcome=one.outcome,
        n_threads=len(threads),
        stride=max((each.used for each in threads), default=0),
        last_pkmap=whole.last_pkmap,
        clock=one.clock,
        foreign=0,
        dropped=0,
        cursor_before=whole.cursor,
        cursor_after=one.cursor,
        witness=1,
        free_slots=one.free_slots,
        unused_slots=one.unused_slots,
        asleep_at=asleep,
        ms=0,
    )
