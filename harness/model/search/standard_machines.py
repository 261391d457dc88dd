"""The standard machines of exploration: small, of every generation, debug and not.

Pkmap and windows are explored apart (neither reads what the other writes), and together where
sleeping in kmap meets mappings of a window.  Layouts are those of stock Debian kernels with
fewer slots.
"""

from dataclasses import dataclass

from harness.model.records.layout import Generation, Layout
from harness.model.records.machine import Machine, machine
from harness.model.records.operation import OpCode
from harness.model.records.page import Page, PageKind
from harness.model.search.helper_calls import helper_calls
from harness.model.search.nodes import Limits

_OLD_HELPERS = 0xF8F
"""The page helpers of 5.10."""

LOCAL = Layout(
    generation=Generation.LOCAL, pae=True, smp=True, rt=False, preempt_count=True,
    debug_highmem=False, debug_kmap_local=False, force_map=False, debug_atomic_sleep=False,
    pkmap_base=0xFF00_0000, last_pkmap=512, fixaddr_top=0xFFFF_F000, fix_kmap_begin=68,
    fix_kmap_end=68 + 16 * 32 - 1, window=16, nr_cpus=32, online_cpus=2,
    page_offset=0xC000_0000, high_memory=0xC800_0000, fixaddr_start=0xFFD6_5000,
    kmap_prot=(1 << 63) | 0x163, typed_top=0xC890_0000, typed_count=64,
    folios=True, helpers=0x7FFF, helpers_local=True,
)  # fmt: skip
"""6.1 686-pae."""

LOCAL_RT = LOCAL._replace(rt=True)
LOCAL_GUARDS = LOCAL._replace(debug_kmap_local=True, window=33, fix_kmap_end=68 + 33 * 32 - 1)
LOCAL_DEBUG = LOCAL_GUARDS._replace(debug_highmem=True, force_map=True)
STACK = LOCAL._replace(
    generation=Generation.STACK, preempt_count=False, window=20, fix_kmap_end=68 + 20 * 32 - 1,
    folios=False, helpers=_OLD_HELPERS, helpers_local=False,
)  # fmt: skip
STACK_DEBUG = STACK._replace(debug_highmem=True, window=41, fix_kmap_end=68 + 41 * 32 - 1)
TYPED = LOCAL._replace(
    generation=Generation.TYPED,
    window=13,
    fix_kmap_end=68 + 13 * 32 - 1,
    typed_top=0,
    typed_count=0,
    folios=False,
    helpers=0,
    helpers_local=False,
)
TYPED_32 = TYPED._replace(window=19, fix_kmap_end=68 + 19 * 32 - 1)
TYPED_DEBUG = TYPED._replace(debug_highmem=True, window=27, fix_kmap_end=68 + 27 * 32 - 1)


@dataclass(frozen=True, slots=True)
class Standard:
    """A machine to explore, how far, and one line that says what for."""

    name: str
    what: str
    machine: Machine
    limits: Limits


def small_machine(
    layout: Layout, *, slots: int, high: int, low: int, tasks: tuple[int, ...]
) -> Machine:
    """A machine of *layout* with few pkmap slots and pages."""
    pages = tuple(Page(0x9000 + 3 * n, PageKind.HIGH, n) for n in range(high))
    pages += tuple(Page(0x1000 + n, PageKind.LOW, 255) for n in range(low))
    return machine(layout._replace(last_pkmap=slots), pages, tasks)


def _pkmap(
    name: str, what: str, *, slots: int, high: int, low: int = 0, kmaps: int = 1
) -> Standard:
    small = small_machine(LOCAL, slots=slots, high=high, low=low, tasks=(0, 0, 1))
    return Standard(name, what, small, Limits(kmaps=kmaps))


_ATOMIC = (OpCode.KMAP_ATOMIC,)
_LOCALS = (OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC)


