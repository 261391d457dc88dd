"""One check: base and patched kernel are built, run and compared in each configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.base.progress import Labelled, Progress
from harness.base.stopwatch import Stopwatch
from harness.check.base_memo import BaseMemo
from harness.check.check_request import CheckRequest, KernelBuilder
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure, Stage
from harness.check.checked_program import CheckedKind
from harness.check.comparison import (
    Comparison,
    PatchEffect,
    compare,
    foremost_first,
    shortest_first,
)
from harness.check.fatal_boot import THIS_CODE, boot_comparisons
from harness.check.judging import JudgeFactory, Judgement, KernelJudge
from harness.check.lane import program_name
from harness.check.reproduce import check_command, portable_command
from harness.check.symbolise import Symboliser, with_source_lines
from harness.errors import UsageError
from harness.kernel.build import BuildError
from harness.kernel.kernel_record import Kernel
from harness.patch.apply import DoesNotApplyError, changed_files
from harness.patch.scratch import Scratch, config_folder
from harness.run.machine_check import WrongMachineError

CONFIRMED_MOST = 3
"""Newly failing scenarios that are run a second time, each alone."""
BASE, PATCHED = "base", "patched kernel"


class _BaseRun(NamedTuple):
    """What is known of the base in one configuration, and whether an earlier run found it."""

    judgement: Judgement | KernelFailure
    stored: bool


class Check:
    """One check on an open scratch, whose lock is held while kernels are built and run.

    *prior* are judgements of the base that the caller has already, by configuration.
    """

    def __init__(  # noqa: PLR0917 - the seams of one check
        self,
        request: CheckRequest,
        builder: KernelBuilder,
        scratch: Scratch,
        progress: Progress,
        judging: JudgeFactory = KernelJudge,
        prior: Mapping[str, Judgement] | None = None,
    ) -> None:
        self.request, self.builder = request, builder
        self.scratch, self.progress = scratch, progress
        self.judging = judging
        self.prior = prior or {}
        self.watch = Stopwatch()
        self.module_was_kept = False
        self.base = scratch.base(request.base)
        self.memo = BaseMemo(request, builder, scratch, self.base)

    def result(self) -> CheckResult:
        """Run the check.

        A patch that does not apply, and all that a kernel does, are part of the result.
        """
        bases = {config: self._base(config) for config in self.request.configs}
        try:
            with self.watch.phase("apply"):
                self.scratch.settle(self.base, self.request.patches)
            configs = [self._patched(config, base) for config, base in bases.items()]
        except DoesNotApplyError as error:
            failure = KernelFailure("patch", Stage.APPLY, (error.patch.title, *error.lines))
            configs = [ConfigResult(config, failure=failure) for config in bases]
        return self._finished(tuple(configs))

    def _finished(self, configs: tuple[ConfigResult, ...]) -> CheckResult:
        request, patches = self.request, self.request.patches
        return CheckResult(
            tree=request.kernel.name if request.kernel else str(request.tree),
            base=self.base.words,
            patches=tuple(one.title for one in patches),
            configs=configs,
            seed=request.workload.plan.seed,
            strict=request.strict,
            notes=(*self.base.notes, *request.notes),
            phases=self.watch.seconds,
            mail=patches[0].mail if patches else None,
        )

    # -- the base

    def _base(self, config: str) -> _BaseRun:
        stored = self.prior.get(config) or self.memo.load(config)
        if stored:
            return _BaseRun(stored, stored=True)
        self.progress.step(f"{config}, base kernel: the source of {self.base.words}")
        with self.watch.phase("base: apply"):
            self.scratch.settle(self.base)
        judge = self._kernel_judge(config, BASE)
        if isinstance(judge, KernelFailure):
            return _BaseRun(judge, stored=False)
        with self.watch.phase("base: run"):
            judgement = judge.judgement()
        self.memo.save(config, judgement)
        return _BaseRun(judgement, stored=False)

    # -- the patched kernel

    def _patched(self, config: str, base: _BaseRun) -> ConfigResult:
        """Build the patched kernel in *config*, run it and compare it with the base."""
        if isinstance(base.judgement, KernelFailure):
            return ConfigResult(config, failure=base.judgement)
        self.progress.step(f"{config}, patched kernel: its source")
        judge = self._kernel_judge(config, PATCHED)
        known = ConfigResult(
            config,
            base.judgement,
            base_was_kept=base.stored,
            module_was_kept=self.module_was_kept,
            reproduce=self._command(config),
            portable=portable_command(self.request, self.base, config),
        )
        if isinstance(judge, KernelFailure):
            return replace(known, failure=judge)
        return self._compared(known, judge, base.judgement)

    def _compared(self, known: ConfigResult, judge: KernelJudge, base: Judgement) -> ConfigResult:
        """*known* with what the patched kernel did, as far as both kernels came."""
        config = known.config
        judgement = self._judgement(judge, config)
        if isinstance(judgement, KernelFailure):
            return replace(known, failure=judgement)
        if failure := _boot_failure(PATCHED, judgement):
            found = boot_comparisons(config, base, judgement, self._changed())
            return (
                replace(known, patched=judgement, comparisons=found)
                if found
                else replace(known, failure=failure)
            )
        rebuilt = () if known.module_was_kept else self._changed_headers()
        known = replace(known, patched=judgement, rebuilt=rebuilt)
        if failure := _boot_failure(BASE, base):
            return replace(known, failure=failure)
        comparisons = compare(config, base.programs, judgement.programs)
        with self.watch.phase("confirm"):
            comparisons = tuple(self._confirmed(judge, comparisons))
        return replace(
            known,
            comparisons=comparisons,
            reproduce=self._command(config, comparisons),
            portable=portable_command(self.request, self.base, config, _foremost(comparisons)),
        )

    def _judgement(self, judge: KernelJudge, config: str) -> Judgement | KernelFailure:
        """Run the patched kernel; kernel messages in the judgement name files and lines."""
        try:
            with self.watch.phase("run"):
                return self._symbolised(judge.judgement(), config)
        except WrongMachineError as error:
            return KernelFailure(PATCHED, Stage.MACHINE, tuple(str(error).splitlines()))

    def _changed_headers(self) -> tuple[str, ...]:
        """The headers that the patches change: why the module had to be built again."""
        return tuple(name for name in self._changed() if name.endswith(".h"))

    def _changed(self) -> tuple[str, ...]:
        """The files that the patches change."""
        source = self.scratch.source
        files = (name for patch in self.request.patches for name in changed_files(patch, source))
        return tuple(dict.fromkeys(files))

    def _symbolised(self, judgement: Judgement, config: str) -> Judgement:
        files = (*self._changed(), *(THIS_CODE if judgement.reports else ()))
        symboliser = Symboliser(self.scratch.objects(config), files)
        return replace(
            judgement,
            error="\n".join(symboliser.lines(judgement.error.splitlines())),
            reports=tuple(symboliser.lines(one) for one in judgement.reports),
            programs=tuple(with_source_lines(one, symboliser) for one in judgement.programs),
        )

    def _command(self, config: str, found: Sequence[Comparison] = ()) -> str:
        return check_command(self.request, self.base, config, _foremost(found))

    def _confirmed(self, judge: KernelJudge, found: Sequence[Comparison]) -> Iterator[Comparison]:
        """*found*, after its shortest newly failing scenarios have run a second time, each alone.

        The first that does not fail alone runs again after the programs before it: it may need
        the state that they leave.
        """
        scenarios = {program_name(one): one for one in self.request.workload.plan.scenarios}
        new = [one for one in found if one.change is PatchEffect.NEWLY_FAILING]
        candidates = shortest_first(one for one in new if one.program in scenarios)
        chosen, longer = {one.program for one in candidates[:CONFIRMED_MOST]}, True
        for one in found:
            if one.change is not PatchEffect.NEWLY_FAILING or one.program not in chosen:
                yield one
                continue
            again = judge.confirm(scenarios[one.program])
            seen, after = again.kind is CheckedKind.CONTRACT, None
            if not seen and longer:
                longer = False
                after = judge.confirm_after(one.program).kind is CheckedKind.CONTRACT
            yield replace(one, tried=1, confirmed=int(seen), after=after)

    # -- both

    def _kernel_judge(self, config: str, which: str) -> KernelJudge | KernelFailure:
        """A judge of the kernel whose source the scratch holds now, or why there is none."""
        prefix, folder = ("base: ", "base") if which == BASE else ("", "patched")
        progress = Labelled(self.progress, f"{config}, {folder} kernel")
        with self.watch.phase(f"{prefix}build"):
            kernel = self._built(config, which, progress)
        if isinstance(kernel, KernelFailure):
            return kernel
        try:
            with self.watch.phase(f"{prefix}module"):
                prepared, self.module_was_kept = self.builder.prepare(
                    kernel, self.scratch.source, progress
                )
        except BuildError as error:
            return KernelFailure(which, Stage.MODULE, tuple(error.message.splitlines()))
        out = self.request.out / config_folder(config) / folder
        return self.judging(prepared, self.request.workload, out, progress)

    def _built(self, config: str, which: str, progress: Progress) -> Kernel | KernelFailure:
        source, objects = self.scratch.source, self.scratch.objects(config)
        try:
            return self.builder.build(source, objects, config, progress)
        except BuildError as error:
            return KernelFailure(which, Stage.BUILD, tuple(error.message.splitlines()))
        except UsageError as error:
            return KernelFailure(which, Stage.CONFIGURE, tuple(str(error).splitlines()))


def _foremost(found: Sequence[Comparison]) -> str:
    """The newly failing program that a command repeats, if there is one."""
    failing = [one for one in found if one.change is PatchEffect.NEWLY_FAILING]
    return foremost_first(failing)[0].program if failing else ""


def _boot_failure(which: str, judgement: Judgement) -> KernelFailure | None:
    """Why *judgement* holds no program, if that is so."""
    if judgement.programs or not judgement.error:
        return None
    return KernelFailure(which, Stage.BOOT, tuple(judgement.error.splitlines()))
