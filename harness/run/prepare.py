"""Everything before a boot: find the kernel, build module and agent for it, check the facts."""

from dataclasses import dataclass
from pathlib import Path

from harness.base import project
from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.template import GuestParts
from harness.kernel.build import Built, build_module, build_program
from harness.kernel.by_name import kernel_by_name, kernel_names
from harness.kernel.dwarf import DwarfFacts, read_dwarf
from harness.kernel.flush_sites import flush_sites
from harness.kernel.kernel_record import Kernel
from harness.kernel.module import check_module
from harness.kernel.stock import KernelDamagedError
from harness.kernel.tree import Say
from harness.kernel.user import require_image, user_kernel
from harness.run.drivers import require_drivers
from harness.run.wire_check import require_wire

AGENT = "kmap-harness-agent"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The files that a guest is booted from, and what the module's DWARF says."""

    kernel: Kernel
    module: Built
    agent: Built
    dwarf: DwarfFacts

    def parts(self, shape: Shape) -> GuestParts:
        """The parts of a guest with this kernel on *shape*.

        Raises UsageError where the kernel cannot run on *shape*.
        """
        require_drivers(self.kernel, shape)
        flushes = flush_sites(self.kernel)
        return GuestParts(self.kernel, shape, self.module.stripped, self.agent.path, flushes)


def find_kernel(
    name: str, build_dir: Path | None, progress: Progress, say: Say | None = None
) -> Kernel:
    """The kernel of that name, or the user's own image with the folder it was built in.

    ``say`` is told the exact commands of a build.
    """
    path = Path(name)
    if build_dir is not None:
        return user_kernel(path, build_dir)
    if "/" in name or (path.exists() and name not in kernel_names()):
        require_image(path)
        raise UsageError(
            f"{name} is a kernel image, and the folder it was built in is not given",
            hint="add --build-dir DIR",
        )
    return kernel_by_name(name, progress=progress, say=say)


def prepare(
    name: str,
    build_dir: Path | None,
    progress: Progress,
    *,
    sources: Path = project.MODULE_SOURCES,
    say: Say | None = None,
) -> Prepared:
    """Obtain the kernel and build module and agent for it; nothing is done twice.

    Raises UsageError for a kernel that is not known or a module that is not this kernel's,
    PrerequisiteError for a missing program or an unreachable archive.
    """
    kernel = find_kernel(name, build_dir, progress, say)
    try:
        return prepare_kernel(kernel, progress, sources=sources)
    except KernelDamagedError:
        kernel = find_kernel(name, build_dir, progress, say)
        return prepare_kernel(kernel, progress, sources=sources)


def prepare_kernel(
    kernel: Kernel,
    progress: Progress,
    *,
    sources: Path = project.MODULE_SOURCES,
    module: Built | None = None,
) -> Prepared:
    """Build module and agent for *kernel*; *module* is used instead if it fits already.

    Raises as :func:`prepare`.
    """
    Cache.default().remove_leftovers()
    module = module or build_module(kernel, sources, progress=progress)
    check_module(kernel, module.path)
    dwarf = read_dwarf(module.path)
    require_wire(dwarf)
    return Prepared(kernel, module, _built_agent(progress), dwarf)


def _built_agent(progress: Progress) -> Built:
    return build_program(
        sorted(project.AGENT_SOURCES.glob("*.c")),
        AGENT,
        include=(project.MODULE_SOURCES,),
        progress=progress,
    )