def _window(
    name: str,
    what: str,
    layout: Layout,
    maps: tuple[OpCode, ...],
    *,
    low: int = 0,
    depth: int = 2,
    types: int = 1,
    tasks: tuple[int, ...] = (0, 0, 1),
    helpers: bool = False,
) -> Standard:
    high = 1 if low and not helpers else 2
    small = small_machine(layout, slots=2, high=high, low=low, tasks=tasks)
    also = tuple(helper_calls(layout.helpers, (0, 1), 2)) if helpers else ()
    limits = Limits(
        kmaps=0, depth=depth, types=types, maps=maps, others=(OpCode.SLEEP,), also=also
    )
    return Standard(name, what, small, limits)


def _together(name: str, layout: Layout, maps: tuple[OpCode, ...]) -> Standard:
    small = small_machine(layout, slots=2, high=3, low=0, tasks=(0, 0))
    what = "kmap that sleeps with window mappings held"
    return Standard(name, what, small, Limits(kmaps=1, depth=1, maps=maps, others=()))


def _sections(name: str, what: str, *, slots: int, high: int) -> Standard:
    small = small_machine(LOCAL, slots=slots, high=high, low=0, tasks=(1, 1, 0))
    return Standard(name, what, small, Limits(kmaps=1, others=(), sections=True))


TINY = Standard(
    "tiny",
    "one task, two slots: small enough to be drawn",
    small_machine(LOCAL, slots=2, high=2, low=0, tasks=(0,)),
    Limits(kmaps=1, others=()),
)

MACHINES: tuple[Standard, ...] = (
    TINY,
    _pkmap("pkmap", "3 slots, 4 pages, 3 tasks on 2 CPUs", slots=3, high=4),
    _pkmap("pkmap-lowmem", "2 slots, lowmem beside highmem", slots=2, high=3, low=1),
    _pkmap("pkmap-twice", "2 slots, each page up to twice by a task", slots=2, high=3, kmaps=2),
    _sections("pkmap-sections", "woken tasks whose CPU is in an atomic section", slots=1, high=3),
    _window("local", "kmap_local and kmap_atomic on 2 CPUs", LOCAL, _LOCALS),
    _window("local-lowmem", "lowmem beside highmem", LOCAL, _LOCALS, low=1),
    _window(
        "local-pfn", "pfn forms", LOCAL, (OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP), low=1, tasks=(0, 1)
    ),
    _window("local-rt", "PREEMPT_RT", LOCAL_RT, _LOCALS),
    _window("local-debug", "guard slots, lowmem mapped too", LOCAL_DEBUG, _LOCALS, low=1),
    _window("stack", "a stack on each CPU", STACK, _ATOMIC, low=1, depth=3),
    _window("stack-debug", "with DEBUG_HIGHMEM", STACK_DEBUG, _ATOMIC, low=1, depth=3),
    _window(
        "local-helpers",
        "page helpers on top of mappings",
        LOCAL,
        _LOCALS,
        low=1,
        tasks=(0, 1),
        helpers=True,
    ),
    _window(
        "stack-helpers",
        "page helpers by kmap_atomic",
        STACK,
        _ATOMIC,
        low=1,
        tasks=(0, 1),
        helpers=True,
    ),
    _window("typed", "3 of the types of 2.6.24", TYPED, _ATOMIC, low=1, types=3),
    _window("typed-debug", "with fences", TYPED_DEBUG, _ATOMIC, low=1, types=3),
    _together("local-kmap", LOCAL, (OpCode.KMAP_LOCAL,)),
    _together("stack-kmap", STACK, _ATOMIC),
)

_OLD_RT = LOCAL_RT._replace(
    to_page_local=False, kmap_atomic_prot=False,
    folios=False, helpers=_OLD_HELPERS, helpers_local=False,
)  # fmt: skip

KINDS: tuple[Layout, ...] = (
    *(
        base._replace(online_cpus=cpus)
        for base in (LOCAL, LOCAL_RT, _OLD_RT, STACK, LOCAL_GUARDS, LOCAL_DEBUG, STACK_DEBUG)
        for cpus in (1, 2)
    ),
    TYPED,
    TYPED_DEBUG,
)
"""Layouts of the kinds of kernel whose rule branches are recorded; ``_OLD_RT`` is 5.10-rt."""
