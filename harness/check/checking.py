"""The check: base and patched kernel built, run and compared, in every configuration asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from harness.base import project
from harness.base.cache import Cache
from harness.base.fingerprint import digest_of, key_of
from harness.base.memo import Memo
from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure, Stage
from harness.check.checked_program import CheckedKind
from harness.check.comparison import Comparison, PatchEffect, compare
from harness.check.judging import Judgement, KernelJudge
from harness.check.lane import Workload, program_name
from harness.check.reproduce import command, save_patches
from harness.check.symbolise import Symboliser, with_source_lines
from harness.check.value import judgement_of, judgement_value
from harness.errors import UsageError
from harness.guest.template import emulator
from harness.kernel.build import BuildError
from harness.kernel.kernel_record import Kernel
from harness.patch.apply import DoesNotApplyError, changed_files
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase
from harness.patch.scratch import Scratch, open_clone, open_scratch
from harness.run.expected import WrongMachineError
from harness.run.prepare import Prepared

CONFIRMED_MOST = 3
"""Newly failing scenarios that are run once more, each alone."""
ROOMS = ("model", "scenario", "trace", "kernel", "guest", "compare", "run")
"""What of the harness a kept judgement depends on."""


class KernelBuilder(Protocol):
    """Builds kernels from source trees (``harness/check/builder.py``); tests have another."""

    def fingerprint(self, config: str, source: Path) -> str:
        """Names everything beside the content of *source* that the kernel *config* depends on."""

    def build(self, source: Path, objects: Path, config: str, progress: Progress) -> Kernel:
        """The kernel of *source* as *config* has it.  Raises BuildError and other UsageErrors."""

    def prepare(self, kernel: Kernel, source: Path, progress: Progress) -> tuple[Prepared, bool]:
        """Module and agent for *kernel*, and whether a module for equal headers was there.  Raises BuildError."""


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What is to be checked: *patches* on *base* of *tree*, in *configs*, over *terms*; logs go to *out*."""

    tree: Path
    patches: tuple[Patch, ...]
    terms: Workload
    configs: tuple[str, ...]
    out: Path
    base: str = ""
    strict: bool = False
    kernel: Kernel | None = None
    """A kernel of the catalogue, whose source is patched instead of *tree*."""
    machine: str = ""
    """The words that the terms' shape was made of, for whoever wants to see it again."""


JudgeFactory = Callable[[Prepared, Workload, Path, Progress], KernelJudge]


