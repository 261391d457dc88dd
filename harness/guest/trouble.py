"""Kernel trouble on a console: recognised, and the lines of one report kept together.

Wording from kernel/panic.c, lib/bug.c, arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c,
kernel/sched/core.c, kernel/locking/lockdep.c, kernel/rcu/tree_stall.h, kernel/hung_task.c and
kernel/watchdog.c of 5.10, 6.1 and 7.3.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class TroubleKind(StrEnum):
    """The subject of a report."""

    PANIC = "panic"
    DOUBLE_FAULT = "double fault"
    BUG = "BUG"
    FAULT = "bad page fault"
    GENERAL_PROTECTION = "general protection fault"
    OOPS = "oops"
    LOCKDEP = "lockdep"
    ATOMIC = "sleep or schedule while atomic"
    SOFT_LOCKUP = "soft lockup"
    HARD_LOCKUP = "hard lockup"
    HUNG_TASK = "hung task"
    RCU_STALL = "RCU stall"
    CORRUPTION = "corruption"
    MEMORY = "out of memory"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class KernelTrouble:
    """One report of the kernel.

    ``title`` is the line that says what happened; ``step`` is the step of the report where a
    marker named one.
    """

    kind: TroubleKind
    title: str
    lines: tuple[str, ...]
    step: int | None = None


_PREFIX = re.compile(r"^(?:<\d+>)?(?:\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?)?")
_MARKER = re.compile(r"^kmap-harness: step (\d+)\b")
_UP = re.compile(r"^kmap-harness: agent up$")
"""The line that the agent prints when the boot is over (images/agent/boot.c)."""
_CUT = re.compile(r"^-+\[ cut here \]-+$")
_END = re.compile(r"^---\[ end (?:trace|Kernel panic)")

_HEADINGS: tuple[tuple[re.Pattern[str], TroubleKind], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"^Kernel panic - not syncing", TroubleKind.PANIC),
        (r"(?i)^(?:traps: )?(?:PANIC: )?double fault", TroubleKind.DOUBLE_FAULT),
        (r"^kernel BUG at ", TroubleKind.BUG),
        (r"^BUG: (?:unable to handle|kernel NULL pointer)", TroubleKind.FAULT),
        (r"^(?:#PF: )?unable to handle kernel", TroubleKind.FAULT),
        (r"^(?:traps: )?general protection fault", TroubleKind.GENERAL_PROTECTION),
        (
            r"^BUG: (?:scheduling while atomic|sleeping function|using \S+ in preemptible)",
            TroubleKind.ATOMIC,
        ),
        (r"^BUG: Invalid wait context", TroubleKind.LOCKDEP),
        (r"^(?:watchdog: )?BUG: soft lockup", TroubleKind.SOFT_LOCKUP),
        (r"(?i)hard LOCKUP on cpu", TroubleKind.HARD_LOCKUP),
        (r"^INFO: task \S+ blocked for more than", TroubleKind.HUNG_TASK),
        (
            r"^(?:rcu: )?INFO: rcu\w* .*(?:self-detected stall|detected (?:expedited )?stalls)",
            TroubleKind.RCU_STALL,
        ),
        (
            r"^WARNING: (?:possible (?:circular|recursive|irq lock)|inconsistent lock"
            r"|suspicious RCU)",
            TroubleKind.LOCKDEP,
        ),
        (
            r"^WARNING: (?:bad unlock balance|lock held when|held lock freed|nested lock)",
            TroubleKind.LOCKDEP,
        ),
        (
            r"^WARNING: (?:\S+-safe -> \S+-unsafe|SOFTIRQ|HARDIRQ|\S+/\d+ still has locks)",
            TroubleKind.LOCKDEP,
        ),
        (
            r"^INFO: (?:trying to register non-static key|lockdep is turned off)",
            TroubleKind.LOCKDEP,
        ),
        (r"^(?:BUG: )?(?:Bad page (?:state|map|cache)|Bad rss-counter)", TroubleKind.CORRUPTION),
        (
            r"^(?:list_add|list_del) corruption|^stack-protector:"
            r"|^BUG \S+ .*: .*(?:overwritten|poison)",
            TroubleKind.CORRUPTION,
        ),
        (r"^Out of memory|^\S+ invoked oom-killer|page allocation failure", TroubleKind.MEMORY),
        (r"^BUG:? ", TroubleKind.BUG),
        (r"^WARNING: ", TroubleKind.WARNING),
        (r"^(?:Oops|invalid opcode|divide error|stack segment|invalid TSS): ", TroubleKind.OOPS),
        (r"^Oops\b", TroubleKind.OOPS),
        (r"^(?:\S+: )?unexpected \S+ (?:trap|exception)", TroubleKind.OOPS),
    )
)
"""The first that matches decides."""

_BELONGS = re.compile(
    r"""^(?:\s|$|=+$|-+$|\.\.\.|---\[|\#PF:|\*p[dg]|\*pdpt|E[A-D]X:|ESI:|EIP:|ESP:|DS:|CR\d:|DR\d:|
    Code:|Call\ Trace|CPU:|PID:|Hardware\ name:|Modules\ linked|Workqueue:|Tainted|
    Not\ tainted|Kernel\ Offset|\[<[0-9a-f]+>\]|Oops|invalid\ opcode|Fixing|note:|task:|
    in_atomic|preempt_count|RCU\ nest|Preemption\ disabled|INFO:\ lockdep|INFO:\ Slab|
    irq\ event|hardirqs|softirqs|(?:\d+|no)\ locks?\ held|other\ info|stack\ backtrace|
    but\ task|which\ lock|the\ existing|\S+/\d+\ is\ trying|and\ this\ task|but\ there|
    Possible|"echo\ 0|Rebooting|Sending\ NMI|NMI\ backtrace|rcu:|Showing|show_signal|page:|
    raw:|flags:|page\ dumped)""",
    re.VERBOSE,
)
_LINES_MOST = 300
_UNTOLD = "(the report broke off before it said what)"


def classify(text: str) -> TroubleKind | None:
    """The trouble that a line, without its time stamp, announces; None for an ordinary line."""
    return next((kind for pattern, kind in _HEADINGS if pattern.search(text)), None)


def without_stamp(line: str) -> str:
    """A console line without level, time stamp and caller."""
    return _PREFIX.sub("", line, count=1)


class Recogniser:
    """Folds console lines into reports.  Reports wait for the step marker that follows them.

    Those of the boot wait for none: no step is to blame for them.

    ``marked`` is the step of the last marker, -1 before the first.
    """

    def __init__(self) -> None:
        self.marked = -1
        self._open: list[str] = []
        self._kind: TroubleKind | None = None
        self._title = ""
        self._until_end = False
        self._closed: list[KernelTrouble] = []
        self._ready: list[KernelTrouble] = []

    def feed(self, line: str) -> None:
        """Take in the next line."""
        text = without_stamp(line)
        if marker := _MARKER.match(text):
            self._mark(int(marker[1]))
        elif _UP.match(text):
            self._close()
            self._ready, self._closed = self._ready + self._closed, []
        elif _CUT.match(text):
            self._close()
            self._open, self._until_end = [text], True
        elif self._open:
            self._inside(text)
        elif kind := classify(text):
            self._begin(kind, text)

    def take(self, *, whole: bool = False, marked: bool = False) -> tuple[KernelTrouble, ...]:
        """The reports finished since the last call; with *whole* also the unfinished ones.

        With *marked* only those whose marker has come: that of another may be on its way.
        """
        if whole:
            self._close()
        if whole or not (self._open or marked):
            self._ready, self._closed = self._ready + self._closed, []
        taken, self._ready = tuple(self._ready), []
        return taken

    def _begin(self, kind: TroubleKind, text: str) -> None:
        self._open, self._kind, self._title = [text], kind, text
        self._until_end = kind in (
            TroubleKind.FAULT,
            TroubleKind.OOPS,
            TroubleKind.GENERAL_PROTECTION,
        )
        if kind is TroubleKind.PANIC:
            self._close()

    def _inside(self, text: str) -> None:
        kind = classify(text)
        if kind in (TroubleKind.PANIC, TroubleKind.DOUBLE_FAULT) or (
            kind and not self._until_end and self._kind
        ):
            self._close()
            self._begin(kind or TroubleKind.BUG, text)
        elif kind and self._kind is None:
            self._kind, self._title = kind, text
            self._open.append(text)
        elif self._until_end or _BELONGS.match(text):
            self._open.append(text)
            if _END.match(text) or len(self._open) >= _LINES_MOST:
                self._close()
        else:
            self._close()

    def _mark(self, step: int) -> None:
        self.marked = step
        self._close()
        self._ready += [replace(trouble, step=step) for trouble in self._closed]
        self._closed = []

    def _close(self) -> None:
        if self._open:
            kind, title = self._kind or TroubleKind.WARNING, self._title or _UNTOLD
            self._closed.append(KernelTrouble(kind, title, tuple(self._open)))
        self._open, self._kind, self._title, self._until_end = [], None, "", False


def recognise(lines: Iterable[str]) -> tuple[KernelTrouble, ...]:
    """All trouble in a complete log."""
    recogniser = Recogniser()
    for line in lines:
        recogniser.feed(line)
    return recogniser.take(whole=True)
