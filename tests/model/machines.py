"""Machines for tests: the layouts of stock kernels, and small ones."""

from harness.model.records.layout import Generation, Layout
from harness.model.records.machine import Machine, machine
from harness.model.records.page import Page, PageKind

LOCAL_PAE = Layout(
    generation=Generation.LOCAL, pae=True, smp=True, rt=False, preempt_count=True,
    debug_highmem=False,
    debug_kmap_local=False, force_map=False, debug_atomic_sleep=False, pkmap_base=0xFF00_0000,
    last_pkmap=512,
    fixaddr_top=0xFFFF_F000, fix_kmap_begin=68, fix_kmap_end=579, window=16, nr_cpus=32,
    online_cpus=2,
    page_offset=0xC000_0000, high_memory=0xC800_0000, fixaddr_start=0xFFD6_5000,
    kmap_prot=(1 << 63) | 0x163, folios=True, helpers=0x7FFF, helpers_local=True,
)  # fmt: skip
STACK_PAE = LOCAL_PAE._replace(
    generation=Generation.STACK, preempt_count=False, window=20, fix_kmap_end=707,
    folios=False, helpers=0xF8F, helpers_local=False,
)  # fmt: skip
LOCAL_RT = LOCAL_PAE._replace(rt=True)
LOCAL_DEBUG = LOCAL_PAE._replace(
    debug_highmem=True, debug_kmap_local=True, force_map=True, window=33,
    fix_kmap_end=68 + 33 * 32 - 1,
)  # fmt: skip
STACK_DEBUG = STACK_PAE._replace(debug_highmem=True, window=41, fix_kmap_end=68 + 41 * 32 - 1)
LAYOUTS = {
    "local": LOCAL_PAE,
    "local-rt": LOCAL_RT,
    "local-debug": LOCAL_DEBUG,
    "stack": STACK_PAE,
    "stack-debug": STACK_DEBUG,
}


def pages(high: int, low: int = 0) -> tuple[Page, ...]:
    """*high* highmem pages, then *low* lowmem pages."""
    return tuple(Page(0x9000 + 3 * n, PageKind.HIGH, n % 128) for n in range(high)) + tuple(
        Page(0x1000 + n, PageKind.LOW, 255) for n in range(low)
    )


def small(
    layout: Layout = LOCAL_PAE, *, slots: int = 4, high: int = 6, low: int = 1, tasks=(0, 0, 1)
) -> Machine:
    """A machine with few slots."""
    return machine(layout._replace(last_pkmap=slots), pages(high, low), tasks)


def full(
    layout: Layout = LOCAL_PAE, *, high: int = 700, low: int = 8, tasks=(0, 0, 1, 1)
) -> Machine:
    """A machine of a stock kernel's size."""
    return machine(layout, pages(high, low), tasks)