class Check:
    """One check on an open scratch: its lock is held while kernels are built and run."""

    def __init__(  # noqa: PLR0917 - the seams of one job
        self,
        request: CheckRequest,
        builder: KernelBuilder,
        scratch: Scratch,
        progress: Progress,
        judging: JudgeFactory = KernelJudge,
        prior: Mapping[str, Judgement] | None = None,
    ) -> None:
        self.request, self.builder, self.scratch, self.progress = (
            request,
            builder,
            scratch,
            progress,
        )
        self.judging = judging
        self.prior = prior or {}
        self.watch = Stopwatch()
        self.module_was_kept = False
        self.base = scratch.base(request.base)
        self.kept = Memo(Cache.default(), "judgements")

    def result(self) -> CheckResult:
        """Do it.  Patches that do not fit are part of the result, as is all that a kernel does."""
        bases = {config: self._base(config) for config in self.request.configs}
        try:
            with self.watch.phase("apply"):
                self.scratch.settle(self.base, self.request.patches)
            configs = tuple(
                self._patched(config, *bases[config]) for config in self.request.configs
            )
        except DoesNotApplyError as error:
            failure = KernelFailure("patch", Stage.APPLY, (error.patch.title, *error.lines))
            configs = tuple(
                ConfigResult(config, failure=failure) for config in self.request.configs
            )
        return self._finished(configs)

    def _finished(self, configs: tuple[ConfigResult, ...]) -> CheckResult:
        patches = self.request.patches
        first = patches[0] if patches else Patch("", b"")
        return CheckResult(
            tree=self.request.kernel.name if self.request.kernel else str(self.request.tree),
            base=self.base.words,
            patches=tuple(one.title for one in patches),
            configs=configs,
            seed=self.request.terms.plan.seed,
            strict=self.request.strict,
            notes=self.base.notes,
            phases=self.watch.seconds,
            message_id=first.message_id,
            author=first.author,
        )

    # -- the base

    def _base(self, config: str) -> tuple[Judgement | KernelFailure, bool]:
        """What the base does in *config*, and whether that was known already."""
        if config in self.prior:
            return self.prior[config], True
        key = self.key(config, self.base)
        value = self.kept.load(key)
        known = judgement_of(value) if value else None
        if known:
            return known, True
        self.progress.step(f"{config}: the base {self.base.words}")
        with self.watch.phase("base: apply"):
            self.scratch.settle(self.base)
        found = self._judged(config, "base")
        if isinstance(found, KernelFailure):
            return found, False
        bench = found
        with self.watch.phase("base: run"):
            judgement = bench.judgement()
        if not judgement.error:
            self.kept.save(key, judgement_value(judgement))
        return judgement, False

    def key(self, config: str, base: PatchBase) -> str:
        """Names everything that the judgement of *base* depends on."""
        terms = self.request.terms
        return key_of(
            (
                base.content,
                self.builder.fingerprint(config, self._place),
                repr(terms.shape),
                repr(terms.plan),
                str(terms.throwaway),
                emulator(),
                _harness(),
            )
        )

    @property
    def _place(self) -> Path:
        """A folder with the base's Kconfig: our copy may not have been made yet."""
        return self.scratch.source if self.request.kernel else self.request.tree

    # -- the patched kernel

    def _patched(self, config: str, base: Judgement | KernelFailure, kept: bool) -> ConfigResult:
        if isinstance(base, KernelFailure):
            return ConfigResult(config, failure=base)
        self.progress.step(f"{config}: the patched kernel")
        found = self._judged(config, "patched")
        known = ConfigResult(
            config,
            base,
            base_was_kept=kept,
            module_was_kept=self.module_was_kept,
            reproduce=self._command(config),
        )
        if isinstance(found, KernelFailure):
            return replace(known, failure=found)
        try:
            with self.watch.phase("run"):
                judgement = self._told(found.judgement(), config)
        except WrongMachineError as error:
            return replace(
                known,
                failure=KernelFailure(
                    "patched kernel", Stage.MACHINE, tuple(str(error).splitlines())
                ),
            )
        if judgement.error and not judgement.programs:
            return replace(known, failure=_not_booted("patched kernel", judgement))
        if base.error and not base.programs:
            return replace(known, patched=judgement, failure=_not_booted("base", base))
        comparisons = compare(config, base.programs, judgement.programs)
        with self.watch.phase("confirm"):
            comparisons = tuple(self._confirmed(found, comparisons))
        again = self._command(config, comparisons)
        return replace(known, patched=judgement, comparisons=comparisons, reproduce=again)

    def _told(self, judgement: Judgement, config: str) -> Judgement:
        """*judgement* with file and line in what the kernel said."""
        source = self.scratch.source
        files = [name for patch in self.request.patches for name in changed_files(patch, source)]
        symboliser = Symboliser(self.scratch.objects(config), files)
        return replace(
            judgement,
            error="\n".join(symboliser.lines(judgement.error.splitlines())),
            programs=tuple(with_source_lines(one, symboliser) for one in judgement.programs),
        )

    def _command(self, config: str, found: Sequence[Comparison] = ()) -> str:
        """The command line that checks *config* again: of what is newly failing the first scenario, if there is one."""
        request, plan = self.request, self.request.terms.plan
        files = save_patches(request.patches, request.out / "patches")
        place = (
            ("--kernel", request.kernel.name) if request.kernel else ("--tree", str(request.tree))
        )
        failing = next(
            (one.program for one in found if one.change is PatchEffect.NEWLY_FAILING), ""
        )
        scenario = next((one.file for one in plan.scenarios if program_name(one) == failing), "")
        more = ["--shape", request.machine] if request.machine else []
        more += (
            ["--scenario", scenario]
            if scenario
            else ["--seed", str(plan.seed), "--steps", str(plan.steps)]
        )
        return command(place, self.base, files, config, more)

    def _confirmed(self, bench: KernelJudge, found: Sequence[Comparison]) -> Iterator[Comparison]:
        """The first newly failing scenarios are run again, each alone: is it they, or what went before?"""
        scenarios = {program_name(one): one for one in self.request.terms.plan.scenarios}
        left = CONFIRMED_MOST
        for one in found:
            if (
                one.change is not PatchEffect.NEWLY_FAILING
                or one.program not in scenarios
                or not left
            ):
                yield one
                continue
            left -= 1
            again = bench.confirm(scenarios[one.program])
            yield replace(one, tried=1, confirmed=int(again.kind is CheckedKind.CONTRACT))

    # -- both

    def _judged(self, config: str, which: str) -> KernelJudge | KernelFailure:
        """The bench on which the kernel that the scratch holds is judged, or why there is none."""
        prefix = "" if which == "patched" else "base: "
        name = "patched kernel" if which == "patched" else "base"
        try:
            with self.watch.phase(f"{prefix}build"):
                kernel = self.builder.build(
                    self.scratch.source, self.scratch.objects(config), config, self.progress
                )
        except BuildError as error:
            return KernelFailure(name, Stage.BUILD, tuple(error.message.splitlines()))
        except UsageError as error:
            return KernelFailure(name, Stage.CONFIGURE, tuple(str(error).splitlines()))
        try:
            with self.watch.phase(f"{prefix}module"):
                prepared, self.module_was_kept = self.builder.prepare(
                    kernel, self.scratch.source, self.progress
                )
        except BuildError as error:
            return KernelFailure(name, Stage.MODULE, tuple(error.message.splitlines()))
        return self.judging(
            prepared, self.request.terms, self.request.out / config / which, self.progress
        )


