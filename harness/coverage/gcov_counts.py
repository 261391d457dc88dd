"""Fetches the counts of a gcov kernel from a guest before it ends.

A kernel with GCOV_KERNEL shows the counts of each object in debugfs, under the path at which the
object was compiled (Documentation/dev-tools/gcov.rst, 6.1).
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from harness.architecture.i386 import I386
from harness.errors import KernelError, UsageError
from harness.guest.failure import AgentError
from harness.kernel.kernel_record import Kernel

OBJECTS = ("mm/highmem", *(name.removesuffix(".c") for name in I386.source.mapping_files))
"""Objects with the judged code, if a version has them.

The kernel counts in these only (``variables`` of images/kernels.toml).
"""
_DEBUGFS = "/sys/kernel/debug/gcov"


class Readable(Protocol):
    """A guest whose files the harness can read."""

    def read_file(self, path: str) -> bytes:
        """The content of a file of the guest."""


def require_counts(kernel: Kernel) -> None:
    """Raise UsageError unless *kernel* counts what it executes."""
    if not kernel.config.enabled("CONFIG_GCOV_KERNEL") or not any(_notes(kernel)):
        raise UsageError(
            f"the kernel {kernel.name} does not count what it executes",
            hint="build one with GCOV_KERNEL, as `kmap-harness kernels build 6.1-pae-gcov`",
        )


def _notes(kernel: Kernel) -> Iterator[Path]:
    """The compiler's notes on each object (.gcno)."""
    paths = (kernel.build_dir / f"{name}.gcno" for name in OBJECTS)
    return (path for path in paths if path.is_file())


def collect(guest: Readable, kernel: Kernel, folder: Path) -> None:
    """Write the counts of *guest* and the compiler's notes to a new folder below *folder*.

    A wrecked kernel may not answer any more: then its counts are lost, which is not an error.
    """
    home = _new_folder(folder)
    for notes in _notes(kernel):
        counts = notes.with_suffix(".gcda")
        try:
            data = guest.read_file(f"{_DEBUGFS}{counts}")
        except (AgentError, KernelError):
            continue
        (home / counts.name).write_bytes(data)
        (home / notes.name).symlink_to(notes)


def _new_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        path = folder / f"guest-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("there are always more numbers")
