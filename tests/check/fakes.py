"""Fakes for checks without a compiler and without QEMU: the model plays the kernel."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from harness.base.progress import Quiet
from harness.check.cell import Cell
from harness.check.cell_choice import on_machine
from harness.check.check_request import CheckRequest
from harness.check.checked_program import checked_programs
from harness.check.checking import Check
from harness.check.judging import Judgement
from harness.check.lane import Workload
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge
from harness.errors import InfrastructureError, KernelError, UsageError
from harness.guest.shape import Shape
from harness.guest.trouble import KernelTrouble, TroubleKind
from harness.kernel.build import BuildError
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase
from harness.patch.scratch import Scratch
from harness.run.machine_check import WrongMachineError
from harness.run.program_run import RunContext, run_program
from harness.run.programs import Plan
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import parse_scenario
from harness.trace.trace_records import Header
from tests.compare.model_guest import LOCAL
from tests.run.model_target import ModelTarget

REKMAP = """title: a second user
tasks: a@0
pages: high 2
a: m0 = kmap h0
a: m1 = kmap h0
a: kunmap h0
a: kunmap h0
a: m1 = kmap h1
a: kunmap h1
"""


def ran(
    text=REKMAP,
    *,
    wrong=lambda step, seen: seen,
    fails=None,
    troubles=(),
    evidence=0xFFFF,
    name="own",
    layout=LOCAL,
):
    """The result of one program on the model; *wrong* falsifies its observations."""
    scenario = replace(parse_scenario(text), file=f"{name}.kmap")
    program = lower(scenario, Facts(layout))
    target = ModelTarget(program, layout, wrong=wrong, fails=fails, troubles=troubles)
    session = RunJudge(Header("6.1.0", "", "", layout, evidence, 0, ()), our_known_bugs())
    done = run_program(
        RunContext(target, session, lambda record: None, lambda steps: None), program
    )
    outcome = ProgramOutcome(program.name, program.title, 0.0, session.result().programs[0])
    crash = str(done.failure) if isinstance(done.failure, KernelError) else ""
    error = str(done.failure) if done.failure and not crash else ""
    return RunResult(
        KernelFacts("fake", "6.1.0", "", "c0ffee", ""),
        "the model",
        "qemu",
        1,
        layout,
        (),
        (outcome,),
        error=error,
        crash=crash,
    )


def program_of(text=REKMAP, **how):
    (one,) = checked_programs(ran(text, **how))
    return one


class FakeTree:
    """A tree of one file, whose content says what the kernel does wrong."""

    def __init__(self, folder: Path, base: str = "good") -> None:
        self.source = folder
        self.base = base

    def find(self, revision):
        return PatchBase(self.base, f"base {self.base}")

    def settle(self, content):
        (self.source / "kernel").write_text(f"{content}\n")

    def touch(self, files):
        pass


class FakeBuilder:
    """Takes the text of the file as the kernel; the kernel ``broken`` does not compile."""

    def __init__(self) -> None:
        self.builds = []

    def fingerprint(self, config, source):
        return config

    def build(self, source, objects, config, progress):
        text = (source / "kernel").read_text().strip()
        self.builds.append(text)
        if text == "broken":
            raise BuildError("the kernel", "make", "mm/highmem.c:12:3: error: expected ';'\n")
        if text == "misconfigured":
            raise UsageError("CONFIG_HIGHMEM: asked for y, got n")
        return text

    def prepare(self, kernel, source, progress):
        if kernel == "no-module":
            raise BuildError(
                "kmod", "make", "kmod/ops.c:1:1: error: implicit declaration of function 'kmap'\n"
            )
        return kernel, False


REPORTS = {
    "dies-here": (
        "------------[ cut here ]------------",
        "WARNING: CPU: 0 PID: 1 at mm/highmem.c:566 kunmap_local_indexed+0x1/0x2",
        " copy_page_from_iter_atomic+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
    ),
    "dies-in-the-patch": ("BUG: unable to handle page fault", "EIP: of_the_patch (kernel:12)"),
    "dies-elsewhere": ("kernel BUG at fs/exec.c:5!", "EIP: other (fs/exec.c:5)"),
}
"""What kernels report that do not boot."""

FACTS = {"release": "6.1.0", "config_hash": "c0ffee", "machine": "the model", "command": "qemu"}


class FakeJudge:
    """Runs the one scenario on the model; the kernel's text selects one of WRONGS."""

    runs: ClassVar[list[str]] = []

    def __init__(self, prepared, workload, out, progress):
        self.kernel, self.workload = prepared, workload

    def judgement(self):
        self.runs.append(self.kernel)
        if self.kernel == "more-slots":
            raise WrongMachineError(
                "the guest is not what was asked for: LAST_PKMAP is 2048, not 512"
            )
        if self.kernel in REPORTS:
            return Judgement(
                **FACTS,
                error="the kernel did not boot: it is halted",
                reports=(REPORTS[self.kernel],),
                guests=2,
            )
        if self.kernel == "no-boot":
            return Judgement(
                **FACTS, error="the kernel did not boot: Kernel panic - not syncing: VFS"
            )
        return Judgement(**FACTS, programs=checked_programs(ran(**WRONGS.get(self.kernel, {}))))

    alone = after = None
    """The kernels that a program meets when it runs again, if they are not this one."""

    def confirm(self, scenario):
        return self._again(self.alone)

    def confirm_after(self, name):
        return self._again(self.after)

    def _again(self, kernel):
        return checked_programs(ran(**WRONGS.get(kernel or self.kernel, {})))[0]


