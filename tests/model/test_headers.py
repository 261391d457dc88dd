"""Numbers and names that the model has from the kernel's headers."""

import pytest

from harness.model.records import layout
from harness.model.records.km_type import ERA_SHIFT, KM_TYPES_2_6_24, KM_TYPES_2_6_32

TYPES_2_6_24 = """
BOUNCE_READ SKB_SUNRPC_DATA SKB_DATA_SOFTIRQ USER0 USER1
BIO_SRC_IRQ BIO_DST_IRQ PTE0 PTE1 IRQ0 IRQ1 SOFTIRQ0 SOFTIRQ1
"""
TYPES_SINCE = "SYNC_ICACHE SYNC_DCACHE UML_USERCOPY IRQ_PTE NMI NMI_PTE"


@pytest.mark.judges("km_type")
def test_types_in_the_order_of_their_enum():
    """include/asm-x86/kmap_types.h (2.6.24), include/asm-generic/kmap_types.h (2.6.32)."""
    assert [name.removeprefix("KM_") for name in KM_TYPES_2_6_24] == TYPES_2_6_24.split()
    assert KM_TYPES_2_6_32[:13] == KM_TYPES_2_6_24
    assert [name.removeprefix("KM_") for name in KM_TYPES_2_6_32[13:]] == TYPES_SINCE.split()
    assert all(name.startswith("KM_") for name in KM_TYPES_2_6_32)
    assert ERA_SHIFT == 8


@pytest.mark.judges("layout")
def test_bits_of_a_pte():
    """arch/x86/include/asm/pgtable_types.h."""
    assert (layout.PAGE_SHIFT, layout.PAGE_SIZE) == (12, 4096)
    assert (layout.PTE_PRESENT, layout.PTE_RW, layout.PTE_NX) == (1 << 0, 1 << 1, 1 << 63)
