"""The 23 claims in the book's order, each with the check that judges it."""

from collections.abc import Callable
from typing import Final, NamedTuple

from harness.claims import atomic, persistent
from harness.claims.claim_finding import ClaimFinding
from harness.claims.claim_programs import ClaimEvidence


class Claim(NamedTuple):
    """One claim of the book (Mauerer, 3.5.8, about 2.6.24), and its check."""

    number: int
    text: str
    check: Callable[[ClaimEvidence], ClaimFinding]


_CLAIMS: Final[tuple[tuple[str, Callable[[ClaimEvidence], ClaimFinding]], ...]] = (
    ("kmap: page_address for lowmem, kmap_high for highmem", persistent.lowmem_and_highmem),
    ("pkmap_count is scanned backward from the last used position", persistent.backward),
    (
        "at the maximum the search begins at 0, with flush_all_zero_pkmaps",
        persistent.begins_at_zero,
    ),
    ("with no position free it sleeps until an unmap elsewhere", persistent.sleeps_until_unmap),
    ("mapping changes the page table and does not flush the TLB", persistent.no_flush_on_map),
    ("the new position's counter is 1: reserved, but cannot be used", persistent.reserved_at_one),
    ("counter: 0 free, 1 not yet flushed, n for n-1 users", persistent.counter_meaning),
    ("kunmap never brings the counter below 1", persistent.never_below_one),
    ("the flush begins with flush_cache_kmaps", persistent.cache_flush),
    ("all of pkmap_count is scanned; 1 becomes 0, the PTE is deleted", persistent.full_scan),
    ("TLB entries of the PKMAP area are flushed (flush_tlb_kernel_range)", persistent.tlb_flush),
    (
        "that is done whenever the search starts from the beginning",
        persistent.invoked_at_the_beginning,
    ),
    ("kmap may sleep and must not be used in interrupt handlers", persistent.may_sleep),
    ("it goes to sleep if the array has no free position", persistent.sleeps_when_full),
    ("kmap_atomic is executed atomically, and is faster", atomic.atomic_and_faster),
    ("kmap_atomic must not be used in code that can sleep", atomic.not_for_sleepers),
    ("idx = type + KM_TYPE_NR * smp_processor_id()", atomic.index_formula),
    ("vaddr = __fix_to_virt(FIX_KMAP_BEGIN + idx)", atomic.address_formula),
    ("one window per CPU, one entry per mapping type", atomic.one_per_type),
    ("a second user of the same type in between overwrites the entry", atomic.overwritten),
    ("kunmap_atomic deletes the entry of type and address", atomic.unmapped_by_type),
    ("without highmem kmap is page_address", persistent.without_highmem),
    ("PKMAP: PKMAP_BASE to FIXADDR_START, LAST_PKMAP entries, one table", persistent.area),
)
CLAIMS: Final = tuple(
    Claim(number, text, check) for number, (text, check) in enumerate(_CLAIMS, 1)
)
