"""The judge takes the records of one program and says where the kernel did what the model forbids.

Most steps cost one prediction and one comparison of tuples.  Where the model allows several
states that look the same, the judge keeps all of them until a step tells them apart.  After a
divergence of behaviour alone it goes on from the state that was seen.  After a divergence of the
contract the state is not known: the judge follows the steps, counts them as unjudged, and goes on
at the synchronisation point that shows the state again.
"""

from typing import Final

from harness.compare.assertion_check import AssertionChecker
from harness.compare.criteria import Criteria
from harness.compare.divergence import Disagreement, Divergence, ProgramResult
from harness.compare.divergence_builder import DivergenceBuilder
from harness.compare.divergence_log import DivergenceLog
from harness.compare.explanations import by_others, cured
from harness.compare.followed_state import (
    can_follow,
    distinct_states,
    state_after,
    state_at_sync,
)
from harness.compare.interrupt_watch import InterruptWatch
from harness.compare.plausibility import recounted
from harness.compare.witness_comparison import at_rest, disagreements
from harness.model.fast.fast_path import allowed
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome, differences
from harness.model.records.state import State
from harness.model.rules.complaint import may_complain
from harness.scenario.program import Program
from harness.trace.trace_records import End, Step, Sync, Trouble

MAX_STATES: Final = 256