def _not_booted(which: str, judgement: Judgement) -> KernelFailure:
    return KernelFailure(which, Stage.BOOT, tuple(judgement.error.splitlines()))


def _harness() -> str:
    """Names the harness: a judgement by another one is another judgement."""
    root = Path(__file__).parent.parent
    code = (
        path
        for room in ROOMS
        for path in (root / room).rglob("*")
        if path.suffix in {".py", ".toml"}
    )
    own = (
        root / "check" / f"{name}.py" for name in ("checked_program", "judging", "lane", "value")
    )
    sources = (*project.MODULE_SOURCES.glob("*.[ch]"), *project.AGENT_SOURCES.glob("*.[ch]"))
    return digest_of((*code, *own, *sources))


def run_check(
    request: CheckRequest,
    builder: KernelBuilder,
    progress: Progress,
    *,
    helper: Executor | None = None,
    each: bool = False,
) -> tuple[CheckResult, ...]:
    """Check *request*; another check of the same tree waits meanwhile.  One result, or with *each* one a patch.

    *helper* drives a second guest meanwhile.

    Raises UsageError for a tree or a revision that is none, and InfrastructureError.
    """
    judging = partial(KernelJudge, helper=helper)
    with _opened(request) as scratch:
        if not each:
            return (Check(request, builder, scratch, progress, judging).result(),)
        return tuple(_each(request, builder, scratch, progress, judging))


def _opened(request: CheckRequest) -> AbstractContextManager[Scratch]:
    cache = Cache.default()
    return (
        open_clone(request.kernel, cache) if request.kernel else open_scratch(request.tree, cache)
    )


def _each(
    request: CheckRequest,
    builder: KernelBuilder,
    scratch: Scratch,
    progress: Progress,
    judging: JudgeFactory,
) -> Iterator[CheckResult]:
    """Each patch against the kernel with those before it; one that cannot be judged ends the series."""
    prior: Mapping[str, Judgement] = {}
    for number in range(1, len(request.patches) + 1):
        part = replace(
            request, patches=request.patches[:number], out=request.out / f"patch-{number}"
        )
        result = Check(part, builder, scratch, progress, judging, prior).result()
        yield replace(result, patches=result.patches[-1:])
        prior = {one.config: one.patched for one in result.configs if one.patched}
        if any(one.failure for one in result.configs):
            return
