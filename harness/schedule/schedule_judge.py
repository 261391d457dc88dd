"""Judges the logs of schedules as concurrent histories are judged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.guest.gate_wire import Gate
from harness.guest.schedule_wire import SearchOutcome
from harness.history.explanation import HistoryRule, violations
from harness.history.history import History, history_of
from harness.history.lock_order import LockOrderReplay
from harness.history.lock_order import replay as replay_in_order
from harness.history.slots_in_use import slots_at_odds
from harness.history.violation_window import window_lines, words
from harness.model.records.layout import Layout
from harness.schedule.held_locks import lock_words
from harness.schedule.schedules_result import FoundSchedule
from harness.schedule.thread_program import ThreadProgram

BEHAVIOUR = "behaviour"
"""What a difference from the replay in the lock's order is called."""


@dataclass(frozen=True, slots=True)
class ScheduleJudge:
    """Judges the schedules of one program in one guest; *numbers* names pages by their pfn."""

    layout: Layout
    numbers: Mapping[int, int]
    program: ThreadProgram
    gates: tuple[Gate, ...]

    def violations(self, outcome: SearchOutcome) -> Iterator[FoundSchedule]:
        """Return the broken rule with the shortest window, if the log shows one."""
        history = self._history(outcome)
        for one in (*violations(history), *slots_at_odds(history))[:1]:
            lines = tuple(window_lines(history, one))
            detail = one.detail
            if one.rule is HistoryRule.DEADLOCK:
                detail = "; ".join((detail, *lock_words(self.program, self.gates, outcome.events)))
            yield self._found(outcome, one.rule.value, detail, lines)

    def odd(self, outcome: SearchOutcome) -> Iterator[FoundSchedule]:
        """Return how the behaviour differs from that of pkmap under its lock, if it does."""
        order = replay_in_order(self._history(outcome))
        if order.odd:
            yield self._found(outcome, BEHAVIOUR, _words(order), ())

    def _history(self, outcome: SearchOutcome) -> History:
        """The history; a flush of the program is one of somebody else to the replay."""
        history = history_of(outcome.history, self.layout, self.numbers)
        return replace(history, foreign=int(self.program.flushes))

    def _found(
        self, outcome: SearchOutcome, rule: str, detail: str, window: tuple[str, ...]
    ) -> FoundSchedule:
        return FoundSchedule(
            rule=rule,
            detail=detail,
            window=window,
            times=outcome.head.times,
            preemptions=outcome.head.preemptions,
            decisions=outcome.decisions,
            events=outcome.events,
            gates=self.gates,
        )


def _words(order: LockOrderReplay) -> str:
    place = f"thread {order.thread}: {words(order.event)}: " if order.event else ""
    return f"{place}{order.odd}"


def shortest(found: Iterator[FoundSchedule]) -> tuple[FoundSchedule, ...]:
    """Return for each rule the shortest schedule, counted with all others that broke it."""
    best: dict[str, FoundSchedule] = {}
    for one in found:
        known = best.get(one.rule, one)
        times = one.times if known is one else known.times + one.times
        best[one.rule] = replace(min(known, one, key=lambda each: each.length), times=times)
    return tuple(sorted(best.values(), key=lambda each: each.length))
