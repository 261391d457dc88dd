"""Cases of broken rules run, each in a guest of its own."""

from collections.abc import Callable
from pathlib import Path

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.guest.shape import Shape
from harness.misuse.misuse_case import MisuseCase
from harness.run.main_job import judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan
from harness.run.run_request import RunRequest
from harness.run.run_result import RunResult
from harness.scenario.scenario_parser import read_scenario

CaseRunner = Callable[[MisuseCase], RunResult]


def case_runner(prepared: Prepared, shape: Shape, out: Path) -> CaseRunner:
    """Returns what runs the scenario of a case in a fresh guest.

    The logs of each guest go to a folder below *out* that has the name of the case.
    """

    def run(case: MisuseCase) -> RunResult:
        folder = out / case.id
        folder.mkdir(parents=True, exist_ok=True)
        scenario = read_scenario(project.SCENARIOS / f"{case.scenario}.kmap")
        plan = Plan((scenario,), 1, 0, throwaway=True)
        request = RunRequest(prepared.kernel.name, None, shape, plan, folder, confirm=False)
        return judge(prepared, request, Quiet(), Stopwatch())

    return run
