"""Bodies of requests and answers: the structures of kmod/protocol.h and what they become."""

from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from errno import EBUSY
from itertools import chain
from struct import Struct, pack
from typing import NamedTuple

from harness.guest.failure import AgentError, WireError
from harness.model.records.operation import Operation
from harness.model.records.page import Page, PageKind

VERSION = 8
TASK_UNBOUND = 0xFF

REQUEST = Struct("<HHI")
RESPONSE = Struct("<HHiI")
PROTS = 5
FUNCTIONS = 11
INFO = Struct(f"<{38 + 2 * PROTS + FUNCTIONS}I64s64s")
POOL_REQUEST = Struct("<II")
PAGE = Struct("<IIHBB")
TASK_REQUEST = Struct("<B3x")
OPERATION = Struct("<BBHHBBiI")
WORK = Struct("<III")


class RequestType(IntEnum):
    """``enum kmh_request_type``."""

    INFO = 1
    POOL = 2
    TASKS = 3
    RUN = 4
    SNAPSHOT = 5
    RESET = 6
    PROBES = 7
    HISTORY = 8
    HISTORY_LOG = 9
    FLUSHES = 10
    SCHEDULES = 11
    GATES = 12
    AREAS = 13
    FRAMES = 14
    PING = 100
    UNLOAD = 101
    LOAD = 102
    POWEROFF = 103
    ANSWER = 104
    STOP = 105
    FILE = 106


class Config(IntFlag):
    """``KMH_CFG_*``: the kernel's configuration, as the module was compiled and as it runs."""

    PAE = 1 << 0
    SMP = 1 << 1
    RT = 1 << 2
    PREEMPT_COUNT = 1 << 3
    DEBUG_HIGHMEM = 1 << 4
    DEBUG_KMAP_LOCAL = 1 << 5
    FORCE_MAP = 1 << 6
    HIGHPTE = 1 << 7
    DEBUG_ATOMIC_SLEEP = 1 << 8
    PROVE_LOCKING = 1 << 9
    PTI = 1 << 10
    NX = 1 << 11
    PAT = 1 << 12
    TO_PAGE_LOCAL = 1 << 13
    ATOMIC_PROT = 1 << 14
    FOLIOS = 1 << 15
    HELPERS_LOCAL = 1 << 16


class Evidence(IntFlag):
    """``KMH_EV_*``: what this guest can show."""

    COUNTS = 1 << 0
    CURSOR = 1 << 1
    WAITERS = 1 << 2
    FLUSH_SCAN = 1 << 3
    FLUSH_RANGE = 1 << 4
    FLUSH_CPU = 1 << 5
    INVLPG = 1 << 6
    WAKE = 1 << 7
    WARN = 1 << 8
    PRINTK = 1 << 9
    DEPTH = 1 << 10
    MIGRATE = 1 << 11
    PREEMPT = 1 << 12
    FLUSHES = 1 << 13


PROBES = (
    Evidence.FLUSH_SCAN
    | Evidence.FLUSH_RANGE
    | Evidence.FLUSH_CPU
    | Evidence.INVLPG
    | Evidence.WAKE
    | Evidence.WARN
    | Evidence.PRINTK
)
"""``KMH_EV_PROBES``: the evidence that rests on probes, which can be armed."""


class GuestFacts(NamedTuple):
    """The module's report on its kernel beyond the layout.

    Addresses are virtual; 0 stands for a symbol that was not found.
    """

    release: str
    build: str
    config: Config
    evidence: Evidence
    hz: int
    highmem_pages: int
    lowmem_pages: int
    hash_shift: int
    struct_page_size: int
    mem_map: int
    pkmap_count: int
    last_pkmap_nr: int
    pkmap_page_table: int
    pkmap_map_wait: int
    page_address_htable: int
    text_anchor: int
    swapper_pg_dir: int
    kmap_ctrl_offset: int
    step_counter: int


VERSIONS = "module and harness are of different versions"


def request(kind: RequestType, body: bytes = b"") -> bytes:
    """Return a request as the link carries it."""
    return REQUEST.pack(kind, 0, len(body)) + body


def answer(kind: RequestType, data: bytes) -> memoryview:
    """Return the body of an answer to a request of *kind*.

    Raises AgentError for a negative errno, and WireError for an answer to another request.
    """
    if len(data) < RESPONSE.size:
        raise WireError(
            f"an answer of {len(data)} bytes", hint="agent and harness are of different versions"
        )
    found, _, error, length = RESPONSE.unpack_from(data)
    if found != kind or length != len(data) - RESPONSE.size:
        raise WireError(
            f"an answer of type {found}, {length} bytes to a request of type {int(kind)}, "
            f"{len(data) - RESPONSE.size} bytes came",
            hint="agent and harness are of different versions",
        )
    if error and not (kind is RequestType.RUN and -error == EBUSY):
        raise AgentError(
            f"{kind.name} was refused with errno {-error}", errno=-error, hint=_hint(-error)
        )
    return memoryview(data)[RESPONSE.size :]


def section_left_open(data: bytes) -> bool:
    """Tell whether the module had to close an atomic section at the end of a RUN.

    The observations of all steps are there in any case.
    """
    return bool(RESPONSE.unpack_from(data)[2])


def _hint(errno: int) -> str:
    return {
        12: "fewer pages or more memory",
        22: "see the console for the module's reason",
        19: "load the module",
        5: "a task died and may hold the kernel's locks: this guest is of no further use",
        110: "a task sleeps in kmap and nothing wakes it: this guest is of no further use",
    }.get(errno, "the console log may say more")


def encode_operations(operations: Sequence[Operation]) -> bytes:
    """An array of ``struct kmh_op``; the fields of Operation have its order."""
    return pack("<" + "BBHHBBiI" * len(operations), *chain.from_iterable(operations))


def encode_tasks(cpus: Iterable[int | None]) -> bytes:
    """An array of ``struct kmh_task_request``; None is a task that is bound to no CPU."""
    return b"".join(TASK_REQUEST.pack(TASK_UNBOUND if cpu is None else cpu) for cpu in cpus)


def decode_pages(body: memoryview) -> tuple[Page, ...]:
    """Decode the pages of a pool; raises WireError where their ids do not count up."""
    fields = list(_unpack_array(PAGE, body, "struct kmh_page"))
    ids = [number for _, _, number, _, _ in fields]
    if ids != list(range(ids[0], ids[0] + len(ids)) if ids else []):
        raise WireError(
            "page ids are not consecutive", hint="module and harness are of different versions"
        )
    try:
        return tuple(Page(pfn, PageKind(kind), bucket) for pfn, _, _, kind, bucket in fields)
    except ValueError as error:
        raise WireError(f"a page of no kind: {error}", hint=VERSIONS) from error


def _unpack_array(layout: Struct, body: memoryview, name: str) -> Iterable[tuple[int, ...]]:
    if len(body) % layout.size:
        raise WireError(f"{len(body)} bytes are no array of {name}", hint="versions differ")
    return layout.iter_unpack(body)
