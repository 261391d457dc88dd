"""Keeps what modules of a patched kernel are built from, which the next check would overwrite.

With it every other command can judge the patched kernel: ``--kernel OUT/.../vmlinux --build-dir
OUT/.../build/OBJECTS``.  Files of the source are linked where they can be, as git and make replace
them; those of the object folder are copied.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.architecture.i386 import I386

_ARCH = I386.source.folder
_SOURCE = ("Kbuild", "Makefile", "include", "scripts", "tools/include", "tools/scripts")
_SOURCE_OF_ARCH = ("Makefile*", "include", "scripts", "tools")
_OBJECTS = (".config", "Makefile", "Module.symvers", "System.map", "include", "scripts")
_OBJECTS_OF_ARCH = f"{_ARCH}/include"


def keep_build(source: Path, objects: Path, folder: Path) -> Path:
    """Keep the build folder *objects* of *source* below *folder*; returns the kept one."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in _parts(source):
        _keep(path, folder / path.relative_to(source), _linked)
    kept = folder / objects.name
    for name in (*_OBJECTS, _OBJECTS_OF_ARCH):
        _keep(objects / name, kept / name, shutil.copy2)
    makefile = kept / "Makefile"
    makefile.write_text(makefile.read_text().replace(str(source), str(folder)))
    (kept / "source").symlink_to("..")
    return kept


def _parts(source: Path) -> Iterator[Path]:
    """The files and folders of *source* that the build of a module reads."""
    yield from (source / name for name in _SOURCE)
    for pattern in _SOURCE_OF_ARCH:
        yield from (source / _ARCH).glob(pattern)


def _keep(path: Path, target: Path, copy: Callable[[str | Path, str | Path], object]) -> None:
    """Put *path* at *target*, a folder with all that it holds; nothing where it is not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, symlinks=True, copy_function=copy)
    elif path.is_file():
        copy(path, target)


def _linked(source: str | Path, target: str | Path) -> str | Path:
    """A link to *source* at *target*, or a copy on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
