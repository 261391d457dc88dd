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
from harness.compare.followed_state import state_after, state_at_sync
from harness.compare.foreign_users import explain_with_others
from harness.compare.interrupt_watch import InterruptWatch
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
_ENDINGS: Final = frozenset({Status.DIED, Status.STUCK, Status.REFUSED})


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
        self._criteria = criteria
        self._states: tuple[State, ...] = (start,)
        self._last = start
        self._interrupts = InterruptWatch(program)
        self._assertions = AssertionChecker(program, machine.layout, start.cursor)
        self.doubtful = False
        """Whether the guest should show its state, which is lost or was not predicted."""

    @property
    def state(self) -> State:
        """The state now; where it is lost, the last one that was known or followed."""
        return self._states[0] if self._states else self._last

    @property
    def lost(self) -> bool:
        """Whether steps go unjudged until the next synchronisation point that shows the state."""
        return not self._states

    def step(self, record: Step) -> Divergence | None:
        """Judge one step; returns its divergence if there is one."""
        result = self.result
        result.coverage.add(record)
        if record.operation.code is OpCode.INTERRUPT or record.observation.interrupts:
            self._interrupts.step(record)
        if self._assertions.wanted(record.number):
            result.failed_assertions += self._assertions.check(record, self._criteria.mask.blanked)
        if not self._states:
            result.unjudged += 1
            self._last = self._after(self._last, record)
            return None
        before = self._states[0]
        divergence = self._judge(record)
        if divergence is None and (
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
                self._agree(outcomes)
                return None
        return self._slow(record, self._criteria.mask.apply(record.observation))

    def _same(self, predicted: Observation, seen: Observation) -> bool:
        """Whether both are equal but for evidence that this guest lacks.

        Most are equal as they stand, and that is the cheaper comparison.
        """
        mask = self._criteria.mask
        return predicted == seen or (not mask.full and mask.apply(predicted) == mask.apply(seen))

    def _outcomes(self, state: State, operation: Operation) -> tuple[Outcome, ...]:
        outcomes = allowed(self.machine, state, operation)
        if self._criteria.mask.full:
            return outcomes
        mask = self._criteria.mask
        return tuple(one._replace(observation=mask.apply(one.observation)) for one in outcomes)

    def _agree(self, outcomes: tuple[Outcome, ...]) -> None:
        first = outcomes[0]
        self.result.judged += 1
        self.result.rules[first.rule] += 1
        if first.known is not None:
            self.result.known[first.known] += 1
        if len(outcomes) == 1:
            self._states = (first.state,)
            return
        distinct: list[State] = []
        for outcome in outcomes:
            if outcome.state not in distinct:
                distinct.append(outcome.state)
        self._states = tuple(distinct[:MAX_STATES])
        if len(distinct) > MAX_STATES:
            self._lose(f"more than {MAX_STATES} states are possible")

    def _lose(self, reason: str) -> None:
        self._last = self.state
        self._states = ()
        self.doubtful = True
        self.result.unknown_because = self.result.unknown_because or reason

    def _slow(self, record: Step, seen: Observation) -> Divergence | None:
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
        explained = self._explained_by_others(record, seen)
        if explained:
            return self._agree_or_expired(record, seen, explained)
        if self._cured(outcomes, seen):
            return None
        return self._diverge(record, seen, outcomes)

    def _agree_or_expired(
        self, record: Step, seen: Observation, agreeing: tuple[Outcome, ...]
    ) -> Divergence | None:
        """Agreement, unless all that agrees is a bug that does not count for this kernel.

        After such a bug the state is known: the judge goes on from it.
        """
        counting = tuple(one for one in agreeing if self._counts(one))
        if counting:
            self._agree(counting)
            return None
        found = self._divergences.of_excluded_bug(
            record, seen, agreeing[0], self._states[0], self._criteria.known
        )
        self._agree(tuple(one._replace(known=None) for one in agreeing))
        self._log.add_if_few(found)
        return found

    def _counts(self, outcome: Outcome) -> bool:
        """Whether *outcome* holds no bug, or one that is known of this kernel."""
        return outcome.known is None or outcome.known in self._criteria.known.counted

    def _explained_by_others(self, record: Step, seen: Observation) -> tuple[Outcome, ...]:
        """The outcome with which changes of other users explain *seen*, if there is one."""
        for state in self._states:
            found = explain_with_others(self.machine, state, record.operation, seen)
            if found:
                self.result.foreign["pkmap slots"] += found.slots
                self.result.foreign["window entries"] += found.windows
                return (found.outcome,)
        return ()

    def _cured(self, outcomes: tuple[Outcome, ...], seen: Observation) -> bool:
        """Whether a bug was due and the right answer came instead.

        A bug that is known of this kernel is reported as vanished: its entry may end.
        """
        known = self._criteria.known
        for outcome in outcomes:
            if outcome.known and known.cured(outcome.known, seen, differences(outcome, seen)):
                if outcome.known in known.counted:
                    self.result.vanished[outcome.known] += 1
                self._agree((outcome._replace(known=None),))
                return True
        return False

    def _diverge(
        self, record: Step, seen: Observation, outcomes: tuple[Outcome, ...]
    ) -> Divergence:
        before = self._states[0]
        violations = self._criteria.contract(self.machine, before, record.operation, seen)
        divergence = self._divergences.of_step(record, seen, outcomes, before, violations)
        self.result.judged += 1
        self._last = self._after(before, record)
        follows = not violations and self._can_follow(record)
        self._states = (self._last,) if follows else ()
        if not follows:
            self._log.add(divergence)
        if not follows or self._log.add_if_few(divergence):
            self.doubtful = True
        return divergence

    def _can_follow(self, record: Step) -> bool:
        """Whether the contract can be judged on from where another behaviour has led."""
        return (
            self._criteria.mask.followable
            and record.observation.status not in _ENDINGS
            and not self._states[0].lost
        )

    def _after(self, before: State, record: Step) -> State:
        return state_after(self.machine, self._criteria.mask, before, record)

    def sync(self, record: Sync) -> Divergence | None:
        """Compare the witnesses at a synchronisation point; find a lost state again."""
        self.result.syncs += 1
        self.doubtful = False
        if record.snapshot is not None:
            record = record._replace(snapshot=self._criteria.mask.snapshot(record.snapshot))
        self._log.ask_witnesses(record)
        if self.lost:
            self._recover(record)
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
        self._recover(record)
        return divergence

    def _recover(self, record: Sync) -> None:
        """Go on from the state that the synchronisation point shows."""
        state = state_at_sync(self.machine, self._criteria.mask, self._last, record)
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
