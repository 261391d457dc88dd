"""Modules and guest programs, built for one kernel and kept by what they were made from."""

import hashlib
import re
import shlex
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.architecture.architecture import Architecture, CrossCompiler
from harness.architecture.i386 import I386
from harness.base.cache import Cache, CacheFullError
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.base.progress import Progress, Quiet
from harness.base.seal import seal_folder
from harness.errors import UsageError
from harness.kernel.cross_compiler import compiler_version, find_tool
from harness.kernel.kernel_record import Kernel
from harness.kernel.stock import require_headers

_DIAGNOSTICS = (
    r"\S+?:\d+:(?:\d+:)? (?:fatal )?[Ee]rror: .*",
    r".*: undefined reference to .*",
    r"ERROR: modpost: .*",
    r"\S*ld: (?!.*(?:: in function |warning: )).*",
    r"make.*: \*\*\* .*",
)
"""Diagnostics of compiler and assembler, linker, modpost and make, at the start of a line."""
_DIAGNOSTIC = re.compile(f"^(?:{'|'.join(_DIAGNOSTICS)})$", re.MULTILINE)
BUILT_FOR = "built-for"
"""The file in a module's folder that names its kernel by content."""
STRIPPED = "stripped"
"""The folder, inside a module's, with the module as guests load it."""
_SOURCES = ("Makefile", "Kbuild", "*.c", "*.h", "*.S")


class BuildError(UsageError):
    """The compiler refused; ``output`` is all its text, ``command`` the call."""

    def __init__(self, what: str, command: str, output: str) -> None:
        super().__init__(
            f"{what} does not build:\n    {first_error(output)}",
            hint=f"the command was: {command}",
        )
        self.command = command
        self.output = output


@dataclass(frozen=True, slots=True)
class Built:
    """A file that was built or found in the cache, and its command."""

    path: Path
    key: str
    """Names sources, kernel, compiler and command by their contents."""
    command: str
    """As it can be pasted into a shell."""

    @property
    def stripped(self) -> Path:
        """A module without its DWARF, for guests to load: a tenth of the size."""
        return self.path.parent / STRIPPED / self.path.name


def first_error(output: str) -> str:
    """Return the first diagnostic of a build with its file and line, or the last lines."""
    found = _DIAGNOSTIC.search(output)
    if found:
        return found.group()
    return "\n    ".join(output.strip().splitlines()[-5:]) or "it failed without a word"


def source_files(folder: Path) -> list[Path]:
    """Return the files of a folder that a build reads, by name; raises :class:`UsageError`."""
    if not folder.is_dir():
        raise UsageError(f"there is no source folder {folder}")
    files = {path for pattern in _SOURCES for path in folder.rglob(pattern) if path.is_file()}
    return sorted(path for path in files if not path.name.endswith(".mod.c"))


def build_module(
    kernel: Kernel, folder: Path, cache: Cache | None = None, progress: Progress | None = None
) -> Built:
    """Build the module of ``folder`` (with its Kbuild or Makefile) for ``kernel``.

    A copy is built, so that the folder stays as it is. Raises :class:`BuildError` when the
    compiler refuses, :class:`UsageError` when the folder makes no module, or more than one, and
    :class:`KernelDamagedError` when the kernel's headers in the cache are damaged.
    """
    cache, progress = cache or Cache.default(), progress or Quiet()
    files = source_files(folder)
    compiler = kernel.architecture.compiler
    commands = (
        *_module_command(kernel, Path()),
        *_strip_command(compiler, Path(), Path()),
    )
    key = _key(compiler, folder, files, [kernel.content_hash, *commands])
    home = cache.root / "modules" / key
    command = shlex.join(_module_command(kernel, home))
    if (found := _only_module(home)) and cache.sound(home, _loaded(found)):
        return Built(found, key, command)
    require_plain_path(kernel.build_dir)
    require_plain_path(home)
    require_headers(kernel, cache)
    with cache.locked(f"module-{key}"):
        found = _only_module(home)
        if not cache.sound_or_gone(home, _loaded(found) if found else None) or not found:
            progress.step(f"building the module for {kernel.release}")
            with cache.new_folder(home) as fresh:
                _copy(folder, files, fresh)
                _make(kernel, folder, fresh)
                (fresh / BUILT_FOR).write_text(kernel.content_hash)
                seal_folder(fresh, [path for path in fresh.rglob("*") if path.is_file()])
    module = _only_module(home)
    assert module is not None, "a module folder was published without a module"
    return Built(module, key, command)


