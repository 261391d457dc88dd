"""Known bugs of released kernels: which of them count for one kernel.

An entry of the list counts only where it says that the bug is: in a range of releases, in one
generation, with or without some configuration symbols, until a date.  On any other kernel the
same observation breaks the contract.  ``known_bugs_file.py`` reads the lists.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from harness.architecture.i386 import I386
from harness.errors import UsageError
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, Generation, Layout
from harness.model.records.observation import Observation
from harness.trace.trace_records import Header

_RELEASE: Final = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class KnownBug:
    """One entry of a list.

    ``first`` and ``last`` are the (major, minor) of the first and last releases with the bug.
    ``generation`` is None for any.  Every symbol of ``config`` must be set, or unset where a "!"
    stands before it.  ``fields`` are the fields of the observation that the bug changes.
    ``message`` is part of a line that the kernel prints while it boots, if that is how it shows.
    ``lapsed`` says that the date ``until`` was past on the day on which the list was read.
    """

    id: str
    what: str
    first: tuple[int, int]
    last: tuple[int, int]
    generation: Generation | None
    config: tuple[str, ...]
    seen: str
    fields: tuple[str, ...]
    reference: str
    until: date | None = None
    link: str = ""
    lapsed: bool = False
    message: str = ""

    @property
    def releases(self) -> str:
        """The range of releases in words: ``6.1 to 7.3``."""
        return " to ".join(".".join(map(str, end)) for end in (self.first, self.last))

    def exclusion(self, header: Header) -> str:
        """Why the entry does not count for the kernel of *header*; empty where it counts."""
        return next(self._exclusions(header), "")

    def _exclusions(self, header: Header) -> Iterator[str]:
        if not self._in_release(header.release):
            yield f"it is listed for {self.releases}, and this kernel is {header.release}"
        generation = header.layout.generation
        if self.generation not in {None, generation}:
            listed = self.generation.value if self.generation else ""
            yield f"it is listed for the {listed} generation, not for {generation.value}"
        for condition in self.config:
            yield from _unmet_condition(condition, header)
        if self.lapsed:
            yield f"its entry ended on {self.until}"

    def _in_release(self, release: str) -> bool:
        try:
            return self.first <= major_minor(release) <= self.last
        except UsageError:
            return False


def major_minor(release: str) -> tuple[int, int]:
    """(major, minor) of a kernel release.  Raises UsageError where it has none."""
    found = _RELEASE.match(release)
    if not found:
        raise UsageError(
            f"{release!r} is no kernel release", hint="it begins with major.minor, like 6.1"
        )
    return int(found[1]), int(found[2])


def _unmet_condition(condition: str, header: Header) -> Iterator[str]:
    symbol, wanted = condition.removeprefix("!"), not condition.startswith("!")
    enabled = _has_symbol(symbol, header)
    if enabled is None:
        yield f"it depends on {symbol}, and the configuration of this kernel is not recorded"
    elif enabled is not wanted:
        yield f"it is listed for kernels {'with' if wanted else 'without'} {symbol}"


def _has_symbol(symbol: str, header: Header) -> bool | None:
    """Tell whether the kernel has *symbol* built in; None where neither trace nor layout knows."""
    if header.config_symbols is not None:
        return symbol in header.config_symbols
    return _symbols_of_layout(header.layout).get(symbol)


def _symbols_of_layout(layout: Layout) -> Mapping[str, bool]:
    """The symbols that a layout tells: enough for traces from before headers held symbols."""
    return {
        I386.paging.wide_entries_option: layout.pae,
        "CONFIG_SMP": layout.smp,
        "CONFIG_PREEMPT_RT": layout.rt,
        "CONFIG_PREEMPT_COUNT": layout.preempt_count,
        "CONFIG_DEBUG_HIGHMEM": layout.debug_highmem,
        "CONFIG_DEBUG_KMAP_LOCAL": layout.debug_kmap_local,
        "CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP": layout.force_map,
        "CONFIG_DEBUG_ATOMIC_SLEEP": layout.debug_atomic_sleep,
    }


class ExcludedBug(NamedTuple):
    """A bug on the list that does not count for one kernel, and why."""

    bug: KnownBug
    reason: str


class KernelBugs(NamedTuple):
    """The known bugs as they concern one kernel, by id: those that it may show, and all others."""

    counted: Mapping[str, KnownBug]
    excluded: Mapping[str, ExcludedBug]

    def of_message(self, lines: Iterable[str]) -> str | None:
        """The bug that shows as a report of the kernel with these *lines*, by id, if it counts."""
        return next(
            (
                name
                for line in lines
                for name, bug in self.counted.items()
                if bug.message and bug.message in line
            ),
            None,
        )

    def cured(self, name: str | None, seen: Observation, differing: Collection[str]) -> bool:
        """Tell whether *seen* is what a kernel without the bug *name* shows.

        *differing* are the fields in which it differs from what a kernel with the bug shows.
        """
        if name is None:
            return False
        excluded = self.excluded.get(name)
        bug = self.counted.get(name) or (excluded.bug if excluded else None)
        return bug is not None and set(differing) <= set(bug.fields) and seen == right_answer(seen)


@dataclass(frozen=True, slots=True)
class KnownBugs:
    """A list of known bugs; several entries may describe one bug.  ``file`` is the user's own."""

    entries: tuple[KnownBug, ...]
    file: Path | None = None

    def for_kernel(self, header: Header) -> KernelBugs:
        """The bugs that count for the kernel of *header*, by its release, layout and config."""
        counted: dict[str, KnownBug] = {}
        excluded: dict[str, ExcludedBug] = {}
        for bug in self.entries:
            reason = bug.exclusion(header)
            if reason:
                text = f"{bug.what}; {reason}"
                excluded.setdefault(bug.id, ExcludedBug(bug, text))
            else:
                counted.setdefault(bug.id, bug)
        others = {name: one for name, one in excluded.items() if name not in counted}
        return KernelBugs(counted, others)

    @property
    def descriptions(self) -> Mapping[str, str]:
        """Each bug and the kernels that have it, in one sentence, by id."""
        return {
            bug.id: f"{bug.what} (in {bug.releases}{f'; {bug.link}' if bug.link else ''})"
            for bug in reversed(self.entries)
        }

    def identity(self) -> str:
        """A text that names all that the list can change in a verdict, for keys of caches."""
        return repr(self.entries)


def right_answer(seen: Observation) -> Observation:
    """*seen* with the value that a kernel without the bug would have returned.

    All bugs on record are of kmap_to_page(), which must answer with the page that is mapped at
    its address.
    """
    return seen._replace(value=(seen.pte & FRAME_MASK) >> PAGE_SHIFT)
