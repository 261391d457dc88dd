"""One check: base and patched kernel are built, run and compared in each cell."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.check.base_memo import BaseMemo
from harness.check.cell import Cell
from harness.check.check_request import CheckRequest, KernelBuilder
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure, Stage
from harness.check.checked_program import CheckedKind, CheckedProgram
from harness.check.comparison import Comparison, PatchEffect, compare, foremost_first
from harness.check.fatal_boot import THIS_CODE, boot_comparisons
from harness.check.judging import JudgeFactory, Judgement, KernelJudge
from harness.check.kernel_bench import BASE, PATCHED, KernelBench, labelled
from harness.check.lane import Workload
from harness.check.reproduce import check_command, portable_command
from harness.check.second_runs import second_runs
from harness.check.symbolise import Symboliser, with_source_lines
from harness.errors import UsageError
from harness.patch.apply import DoesNotApplyError, changed_files, require_fitting
from harness.patch.scratch import Scratch
from harness.run.machine_check import WrongMachineError

_ENDED = "each guest ends with the first program that breaks a rule (--first)"


class BaseRun(NamedTuple):
    """The result of the base in one cell, and whether an earlier run found it."""

    judgement: Judgement | KernelFailure
    stored: bool


class Check:
    """One check on an open scratch, whose lock is held while kernels are built and run.

    *prior* are judgements of the base that the caller has already, by configuration and machine.
    """

    def __init__(  # noqa: PLR0917 - the seams of one check
        self,
        request: CheckRequest,
        builder: KernelBuilder,
        scratch: Scratch,
        progress: Progress,
        judging: JudgeFactory = KernelJudge,
        prior: Mapping[tuple[str, str], Judgement] | None = None,
    ) -> None:
        self.request, self.scratch, self.progress = request, scratch, progress
        self.judging = judging
        self.prior = prior or {}
        self.watch = Stopwatch()
        self.bench = KernelBench(builder, scratch, request, self.watch)
        self.base = scratch.base(request.base)
        self.memo = BaseMemo(request, builder, scratch, self.base)
        self.holds_base = False

    def result(self) -> CheckResult:
        """Run the check.

        A patch that does not apply, and all that a kernel does, are part of the result.
        """
        try:
            bases = self.bases()
            with self.watch.phase("apply"):
                self.scratch.settle(self.base, self.request.patches)
            configs = list(self._until_enough(bases))
        except DoesNotApplyError as error:
            failure = KernelFailure("patch", Stage.APPLY, (error.patch.title, *error.lines))
            cells = self.request.cells
            configs = [ConfigResult(one.config, one.machine, failure=failure) for one in cells]
        return self._finished(tuple(configs))

    def _until_enough(self, bases: Sequence[tuple[Cell, BaseRun]]) -> Iterator[ConfigResult]:
        """Yield the result of each cell, until one has shown what the request asks for."""
        for cell, base in bases:
            found = self._patched(cell, base)
            yield found
            if self.request.first and found.change is PatchEffect.NEWLY_FAILING:
                return

    def bases(self) -> list[tuple[Cell, BaseRun]]:
        """The results of the base in each cell: stored, or built and run now."""
        return [(cell, self._base(cell)) for cell in self.request.cells]

    def _finished(self, configs: tuple[ConfigResult, ...]) -> CheckResult:
        request, patches = self.request, self.request.patches
        spared = (one.words for one in request.cells[len(configs) :])
        return CheckResult(
            tree=request.kernel.name if request.kernel else str(request.tree),
            base=self.base.words,
            patches=tuple(one.title for one in patches),
            configs=configs,
            seed=request.seed,
            strict=request.strict,
            notes=(*self.base.notes, *request.notes, *((_ENDED,) * request.first)),
            left_out=(
                *(one.words for one in request.left_out),
                *(f"{words}: a program before it is newly failing" for words in spared),
            ),
            phases=self.watch.seconds,
            mail=patches[0].mail if patches else None,
        )

    # -- the base

    def _base(self, cell: Cell) -> BaseRun:
        stored = self.prior.get((cell.config, cell.machine)) or self.memo.load(cell)
        if stored:
            return BaseRun(stored, stored=True)
        progress = labelled(self.progress, cell, BASE)
        self._settle_base(progress)
        kernel = self.bench.kernel(cell.config, BASE, progress)
        if isinstance(kernel, KernelFailure):
            return BaseRun(kernel, stored=False)
        judge = self.bench.judge(kernel.prepared, cell, BASE, self.judging, self.progress)
        try:
            with self.watch.phase("base: run"):
                judgement = judge.judgement()
        except (WrongMachineError, UsageError) as error:
            return BaseRun(_wrong_machine(BASE, error), stored=False)
        self.memo.save(cell, judgement)
        return BaseRun(judgement, stored=False)

    def _settle_base(self, progress: Progress) -> None:
        """Make the scratch equal to the base, once.

        Raises DoesNotApplyError if the first patch does not fit it: then nothing has to be built.
        """
        if not self.holds_base:
            progress.step(f"the source of {self.base.words}")
            with self.watch.phase("base: apply"):
                self.scratch.settle(self.base)
            self.holds_base = True
            for patch in self.request.patches[:1]:
                require_fitting(patch, self.scratch.source)

    # -- the patched kernel

    def _patched(self, cell: Cell, base: BaseRun) -> ConfigResult:
        """Build the patched kernel of *cell*, run it and compare it with the base."""
        known = ConfigResult(cell.config, cell.machine, cell.why)
        if isinstance(base.judgement, KernelFailure):
            return replace(known, failure=base.judgement)
        progress = labelled(self.progress, cell, PATCHED)
        progress.step("its source")
        kernel = self.bench.kernel(cell.config, PATCHED, progress)
        known = replace(
            known,
            base=base.judgement,
            base_was_kept=base.stored,
            reproduce=check_command(self.request, self.base, cell),
            portable=portable_command(self.request, self.base, cell),
        )
        if isinstance(kernel, KernelFailure):
            return replace(known, failure=kernel)
        asked = replace(cell, workload=self._workload(cell, base.judgement))
        judge = self.bench.judge(kernel.prepared, asked, PATCHED, self.judging, self.progress)
        known = replace(known, module_was_kept=kernel.module_was_kept)
        return self._compared(known, cell, judge, base.judgement)

    def _workload(self, cell: Cell, base: Judgement) -> Workload:
        """The programs of *cell*: where the base fails, the first failure shows nothing new."""
        fails = any(one.kind is CheckedKind.CONTRACT for one in base.programs)
        return replace(cell.workload, first=self.request.first and not fails)

    def _compared(
        self, known: ConfigResult, cell: Cell, judge: KernelJudge, base: Judgement
    ) -> ConfigResult:
        """*known* with what the patched kernel did, as far as both kernels came."""
        judgement = self._judgement(judge, cell.config)
        if isinstance(judgement, KernelFailure):
            return replace(known, failure=judgement)
        if failure := _boot_failure(PATCHED, judgement):
            died = boot_comparisons(cell.config, base, judgement, self._changed())
            if not died:
                return replace(known, failure=failure)
            return replace(known, patched=judgement, comparisons=died)
        rebuilt = () if known.module_was_kept else self._changed_headers()
        known = replace(known, patched=judgement, rebuilt=rebuilt)
        known = replace(known, not_compiled=self._not_compiled(cell.config))
        if failure := _boot_failure(BASE, base):
            return replace(known, failure=failure)
        return self._with_comparisons(known, cell, judge, base)

    def _with_comparisons(
        self, known: ConfigResult, cell: Cell, judge: KernelJudge, base: Judgement
    ) -> ConfigResult:
        new = known.patched.programs if known.patched else ()
        old = _reached(base.programs, new) if judge.workload.first else base.programs
        found = compare(cell.config, old, new)
        with self.watch.phase("confirm"):
            found = tuple(second_runs(judge, cell.workload.plan.scenarios, found))
        program = _foremost(found)
        return replace(
            known,
            comparisons=found,
            reproduce=check_command(self.request, self.base, cell, program),
            portable=portable_command(self.request, self.base, cell, program),
        )

    def _judgement(self, judge: KernelJudge, config: str) -> Judgement | KernelFailure:
        """Run the patched kernel; kernel messages in the judgement name files and lines."""
        try:
            with self.watch.phase("run"):
                return self._symbolised(judge.judgement(), config)
        except (WrongMachineError, UsageError) as error:
            return _wrong_machine(PATCHED, error)

    def _changed_headers(self) -> tuple[str, ...]:
        """The headers that the patches change: why the module had to be built again."""
        return tuple(name for name in self._changed() if name.endswith(".h"))

    def _not_compiled(self, config: str) -> tuple[str, ...]:
        """The changed sources of which *config* has no object."""
        objects = self.scratch.objects(config)
        sources = (one for one in self._changed() if one.endswith((".c", ".S")))
        return tuple(one for one in sources if not (objects / one).with_suffix(".o").exists())

    def _changed(self) -> tuple[str, ...]:
        """The files that the patches change."""
        source = self.scratch.source
        files = (name for patch in self.request.patches for name in changed_files(patch, source))
        return tuple(dict.fromkeys(files))

    def _symbolised(self, judgement: Judgement, config: str) -> Judgement:
        files = (*self._changed(), *(THIS_CODE if judgement.reports else ()))
        with closing(Symboliser(self.scratch.objects(config), files)) as symboliser:
            return replace(
                judgement,
                error="\n".join(symboliser.lines(judgement.error.splitlines())),
                reports=tuple(symboliser.lines(one) for one in judgement.reports),
                programs=tuple(with_source_lines(one, symboliser) for one in judgement.programs),
            )


def _reached(
    base: Sequence[CheckedProgram], patched: Sequence[CheckedProgram]
) -> tuple[CheckedProgram, ...]:
    """The programs of *base* that ran on the patched kernel, too."""
    names = {one.program for one in patched}
    return tuple(one for one in base if one.program in names)


def _foremost(found: Sequence[Comparison]) -> str:
    """The newly failing program that a command repeats, if there is one."""
    failing = [one for one in found if one.change is PatchEffect.NEWLY_FAILING]
    return foremost_first(failing)[0].program if failing else ""


def _wrong_machine(which: str, error: WrongMachineError | UsageError) -> KernelFailure:
    return KernelFailure(which, Stage.MACHINE, tuple(str(error).splitlines()))


def _boot_failure(which: str, judgement: Judgement) -> KernelFailure | None:
    """The failure because of which *judgement* holds no program, if that is so."""
    if judgement.programs or not judgement.error:
        return None
    return KernelFailure(which, Stage.BOOT, tuple(judgement.error.splitlines()))
