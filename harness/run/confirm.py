"""The end of a guest is confirmed before the kernel is blamed: the same program runs again.

It runs alone in a guest that was booted cold, then, if it did not come again, after the programs
that preceded it: what they leave behind may be needed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.base.signals import EndedBySignal
from harness.compare.divergence import ProgramResult, Verdict
from harness.run.run_ended import RunEnded
from harness.run.run_request import RunRequest
from harness.run.run_result import Confirmation, ProgramOutcome, RunResult

Rerun = Callable[[RunRequest], RunResult]


@dataclass(frozen=True, slots=True)
class _Try:
    """One further run, and the folder of its logs."""

    result: RunResult
    folder: Path

    @property
    def judged(self) -> bool:
        """Tell whether the run says anything about the kernel."""
        return self.result.verdict is not Verdict.ERROR

    @property
    def failed(self) -> bool:
        """Tell whether the kernel failed again, in the same way or another."""
        return self.result.verdict is Verdict.DIVERGE


def confirmed(result: RunResult, request: RunRequest, rerun: Rerun) -> RunResult:
    """*result*, with its crash confirmed, or turned into a program whose verdict is unknown.

    Divergences stay what they are: the witnesses bear them out.
    """
    if not result.crash or not request.confirm or not result.programs:
        return result
    try:
        tries = _tries(_again(request, result.programs), rerun)
    except EndedBySignal as ended:
        raise RunEnded(ended, result) from None
    found = Confirmation(
        1 + sum(one.failed for one in tries),
        1 + sum(one.judged for one in tries),
        (str(request.out), *(str(one.folder) for one in tries)),
    )
    if found.seen > 1:
        return replace(result, confirmation=found)
    return _not_again(result, found)


def _tries(requests: Iterator[RunRequest], rerun: Rerun) -> list[_Try]:
    """Further runs, until the kernel has failed again."""
    tries: list[_Try] = []
    for again in requests:
        tries.append(_Try(rerun(again), again.out))
        if tries[-1].failed:
            break
    return tries


def _again(request: RunRequest, programs: tuple[ProgramOutcome, ...]) -> Iterator[RunRequest]:
    """The last program alone; and after those before it, if there are any but the boot."""
    name = programs[-1].name
    cold = replace(request, template=False, trace=None, coverage=None, confirm=False)
    yield _in_folder(replace(cold, plan=replace(request.plan, only=name)), 1)
    if len(programs) > 2:
        yield _in_folder(replace(cold, plan=replace(request.plan, until=name)), 2)


def _in_folder(request: RunRequest, number: int) -> RunRequest:
    folder = request.out / f"again-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    return replace(request, out=folder)


def _not_again(result: RunResult, found: Confirmation) -> RunResult:
    """*result* without a crash: what ended the guest is not known."""
    last = result.programs[-1]
    before = last.result or ProgramResult(last.name, complete=True)
    said = "".join(f"\n    kernel: {one.title}" for one in before.unexplained)
    unknown = replace(
        before,
        unjudged=before.unjudged + 1,
        trouble=[one for one in before.trouble if one.step in before.speaking],
        unknown_because=f"it ended its guest in {found.words}",
        ended="",
    )
    programs = (*result.programs[:-1], replace(last, result=unknown))
    text = f"{result.crash}{said}"
    return replace(result, programs=programs, crash="", unconfirmed=text, confirmation=found)
