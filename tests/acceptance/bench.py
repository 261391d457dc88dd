"""The whole job on a kernel, a module or a model with something wrong in it."""

from dataclasses import replace
from pathlib import Path

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.guest.shape import Shape
from harness.report.run_report import run_lines
from harness.run.main_job import judge
from harness.run.programs import read_plan
from harness.run.run_request import RunRequest

SCENARIOS = project.SCENARIOS
KERNEL = "debian-6.1-686-pae"


def judged(
    prepared, out, *scenarios, steps=0, seed=1, trace=None, throwaway=False, launch=None, **shape
):
    """The result of a run in a guest booted for it, or got from *launch*.

    *scenarios* are names in tests/scenarios or files.
    """
    files = [path if isinstance(path, Path) else SCENARIOS / f"{path}.kmap" for path in scenarios]
    plan = read_plan(files, seed, steps)
    plan = replace(plan, throwaway=throwaway)
    out.mkdir(parents=True, exist_ok=True)
    machine = Shape(**({"smp": 1} | shape))
    request = RunRequest(prepared.kernel.name, None, machine, plan, out, trace, template=False)
    return judge(prepared, request, Quiet(), Stopwatch(), launch=launch)


FIRST = """title: the first slots
tasks: a@0
pages: high 3
for i in 0..2 { a: m0 = kmap h[i]; a: kunmap h[i] }
"""


def written(folder, text, name="own"):
    """A scenario file with *text*."""
    path = folder / f"{name}.kmap"
    path.write_text(text)
    return path


def summary_of(result):
    """What the user sees."""
    return "\n".join(run_lines(result))
