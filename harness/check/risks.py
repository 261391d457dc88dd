"""The table of risks: on which machines and configurations a patch can break what it touches.

Each row tells files and words of the lines that a patch changes, and where the same code goes
another way.  The rows stand in the order of their worth: a check by default judges the first
EXTRA_MOST of those that match beside its own kernel on the usual machine.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from harness.architecture.i386 import I386
from harness.patch.patch import Patch

EXTRA_MOST = 2
"""Cells that a check adds by itself: with them it takes at most three times as long."""


HISTORIES = 80_000
"""Operations of histories in a check: once each of the regimes with waits, rounds and one page."""


class Profile(StrEnum):
    """The extent of a check: one cell, those that the patch can break, or all of the table."""

    QUICK = "--quick"
    TOUCHED = "by default"
    THOROUGH = "--thorough"


class Place(NamedTuple):
    """A configuration on a machine, and why; ``config`` holds what is joined to the check's own.

    A word of ``config`` that begins with ``-`` is taken out of it.
    """

    config: str
    machine: str
    why: str
    histories: int = 0
    """Operations of concurrent histories that run there, with schedules, instead of scenarios."""

    @property
    def words(self) -> str:
        """The place and the reason as people read them."""
        place = ", ".join(filter(None, (self.config.removeprefix("-pae+"), self.machine)))
        return f"{place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Risk:
    """One row: which patches have the risk, and the place at which it shows.

    ``files`` and ``lines`` are searched for in the names of changed files and in their changed
    lines, headings of hunks included.
    """

    place: Place
    files: str
    lines: str = ""

    def concerns(self, file: str, changed: str) -> bool:
        """Tell whether a patch that changes these lines of *file* has the risk."""
        return bool(re.search(self.files, file) and re.search(self.lines, changed))


_SOURCE = I386.source
_HEADERS = r"include/linux/highmem(-internal)?\.h|include/asm/(highmem|iomap|fixmap)\.h"
_MAPPING = "|".join(map(re.escape, ("mm/highmem.c", *_SOURCE.mapping_files))) + f"|{_HEADERS}"
_HERE = "|".join((_MAPPING, *map(re.escape, _SOURCE.flush_files), r"kernel/sched/core\.c"))
_MEMORY = "|".join(map(re.escape, _SOURCE.memory_files))
_TABLES = r"pgtable|pgalloc|tlbflush|mm/pgtable|set_memory|pageattr"

RISKS = (
    Risk(
        Place(
            "",
            "memory=5120+reserve=16@1024",
            "the memory map: holes, memory above 4 GiB, and reserved highmem",
        ),
        f"{_MEMORY}|{_MAPPING}",
        r"(?i)max_(low_)?pfn|memblock|e820|phys_|totalhigh|highmem_pages|highstart"
        r"|highpages|free_mem_range|managed_page",
    ),
    Risk(
        Place("debug+lockdep", "", "locks and contexts, which lockdep proves"),
        _HERE,
        r"spin_(un)?lock|irq_?(save|restore|disable|enable)|lockdep|mutex|preempt|migrate_",
    ),
    Risk(
        Place(
            "",
            "smp=4+parallel",
            "several CPUs at once in the same slots, in every order of steps",
            HISTORIES,
        ),
        "^mm/highmem\\.c",
        r"pkmap_count|lock_kmap|kmap_lock|wake_up|wait|schedule|flush_all_zero|current_state"
        r"|page_address|\bTASK_|\bsmp_|barrier\(",
    ),
    Risk(
        Place("-pae+highmem", "", "page tables of two levels have code of their own"),
        f"{_MAPPING}|{_TABLES}",
        r"PAE|LAST_PKMAP|PKMAP_BASE|pte_(low|high)|set_64bit|cmpxchg8b|pgtable.[23]level",
    ),
    Risk(
        Place("highpte", "", "page tables in highmem are mapped by this code"),
        rf"^mm/(?!highmem)|{_TABLES}",
        r"pte_(unmap|offset_map|alloc_map)|HIGHPTE",
    ),
    Risk(
        Place("pti", "pti", "page table isolation: user processes have tables of their own"),
        rf"{_TABLES}|{_HERE}|mm/pti\.c|cpu_entry_area|kernel/ldt\.c|entry_32|mm/fault\.c",
        r"\bpti|(?<![A-Z])PTI|ldt|LDT|cpu_entry_area|sync_(global|initial)|vmalloc_sync|\bpgd"
        r"|user_pcid|__(default_kernel|supported)_pte_mask|PAGE_GLOBAL",
    ),
    Risk(
        Place("pat", "cpu=core2duo", "memory types, which a CPU with PAT has more of"),
        r"iomap|ioremap|set_memory|pageattr|mm/pat",
        r"cache_?mode|memtype|pat_enabled|iomap_(create|free)|PAGE_CACHE|_PAGE_PAT"
        r"|pgprot_(writecombine|noncached)",
    ),
    Risk(
        Place("debug", "", "the kernel's own checks of depth and order"),
        _HERE,
        r"DEBUG_(HIGHMEM|KMAP)|\b(VM_)?(BUG|WARN)(_ON)?\w*\(|_idx_(push|pop)|KM_(MAX|TYPE|INCR)",
    ),
    Risk(
        Place("guards", "", "guard slots between local mappings"),
        _HERE,
        r"KM_INCR|DEBUG_KMAP|kmap_ctrl|kmap_local_(idx|sched|fork)|sched_(in|out)",
    ),
    Risk(
        Place("", "smp=1", "waiting, waking and flushing on a single CPU"),
        _HERE,
        r"wait|wake|schedule|on_each_cpu|cpumask|smp_|flush_tlb|cpu_(online|possible)|need_flush",
    ),
    Risk(
        Place("up", "", "kernels for one CPU have neither IPIs nor migration"),
        _HERE,
        r"CONFIG_SMP|smp_processor_id|NR_CPUS|num_\w+_cpus",
    ),
    Risk(
        Place("rt", "", "with PREEMPT_RT atomic sections can be preempted"),
        _HERE,
        r"PREEMPT|preempt|migrate|kmap_ctrl|pagefault_(dis|en)able",
    ),
)
"""The first matching rows win; all of them are what ``--thorough`` judges."""

_COVERS = {"debug+lockdep": frozenset({"debug"})}
"""Configurations that have all that others have."""

_EVERYWHERE = re.compile(r"^(arch/[^/]+/)?include/(?!.*(pgtable.[23]level|asm/iomap\.h))")
"""Headers that nearly all objects include: each configuration would be compiled as a whole."""
_FILE = re.compile(rb"^\+\+\+ [^/\s]+/(\S+)", re.MULTILINE)
_CHANGED = re.compile(r"^(?:[-+](?!-- |\+\+ )|@@ ).*$", re.MULTILINE)


def places_of(patches: Sequence[Patch], profile: Profile) -> tuple[Place, ...]:
    """The places that *profile* can add to the check's own, in the table's order."""
    if profile is Profile.QUICK:
        return ()
    if profile is Profile.THOROUGH:
        return tuple(one.place for one in RISKS)
    found = _without_covered(risks_of(patches))
    if any(_EVERYWHERE.search(file) for patch in patches for file, _ in changes_of(patch)):
        found = tuple(one for one in found if not one.config)
    return found


def risks_of(patches: Sequence[Patch]) -> tuple[Place, ...]:
    """Every place at which *patches* can break what they touch, in the table's order."""
    touched = [part for patch in patches for part in changes_of(patch)]
    return tuple(one.place for one in RISKS if any(one.concerns(*part) for part in touched))


def _without_covered(places: Sequence[Place]) -> tuple[Place, ...]:
    covered = {name for one in places for name in _COVERS.get(one.config, ())}
    return tuple(one for one in places if one.config not in covered)


def changes_of(patch: Patch) -> Iterator[tuple[str, str]]:
    """Each file of *patch*, and the lines that it changes with the headings of their hunks."""
    parts = _FILE.split(patch.diff)
    for name, hunks in zip(parts[1::2], parts[2::2], strict=True):
        text = hunks.decode(errors="replace")
        yield name.decode(errors="replace"), "\n".join(_CHANGED.findall(text))
