"""The result of a mutant, and whether the catalogue expects it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from harness.compare.divergence import Divergence, Layer, Verdict
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.run.run_result import RunResult
from harness.schedule.schedules_result import SchedulesResult


class Detection(Enum):
    """The worst that a run has shown."""

    CONTRACT = "contract"
    DEAD = "does not boot"
    BEHAVIOUR = "behaviour changed"
    NOTHING = "nothing"
    ERROR = "error"


_WANTED = {
    MutantKind.CONTRACT: {Detection.CONTRACT, Detection.DEAD},
    MutantKind.PROBE: {Detection.CONTRACT, Detection.BEHAVIOUR},
    MutantKind.RACE: {Detection.CONTRACT},
    MutantKind.EQUIVALENT: {Detection.NOTHING, Detection.BEHAVIOUR},
    MutantKind.HARMLESS: {Detection.NOTHING, Detection.BEHAVIOUR},
    MutantKind.OPERATOR: set(Detection),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One mutant tried on one kernel.

    ``found`` is the worst that was seen, ``where`` the first place, ``what`` the words.
    ``build`` and ``run`` are seconds.  ``alone`` says that the kernel had no other mutant; else
    it had many, of which this one was switched on.
    """

    mutant: Mutant
    found: Detection
    where: str = ""
    what: str = ""
    diff: str = ""
    build: float = 0.0
    run: float = 0.0
    alone: bool = True

    @property
    def killed(self) -> bool:
        """Tell whether the harness reported the mutant."""
        return self.found in (Detection.CONTRACT, Detection.DEAD, Detection.BEHAVIOUR)

    @property
    def as_wanted(self) -> bool:
        """Tell whether the catalogue expects this."""
        return self.found in _WANTED[self.mutant.kind]


def found_in(result: RunResult) -> tuple[Detection, str, str]:
    """The worst that a run showed, where it was first seen, and what it was."""
    return next(_findings(result))


def found_in_schedules(result: SchedulesResult) -> tuple[Detection, str, str]:
    """The result of schedules: the first program that broke rules, its schedule, the rules."""
    where = f"{result.schedules} schedules, {result.level} level"
    for one in result.violating:
        where = f"schedule of {one.program}"
        if not one.violations:
            return Detection.CONTRACT, where, _first_line(one.crash)
        rules = ", ".join(sorted({each.rule for each in one.violations}))
        return Detection.CONTRACT, f"{where}: {one.violations[0].choices}", rules
    if result.troubles:
        return Detection.CONTRACT, where, result.troubles[0]
    if result.verdict is Verdict.AGREE:
        return Detection.NOTHING, where, ""
    unknown = next((one.unknown for one in result.programs if one.unknown), "")
    return Detection.ERROR, where, _first_line(result.error or unknown or result.verdict.value)


def _findings(result: RunResult) -> Iterator[tuple[Detection, str, str]]:
    """Everything that was found, the worst first, and NOTHING at the end."""
    for one in result.divergences:
        if one.layer is Layer.CONTRACT:
            yield Detection.CONTRACT, _where(one), "; ".join(one.reasons) or ", ".join(one.fields)
    if result.crash:
        yield Detection.CONTRACT, _last(result), _first_line(result.crash)
    for program, trouble in result.placed_troubles:
        yield (
            Detection.CONTRACT,
            f"{program} step {trouble.step}",
            f"{trouble.kind}: {trouble.title}",
        )
    for one in result.divergences:
        yield Detection.BEHAVIOUR, _where(one), ", ".join(one.fields) or "; ".join(one.reasons)
    for program, failed in result.failed_assertions:
        yield (
            Detection.BEHAVIOUR,
            f"{program} step {failed.step}",
            f"{failed.field} is {failed.seen}",
        )
    if result.dead:
        yield Detection.DEAD, "boot", _first_line(result.error)
    if result.verdict is not Verdict.AGREE:
        yield Detection.ERROR, "", _first_line(result.error) or result.verdict.value
    yield Detection.NOTHING, "", ""


def _where(divergence: Divergence) -> str:
    operation = divergence.operation
    return f"{divergence.program} step {divergence.step}" + (
        f" ({operation.code.name})" if operation else ""
    )


def _last(result: RunResult) -> str:
    programs = [one for one in result.programs if one.result]
    return f"{programs[-1].name} after step {programs[-1].steps}" if programs else "boot"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Score:
    """The attempts on one kernel."""

    kernel: str
    attempts: tuple[Attempt, ...]

    @property
    def killed(self) -> Counter[MutantKind]:
        """Number of reported mutants of each kind."""
        return Counter(one.mutant.kind for one in self.attempts if one.killed)

    @property
    def tried(self) -> Counter[MutantKind]:
        """Number of tried mutants of each kind."""
        return Counter(one.mutant.kind for one in self.attempts)

    @property
    def wrong(self) -> tuple[Attempt, ...]:
        """The attempts that are not as the catalogue expects."""
        return tuple(one for one in self.attempts if not one.as_wanted)
