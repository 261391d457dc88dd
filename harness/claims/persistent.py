"""Claims 1 to 14, 22 and 23: the persistent map."""

from itertools import pairwise

from harness.claims.claim_finding import ClaimFinding, changed, false, holds, when
from harness.claims.claim_programs import ClaimEvidence
from harness.guest.steps import StepRecord
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.observation import SlotChange, Status


def slot_of(seen: ClaimEvidence, step: StepRecord) -> int:
    """The slot of the address that a kmap returned."""
    return seen.layout.pkmap_slot(step.observation.value)


def change_of(step: StepRecord, slot: int) -> SlotChange | None:
    """The change of *slot* in this step, if it changed."""
    return next((one for one in step.observation.slots if one.slot == slot), None)


def count_after(seen: ClaimEvidence, step: StepRecord) -> int:
    """The new count of the slot that maps the step's page; -1 if it did not change."""
    address = step.observation.page_address
    found = (
        change_of(step, seen.layout.pkmap_slot(address)) if seen.layout.in_pkmap(address) else None
    )
    return found.count if found else -1


def wrap(seen: ClaimEvidence) -> StepRecord:
    """The kmap at which the cursor wrapped round to 0."""
    return next(step for step in seen.all("scan") if step.observation.flush_scans)


def lowmem_and_highmem(seen: ClaimEvidence) -> ClaimFinding:
    """1: lowmem pages by page_address, highmem pages by kmap_high."""
    low, high = seen.one("lowmem").observation, seen.one("hold").observation
    direct = seen.layout.page_offset <= low.value < seen.layout.high_memory
    return when(
        direct
        and low.value == low.page_address
        and not low.slots
        and seen.layout.in_pkmap(high.value),
        f"lowmem: kmap gave {low.value:#x} = page_address, no slot, cursor stayed {low.cursor}",
        f"highmem: kmap gave {high.value:#x}, slot {slot_of(seen, seen.one('hold'))}",
    )


def backward(seen: ClaimEvidence) -> ClaimFinding:
    """2: the array is scanned backward from the last used position."""
    slots = [slot_of(seen, step) for step in seen.all("scan")]
    steps = [after - before for before, after in pairwise(slots)]
    up, down = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
    evidence = (
        f"slots {', '.join(map(str, slots[:5]))}, ...: {up} times upwards, {down} times downwards"
    )
    return (
        false("forward: cursor + 1, round at the end", evidence) if up > down else holds(evidence)
    )


def begins_at_zero(seen: ClaimEvidence) -> ClaimFinding:
    """3: at the maximum the search begins at 0, with flush_all_zero_pkmaps."""
    step = wrap(seen)
    before = slot_of(seen, seen.all("scan")[seen.all("scan").index(step) - 1])
    flushes = sum(one.observation.flush_scans for one in seen.all("scan"))
    return when(
        step.observation.flush_scans == 1 and flushes == 1 and slot_of(seen, step) < before,
        f"slot {before}, then slot {slot_of(seen, step)} with 1 call of flush_all_zero_pkmaps",
        f"{len(seen.all('scan'))} fresh kmaps in the turn, {flushes} such call",
    )


def sleeps_until_unmap(seen: ClaimEvidence) -> ClaimFinding:
    """4: with no position free kmap sleeps until there is an unmap elsewhere."""
    sleep, wake = seen.one("sleep").observation, seen.one("wake").observation
    return when(
        sleep.status is Status.BLOCKED
        and bool(wake.done)
        and seen.one("asleep").observation.waiters == 1,
        f"kmap with {len(seen.all('fill')) + 1} slots held: asleep (uninterruptible)"
        f" in pkmap_map_wait, cursor {sleep.cursor}, {sleep.flush_scans} vain flush scan",
        f"a kunmap on the other CPU: {wake.wakes} wake-up, the sleeper has"
        f" {', '.join(f'{one.result:#x}' for one in wake.done)}",
    )


