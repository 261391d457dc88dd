"""Bodies of requests and answers: the structures of kmod/protocol.h and what they become."""

from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from errno import EBUSY
from itertools import chain
from struct import Struct, pack
from typing import NamedTuple

from harness.guest.failure import AgentError, WireError
from harness.model.records.layout import Generation, Layout
from harness.model.records.operation import Operation
from harness.model.records.page import Page, PageKind

VERSION = 7
TASK_UNBOUND = 0xFF

REQUEST = Struct("<HHI")
RESPONSE = Struct("<HHiI")
PROTS = 5
FUNCTIONS = 11
INFO = Struct(f"<{35 + 2 * PROTS + FUNCTIONS}I64s64s")
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


_VERSIONS = "module and harness are of different versions"
_GENERATIONS = {2: Generation.STACK, 3: Generation.LOCAL}


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
        raise WireError(f"a page of no kind: {error}", hint=_VERSIONS) from error


def _unpack_array(layout: Struct, body: memoryview, name: str) -> Iterable[tuple[int, ...]]:
    if len(body) % layout.size:
        raise WireError(f"{len(body)} bytes are no array of {name}", hint="versions differ")
    return layout.iter_unpack(body)


def decode_info(body: memoryview) -> tuple[Layout, GuestFacts]:
    """Decode layout and facts of a guest's kernel; raises WireError for another version."""
    if len(body) != INFO.size:
        raise WireError(
            f"struct kmh_info has {len(body)} bytes, {INFO.size} expected",
            hint="rebuild the module",
        )
    *words, release, build = INFO.unpack(body)
    if words[0] != VERSION:
        raise WireError(
            f"the module speaks version {words[0]}, not {VERSION}", hint="rebuild the module"
        )
    if words[1] not in _GENERATIONS:
        raise WireError(f"the module names generation {words[1]}", hint=_VERSIONS)
    return _layout(words), _facts(words, _text(release), _text(build))


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")


def _layout(words: Sequence[int]) -> Layout:
    generation, config = _GENERATIONS[words[1]], Config(words[2])
    return Layout(
        generation=generation,
        pae=Config.PAE in config,
        smp=Config.SMP in config,
        rt=Config.RT in config,
        preempt_count=Config.PREEMPT_COUNT in config,
        debug_highmem=Config.DEBUG_HIGHMEM in config,
        debug_kmap_local=Config.DEBUG_KMAP_LOCAL in config,
        force_map=Config.FORCE_MAP in config,
        debug_atomic_sleep=Config.DEBUG_ATOMIC_SLEEP in config,
        pkmap_base=words[4],
        last_pkmap=words[5],
        fixaddr_top=words[6],
        fix_kmap_begin=words[7],
        fix_kmap_end=words[8],
        window=words[9],
        nr_cpus=words[10],
        online_cpus=words[11],
        page_offset=words[12],
        high_memory=words[13],
        fixaddr_start=words[14],
        kmap_prot=words[16] | words[17] << 32,
        prots=_prots(words[35 : 35 + 2 * PROTS]),
        instructions=tuple(words[35 + 2 * PROTS :]),
        typed_top=words[32],
        typed_count=words[33],
        pat=Config.PAT in config,
        to_page_local=Config.TO_PAGE_LOCAL in config,
        kmap_atomic_prot=Config.ATOMIC_PROT in config,
        folios=Config.FOLIOS in config,
        helpers=words[34],
        helpers_local=Config.HELPERS_LOCAL in config,
    )


def _prots(words: Sequence[int]) -> tuple[int, ...]:
    """PTE flags of each protection: the low halves come first."""
    return tuple(low | high << 32 for low, high in zip(words[:PROTS], words[PROTS:], strict=True))


def _facts(words: Sequence[int], release: str, build: str) -> GuestFacts:
    return GuestFacts(
        release=release,
        build=build,
        config=Config(words[2]),
        evidence=Evidence(words[3]),
        hz=words[15],
        highmem_pages=words[18],
        lowmem_pages=words[19],
        hash_shift=words[20],
        struct_page_size=words[21],
        mem_map=words[22],
        pkmap_count=words[23],
        last_pkmap_nr=words[24],
        pkmap_page_table=words[25],
        pkmap_map_wait=words[26],
        page_address_htable=words[27],
        text_anchor=words[28],
        swapper_pg_dir=words[29],
        kmap_ctrl_offset=words[30],
        step_counter=words[31],
    )
