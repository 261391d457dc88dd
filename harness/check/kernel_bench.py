"""The kernels of one check: what the scratch holds now is built once in each configuration."""

from typing import NamedTuple

from harness.base.progress import Labelled, Progress
from harness.base.stopwatch import Stopwatch
from harness.check.cell import Cell
from harness.check.check_request import CheckRequest, KernelBuilder
from harness.check.check_result import KernelFailure, Stage
from harness.check.judging import JudgeFactory, KernelJudge
from harness.check.kept_build import keep_build
from harness.errors import UsageError
from harness.kernel.build import BuildError
from harness.kernel.kernel_record import Kernel
from harness.patch.scratch import Scratch, config_folder
from harness.run.prepare import Prepared

BASE, PATCHED = "base", "patched kernel"


class PreparedKernel(NamedTuple):
    """A kernel with its module, and whether an earlier module could be used again."""

    prepared: Prepared
    module_was_kept: bool


class KernelBench:
    """Builds the kernels of a check, and gives a judge of each for a cell.

    A kernel is built once; its later cells find it ready, as long as the source does not change.
    """

    def __init__(
        self, builder: KernelBuilder, scratch: Scratch, request: CheckRequest, watch: Stopwatch
    ) -> None:
        self._builder, self._scratch = builder, scratch
        self._out, self._keeps, self._watch = request.out, request.keeps_builds, watch
        self._known: dict[tuple[str, str], PreparedKernel | KernelFailure] = {}

    def kernel(
        self, config: str, which: str, progress: Progress
    ) -> PreparedKernel | KernelFailure:
        """The kernel whose source the scratch holds now, or why there is none."""
        if (config, which) not in self._known:
            self._known[config, which] = self._made(config, which, progress)
        return self._known[config, which]

    def judge(
        self, prepared: Prepared, cell: Cell, which: str, judging: JudgeFactory, progress: Progress
    ) -> KernelJudge:
        """A judge of that kernel in *cell*, which keeps its image and logs in a folder."""
        folder = self._out / config_folder(cell.config)
        if cell.machine:
            folder /= config_folder(cell.machine)
        out = folder / ("base" if which == BASE else "patched")
        return judging(prepared, cell.workload, out, labelled(progress, cell, which))

    def _made(self, config: str, which: str, progress: Progress) -> PreparedKernel | KernelFailure:
        prefix = "base: " if which == BASE else ""
        with self._watch.phase(f"{prefix}build"):
            kernel = self._built(config, which, progress)
        if isinstance(kernel, KernelFailure):
            return kernel
        source = self._scratch.source
        if self._keeps and which == PATCHED:
            with self._watch.phase("keep build"):
                folder = self._out / config_folder(config) / "patched" / "build"
                keep_build(source, self._scratch.objects(config), folder)
        try:
            with self._watch.phase(f"{prefix}module"):
                return PreparedKernel(*self._builder.prepare(kernel, source, progress))
        except BuildError as error:
            return KernelFailure(which, Stage.MODULE, tuple(error.message.splitlines()))

    def _built(self, config: str, which: str, progress: Progress) -> Kernel | KernelFailure:
        source, objects = self._scratch.source, self._scratch.objects(config)
        try:
            return self._builder.build(source, objects, config, progress)
        except BuildError as error:
            return KernelFailure(which, Stage.BUILD, tuple(error.message.splitlines()))
        except UsageError as error:
            return KernelFailure(which, Stage.CONFIGURE, tuple(str(error).splitlines()))


def labelled(progress: Progress, cell: Cell, which: str) -> Progress:
    """*progress* that names cell and kernel."""
    return Labelled(progress, f"{cell.words}, {'base' if which == BASE else 'patched'} kernel")
