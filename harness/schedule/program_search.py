"""Runs the schedules of one program in a guest, request by request."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import KernelError
from harness.guest.deadline import Deadline
from harness.guest.gate_wire import Gate
from harness.guest.protocol import RequestType, answer, request
from harness.guest.running_guest import Guest
from harness.guest.schedule_wire import (
    RANDOM,
    REPLAY,
    RandomDraw,
    SearchAnswer,
    SearchDecision,
    SearchRequest,
    SearchStatus,
    SearchThread,
    decode_search,
    encode_search,
)
from harness.schedule.random_sample import LENGTH, RandomChoice, RandomSample
from harness.schedule.thread_program import ThreadProgram

FIRST_FREE: Final = 8
"""The first slot that the programs have; all others are in use."""
LIMIT: Final = 2_000
"""Schedules of one request at most."""
LIMIT_SECONDS: Final = 4.0
FIRST: Final = 50
"""Random schedules of the first request, which shows how many steps there are."""
REPLAY_MS: Final = 600_000
NO_DRAW: Final = RandomDraw()
NO_CHOICE: Final = "-"
"""The choices of a schedule in which each thread goes on as long as it can."""
PATIENCE_SECONDS: Final = 60.0
DEPARTED: Final = "the same decisions did not lead to the same steps"
_UNKNOWN: Final = {
    SearchStatus.STATE: "the state before could not be put back after a schedule",
    SearchStatus.STUCK: "a thread did not reach its next gate",
    SearchStatus.DEPARTED: DEPARTED,
    SearchStatus.LONG: "a schedule had too many steps",
}


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """A program, the gates at which its threads wait, and the bound on preemptions."""

    program: ThreadProgram
    gates: tuple[Gate, ...]
    bound: int


class ProgramSearch:
    """Runs the schedules of one program; ``decisions`` is where the search stands."""

    def __init__(self, guest: Guest, space: SearchSpace) -> None:
        self.guest, self.space = guest, space
        self.slots = guest.info()[0].last_pkmap
        self.decisions: tuple[SearchDecision, ...] = ()
        self.schedules = self.steps = 0
        self.complete = False
        self.unknown = ""
        self.sample: RandomSample | None = None

    def answers(self, until: float) -> Iterator[SearchAnswer]:
        """Run schedules until there are no more, or the time *until*."""
        while not self.complete and not self.unknown and time.monotonic() < until:
            left = min(LIMIT_SECONDS, max(0.1, until - time.monotonic()))
            found = self._ask(LIMIT, int(left * 1000), 0, self.decisions)
            self._count(found)
            self.decisions = found.decisions
            self.complete = found.head.status == SearchStatus.COMPLETE
            yield found

    def _count(self, found: SearchAnswer) -> None:
        self.schedules += found.head.schedules
        self.steps += found.head.events
        status = SearchStatus(found.head.status)
        self.unknown = _why(found) if status in _UNKNOWN else ""

    def samples(self, choice: RandomChoice, until: float) -> Iterator[SearchAnswer]:
        """Run so many random schedules, or fewer if the time *until* comes."""
        threads = len(self.space.program.threads)
        self.sample = RandomSample(choice.depth, choice.seed, threads)
        while not self.complete and not self.unknown and time.monotonic() < until:
            limit = min(LIMIT if self.schedules else FIRST, choice.schedules - self.schedules)
            length = self.sample.length or LENGTH
            draw = RandomDraw(choice.seed, self.schedules, length, choice.depth)
            found = self._ask(limit, int(LIMIT_SECONDS * 1000), RANDOM, (), draw)
            self._count(found)
            self.sample = self.sample.grown(found.head.schedules, found.head.longest)
            self.complete = self.schedules >= choice.schedules
            yield found

    def replay(self, choices: Sequence[int], times: int) -> SearchAnswer:
        """Run the schedule of these choices so many times; what differs makes it unknown."""
        decisions = tuple(SearchDecision(0, 0, choice, 0, 0) for choice in choices)
        found = self._ask(times, REPLAY_MS, REPLAY, decisions)
        self._count(found)
        if found.head.departed:
            self.unknown = f"{found.head.departed} of {times} replays had other steps"
        self.complete = not self.unknown and self.schedules == times
        return found

    def last_before_death(self, decisions: tuple[SearchDecision, ...]) -> str:
        """Run one schedule after the other from *decisions* on, until the kernel dies of one.

        Return the choices with which that schedule begins, or an empty text if none kills it.
        """
        for _ in range(LIMIT):
            try:
                found = self._ask(1, int(LIMIT_SECONDS * 1000), 0, decisions)
            except KernelError:
                return "".join(str(one.choice) for one in decisions) or NO_CHOICE
            if found.head.status != SearchStatus.MORE:
                break
            decisions = found.decisions
        return ""

    def _ask(
        self,
        limit: int,
        limit_ms: int,
        flags: int,
        decisions: tuple[SearchDecision, ...],
        draw: RandomDraw = NO_DRAW,
    ) -> SearchAnswer:
        wanted = self._request(limit, limit_ms, flags, decisions)
        body = encode_search(wanted._replace(draw=draw))
        link = self.guest.session.link
        damaged = link.statistics.damage
        link.submit(request(RequestType.SCHEDULES, body))
        try:
            data = link.collect(Deadline.after("schedules", limit_ms / 1000 + PATIENCE_SECONDS))
        except TimeoutError:
            raise self.guest.session.silent("in a schedule", damaged) from None
        return decode_search(answer(RequestType.SCHEDULES, data), len(self.space.program.threads))

    def _request(
        self, limit: int, limit_ms: int, flags: int, decisions: tuple[SearchDecision, ...]
    ) -> SearchRequest:
        program = self.space.program
        behind = FIRST_FREE + program.slots - 1
        return SearchRequest(
            limit=limit,
            limit_ms=limit_ms,
            first_pin=0,
            pins=self.slots,
            first_page=self.slots,
            first_free=FIRST_FREE,
            slots=program.slots,
            cursor=behind if program.wrap else FIRST_FREE - 1,
            bound=self.space.bound,
            flags=flags,
            coordinator=0,
            initial=tuple(program.initial[page] for page in program.pages),
            gates=self.space.gates,
            decisions=decisions,
            threads=tuple(_threads(program)),
        )


def _threads(program: ThreadProgram) -> Iterator[SearchThread]:
    """Each thread on the CPU that the program says; the first CPU is the coordinator's."""
    for number, steps in enumerate(program.threads):
        operations = tuple(
            (one.code, program.pages.index(one.page) if one.page else 0) for one in steps
        )
        context = program.contexts[number]
        yield SearchThread(program.cpus[number] + 1, operations, *context)


def _why(found: SearchAnswer) -> str:
    status = SearchStatus(found.head.status)
    words = _UNKNOWN[status]
    if status is not SearchStatus.STUCK:
        return words
    places = ", ".join(f"{each:#x}" for each in found.head.stuck)
    return f"{words} (gate, kind << 16, state << 24 of each thread: {places})"
