"""``enum km_type`` of the typed generation, as i386 kernels had it.

Sources: include/asm-x86/kmap_types.h (2.6.24), include/asm-generic/kmap_types.h (2.6.32).
With DEBUG_HIGHMEM a fence precedes each member, so that the n-th has the value 2n + 1.
"""

from harness.model.records.layout import TYPED_FIRST

KM_TYPES_2_6_24 = (
    "KM_BOUNCE_READ",
    "KM_SKB_SUNRPC_DATA",
    "KM_SKB_DATA_SOFTIRQ",
    "KM_USER0",
    "KM_USER1",
    "KM_BIO_SRC_IRQ",
    "KM_BIO_DST_IRQ",
    "KM_PTE0",
    "KM_PTE1",
    "KM_IRQ0",
    "KM_IRQ1",
    "KM_SOFTIRQ0",
    "KM_SOFTIRQ1",
)

KM_TYPES_2_6_32 = (
    *KM_TYPES_2_6_24,
    "KM_SYNC_ICACHE",
    "KM_SYNC_DCACHE",
    "KM_UML_USERCOPY",
    "KM_IRQ_PTE",
    "KM_NMI",
    "KM_NMI_PTE",
)


def window_size(types: tuple[str, ...], *, debug: bool) -> int:
    """``KM_TYPE_NR``: entries of one CPU's window."""
    return 2 * len(types) + 1 if debug else len(types)


def slot(number: int, *, debug: bool) -> int:
    """Window slot of the *number*-th type."""
    return 2 * number + 1 if debug else number


ERA_SHIFT = 8
TYPE_NR: tuple[int, ...] = (len(KM_TYPES_2_6_24), len(KM_TYPES_2_6_32))
"""``KM_TYPE_NR`` of each era."""


def known_type(value: int) -> bool:
    """Tell whether *value* names a type."""
    era = value >> ERA_SHIFT
    return era < len(TYPE_NR) and value & 0xFF < TYPE_NR[era]


def typed_owner(index: int, cpus: int) -> int:
    """CPU to whose window entry *index* of the typed window belongs."""
    entry = index - TYPED_FIRST
    first = TYPE_NR[0] * cpus
    return entry // TYPE_NR[0] if entry < first else (entry - first) // TYPE_NR[1]


def typed_entry(value: int, cpu: int, cpus: int) -> int:
    """Index of the entry of type *value* (with its era) in the module's typed window."""
    era, kind = value >> ERA_SHIFT, value & 0xFF
    first = TYPE_NR[0] * cpus if era else 0
    return TYPED_FIRST + first + kind + TYPE_NR[era] * cpu
