"""Applies a patch to a tree, or shows the lines that do not match."""

import re
from pathlib import Path

from harness.errors import UsageError
from harness.patch.git import attempt
from harness.patch.patch import Patch

_FAILED = re.compile(r"^error: patch failed: (.+):(\d+)$", re.MULTILINE)
_SHOWN = 12
"""Number of lines shown of a hunk, and of the file where it should fit."""


class DoesNotApplyError(UsageError):
    """A patch does not fit the tree; ``lines`` show the hunk and the text of the file."""

    def __init__(self, patch: Patch, tree: Path, lines: tuple[str, ...]) -> None:
        shown = "".join(f"\n    {one}" for one in lines)
        super().__init__(
            f"the patch does not apply: {patch.title}{shown}",
            hint="give the tree or --base that it was made for, and earlier patches of its series",
        )
        self.patch = patch
        self.tree = tree
        self.lines = lines


def changed_files(patch: Patch, tree: Path) -> tuple[str, ...]:
    """The files that *patch* changes, creates or removes, as git reads it.

    Raises DoesNotApplyError, also for a name that leads out of the tree.
    """
    done = attempt(tree, "apply", "--numstat", "-z", "-p1", "-", text=patch.diff)
    if done.returncode:
        raise DoesNotApplyError(patch, tree, (done.stderr.decode(errors="replace").strip(),))
    fields = done.stdout.decode(errors="surrogateescape").split("\0")
    names = tuple(dict.fromkeys(filter(None, (field.split("\t")[-1] for field in fields))))
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise DoesNotApplyError(patch, tree, (f"it leads out of the tree: {name}",))
    return names


def apply(patch: Patch, tree: Path) -> None:
    """Apply all of *patch* to *tree*, or nothing of it.  Raises DoesNotApplyError."""
    _run(patch, tree)


def require_fitting(patch: Patch, tree: Path) -> None:
    """Raise DoesNotApplyError unless *patch* fits *tree*, which stays as it is."""
    _run(patch, tree, "--check")


def _run(patch: Patch, tree: Path, *options: str) -> None:
    """Let git apply *patch*.  Raises DoesNotApplyError."""
    words = ("apply", "--whitespace=nowarn", *options, "-p1", "-")
    done = attempt(tree, *words, text=patch.diff)
    if done.returncode:
        raise DoesNotApplyError(
            patch, tree, tuple(_why(done.stderr.decode(errors="replace"), patch, tree))
        )


def _why(said: str, patch: Patch, tree: Path) -> list[str]:
    """Git's message, and the first hunk that does not fit beside the text of the file."""
    lines = [one for one in said.splitlines() if one.startswith(("error:", "fatal:"))][:4] or [
        said.strip()
    ]
    found = _FAILED.search(said)
    if not found:
        return lines
    name, number = found[1], int(found[2])
    hunk = _hunk(patch.diff, name, number)
    if hunk:
        lines += [f"the patch, {name} from line {number}:", *(f"  {one}" for one in hunk[:_SHOWN])]
    there = _there(tree / name, number)
    if there:
        lines += ["the tree has there:", *there]
    return lines


def _hunk(diff: bytes, name: str, number: int) -> list[str]:
    """The hunk of *name* whose old side begins at line *number*."""
    inside, found = False, list[str]()
    for line in diff.decode(errors="replace").splitlines():
        if line.startswith(("+++ ", "--- ")):
            if found:
                return found
            inside = line.partition("/")[2].split("\t")[0] == name
        elif line.startswith("@@"):
            if found:
                return found
            if inside and re.match(rf"@@ -{number}\b", line):
                found = [line]
        elif found:
            found.append(line)
    return found


def _there(path: Path, number: int) -> list[str]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = max(number - 1, 0)
    return [f"  {first + at + 1}: {line}" for at, line in enumerate(lines[first : first + _SHOWN])]
