"""Builds the kernels of checks in the scratch, where make goes on from the last build."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.architecture.i386 import I386
from harness.base import project
from harness.base.cache import Cache
from harness.base.fingerprint import key_of
from harness.base.progress import Progress
from harness.errors import UsageError
from harness.kernel import fragment
from harness.kernel.build_recipe import recipes
from harness.kernel.cross_compiler import compiler_version
from harness.kernel.kernel_record import Kernel
from harness.kernel.reuse import module_for
from harness.kernel.tree import build, configure
from harness.kernel.user import user_kernel
from harness.run.prepare import Prepared, prepare_kernel

BASE, CPUS, PAE = "base", ("smp", "up"), "pae"


class TreeBuilder:
    """Builds with make; see :class:`harness.check.check_request.KernelBuilder`.

    *say* is called with each command line; *jobs* is the number of make's jobs.
    """

    def __init__(self, say: Callable[[str], None] | None = None, jobs: int = 2) -> None:
        self._say = say
        self._jobs = jobs

    def fingerprint(self, config: str, source: Path) -> str:
        """A text that names the settings, the .config below them, and the compiler."""
        asked, base = settings(config, source)
        return key_of(
            (
                fragment.text(asked),
                base.read_text() if base else "",
                compiler_version(I386.compiler),
            )
        )

    def build(self, source: Path, objects: Path, config: str, progress: Progress) -> Kernel:
        """Configure, compile what differs, and link.

        Raises BuildFailedError, ConfigMismatchError and other UsageErrors.
        """
        asked, base = settings(config, source)
        configure(source, objects, asked, base=base, say=self._say)
        progress.step("building the kernel")
        built = build(source, objects, progress=progress, jobs=self._jobs, say=self._say)
        return user_kernel(built.vmlinux, built.build_dir)

    def prepare(self, kernel: Kernel, source: Path, progress: Progress) -> tuple[Prepared, bool]:
        """Build module and agent; a module that was built for equal headers is used again."""
        module, kept = module_for(
            kernel, source, project.MODULE_SOURCES, Cache.default(), progress
        )
        return prepare_kernel(kernel, progress, module=module), kept


def settings(config: str, source: Path) -> tuple[Mapping[str, str], Path | None]:
    """The settings that *config* asks of the tree *source*, and the .config that they change.

    *config* is the name of a kernel of the catalogue, the path of a ``.config``, or names of
    fragments of ``images/config`` joined by ``+``, as ``pae+debug``; fragments give an SMP kernel
    unless ``up`` is among them.  Raises UsageError, which lists the fragments.
    """
    path = Path(config)
    if path.is_file():
        return {}, path
    if recipe := recipes().get(config):
        return recipe.settings(), None
    folder = project.KERNEL_FRAGMENTS
    known = sorted(one.stem for one in folder.glob("*.config") if one.stem != BASE)
    parts = config.split("+")
    for part in parts:
        if part not in known:
            raise UsageError(
                f"{part!r} is not part of a configuration, and there is no file {config}",
                hint=f"join some of {', '.join(known)} with +, or give the path of a .config",
            )
    cpus = () if set(parts) & set(CPUS) else CPUS[:1]
    base = dict.fromkeys((BASE, _variant(BASE, source)))
    wanted = (*base, *cpus, *(_variant(part, source) for part in parts))
    return fragment.merge(folder / f"{part}.config" for part in wanted), None


def with_fragments(config: str, more: str) -> str:
    """*config* with the fragments *more*, joined by ``+``; one after a ``-`` is taken out.

    The result is empty for a configuration that does not consist of fragments, or that has those
    fragments already, or lacks what is to be taken out.
    """
    if not more:
        return config
    parts = _fragments(config)
    if not parts:
        return ""
    for word in more.split("+"):
        out = word.startswith("-")
        if out is not (word.removeprefix("-") in parts):
            return ""
        parts = [one for one in parts if f"-{one}" != word] if out else [*parts, word]
    return "+".join(parts)


def _fragments(config: str) -> list[str]:
    """The fragments of *config*, as in its name; none for the path of a ``.config``."""
    if Path(config).is_file():
        return []
    recipe = recipes().get(config)
    names = [one.stem for one in recipe.fragments] if recipe else config.split("+")
    plain = {other: part for part, (_, _, other) in OTHER_TREES.items()}
    known = [plain.get(name, name) for name in names]
    return [name for name in known if name not in {BASE, CPUS[0]}]


OTHER_TREES = {
    "pae": (I386.paging.wide_entries_file, "config HIGHMEM64G", "pae-4g"),
    "debug": ("lib/Kconfig.debug", "config DEBUG_KMAP_LOCAL", "debug-stack"),
    "pti": (f"{I386.source.folder}/Kconfig", "config PAGE_TABLE_ISOLATION", "pti-mitigation"),
    BASE: ("fs/proc/Kconfig", "config PROC_SYSCTL", "base-7"),
}
"""For a fragment: a file, the words that it has in trees that take the fragment, and the fragment
of other trees.

Linux 6.15 removed HIGHMEM64G, and PAE goes with HIGHMEM4G there.  DEBUG_KMAP_LOCAL came with
kmap_local in 5.11, MITIGATION_PAGE_TABLE_ISOLATION in 6.9 and SYSCTL without PROC_SYSCTL in 7.x.
"""


def _variant(part: str, source: Path) -> str:
    """The fragment that asks the same of this tree."""
    file, words, other = OTHER_TREES.get(part, ("", "", part))
    return part if file and words in (source / file).read_text() else other
