"""Puts one mutant into a source, and takes it out again."""

import difflib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.base.host import run
from harness.base.host_programs import find_program
from harness.errors import InfrastructureError
from harness.mutants.mutant_catalogue import Mutant

_SPATCH = ("--very-quiet", "--no-includes", "--in-place")
_PATCH = ("--silent", "--batch", "--forward", "--no-backup-if-mismatch")


class PatchError(InfrastructureError):
    """A patch of the catalogue does not apply to this source."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The files that a patch has changed, relative to the source, and the unified diff."""

    files: tuple[str, ...]
    diff: str


@contextmanager
def mutated(mutant: Mutant, source: Path) -> Iterator[Edit]:
    """Put the mutant into *source* while the block runs; make sees both changes.

    A changed file is replaced, so hard links to it elsewhere keep the old content.
    Raises PatchError if the patch changes nothing.
    """
    before = {
        name: (source / name).read_bytes() for name in mutant.files if (source / name).is_file()
    }
    try:
        said = "\n".join(_apply(mutant, source, name) for name in before)
        yield _edit(mutant, source, before, said)
    finally:
        for name, content in before.items():
            if (source / name).read_bytes() != content:
                replace_file(source / name, content)


def _edit(mutant: Mutant, source: Path, before: dict[str, bytes], said: str) -> Edit:
    changed = tuple(
        name for name, content in before.items() if (source / name).read_bytes() != content
    )
    if not changed:
        raise PatchError(
            f"{mutant.patch} changes nothing in {source}:\n{said.strip()}",
            hint="if this kernel has other code, set since/until, or widen the patch",
        )
    return Edit(
        changed,
        "".join(_diff(name, before[name], (source / name).read_bytes()) for name in changed),
    )


def _apply(mutant: Mutant, source: Path, name: str) -> str:
    """Apply the patch to one file and return the output of the program."""
    path = source / name
    original = path.read_bytes()
    work = path.with_name(f".{path.name}.mutant.c")
    work.write_bytes(original)
    try:
        done = run(_command(mutant.patch, work))
        content = work.read_bytes()
    finally:
        for leftover in path.parent.glob(f"{work.name}*"):
            leftover.unlink()
    if content != original:
        replace_file(path, content)
    return done.stdout + done.stderr


def _command(patch: Path, file: Path) -> list[str | Path]:
    if patch.suffix == ".cocci":
        return [find_program("spatch"), *_SPATCH, "--sp-file", patch, file]
    return [find_program("patch"), *_PATCH, file, patch]


def replace_file(path: Path, content: bytes) -> None:
    """Replace *path* by a new file: hard links to the old one keep its content."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    shutil.copymode(path, fresh)
    fresh.replace(path)


def _diff(name: str, before: bytes, after: bytes) -> str:
    old, new = (
        content.decode("utf-8", "replace").splitlines(keepends=True) for content in (before, after)
    )
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"))