def build_program(
    sources: Sequence[Path],
    name: str,
    *,
    include: Sequence[Path] = (),
    cache: Cache | None = None,
    progress: Progress | None = None,
    architecture: Architecture = I386,
) -> Built:
    """Build a static program for a guest, from C files and the folders of their headers.

    Raises :class:`BuildError` when the compiler refuses.
    """
    cache, progress = cache or Cache.default(), progress or Quiet()
    headers = [path for folder in include for path in source_files(folder) if path.suffix == ".h"]
    beside = {path for source in sources for path in source.parent.glob("*.h")}
    compiler = architecture.compiler
    files = [*sources, *headers, *sorted(beside)]
    key = _key(compiler, None, files, _program_command(compiler, [], name, ()))
    final = cache.root / "programs" / key / name
    command = _program_command(compiler, sources, str(final), include)
    built = Built(final, key, shlex.join(command))
    if cache.sound(final):
        return built
    with cache.locked(f"program-{key}"):
        if not cache.sound_or_gone(final):
            progress.step(f"building {name}")
            with cache.new_file(final, sealed=True) as fresh:
                _run(compiler, _program_command(compiler, sources, str(fresh), include), name)
                fresh.chmod(0o755)
    return built


def _module_command(kernel: Kernel, folder: Path) -> list[str]:
    compiler = kernel.architecture.compiler
    debug = [] if kernel.config.enabled("CONFIG_DEBUG_INFO") else ["KCFLAGS=-g"]
    return [
        *("make", "-C", str(kernel.build_dir), f"M={folder}"),
        *(f"ARCH={compiler.make_architecture}", f"CROSS_COMPILE={compiler.prefix}"),
        *(f"CC={compiler.gcc}", *debug, "modules"),
    ]


def _strip_command(compiler: CrossCompiler, module: Path, stripped: Path) -> list[str]:
    return [f"{compiler.prefix}objcopy", "--strip-debug", str(module), str(stripped)]


def _program_command(
    compiler: CrossCompiler, sources: Iterable[Path], output: str, include: Iterable[Path]
) -> list[str]:
    flags = ("-static", "-O2", "-Wall", "-std=gnu11", *compiler.program_flags, "-D_GNU_SOURCE")
    folders = [f"-I{folder}" for folder in include]
    return [compiler.gcc, *flags, *folders, "-o", output, *(str(path) for path in sources)]


def _key(
    compiler: CrossCompiler, folder: Path | None, files: Iterable[Path], more: Iterable[str]
) -> str:
    """Return the key of a product; files are named relative to ``folder``, or by name alone."""
    digest = hashlib.sha256(f"sealed {compiler_version(compiler)}".encode())
    for text in more:
        digest.update(b"\0" + text.encode())
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        name = path.relative_to(folder) if folder else path.name
        digest.update(f"\0{name}\0{content}".encode())
    return digest.hexdigest()[:32]


def require_plain_path(path: Path) -> None:
    """Raise :class:`UsageError` for a path that the kernel's Makefiles cannot work in."""
    # The kernel's Makefile: "source directory cannot contain spaces or colons".
    if re.search(r"[\s:]", str(path)):
        raise UsageError(
            f"kernels and modules cannot be built below a path with spaces or colons: {path}",
            hint="set KMAP_HARNESS_CACHE to a folder without them",
        )


def _copy(folder: Path, files: Iterable[Path], target: Path) -> None:
    for path in files:
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _make(kernel: Kernel, folder: Path, fresh: Path) -> None:
    compiler = kernel.architecture.compiler
    _run(compiler, _module_command(kernel, fresh), str(folder))
    modules = sorted(path.name for path in fresh.glob("*.ko"))
    if len(modules) != 1:
        raise UsageError(
            f"{folder} makes {len(modules)} modules ({', '.join(modules)}); one is needed"
        )
    (fresh / STRIPPED).mkdir()
    strip = _strip_command(compiler, fresh / modules[0], fresh / STRIPPED / modules[0])
    _run(compiler, strip, str(folder))


def _run(compiler: CrossCompiler, command: list[str], what: str) -> None:
    find_tool(compiler, "gcc")
    find_program(command[0], package=compiler.package)
    # What the caller's own make run or shell says must not reach this one.
    done = run(command, MAKEFLAGS="", MFLAGS="", KBUILD_OUTPUT="", KCFLAGS="", W="", V="")
    if done.returncode:
        output = done.stderr + done.stdout
        if "No space left" in output:
            raise CacheFullError(Path(command[-1]), f"while building {what}")
        raise BuildError(what, shlex.join(command), output)


def _loaded(module: Path) -> tuple[Path, Path]:
    """The files of a module's folder that are read: with DWARF, and as guests load it."""
    return module, module.parent / STRIPPED / module.name


def _only_module(folder: Path) -> Path | None:
    modules = list(folder.glob("*.ko"))
    return modules[0] if len(modules) == 1 else None
