"""The judge: fed with the records of one program, says where reality is not what the model allows.

The fast path is one prediction and one comparison of tuples.  Where the model allows
several states that look the same, all of them are kept until a step tells them apart.
After a divergence of behaviour alone the comparison goes on from the state that was seen.
After one of contract the state is not known: steps are followed, and count as unjudged,
until a synchronisation point shows the state again.
"""

import dataclasses
from typing import Final

from harness.compare.assertion_check import AssertionChecker
from harness.compare.criteria import Criteria
from harness.compare.divergence import Disagreement, Divergence, ProgramResult
from harness.compare.divergence_builder import DivergenceBuilder
from harness.compare.foreign_users import explain_with_others
from harness.compare.witness_comparison import at_rest, disagreements
from harness.compare.witness_verdict import witnessed_disagreements
from harness.model.contract.seen_state import absorb as as_seen
from harness.model.fast.fast_path import allowed
from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import Operation
from harness.model.records.outcome import Outcome, differences
from harness.model.records.state import State, resync
from harness.model.rules.complaint import may_complain
from harness.scenario.program import Program
from harness.trace.trace_records import End, Step, Sync, Trouble

MAX_STATES: Final = 256
RECORDED_MOST: Final = 100
"""Divergences of behaviour kept of one program; those beyond are judged, followed and counted only, and the
witnesses are asked as often as in a program without any.
"""

_ENDINGS: Final = frozenset({Status.DIED, Status.STUCK, Status.REFUSED})


class Judge:
    """Judges one program.  Feed ``step``, ``sync``, ``trouble`` in order, then ``end``; read ``result``."""

    def __init__(
        self, machine: Machine, start: State, program: Program, criteria: Criteria
    ) -> None:
        self.machine = machine
        self.result = ProgramResult(program.name)
        self._divergences = DivergenceBuilder(program, machine)
        self._criteria = criteria
        self._states: tuple[State, ...] = (start,)
        self._last = start
        self._assertions = AssertionChecker(program, machine.layout, start.cursor)
        self._attested = 0
        self.doubtful = False
        """Whether the state should be read from the guest again, for it is lost or was followed only."""

    @property
    def state(self) -> State:
        """The state now; after a divergence, the one before it."""
        return self._states[0] if self._states else self._last

    @property
    def lost(self) -> bool:
        """Whether steps go unjudged until the next synchronisation point that shows the state."""
        return not self._states

    def step(self, record: Step) -> Divergence | None:
        """Judge one step; the divergence if it is one (a known bug's too, that is in the result only)."""
        result = self.result
        result.coverage.add(record)
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
        if len(self._states) == 1 and not self._states[0].unflushed:
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
        """Whether they are equal but for what is blanked; most are equal as they stand, which costs less to see."""
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
        if agreeing and not self._reuses_unflushed(record, seen):
            return self._agree_or_expired(record, seen, agreeing)
        explained = self._explained_by_others(record, seen)
        if explained:
            return self._agree_or_expired(record, seen, explained)
        if self._cured(outcomes, seen):
            return None
        return self._diverge(record, seen, outcomes)

    def _reuses_unflushed(self, record: Step, seen: Observation) -> bool:
        """Whether the step breaks the contract with slots that an earlier divergence left unflushed."""
        before = self._states[0]
        return bool(
            before.unflushed
            and self._criteria.contract(self.machine, before, record.operation, seen)
        )

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
        if len(self.result.divergences) >= RECORDED_MOST:
            self.result.unrecorded += 1
        else:
            self.result.divergences.append(found)
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
        if follows and len(self.result.divergences) >= RECORDED_MOST:
            self.result.unrecorded += 1
            return divergence
        self.result.divergences.append(divergence)
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
        """The state after a step as it was seen; a cursor that cannot be seen stands at the slot last taken."""
        seen = record.observation
        if "cursor" in self._criteria.mask.blanked:
            taken = [
                one.slot
                for one in seen.slots
                if one.pte not in {0, vector.get(before.slots, one.slot).pte}
            ]
            seen = seen._replace(cursor=taken[-1] if taken else before.cursor)
        return as_seen(self.machine, before, record.operation, seen)

    def sync(self, record: Sync) -> Divergence | None:
        """A synchronisation point: the witnesses are compared, and a lost state is found again."""
        self.result.syncs += 1
        self.doubtful = False
        if record.snapshot is not None:
            record = record._replace(snapshot=self._criteria.mask.snapshot(record.snapshot))
        self._attest(record)
        if self.lost:
            self._recover(record)
            return None
        found = min(
            (
                disagreements(self.machine, state, record.snapshot, record.witness)
                for state in self._states
            ),
            key=len,
        )
        if not found:
            self._keep_agreeing(record)
            if record.snapshot is not None:
                self._states = tuple(at_rest(self.machine, state) for state in self._states)
            return None
        return self._contradicted(record, found)

    def _attest(self, record: Sync) -> None:
        """Who stands alone, for the divergences since the last synchronisation point."""
        if record.snapshot is not None and record.witness is not None:
            divergences = self.result.divergences
            for at in range(self._attested, len(divergences)):
                found = witnessed_disagreements(divergences[at], record.snapshot, record.witness)
                divergences[at] = dataclasses.replace(divergences[at], witnesses=found)
        self._attested = len(self.result.divergences)

    def _keep_agreeing(self, record: Sync) -> None:
        """Of several possible states, those that the witnesses bear out."""
        if len(self._states) > 1:
            self._states = tuple(
                state
                for state in self._states
                if not disagreements(self.machine, state, record.snapshot, record.witness)
            )

    def _contradicted(self, record: Sync, found: tuple[Disagreement, ...]) -> Divergence:
        before = self.state
        divergence = self._divergences.of_state(record.step, before, found)
        self.result.divergences.append(divergence)
        self._attested += 1
        self._last, self._states = before, ()
        self._recover(record)
        return divergence

    def left_over(self, reason: str) -> None:
        """Record what the state before the program shows that no correct kernel leaves."""
        self.result.divergences.append(self._divergences.of_start(self.state, reason))
        self._attested = len(self.result.divergences)

    def _recover(self, record: Sync) -> None:
        """Go on from a re-read state, if inside and outside agree on it."""
        if record.snapshot is None:
            return
        if not disagreements(self.machine, None, record.snapshot, record.witness):
            counts = {
                slot: one.count
                for slot, one in enumerate(vector.items(self._last.slots))
                if one.pte
            }
            snapshot = self._criteria.mask.completed(record.snapshot, self._last.cursor, counts)
            self._states = (resync(self.machine, self._last, snapshot),)

    def trouble(self, record: Trouble) -> None:
        """Kernel trouble: kept with the result, and with the divergence of its step."""
        self.result.trouble.append(record)
        divergences = self.result.divergences
        if divergences and divergences[-1].step == record.step:
            last = divergences[-1]
            divergences[-1] = dataclasses.replace(last, trouble=(*last.trouble, record))

    def end(self, record: End) -> ProgramResult:
        """The program is over."""
        self.result.complete = True
        self.result.ended = record.reason
        return self.result
