"""Runs one case in a guest of its own, and compares its reports with the expected ones."""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from harness.compare.divergence import Layer
from harness.misuse.misuse_case import ConsoleExpectation, MisuseCase
from harness.model.records.machine import missing_operations
from harness.run.run_result import ProgramOutcome, RunResult
from harness.scenario.facts import Facts


class CaseOutcome(Enum):
    """How a case ended."""

    EXPECTED = "as expected"
    DIVERGES = "diverges"
    NOT_APPLICABLE = "not applicable"
    NOT_RECORDED = "not recorded"
    ERROR = "error"


class JudgedCase(NamedTuple):
    """A case, the expectation for this kernel, its reports, and all that was not as expected."""

    case: MisuseCase
    outcome: CaseOutcome
    expected: ConsoleExpectation | None
    said: tuple[str, ...]
    wrong: tuple[str, ...]


def judge_case(case: MisuseCase, run: Callable[[MisuseCase], RunResult]) -> JudgedCase:
    """Run *case* and judge it: the steps by the model, the reports by the table."""
    result = run(case)
    if result.layout is None:
        return JudgedCase(case, CaseOutcome.ERROR, None, (), (result.error,))
    layout = result.layout
    expected = case.expectation(Facts(layout, throwaway=True, missing=missing_operations(layout)))
    boot, *rest = result.programs
    if not rest:
        return JudgedCase(case, CaseOutcome.ERROR, None, (), (result.error or result.crash,))
    (program,) = rest
    if program.not_applicable:
        return JudgedCase(case, CaseOutcome.NOT_APPLICABLE, None, (), (program.not_applicable,))
    said = tuple(report.title for report in program.result.trouble) if program.result else ()
    if expected is None:
        return JudgedCase(
            case, CaseOutcome.NOT_RECORDED, None, said, ("nothing is on record for such a kernel",)
        )
    if result.error:
        return JudgedCase(case, CaseOutcome.ERROR, expected, said, (result.error,))
    wrong = (*_booting(boot), *contradictions(expected, said), *_steps(result))
    return JudgedCase(
        case, CaseOutcome.DIVERGES if wrong else CaseOutcome.EXPECTED, expected, said, wrong
    )


def _booting(boot: ProgramOutcome) -> Iterator[str]:
    """The messages of the kernel from before the case began."""
    for report in boot.result.trouble if boot.result else ():
        yield f"said while it booted: {report.title}"


def contradictions(expected: ConsoleExpectation, said: Sequence[str]) -> tuple[str, ...]:
    """The expected reports that are missing, and the reports that were not expected."""
    wrong: list[str] = []
    rest = list(said)
    for pattern in expected.says:
        if rest and re.search(pattern, rest[0]):
            rest.pop(0)
        else:
            wrong.append(f"not said: {pattern}")
    more = (one for one in rest if not any(re.search(pattern, one) for pattern in expected.may))
    return (*wrong, *(f"said: {one}" for one in more))


def _steps(result: RunResult) -> tuple[str, ...]:
    """The divergences, failed ``expect`` lines and crash of the run."""
    found = [
        f"step {one.step}: {one.layer.value}: {'; '.join(one.reasons) or ', '.join(one.fields)}"
        for one in result.divergences
        if one.layer is not Layer.KNOWN
    ]
    found += [f"line {one.line}: {one.words}" for _, one in result.failed_assertions]
    return (*found, result.crash) if result.crash else tuple(found)
