"""Which scenario files a command means: files, folders, names of ours, and an expression."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.scenario.name_expression import name_expression

SUFFIX = ".kmap"


def scenario_files(named: Sequence[Path], folder: Path, expression: str = "") -> tuple[Path, ...]:
    """The scenarios named, or everything in *folder* where none is; of them what matches.

    A name is a file, a folder, the name of *folder* or of a folder in it, or the name of a
    scenario in *folder* or below it, without its ending.  *expression* chooses by name
    (``name_expression``).  Raises UsageError for a name that is none of these, and where nothing
    is chosen.
    """
    found = tuple(path for one in (named or [folder]) for path in _meant(one, folder))
    if not found:
        places = ", ".join(map(str, named or [folder]))
        raise UsageError(
            f"there is no scenario in {places}", hint="scenarios are files that end in .kmap"
        )
    if not expression:
        return found
    matches = name_expression(expression)
    chosen = tuple(path for path in found if matches(path.stem))
    if not chosen:
        raise UsageError(
            f"-k {expression!r} chooses none of {len(found)} scenarios",
            hint="`kmap-harness scenarios list` names them",
        )
    return chosen


def _meant(one: Path, folder: Path) -> Iterator[Path]:
    """The scenarios that *one* stands for."""
    if one.is_dir():
        yield from sorted(one.glob(f"*{SUFFIX}"))
    elif one.is_file():
        yield one
    elif str(one) in (ours := {place.name: place for place in (folder, *_folders(folder))}):
        yield from _meant(ours[str(one)], folder)
    else:
        yield _by_name(one, folder)


def _folders(folder: Path) -> Iterator[Path]:
    return (place for place in sorted(folder.iterdir()) if place.is_dir())


def _by_name(name: Path, folder: Path) -> Path:
    ours = {path.stem: path for path in sorted(folder.rglob(f"*{SUFFIX}"))}
    if str(name) in ours:
        return ours[str(name)]
    near = difflib.get_close_matches(name.name.removesuffix(SUFFIX), ours, n=3)
    meant = f"did you mean {', '.join(near)}? " if near else ""
    raise UsageError(
        f"there is no scenario file {name}, and no scenario of that name",
        hint=f"{meant}those that come with the harness are in {folder}",
    )