class Judge:
    """Judges one program.

    Feed the records to ``step``, ``sync`` and ``trouble`` in order, then to ``end``; the result
    is ``result``.
    """

    def __init__(
        self, machine: Machine, start: State, program: Program, criteria: Criteria
    ) -> None:
        self.machine = machine
        self.result = ProgramResult(program.name)
        self._divergences = DivergenceBuilder(program, machine)
        self._log = DivergenceLog(self.result)
        self.criteria = criteria
        self._states: tuple[State, ...] = (start,)
        self._last = start
        self._led = False
        self._interrupts = InterruptWatch(program)
        self._assertions = AssertionChecker(program, machine.layout, start.cursor)
        self.doubtful = False
        """True if the guest should show its state, which is lost or was not predicted."""

    @property
    def state(self) -> State:
        """The state now; where it is lost, the last one that was known or followed."""
        return self._states[0] if self._states else self._last

    @property
    def lost(self) -> bool:
        """Tell whether steps go unjudged until a synchronisation point shows the state."""
        return not self._states

    def step(self, record: Step) -> Divergence | None:
        """Judge one step; returns its divergence if there is one."""
        self.result.coverage.add(record)
        if record.operation.code is OpCode.INTERRUPT or record.observation.interrupts:
            self._interrupts.step(record)
        divergence = self._step(record)
        if self._assertions.wanted(record.number):
            failed = self._assertions.check(record, self.criteria.mask.blanked)
            self.result.failed_assertions += failed
        return divergence

    def _step(self, record: Step) -> Divergence | None:
        result = self.result
        if not self._states:
            result.unjudged += 1
            self._last = self._after(self._last, record)
            return None
        before = self._states[0]
        divergence = self._judge(record)
        if (divergence is None or divergence.complains_as_allowed) and (
            record.observation.warns
            or record.observation.status is Status.DIED
            or (record.messages and may_complain(self.machine, before, record.operation))
        ):
            result.speaking.add(record.number)
        return divergence

    def _judge(self, record: Step) -> Divergence | None:
        if len(self._states) == 1:
            outcomes = allowed(self.machine, self._states[0], record.operation)
            if (
                len(outcomes) == 1
                and self._same(outcomes[0].observation, record.observation)
                and (outcomes[0].known is None or self._counts(outcomes[0]))
            ):
                return self._agree_kept(record, outcomes)
        return self._slow(record)

    def _same(self, predicted: Observation, seen: Observation) -> bool:
        """Tell whether both are equal but for evidence that this guest lacks.

        Most are equal as they stand, and that is the cheaper comparison.
        """
        if predicted == seen:
            return True
        mask, before = self.criteria.mask, self._states[0]
        return not mask.full and mask.apply(predicted, before) == mask.apply(seen, before)

    def _outcomes(self, state: State, operation: Operation) -> tuple[Outcome, ...]:
        outcomes = allowed(self.machine, state, operation)
        if self.criteria.mask.full:
            return outcomes
        mask = self.criteria.mask
        return tuple(
            one._replace(observation=mask.apply(one.observation, state)) for one in outcomes
        )

    def _agree_kept(self, record: Step, outcomes: tuple[Outcome, ...]) -> Divergence | None:
        """Agree, unless another behaviour has led to a state that no correct kernel reaches."""
        unsure = self._led or record.observation.status is Status.DIED
        if unsure and outcomes[0].known is None:
            seen = self.criteria.mask.apply(record.observation, self._states[0])
            if self.criteria.contract(self.machine, self._states[0], record.operation, seen):
                return self._diverge(record, seen, outcomes)
        self._agree(outcomes)
        return None

    def _agree(self, outcomes: tuple[Outcome, ...]) -> None:
        first = outcomes[0]
        self.result.judged += 1
        self.result.rules[first.rule] += 1
        if first.known is not None:
            self.result.known[first.known] += 1
        if len(outcomes) == 1:
            self._states = (first.state,)
            return
        distinct = distinct_states(outcomes)
        self._states = distinct[:MAX_STATES]
        if len(distinct) > MAX_STATES:
            self._lose(f"more than {MAX_STATES} states are possible")

    def _lose(self, reason: str) -> None:
        self._last = self.state
        self._states = ()
        self.doubtful = True
        self.result.unknown_because = self.result.unknown_because or reason

    def _slow(self, record: Step) -> Divergence | None:
        seen = self.criteria.mask.apply(record.observation, self._states[0])
        outcomes = tuple(
            one for state in self._states for one in self._outcomes(state, record.operation)
        )
        if not outcomes:
            self.result.unjudged += 1
            self._lose(self.state.lost or f"the model claims nothing about step {record.number}")
            self._last = self._after(self._last, record)
            return None
        if record.observation.status is Status.STUCK:
            return self._diverge(record, seen, outcomes)
        agreeing = tuple(one for one in outcomes if not differences(one, seen))
        if agreeing:
            return self._agree_or_expired(record, seen, agreeing)
        mask, foreign = self.criteria.mask, self.result.foreign
        explained = by_others((self.machine, self._states), record.operation, seen, mask, foreign)
        if explained:
            return self._agree_or_expired(record, seen, explained)
        return self._disagree(record, seen, outcomes)

    def _disagree(
        self, record: Step, seen: Observation, outcomes: tuple[Outcome, ...]
    ) -> Divergence | None:
        """Judge a step that no outcome agrees with."""
        right = cured(self.criteria.known, outcomes, seen, self.result.vanished)
        if right:
            self._agree((right,))
            return None
        if self._loses_evidence(record):
            return self._slow(record)
        return self._diverge(record, seen, outcomes)

    def _loses_evidence(self, record: Step) -> bool:
        """Tell whether the step shows that evidence is none; from now on the judge blanks it."""
        lost = self.criteria.lost
        rules, before = self.result.rules, self._states[0]
        self.criteria = self.criteria.after(self.machine, before, record, rules)
        if self.criteria.lost == lost:
            return False
        if "counts" in self.criteria.mask.blanked:
            self._states = tuple(recounted(state) for state in self._states)
        return True

    def _agree_or_expired(
        self, record: Step, seen: Observation, agreeing: tuple[Outcome, ...]
    ) -> Divergence | None:
        """Agreement, unless all that agrees is a bug that does not count for this kernel.

        After such a bug the state is known: the judge goes on from it.
        """
        counting = tuple(one for one in agreeing if self._counts(one))
        if counting:
            return self._agree_kept(record, counting)
        found = self._divergences.of_excluded_bug(
            record, seen, agreeing[0], self._states[0], self.criteria.known
        )
        self._agree(tuple(one._replace(known=None) for one in agreeing))
        self._log.add_if_few(found)
        return found

    def _counts(self, outcome: Outcome) -> bool:
        """Tell whether *outcome* holds no bug, or one that is known of this kernel."""
        return outcome.known is None or outcome.known in self.criteria.known.counted

    def _diverge(
        self, record: Step, seen: Observation, outcomes: tuple[Outcome, ...]
    ) -> Divergence:
        before = self._states[0]
        violations = self.criteria.contract(self.machine, before, record.operation, seen)
        divergence = self._divergences.of_step(record, seen, outcomes, before, violations)
        self.result.judged += 1
        self._last = self._after(before, record)
        follows = not violations and can_follow(self.criteria.mask, before, record)
        self._states = (self._last,) if follows else ()
        self._led = self._led or follows
        if not follows:
            self._log.add(divergence)
        if not follows or self._log.add_if_few(divergence):
            self.doubtful = True
        return divergence

    def _after(self, before: State, record: Step) -> State:
        return state_after(self.machine, self.criteria.mask, before, record)

    def sync(self, record: Sync) -> Divergence | None:
        """Compare the witnesses at a synchronisation point; find a lost state again."""
        self.result.syncs += 1
        self.doubtful = False
        record = self.criteria.mask.sync(record)
        self._log.ask_witnesses(record)
        if self.lost:
            self._recover(record, followed=False)
            return None
        found = min((self._disagreements(state, record) for state in self._states), key=len)
        if found:
            return self._contradicted(record, found)
        self._keep_agreeing(record)
        if record.snapshot is not None:
            self._states = tuple(at_rest(self.machine, state) for state in self._states)
        return None

    def _disagreements(self, state: State, record: Sync) -> tuple[Disagreement, ...]:
        return disagreements(self.machine, state, record.snapshot, record.witness)

    def _keep_agreeing(self, record: Sync) -> None:
        """Of several possible states keep those that no witness contradicts."""
        if len(self._states) > 1:
            self._states = tuple(
                state for state in self._states if not self._disagreements(state, record)
            )

    def _contradicted(self, record: Sync, found: tuple[Disagreement, ...]) -> Divergence:
        before = self.state
        divergence = self._divergences.of_state(record.step, before, found)
        self._log.add_of_state(divergence)
        self._last, self._states = before, ()
        self._recover(record, followed=not before.tampered)
        return divergence

    def _recover(self, record: Sync, *, followed: bool) -> None:
        """Go on from the state that the synchronisation point shows; *followed*: up to it."""
        mask = self.criteria.mask
        state = state_at_sync(self.machine, mask, self._last, record, followed=followed)
        if state is not None:
            self._states = (state,)

    def left_over(self, reason: str) -> None:
        """Record that the state before the program is one that no correct kernel leaves."""
        self._log.add_of_state(self._divergences.of_start(self.state, reason))

    def trouble(self, record: Trouble) -> None:
        """Record what the kernel said."""
        self._log.add_trouble(record)

    def end(self, record: End) -> ProgramResult:
        """Take the end of the program; returns its result."""
        self.result.complete = True
        self.result.silent_interrupts += self._interrupts.silent()
        self.result.ended = record.reason
        return self.result
