"""How many schedules of two threads a second of CPU time runs, and how many are judged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.bench.bench_error import BenchError
from harness.bench.rate import Sample, Timed
from harness.bench.subject import Subject
from harness.guest.schedule_wire import SearchAnswer
from harness.schedule.gate_finder import FoundGates, GateLevel, find_gates
from harness.schedule.guest_supply import GuestStart, GuestSupply
from harness.schedule.program_search import ProgramSearch, SearchSpace
from harness.schedule.schedule_judge import ScheduleJudge
from harness.schedule.thread_program import parse_program

CPUS: Final = 4
BOUND: Final = 4
ENOUGH: Final = 2_000
"""Schedules of one sample; there are more within the bound."""
SECONDS: Final = 60.0
WAKE: Final = parse_program("kmap a || kunmap x")
PROGRAM: Final = parse_program(
    "kmap a, kunmap a, kmap a, kunmap a || kmap b, kunmap b, kmap b, kunmap b; slots 2"
)


@dataclass(frozen=True, slots=True)
class ScheduledGuest:
    """A guest for schedules of one kernel, and its gates at each level."""

    guests: GuestSupply
    levels: dict[GateLevel, FoundGates]

    def rates(self) -> Sample:
        """One sample: schedules for each second of QEMU's CPU time, and of the judge's."""
        rows = dict(self._replayed())
        for level, found in self.levels.items():
            rows |= self._of(level, found)
        return rows

    def _replayed(self) -> Sample:
        """The longest schedule of a sleep and its wake-up, the same again and again."""
        guest = self.guests.guest()
        gates = self.levels[GateLevel.LOCK].armed(WAKE.parts)
        search = ProgramSearch(guest, SearchSpace(WAKE, gates, BOUND))
        (found, *_) = search.answers(time.monotonic() + SECONDS)
        longest = max(found.outcomes, key=lambda one: one.head.n_events)
        before = guest.session.process.cpu_seconds()
        search.replay([one.choice for one in longest.decisions], ENOUGH)
        cpu = guest.session.process.cpu_seconds() - before
        if not search.complete:
            raise BenchError(search.unknown, hint="run `kmap-harness schedules --replay`")
        return {("replays of a schedule with a sleep, QEMU's CPU", "1/s"): ENOUGH / cpu}

    def _of(self, level: GateLevel, found: FoundGates) -> Sample:
        guest = self.guests.guest()
        gates = found.armed(PROGRAM.parts)
        search = ProgramSearch(guest, SearchSpace(PROGRAM, gates, BOUND))
        before = guest.session.process.cpu_seconds()
        answers = list(_some(search))
        cpu = guest.session.process.cpu_seconds() - before
        judge = ScheduleJudge(guest.info()[0], self.guests.numbers, PROGRAM, gates)
        with Timed() as timed:
            wrong = [found for one in answers for log in one.outcomes for found in judge.odd(log)]
        if wrong or search.unknown:
            raise BenchError("schedules did not agree", hint="run `kmap-harness schedules`")
        return {
            (f"schedules, level {level}, QEMU's CPU", "1/s"): search.schedules / cpu,
            (f"schedules, level {level}, judging", "1/s"): search.schedules / timed.cpu,
        }


def _some(search: ProgramSearch) -> Iterator[SearchAnswer]:
    """The answers to the first requests for schedules, until there are enough."""
    for one in search.answers(time.monotonic() + SECONDS):
        yield one
        if search.schedules >= ENOUGH:
            return


def scheduled_guest(subject: Subject, folder: Path) -> ScheduledGuest:
    """A guest like those of *subject*, but with a CPU for each thread and one beside."""
    kernel = subject.prepared.kernel
    levels = {level: find_gates(kernel, level) for level in (GateLevel.LOCK, GateLevel.MEMORY)}
    shape = replace(subject.shape, smp=max(CPUS, subject.shape.smp))
    start = GuestStart(subject.prepared, shape, folder, template=False)
    return ScheduledGuest(GuestSupply(start, levels[GateLevel.MEMORY].gates), levels)
