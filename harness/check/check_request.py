"""What a check is asked to do, and the builder that it needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.base.progress import Progress
from harness.check.cell import Cell
from harness.check.risks import Place
from harness.kernel.kernel_record import Kernel
from harness.patch.patch import Patch
from harness.run.prepare import Prepared


class KernelBuilder(Protocol):
    """Builds kernels from source trees (``harness/check/builder.py``); tests use a fake one."""

    def fingerprint(self, config: str, source: Path) -> str:
        """A text that names all that the kernel *config* depends on beside the tree's content."""

    def build(self, source: Path, objects: Path, config: str, progress: Progress) -> Kernel:
        """The kernel of *source*, configured as *config* says.

        Raises BuildError, and UsageError for a configuration that the tree does not take.
        """

    def prepare(self, kernel: Kernel, source: Path, progress: Progress) -> tuple[Prepared, bool]:
        """*kernel* with module and agent, and whether an earlier module could be used again.

        Raises BuildError.
        """


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """One check: apply *patches* to *base* of *tree*, and judge both kernels in each of *cells*.

    The cells of one configuration follow one another.  ``out`` is the folder for logs, patches
    and kernel images.
    """

    tree: Path
    patches: tuple[Patch, ...]
    cells: tuple[Cell, ...]
    out: Path
    base: str = ""
    strict: bool = False
    first: bool = False
    """True if the check ends with the first program that is newly failing."""
    keeps_builds: bool = False
    """True if the check leaves build folders of patched kernels in ``out`` for other commands."""
    kernel: Kernel | None = None
    """A kernel of the catalogue whose source is patched instead of *tree*."""
    machine: str = ""
    """The words of ``--shape``, for the command line that repeats the check."""
    chosen: tuple[tuple[str, str], ...] = ()
    """Options that have chosen scenarios, for the same command line, each with its value."""
    sweeps: str = ""
    """The words of ``--sweeps``, for the same command line."""
    notes: tuple[str, ...] = ()
    """What the report says of how the check was put together."""
    left_out: tuple[Place, ...] = ()
    """Cells in which the patch might show, too, and that are not judged."""

    @property
    def seed(self) -> int:
        """The seed of all programs that are generated."""
        return self.cells[0].workload.plan.seed
