"""Claims 15 to 21: the fixmap windows."""

from harness.claims.claim_finding import ClaimFinding, changed, false, holds, when
from harness.claims.claim_programs import A, B, ClaimEvidence
from harness.model.records.layout import PAGE_SIZE, Generation
from harness.model.records.observation import Observation, Status


def maps(seen: ClaimEvidence, task: int) -> list[Observation]:
    """The three atomic mappings of *task*."""
    return [step.observation for step in seen.all(f"atomic-{task}")]


def entries(seen: ClaimEvidence, task: int) -> list[int]:
    """The window entries of these mappings, counted from FIX_KMAP_BEGIN."""
    return [
        seen.layout.fixindex(one.value) - seen.layout.fix_kmap_begin for one in maps(seen, task)
    ]


def atomic_and_faster(seen: ClaimEvidence) -> ClaimFinding:
    """15: kmap_atomic is executed atomically, and is faster than kmap."""
    kmap = seen.instructions["kmap"] + seen.instructions["kunmap"]
    pair = seen.instructions["kmap_atomic"] + seen.instructions["kunmap_atomic"]
    evidence = [
        f"instructions: kmap and kunmap of a page at 1 {kmap}, "
        f"kmap_atomic and kunmap_atomic {pair}",
        _section(seen),
    ]
    if "kmap_local" in seen.instructions:
        local = seen.instructions["kmap_local"] + seen.instructions["kunmap_local"]
        evidence.append(f"instructions: kmap_local_page and kunmap_local {local}")
    hows = ["preemptible on RT"] if seen.layout.rt else []
    hows += ["not fewer instructions"] if pair >= kmap else []
    return changed(", ".join(hows), *evidence) if hows else holds(*evidence)


def _section(seen: ClaimEvidence) -> str:
    inside = maps(seen, A)[0]
    counted = (
        f"preempt_count {inside.preempt}"
        if seen.layout.preempt_count
        else "preempt_count not counted"
    )
    pinned = (
        f", migration_disabled {inside.migrate}"
        if seen.layout.generation is Generation.LOCAL
        else ""
    )
    return f"within: {counted}, pagefault_disabled {inside.pagefault}{pinned}"


def not_for_sleepers(seen: ClaimEvidence) -> ClaimFinding:
    """16: kmap_atomic must not be used in code that can sleep."""
    if not seen.all("local-sleep"):
        return holds(
            _section(seen),
            "a switch would leave the entries to the next task: the stack is the CPU's",
        )
    asleep = seen.one("local-sleep").observation
    read, again = seen.one("local-read").observation, seen.one("local-write").observation
    evidence = (
        _section(seen),
        f"kmap_local_page across a sleep: {asleep.invlpgs} flush on the way out, then"
        f" {read.value:#x} was read through PTE {read.pte:#x} ({again.pte:#x} before)",
    )
    survived = asleep.invlpgs > 0 and read.status is Status.OK and read.value == 0x1111
    if not survived:
        return false("a kmap_local mapping did not survive a sleep", *evidence)
    if seen.layout.rt:
        return changed(
            "on RT it is preemptible, and kmap_local_page may sleep anywhere", *evidence
        )
    return changed("kmap_atomic still not; kmap_local_page may sleep", *evidence)


def index_formula(seen: ClaimEvidence) -> ClaimFinding:
    """17: idx = type + KM_TYPE_NR * smp_processor_id()."""
    window = seen.layout.window
    evidence = tuple(
        f"CPU {cpu}: entries {', '.join(map(str, entries(seen, task)))}"
        for cpu, task in ((0, A), (1, B))
    )
    shift = [b - a for a, b in zip(entries(seen, A), entries(seen, B), strict=True)]
    if shift != [window] * 3:
        return false(f"CPU 1 is not {window} entries after CPU 0", *evidence)
    depth = "the CPU's" if seen.layout.generation is Generation.STACK else "the task's"
    return changed(f"for type read depth of {depth} mappings; {window} for KM_TYPE_NR", *evidence)


def address_formula(seen: ClaimEvidence) -> ClaimFinding:
    """18: vaddr = __fix_to_virt(FIX_KMAP_BEGIN + idx)."""
    values = [one.value for one in maps(seen, A)]
    right = all(
        one.value == seen.layout.fixaddr(seen.layout.fix_kmap_begin + idx)
        for task in (A, B)
        for one, idx in zip(maps(seen, task), entries(seen, task), strict=True)
    )
    return when(
        right
        and values == sorted(values, reverse=True)
        and (values[0] - values[1]) % PAGE_SIZE == 0,
        f"fixaddr_top {seen.layout.fixaddr_top:#x}, FIX_KMAP_BEGIN {seen.layout.fix_kmap_begin}:"
        f" {', '.join(f'{value:#x}' for value in values)}",
    )


def one_per_type(seen: ClaimEvidence) -> ClaimFinding:
    """19: a window for each CPU, with one entry for each mapping type."""
    total = seen.layout.fix_kmap_end - seen.layout.fix_kmap_begin + 1
    evidence = (
        f"{total} entries for {seen.layout.nr_cpus} CPUs: windows of {seen.layout.window}",
        f"three mappings of a task on three entries: {', '.join(map(str, entries(seen, A)))}",
    )
    if total != seen.layout.window * seen.layout.nr_cpus:
        return false("windows of different sizes", *evidence)
    return changed("a window for each CPU, its entries by depth", *evidence)


def overwritten(seen: ClaimEvidence) -> ClaimFinding:
    """20: if it slept, another process could map the same type and overwrite the entry."""
    onto = seen.one("onto-occupied").observation
    evidence = [f"kmap_atomic onto an entry in use: {onto.status.name.lower()}"]
    if seen.all("other-map"):
        mine, other = seen.one("local-map").observation, seen.one("other-map").observation
        read = seen.one("local-read").observation
        evidence.append(
            f"two tasks of a CPU at {mine.value:#x} and {other.value:#x}; "
            f"the first then reads {read.value:#x}, its own"
        )
        if read.value != 0x1111:
            return holds(*evidence)
    if onto.status is not Status.DIED:
        return holds(*evidence)
    how = (
        "the entry is saved and put back at a switch"
        if seen.all("other-map")
        else "an entry in use is a BUG"
    )
    return false(how, *evidence)


def unmapped_by_type(seen: ClaimEvidence) -> ClaimFinding:
    """21: kunmap_atomic deletes the page-table entry that type and address name."""
    unmaps = [step.observation for step in seen.all(f"atomic-unmap-{A}")]
    gone = all(not one.pte and one.invlpgs == 1 for one in unmaps)
    evidence = (
        f"PTEs after {len(unmaps)} unmaps: {', '.join(f'{one.pte:#x}' for one in unmaps)};"
        f" INVLPG of {', '.join(f'{one.invlpg_address:#x}' for one in unmaps)}",
        "addresses 16, 8 and 0 bytes into the page did as well",
    )
    if not gone:
        return false("an entry stayed", *evidence)
    return changed(
        "no type: the top of the stack is deleted, the address says only that it is one", *evidence
    )
