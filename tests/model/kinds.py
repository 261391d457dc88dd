"""One small machine of each kind of kernel: windows two mappings deep, three pkmap slots."""

from harness.model.records.layout import UNBOUND, Generation
from harness.model.records.machine import Machine, machine
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_DEBUG, STACK_PAE, pages

PROTS = (0x163, 0x161, 0x17B, 0x16B, 0x8000_0000_0000_0163)


def _small(layout, *, window=3, cpus=2, **other):
    end = layout.fix_kmap_begin + window * layout.nr_cpus - 1
    return layout._replace(
        last_pkmap=3, window=window, fix_kmap_end=end, nr_cpus=4, online_cpus=cpus,
        typed_top=0xC890_0000,
        typed_count=64, **other,
    )  # fmt: skip


_TYPED = LOCAL_PAE._replace(
    generation=Generation.TYPED, folios=False, helpers=0, helpers_local=False
)

LAYOUTS = {
    "local": _small(LOCAL_PAE),
    "local-one-cpu": _small(LOCAL_PAE, cpus=1, pat=True, prots=PROTS),
    "local-rt": _small(LOCAL_RT),
    "local-old-rt": _small(
        LOCAL_RT,
        to_page_local=False,
        kmap_atomic_prot=False,
        folios=False,
        helpers=0xF8F,
        helpers_local=False,
    ),
    "local-debug": _small(LOCAL_DEBUG, window=5),
    "stack": _small(STACK_PAE),
    "stack-counted": _small(STACK_PAE, preempt_count=True, cpus=3),
    "stack-debug": _small(STACK_DEBUG),
    "typed": _small(_TYPED, window=4),
    "typed-debug": _small(_TYPED, window=9, debug_highmem=True),
}


def of_kind(name: str) -> Machine:
    """The machine of a kind: 4 highmem pages and one of lowmem, tasks bound and not."""
    layout = LAYOUTS[name]
    tasks = (0, 0, layout.online_cpus - 1, UNBOUND)
    return machine(layout, pages(4, 1), tasks)
