"""The wire of concurrent histories: KMH_REQ_HISTORY and struct kmh_history (kmod/protocol.h)."""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from harness.guest import protocol
from harness.guest.deadline import Deadline
from harness.guest.failure import WireError
from harness.guest.module_work import kernel_tables
from harness.guest.protocol import TASK_UNBOUND, RequestType
from harness.guest.running_guest import Guest
from harness.guest.trouble import TroubleKind

REQUEST = Struct("<IIIHHHHBBH")
LOG = Struct("<14I")
THREAD = Struct("<IIIHBBB3x")
SLOT = Struct("<II")
RECORD = Struct("<IIIIHBBB3x")

RECORDS = 0x20000
"""``KMH_HISTORY_RECORDS``: room for the records of all threads."""
THREADS = 16
"""``KMH_HISTORY_THREADS``."""
HOLDS = 8
"""``KMH_HISTORY_HOLDS``."""
TAG = 0x4B50_0000
"""``KMH_HISTORY_TAG``: the first word of page id is this + id."""
WITNESS = 1
"""``KMH_HISTORY_WITNESS``: note the order in which kmap_lock was held."""
ROUNDS = 2
"""``KMH_HISTORY_ROUNDS``: all threads start each round of mappings together."""
NOISE = 4
"""``KMH_HISTORY_NOISE``: now and then hold up a thread that is about to queue for a slot."""
SLEPT = 1
"""``KMH_HISTORY_SLEPT`` in a record's flags: the thread left its CPU of its own accord."""
FAULT = 2
"""``KMH_HISTORY_FAULT``: an access met a page fault that was caught."""
PATIENCE_SECONDS = 90.0
"""Seconds that a guest gets beyond the time limit of its threads."""
SLICE_SECONDS = 1.0
LAST_WORDS_SECONDS = 5.0
"""A guest whose kernel reports its death may still answer within so many seconds."""
_FATAL = (TroubleKind.BUG, TroubleKind.OOPS, TroubleKind.PANIC, TroubleKind.DOUBLE_FAULT)


class HistoryOutcome(IntEnum):
    """``enum kmh_history_outcome``."""

    RUNS = 0
    FINISHED = 1
    ASLEEP = 2
    DIED = 3
    STUCK = 4
    DEADLOCK = 5


class ThreadState(IntEnum):
    """``enum kmh_history_state``."""

    RUNS = 0
    ENDED = 1
    SLEPT = 2
    DIED = 3


class HistoryCode(IntEnum):
    """``enum kmh_history_code``."""

    KMAP = 1
    KUNMAP = 2
    PAGE_ADDRESS = 3
    TAG_READ = 4
    OWN_WRITE = 5
    OWN_READ = 6
    LOCAL = 7
    SECTION = 8


class HistoryRequest(NamedTuple):
    """``struct kmh_history_request``.

    Ranges of pages are ids of pools; ``operations`` is the number of records of each thread.
    """

    seed: int
    operations: int
    limit_ms: int
    first_pin: int
    pins: int
    first_page: int
    pages: int
    holds: int
    flags: int
    yields: int
    """One step in so many gives the CPU away."""
    cpus: tuple[int | None, ...]
    """CPU of each thread, None for one bound to none."""


class HistoryHead(NamedTuple):
    """``struct kmh_history``."""

    outcome: int
    n_threads: int
    stride: int
    last_pkmap: int
    clock: int
    foreign: int
    dropped: int
    cursor_before: int
    cursor_after: int
    witness: int
    free_slots: int
    unused_slots: int
    asleep_at: int
    ms: int


class ThreadHead(NamedTuple):
    """``struct kmh_history_thread``."""

    used: int
    invoked: int
    section: int
    page: int
    code: int
    cpu: int
    state: int


class HistoryEvent(NamedTuple):
    """``struct kmh_history_record``: one operation of a thread, between its stamps."""

    invoked: int
    ordered: int
    returned: int
    value: int
    page: int
    code: int
    cpu: int
    flags: int


class HistorySlot(NamedTuple):
    """``struct kmh_history_slot``."""

    pkmap_count: int
    pfn: int


