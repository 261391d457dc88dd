"""A kernel configured and built from a source tree, with its objects in a folder of their own.

Nothing is written into the source. A second build compiles what has changed and links again, as
make does (Documentation/kbuild/kbuild.rst of 6.1: ``O=``). The caller keeps two builds of one
object folder apart.
"""

import hashlib
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from harness.architecture.architecture import Architecture
from harness.base.cache import CacheFullError
from harness.base.child import Wait, child
from harness.base.progress import Progress, Quiet
from harness.errors import UsageError
from harness.kernel import fragment
from harness.kernel.build import BuildError, require_plain_path
from harness.kernel.kernel_record import KernelConfig
from harness.kernel.toolchain import Toolchain
from harness.kernel.user import built_release

TARGETS = ("vmlinux", "modules")
"""An ELF image, which QEMU boots by PVH, and what modules are built against (Module.symvers)."""
LOG = "build.log"
"""The file in the object folder with all that make said the last time."""

"""util-linux: make, and with it its children, end when the harness ends, however that comes."""

_ASKED = "asked.config"
_STAMP = "asked.stamp"
BUILD_WAIT = Wait("the build of a kernel", 6 * 3600.0)
_STEP = re.compile(r"^  (?:CC|AS|LD|AR|HOSTCC|HOSTLD|GEN(?!\s+Makefile)|MODPOST|OBJCOPY)\b")

Say = Callable[[str], None]


class NotASourceError(UsageError):
    """A folder is no kernel source, or one in which somebody has built."""


class BuildFailedError(BuildError):
    """A kernel does not build; says the compiler's first error and where all the others are."""

    def __init__(self, what: str, command: str, output: str, log: Path) -> None:
        super().__init__(what, command, output)
        self.log = log
        self.hint = f"all of it is in {log}; {self.hint}"


@dataclass(frozen=True, slots=True)
class BuiltTree:
    """A kernel as it was built."""

    source: Path
    build_dir: Path
    """The object folder: what a module is built against."""
    vmlinux: Path
    bzimage: Path | None
    """Where it was among the targets, now or earlier."""
    release: str
    compiled: int
    """Number of files that were made: 0 where nothing had changed."""
    command: str


def configure(
    source: Path,
    objects: Path,
    asked: Mapping[str, str],
    *,
    base: Path | None = None,
    toolchain: Toolchain | None = None,
    say: Say | None = None,
) -> KernelConfig:
    """Make the ``.config`` of ``objects``: ``asked``, on top of nothing or of the file ``base``.

    Everything else is off (``allnoconfig``), or as ``base`` and the version's defaults have it
    (``olddefconfig``). The work is done again only where ``asked``, ``base`` or a Kconfig file has
    changed. Raises :class:`ConfigMismatchError` for settings that Kconfig did not take, and
    :class:`BuildFailedError` when Kconfig fails.
    """
    toolchain = toolchain or Toolchain.of_host()
    require_source(source, toolchain.architecture)
    objects.mkdir(parents=True, exist_ok=True)
    wanted = fragment.text(asked)
    stamp = hashlib.sha256(wanted.encode() + (base.read_bytes() if base else b"")).hexdigest()
    if not _is_configured(objects, stamp):
        (objects / _STAMP).unlink(missing_ok=True)
        _configure(_Make(source, objects, toolchain, say), wanted, base)
        (objects / _STAMP).write_text(stamp)
    got = KernelConfig.read(objects / ".config")
    if lost := tuple(fragment.differences(asked, got)):
        raise fragment.ConfigMismatchError(f"the kernel of {source}", lost)
    return got


def build(
    source: Path,
    objects: Path,
    *,
    progress: Progress | None = None,
    jobs: int = 2,
    targets: Sequence[str] = TARGETS,
    variables: Sequence[str] = (),
    toolchain: Toolchain | None = None,
    say: Say | None = None,
) -> BuiltTree:
    """Build the kernel of ``source`` in the configured folder ``objects``, or bring it up to date.

    ``variables`` are more words for make, as ``GCOV_PROFILE_highmem.o=y``; ``say`` gets the exact
    command. Raises :class:`BuildFailedError`, which ends with the compiler's first error.
    """
    toolchain = toolchain or Toolchain.of_host()
    make = _Make(source, objects, toolchain, say)
    require_source(source, toolchain.architecture)
    command = make.command((f"-j{jobs}", *variables), targets)
    compiled = make.run(command, progress or Quiet())
    bzimage = objects / toolchain.architecture.source.image
    return BuiltTree(
        source,
        objects,
        objects / "vmlinux",
        bzimage if bzimage.is_file() else None,
        built_release(objects),
        compiled,
        shlex.join(command),
    )