def no_flush_on_map(seen: ClaimEvidence) -> ClaimFinding:
    """5: the page table is changed, the TLB is not."""
    fresh = seen.one("fresh").observation
    others = [s.observation for s in seen.all("scan") if not s.observation.flush_scans]
    flushes = sum(one.flush_ranges + one.flush_cpus + one.invlpgs for one in (fresh, *others))
    return when(
        bool(fresh.pte & 1) and flushes == 0,
        f"fresh kmap: PTE {fresh.pte:#x}; {len(others) + 1} of them made {flushes} TLB flushes",
    )


def reserved_at_one(seen: ClaimEvidence) -> ClaimFinding:
    """6: the new position's counter is 1: reserved, but it cannot be used."""
    fresh, revive = seen.one("fresh"), seen.one("revive")
    evidence = (
        f"count after a fresh kmap: {count_after(seen, fresh)}",
        f"at 1 (let go) the same page has it again at once: slot {slot_of(seen, revive)}, count"
        f" {count_after(seen, revive)}, {revive.observation.flush_ranges} flushes",
    )
    if count_after(seen, fresh) == 1:
        return holds(*evidence)
    return false(
        "1 is passed within one hold of kmap_lock; at rest it means unused, not yet flushed",
        *evidence,
    )


def counter_meaning(seen: ClaimEvidence) -> ClaimFinding:
    """7: 0 unused, 1 not flushed, n for n - 1 users."""
    counts = [
        count_after(seen, seen.one(name)) for name in ("hold", "hold-again", "hold-less", "last")
    ]
    flushed = change_of(wrap(seen), slot_of(seen, seen.one("fresh")))
    return when(
        counts == [2, 3, 2, 1] and flushed is not None and flushed.count == 0,
        f"kmap {counts[0]}, second kmap {counts[1]}, kunmap {counts[2]};"
        f" last kunmap {counts[3]}, flush {flushed.count if flushed else '?'}",
    )


def never_below_one(seen: ClaimEvidence) -> ClaimFinding:
    """8: kunmap never brings the counter below 1."""
    lowest = min(
        count_after(seen, step) for step in seen.all("scan-less") if step.observation.slots
    )
    too_many = seen.one("too-many").observation
    return when(
        lowest == 1 and too_many.status is Status.DIED,
        f"lowest count after {len(seen.all('scan-less'))} last kunmaps: {lowest}",
        f"one kunmap too many: {too_many.status.name.lower()} (BUG)",
    )


def cache_flush(seen: ClaimEvidence) -> ClaimFinding:
    """9: the flush begins with flush_cache_kmaps."""
    if seen.flush_cache_kmaps:
        return holds("System.map has flush_cache_kmaps")
    return changed(
        "nothing to do on x86: the call is compiled to nothing",
        "no flush_cache_kmaps among the kernel's symbols",
    )


def full_scan(seen: ClaimEvidence) -> ClaimFinding:
    """10: all of pkmap_count is scanned; entries at 1 become 0 and leave the page table."""
    changes = [one for one in wrap(seen).observation.slots if one.count == 0]
    cleared = sum(not one.pte and not one.address for one in changes)
    held = seen.one("held").observation
    first, last = min(one.slot for one in changes), max(one.slot for one in changes)
    return when(
        cleared == len(changes) > 0 and held.status is Status.OK,
        f"at the wrap {len(changes)} entries from slot {first} to {last} went from 1 to 0,"
        f" {cleared} of them with PTE and page address gone",
        "the entry in use was left alone: its page could be read afterwards",
    )


