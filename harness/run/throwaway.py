"""Scenarios that wreck a kernel: each runs in a guest of its own, discarded afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.base.signals import EndedBySignal
from harness.compare.divergence import Verdict
from harness.errors import UsageError
from harness.model.records.machine import missing_operations
from harness.run.guest_run import failed
from harness.run.programs import Plan
from harness.run.run_ended import RunEnded
from harness.run.run_request import RunRequest
from harness.run.run_result import NOTHING_RUN, ProgramOutcome, RunResult
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.program import BOOT, NotApplicable
from harness.scenario.syntax import Scenario


def wrecks(scenario: Scenario) -> bool:
    """Tell whether the scenario asks for a guest that may be wrecked."""
    return any(one.name == "throwaway" and not one.negated for one in scenario.requires)


def require_permission(plan: Plan, *, throwaway: bool) -> None:
    """Raise UsageError if *plan* has only scenarios that wreck a kernel, and may not."""
    refused = [one for one in plan.scenarios if wrecks(one)]
    alone = len(refused) == len(plan.scenarios) and not (plan.steps or plan.abstract)
    if refused and alone and not throwaway:
        where = next(one.where for one in refused[0].requires if one.name == "throwaway")
        more = f", and so do {len(refused) - 1} more" if len(refused) > 1 else ""
        raise UsageError(
            f"{where}: this scenario leaves a wrecked kernel behind{more}",
            hint="add --throwaway, which gives each of them a guest of its own",
        )


def with_throwaway(
    result: RunResult, request: RunRequest, judge: Callable[[RunRequest], RunResult]
) -> RunResult:
    """*result* with the outcomes of the throwaway scenarios; *judge* boots a guest for each.

    No guest is booted for a scenario that this kernel cannot run.
    """
    for scenario in request.plan.scenarios:
        if request.stop_first and any(map(failed, result.programs)):
            break
        if wrecks(scenario) and result.layout:
            one = lower(
                scenario,
                Facts(result.layout, throwaway=True, missing=missing_operations(result.layout)),
            )
            if isinstance(one, NotApplicable):
                found = (ProgramOutcome(one.name, "", 0.0, None, one.reason),)
                result = replace(result, programs=tuple(_instead(result.programs, found)))
            else:
                result = _with(result, _judged(result, judge, _alone(request, scenario)))
    return result


def _judged(
    result: RunResult, judge: Callable[[RunRequest], RunResult], request: RunRequest
) -> RunResult:
    """The findings of *judge*; a signal ends the whole run, of which *result* is known."""
    try:
        return judge(request)
    except EndedBySignal as ended:
        raise RunEnded(ended, result) from None


def _alone(request: RunRequest, scenario: Scenario) -> RunRequest:
    """The request for a guest of this scenario's own."""
    plan = Plan((scenario,), request.plan.seed, 0, throwaway=True)
    return replace(request, plan=plan, trace=None, throwaway=False)


def _with(result: RunResult, found: RunResult) -> RunResult:
    nothing_else = not result.steps and result.error == NOTHING_RUN
    return replace(
        result,
        programs=tuple(_instead(result.programs, found.programs)),
        error=found.error if nothing_else else result.error or found.error,
        crash=result.crash or found.crash,
        unconfirmed=result.unconfirmed or found.unconfirmed,
        confirmation=result.confirmation or found.confirmation,
    )


def agreed(boot: ProgramOutcome) -> bool:
    """Tell whether nothing was wrong with a boot."""
    result = boot.result
    return result is not None and result.verdict is Verdict.AGREE and not result.unexplained


def _instead(
    programs: tuple[ProgramOutcome, ...], found: tuple[ProgramOutcome, ...]
) -> Iterator[ProgramOutcome]:
    """*programs* with those of the same name replaced; the boot only by a worse one."""
    new = {one.name: one for one in found if one.name != BOOT or not agreed(one)}
    yield from (new.get(one.name, one) for one in programs)