def counted_once(step, seen):
    """The second kmap of a page is not counted (P17), so that the first kunmap takes the last."""
    if step == 1:
        return seen._replace(slots=())
    if step == 2:
        return seen._replace(slots=tuple(one._replace(count=1) for one in seen.slots))
    return seen


def other_slot(step, seen):
    """The first kmap takes slot 7: another scan order, which breaks no rule of the contract."""
    if not seen.slots:
        return seen
    moved = tuple(
        change._replace(slot=change.slot + 6, address=change.address and change.address + 0x6000)
        for change in seen.slots
    )
    return seen._replace(
        value=seen.value and seen.value + 0x6000,
        page_address=seen.page_address and seen.page_address + 0x6000,
        slots=moved,
        cursor=seen.cursor + 6,
    )


WRONGS = {
    "uncounted": {"wrong": counted_once},
    "reordered": {"wrong": other_slot},
    "crashing": {"fails": {"collect": KernelError("kernel BUG at mm/highmem.c:300")}},
    "warning": {
        "troubles": (
            KernelTrouble(
                TroubleKind.WARNING, "WARNING: CPU: 0 PID: 1 at mm/highmem.c:5", ("a", "b")
            ),
        )
    },
    "dead-wire": {"fails": {"collect": InfrastructureError("QEMU ended")}},
}


def checked(
    tmp_path,
    base,
    patched,
    *,
    strict=False,
    first=False,
    configs=("small",),
    machines=(),
    **more,
):
    """A whole check from kernel *base* to kernel *patched*, both of WRONGS or ``good``."""
    folder = tmp_path / "source"
    folder.mkdir(exist_ok=True)
    scenario = replace(parse_scenario(REKMAP), file="own.kmap")
    workload = Workload(Shape(), Plan((scenario,), 1, 0))
    patch = Patch(
        "p.patch",
        f"--- a/kernel\n+++ b/kernel\n@@ -1 +1 @@\n-{base}\n+{patched}\n".encode(),
        "mm: a change",
    )
    cells = tuple(Cell(config, workload) for config in configs)
    cells = (*cells, *(on_machine(cells[0], machine) for machine in machines))
    cells = (*cells[:1], *(replace(one, why="a reason") for one in cells[1:]))
    request = CheckRequest(tmp_path, (patch,), cells, tmp_path / "out", strict=strict, first=first)
    scratch = Scratch(tmp_path, FakeTree(folder, base))
    return Check(
        request, FakeBuilder(), scratch, Quiet(), **{"judging": FakeJudge, **more}
    ).result()