def tlb_flush(seen: ClaimEvidence) -> ClaimFinding:
    """11: then the TLB entries of the PKMAP area are flushed, with flush_tlb_kernel_range."""
    some, none = seen.one("flush-some").observation, seen.one("flush-none").observation
    step = wrap(seen).observation
    evidence = (
        f"wrap: {step.flush_ranges} flush_tlb_kernel_range of the whole area, done on"
        f" {step.flush_cpus} of {seen.layout.online_cpus} CPUs (a full TLB flush on each),"
        f" {step.flush_dirty} PTEs still there",
        f"a scan with entries at 1: {some.flush_ranges} range flush;"
        f" one without: {none.flush_ranges}",
    )
    right = (
        step.flush_ranges == 1
        and step.flush_cpus == seen.layout.online_cpus
        and not step.flush_odd
    )
    if right and none.flush_ranges == 0:
        return changed("only if an entry was cleared", *evidence)
    return when(right, *evidence, otherwise="another flush")


def invoked_at_the_beginning(seen: ClaimEvidence) -> ClaimFinding:
    """12: this is done whenever the search starts from the beginning."""
    step, sleep = wrap(seen).observation, seen.one("sleep").observation
    evidence = (
        f"cursor came round: {step.flush_scans} scan, {step.flush_ranges} TLB flush",
        f"came round with nothing at 1: {sleep.flush_scans} scan,"
        f" {sleep.flush_ranges} TLB flushes",
    )
    if sleep.flush_scans == 1 and not sleep.flush_ranges:
        return changed("the scan always, the TLB flush only if an entry was cleared", *evidence)
    return when(sleep.flush_scans == 1, *evidence)


def may_sleep(seen: ClaimEvidence) -> ClaimFinding:
    """13: kmap may sleep and must not be used in interrupt handlers."""
    sleep, atomic = seen.one("sleep").observation, seen.one("atomic-kmap").observation
    said = f"{atomic.warns} warnings" if atomic.warns else "not a word"
    return when(
        sleep.status is Status.BLOCKED,
        f"it sleeps when it must: {sleep.status.name.lower()}",
        f"in an atomic section with free slots it works, and the kernel says {said}"
        f" (DEBUG_ATOMIC_SLEEP {'on' if seen.layout.debug_atomic_sleep else 'off'})",
    )


def sleeps_when_full(seen: ClaimEvidence) -> ClaimFinding:
    """14: it goes to sleep if the array has no free position."""
    fill, sleep = seen.all("fill"), seen.one("sleep").observation
    blocked = sum(step.observation.status is Status.BLOCKED for step in fill)
    return when(
        not blocked and sleep.status is Status.BLOCKED,
        f"{len(fill) + 1} kmaps of different pages did not sleep, the next did",
    )


def without_highmem(seen: ClaimEvidence) -> ClaimFinding:
    """22: without highmem kmap is page_address."""
    low = seen.one("lowmem").observation
    atomic = seen.one("atomic-low").observation
    return when(
        low.value == low.page_address and atomic.value == atomic.page_address,
        f"pages that need no highmem: kmap {low.value:#x}, kmap_atomic {atomic.value:#x},"
        " both page_address",
        "(a kernel without CONFIG_HIGHMEM has nothing here to run; its inlines are these)",
    )


def area(seen: ClaimEvidence) -> ClaimFinding:
    """23: PKMAP lies between PKMAP_BASE and FIXADDR_START: LAST_PKMAP entries, one page table."""
    layout = seen.layout
    end = layout.pkmap_base + layout.last_pkmap * PAGE_SIZE
    gap = (layout.fixaddr_start - end) // PAGE_SIZE
    one_table = layout.pkmap_base % (layout.last_pkmap * PAGE_SIZE) == 0
    evidence = (
        f"{layout.pkmap_base:#x} to {end:#x}: {layout.last_pkmap} entries,"
        f" {'one page table' if one_table else 'not one page table'}",
        f"{gap} pages from there to FIXADDR_START {layout.fixaddr_start:#x}",
    )
    if one_table and gap > layout.last_pkmap:
        return changed("cpu_entry_area and the LDT lie between (5.10)", *evidence)
    return when(one_table and gap >= 0, *evidence)