class RawHistory(NamedTuple):
    """A decoded log: threads in order, each with its events."""

    head: HistoryHead
    threads: tuple[ThreadHead, ...]
    events: tuple[tuple[HistoryEvent, ...], ...]
    before: tuple[HistorySlot, ...]
    after: tuple[HistorySlot, ...]


def encode_request(request: HistoryRequest) -> bytes:
    """Return the body of a HISTORY request."""
    *words, cpus = request
    tasks = (protocol.TASK_REQUEST.pack(TASK_UNBOUND if cpu is None else cpu) for cpu in cpus)
    return REQUEST.pack(*words) + b"".join(tasks)


def decode_history(body: bytes | memoryview) -> RawHistory:
    """Decode a log that came over the wire, or was read from a dead guest's memory.

    Raises WireError where it is cut short.
    """
    if len(body) < LOG.size:
        raise WireError(
            f"a history of {len(body)} bytes", hint="module and harness are of different versions"
        )
    head = HistoryHead(*LOG.unpack_from(body))
    sizes = (
        LOG.size,
        THREAD.size * head.n_threads,
        SLOT.size * head.last_pkmap,
        SLOT.size * head.last_pkmap,
    )
    starts = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    if len(body) < starts[3] + head.n_threads * head.stride * RECORD.size:
        raise WireError(
            f"a history cut short: {len(body)} bytes", hint="look for damage on the wire"
        )
    view = memoryview(body)
    threads = tuple(map(ThreadHead._make, THREAD.iter_unpack(view[starts[0] : starts[1]])))
    before = tuple(map(HistorySlot._make, SLOT.iter_unpack(view[starts[1] : starts[2]])))
    after = tuple(map(HistorySlot._make, SLOT.iter_unpack(view[starts[2] : starts[3]])))
    records = view[starts[3] :]
    events = tuple(
        _events(records, number * head.stride, one.used) for number, one in enumerate(threads)
    )
    return RawHistory(head, threads, events, before, after)


def _events(records: memoryview, first: int, count: int) -> tuple[HistoryEvent, ...]:
    part = records[first * RECORD.size : (first + count) * RECORD.size]
    return tuple(map(HistoryEvent._make, RECORD.iter_unpack(part)))


class HistoryWire:
    """The histories of one guest; the next may run while the last is judged."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._link = guest.session.link
        self._limit = 0.0
        self._log = self._where()

    def _where(self) -> tuple[int, int]:
        self._link.submit(protocol.request(RequestType.HISTORY_LOG))
        body = protocol.answer(
            RequestType.HISTORY_LOG, self._link.collect(Deadline.after("log", PATIENCE_SECONDS))
        )
        return int.from_bytes(body[:4], "little"), int.from_bytes(body[4:8], "little")

    def start(self, request: HistoryRequest) -> None:
        """Start one history in the guest."""
        self._limit = request.limit_ms / 1000 + PATIENCE_SECONDS
        self._link.submit(protocol.request(RequestType.HISTORY, encode_request(request)))

    def finish(self) -> memoryview:
        """Return the log of the oldest history that was started.

        Raises KernelError or InfrastructureError where the guest does not answer, and AgentError
        (EIO) where it has lost a thread before.
        """
        damaged = self._link.statistics.damage
        deadline = Deadline.after("history", self._limit)
        while True:
            try:
                answer = self._link.collect(Deadline.after("history", SLICE_SECONDS))
                return protocol.answer(RequestType.HISTORY, answer)
            except TimeoutError:
                if deadline.over():
                    raise self._guest.session.silent("in a concurrent history", damaged) from None
            if self._dying():
                deadline = min(
                    deadline, Deadline.after("last words", LAST_WORDS_SECONDS), key=Deadline.left
                )

    def _dying(self) -> bool:
        return any(one.kind in _FATAL for one in self._guest.session.troubles_so_far())

    def autopsy(self) -> bytes:
        """Return the log in the memory of a guest that no longer answers; raises LookupError."""
        session = self._guest.session
        tables = kernel_tables(session.architecture, *self._guest.info())
        return tables.read(session.memory, *self._log)
