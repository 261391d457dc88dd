"""What stands in for guests, kernels and the network when the command lines of the pages are run.

Everything above is real: parsing, checks of options, scenarios, plans, reports and result files.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from harness.bench.figure import Calibration, Figure
from harness.check.bisection import Bisection, CommitVerdict, JudgedCommit
from harness.check.check_result import CheckResult, ConfigResult
from harness.check.checked_program import CheckedKind, CheckedProgram
from harness.check.checking import BaseRun
from harness.check.comparison import Comparison, PatchEffect
from harness.check.judging import Judgement
from harness.cli import (
    bench,
    bisect,
    broken_rules,
    check,
    claims,
    doctor,
    explore,
    fuzz,
    histories,
    kernels,
    mutants,
    nightly,
    run,
    schedules,
    ssh,
)
from harness.fuzz.campaign import CampaignResult
from harness.guest.history_wire import HistoryCode
from harness.kernel.by_name import kernel_names
from harness.misuse.case_judge import CaseOutcome, JudgedCase
from harness.nightly import night_run
from harness.nightly.night_job import JobResult
from harness.patch.patch import Patch
from harness.run.host_health import Health
from harness.scenario.explored_machine import ExploredMachine
from tests.compare.model_guest import LOCAL
from tests.history.small import address, event, history
from tests.history.test_report import judged
from tests.history.test_report import result as histories_of
from tests.report.sample import result
from tests.schedule.test_schedules_report import GOOD
from tests.schedule.test_schedules_report import result as scheduled


def known(kernel: str, build_dir: Path | None = None) -> None:
    """Assert that *kernel* has a name, or is an image with the folder it was built in."""
    assert kernel in kernel_names() or (Path(kernel).is_file() and build_dir), kernel


def prepared(kernel, build_dir, progress, **options):
    known(kernel, build_dir)
    progress.step(f"preparing {kernel}")
    config = SimpleNamespace(enabled=lambda _: True)
    return SimpleNamespace(kernel=SimpleNamespace(release="6.1.0", bzimage=None, config=config))


def executed(request, progress, show):
    assert request.attach or known(request.kernel, request.build_dir) is None
    assert request.plan.scenarios or request.plan.steps or request.plan.abstract
    return result()


def checked(request, builder, progress, helper, *, each):
    assert request.patches
    program = CheckedProgram("own", CheckedKind.AGREE)
    compared = Comparison("pae", "own", PatchEffect.UNCHANGED, program, program)
    config = ConfigResult("pae", comparisons=(compared,), portable="kmap-harness check")
    return (CheckResult(str(request.tree), "v6.1", ("mm: a change",), (config,)),)


def prepared_bases(request, builder, progress, helper):
    judgement = Judgement("6.1", "c0ffee", "2 CPUs", "qemu")
    return tuple((cell, BaseRun(judgement, stored=False)) for cell in request.cells)


class FakeBisector:
    """Finds the first commit bad; judges the one that is checked out good."""

    scratch = SimpleNamespace(settle=lambda *_: None, base=lambda _: None)

    def judge(self, commit, progress):
        return JudgedCommit("abc", CommitVerdict.GOOD, "keeps the contract")

    def bisect(self, good, bad, progress):
        return Bisection((bad,), (), "abc a subject")


@contextmanager
def bisector(tree, config, workload, out) -> Iterator[FakeBisector]:
    assert workload.plan.scenarios
    yield FakeBisector()


@contextmanager
def trials(kernel, setup, teller, progress, *, resume):
    mutants._recipe(kernel)

    def catalogue(chosen, *, apart):
        assert chosen

    yield SimpleNamespace(catalogue=catalogue, operators=lambda every: None)


def fleet(jobs, folder, limits, watcher):
    for job in jobs:
        watcher.begun(job)
        watcher.ended(JobResult(job, int(AGREES["verdict"] != "agree"), 1.0, folder, AGREES))
    return {}


class FakeCluster:
    """Answers at every address."""

    cores = 2

    def run(self, jobs, deadline, watcher):
        return fleet(jobs, Path("out"), None, watcher)


def dask_cluster(scheduler, plan):
    assert scheduler.startswith("tcp://")
    return nullcontext(FakeCluster())


AGREES = {"verdict": "agree", "steps": 7, "programs": ()}


def explored(standard):
    return ExploredMachine(standard.name, standard.what, 1, 1, 1, True, 0.1)


class FakeSuite:
    """Measures one figure."""

    def __init__(self, subject, effort, others):
        assert effort.samples

    def measure(self, say):
        say("boots")
        return (Figure("boot ours", "s", (1.0,), (Calibration(0.1, 0.1),)),)


class FakeCampaign:
    """A campaign in which no program fails."""

    def __init__(self, start, source, budget, progress, *, jobs):
        assert budget.seconds
        assert jobs > 0

    def run(self):
        return self.result()

    def result(self):
        return CampaignResult(1, 40, 3, 0.1, ())


class FakeClient:
    """An SSH connection that fetches a file."""

    def __init__(self, state):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def get(self, path, local):
        return (local,)


STATE = SimpleNamespace(name="default", release="6.1.0", shape=replace(run.Shape(), smp=2))


def seams(monkeypatch) -> None:
    """Put everything in its place."""

    def put(module, **fakes):
        for name, fake in fakes.items():
            assert hasattr(module, name), (module, name)
            monkeypatch.setattr(module, name, fake)

    put(run, execute=executed, find=lambda name: STATE)
    explained = histories_of(judged(history([event(HistoryCode.KMAP, 0, 1, 2, address(0))])))
    put(histories, prepare=prepared, run_histories=lambda *_: explained)
    put(schedules, prepare=prepared, run_schedules=lambda *_: scheduled(GOOD))
    put(fuzz, prepare=prepared, usual_machine=lambda shape, _: shape, Campaign=FakeCampaign)
    seen = SimpleNamespace(release="6.1.0", layout=LOCAL)
    put(claims, prepare=prepared, gather=lambda *_: seen, judge_claims=lambda _: [])

    def judge(case, runner):
        return JudgedCase(case, CaseOutcome.EXPECTED, None, (), ())

    put(broken_rules, prepare=prepared, judge_case=judge, case_runner=lambda *_: None)
    changes = Patch("local changes", b"")
    built = SimpleNamespace(name="6.1-pae")
    put(check, run_check=checked, prepare_bases=prepared_bases)
    put(check, obtain_built=lambda *_, **__: built, is_git=lambda _: True)
    put(check, local_changes=lambda *_: changes, helper_process=nothing)
    put(check, applied_in=lambda *_: "")
    put(check, read_patches=lambda names, stdin: tuple(Patch(name, b"") for name in names))
    put(bisect, _bisector=bisector, commit_of=lambda tree, name: name)
    put(bisect, local_changes=lambda *_: None)
    put(night_run, run_fleet=fleet)
    put(nightly, _dask_cluster=dask_cluster)
    put(mutants, _trials=trials)
    kernel = SimpleNamespace(release="6.1.0", boot_image=Path("bzImage"))
    put(kernels, kernel_by_name=lambda name, **_: kernel)
    put(doctor, examine=lambda *_: Health("0.1.0", (), (), Path("cache"), 0, 1, 1))
    put(explore, worker_processes=lambda _: own_process(), explored_machine=explored)
    put(bench, prepare=prepared, Suite=FakeSuite, _others=lambda *_: ())
    put(
        bench,
        find_peers=lambda *_, **__: (),
        Subject=lambda made, shape: SimpleNamespace(prepared=made, shape=shape),
    )
    put(
        ssh,
        running_or_started=lambda *_, **__: STATE,
        Client=FakeClient,
        built_for=lambda *_: Path(),
    )
    put(ssh, attach=lambda _: guest(), exchange=lambda *_: exchanged())
    monkeypatch.setattr(ssh.states, "find", lambda name: STATE)
    monkeypatch.setattr(ssh.launch, "stop", lambda state: None)
    monkeypatch.setattr(ssh.launch, "logs", lambda state, client, local: (local,))
    for name in ("stream", "shell"):
        monkeypatch.setattr(ssh.shell, name, lambda *_: 0)


def exchanged():
    return SimpleNamespace(old="1", new="2")


@contextmanager
def nothing():
    yield None


@contextmanager
def own_process():
    yield SimpleNamespace(map=map)


@contextmanager
def guest():
    yield SimpleNamespace(info=lambda: (LOCAL, SimpleNamespace(release="6.1.0")))