@dataclass(frozen=True, slots=True)
class _Make:
    source: Path
    objects: Path
    toolchain: Toolchain
    say: Say | None

    def command(self, words: Sequence[str], targets: Sequence[str]) -> list[str]:
        return [
            *("make", "-C", str(self.source), f"O={self.objects}"),
            *(*self.toolchain.variables(), *words, *targets),
        ]

    def run(self, command: list[str], progress: Progress) -> int:
        """Run make with its words in the log; returns the number of files made."""
        if self.say:
            self.say(shlex.join(command))
        log = self.objects / LOG
        with log.open("w", buffering=1, encoding="utf-8", errors="replace") as file:
            made, status = _listen(
                command, self.toolchain.environment(self.source), file, progress
            )
        if status:
            self._explain(command, log)
        return made

    def _explain(self, command: list[str], log: Path) -> None:
        output = log.read_text(encoding="utf-8", errors="replace")
        if "No space left" in output:
            raise CacheFullError(self.objects, f"while building the kernel of {self.source}")
        plain = output.replace(f"{self.source}/", "").replace("\n../", "\n")
        raise BuildFailedError(f"the kernel of {self.source}", shlex.join(command), plain, log)


def _listen(
    command: list[str], env: Mapping[str, str], log: TextIO, progress: Progress
) -> tuple[int, int]:
    """Run a program, its output into the log; return the number of files made, and the status."""
    made = 0
    with child(
        command,
        BUILD_WAIT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        for line in process.stdout:
            log.write(line)
            if _STEP.match(line):
                made += 1
                progress.advance(made, 0, "files made")
    return made, process.returncode


def _configure(make: _Make, wanted: str, base: Path | None) -> None:
    asked = make.objects / _ASKED
    asked.write_text(wanted, encoding="utf-8")
    if base:
        started = base.read_text(encoding="utf-8") + wanted
        (make.objects / ".config").write_text(started, encoding="utf-8")
        command = make.command((), ("olddefconfig",))
    else:
        command = make.command((f"KCONFIG_ALLCONFIG={asked}",), ("allnoconfig",))
    make.run(command, Quiet())


def _is_configured(objects: Path, stamp: str) -> bool:
    """Tell whether ``.config`` answers this very question, and no Kconfig file is newer."""
    try:
        if (objects / _STAMP).read_text() != stamp:
            return False
        made = (objects / _STAMP).stat().st_mtime_ns
        return not any(path.stat().st_mtime_ns > made for path in _kconfig_files(objects))
    except OSError:
        return False


def _kconfig_files(objects: Path) -> Iterator[Path]:
    """Every Kconfig file that was read, as Kconfig itself lists them after the first build."""
    listed = objects / "include/config/auto.conf.cmd"
    if listed.exists():
        # Makefile syntax: "deps_config := \", then one path a line, relative to the source.
        source = (objects / "source").resolve()
        for word in re.findall(r"^\t(\S+Kconfig\S*|Kconfig)", listed.read_text(), re.MULTILINE):
            yield source / word


def require_source(source: Path, architecture: Architecture) -> None:
    """Raise :class:`NotASourceError` unless *source* is a clean source for *architecture*."""
    require_plain_path(source)
    kconfig = source / architecture.source.folder / "Kconfig"
    if not (source / "Kbuild").is_file() or not kconfig.is_file():
        raise NotASourceError(
            f"{source} is no kernel source", hint="give the folder with Makefile and Kbuild"
        )
    if (source / ".config").exists() or (source / "include/config").exists():
        raise NotASourceError(
            f"somebody has built in {source} itself, so make refuses objects elsewhere",
            hint=f"clean it (make ARCH={architecture.compiler.make_architecture} mrproper), "
            "or give a git worktree of it",
        )
