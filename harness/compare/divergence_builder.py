"""Makes the divergences of one program: each names its step, its line and the state before it."""

from dataclasses import dataclass

from harness.compare.divergence import AllowedOutcome, Disagreement, Divergence, Layer
from harness.compare.known_bugs import KernelBugs, right_answer
from harness.compare.witness_comparison import wrong_users
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.outcome import Outcome, differences
from harness.model.records.state import State
from harness.scenario.program import Program
from harness.scenario.program_text import operation_text
from harness.trace.trace_records import Step

_MOVED = "the state at a synchronisation point is not the one that the steps led to"


_BESIDE = 4
"""Steps shown before and after one that diverges."""


def _around(program: Program, step: int) -> tuple[tuple[int, str], ...]:
    first, last = max(step - _BESIDE, 0), min(step + _BESIDE + 1, len(program.operations))
    return tuple((number, _step_words(program, number)) for number in range(first, last))


def _step_words(program: Program, number: int) -> str:
    operation = program.operations[number]
    words = operation_text(operation, program.pools)
    return f"{program.task_name(operation.task)}: {words}"


@dataclass(frozen=True, slots=True)
class DivergenceBuilder:
    """Makes divergences of *program* on *machine*."""

    program: Program
    machine: Machine

    def of_step(
        self,
        record: Step,
        seen: Observation,
        outcomes: tuple[Outcome, ...],
        before: State,
        violations: tuple[str, ...],
    ) -> Divergence:
        """A step whose observation is none of *outcomes*: of the contract where it violates it."""
        allowed = (
            AllowedOutcome(one.observation, one.rule, differences(one, seen)) for one in outcomes
        )
        return self._of_step(record, seen, tuple(allowed), before, violations)

    def of_excluded_bug(
        self, record: Step, seen: Observation, outcome: Outcome, before: State, known: KernelBugs
    ) -> Divergence:
        """A step that shows a bug which does not count for this kernel."""
        name = outcome.known or ""
        excluded = known.excluded.get(name)
        reason = excluded.reason if excluded else "this bug is not on the list of known bugs"
        right = right_answer(seen)
        differing = tuple(
            field
            for field, wanted, value in zip(Observation._fields, right, seen, strict=True)
            if wanted != value
        )
        allowed = (AllowedOutcome(right, outcome.rule, differing),)
        return self._of_step(record, seen, allowed, before, (f"{name}: {reason}",))

    def _of_step(
        self,
        record: Step,
        seen: Observation,
        allowed: tuple[AllowedOutcome, ...],
        before: State,
        reasons: tuple[str, ...],
    ) -> Divergence:
        return Divergence(
            self.program.name,
            self.program.line(record.number),
            record.number,
            record.operation,
            seen,
            allowed,
            before,
            Layer.CONTRACT if reasons else Layer.BEHAVIOUR,
            reasons,
            task=self.program.task_name(record.operation.task),
            machine=self.machine,
            pools=self.program.pools,
            around=_around(self.program, record.number),
        )

    def of_state(
        self, step: int, before: State, disagreements: tuple[Disagreement, ...]
    ) -> Divergence:
        """The state after *step* steps, which a witness contradicts.

        It is behaviour where the model stands alone on every entry: both real witnesses agree.
        Of a page of ours the model knows better whether it has users.
        """
        alone = all(one.odd == "model" for one in disagreements)
        users = tuple(wrong_users(self.machine, before, disagreements))
        return Divergence(
            self.program.name,
            self.program.line(step - 1) if step else 0,
            step,
            None,
            None,
            (),
            before,
            Layer.BEHAVIOUR if alone and not users else Layer.CONTRACT,
            (_MOVED, *users),
            disagreements,
            machine=self.machine,
            pools=self.program.pools,
            around=_around(self.program, step - 1),
        )

    def of_start(self, before: State, reason: str) -> Divergence:
        """A state before the first step that no correct kernel leaves."""
        return Divergence(
            self.program.name,
            0,
            0,
            None,
            None,
            (),
            before,
            Layer.CONTRACT,
            (reason,),
            machine=self.machine,
            pools=self.program.pools,
        )
