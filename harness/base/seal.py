"""Seals: what a product of the cache looked like when it was made, to be checked when it is used.

A seal has the size of each file and a digest of every piece of it. A file that is as it was to
the file system (number, time of the last change) is sampled: the file system notes every write,
and a disk that rots is caught sooner or later. Any other file is read whole. Sampling the 60 MB
of a saved guest costs 1 ms of a restore's 80; reading them would cost 65.
"""

import hashlib
import json
import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.base.held_folders import fresh_folder

SEAL = "seal.json"
"""The name of a folder's seal; that of a file has the file's name before it."""
PIECE = 256 << 10
SAMPLES = 3
"""Pieces that are read of a file that seems unchanged; a file with no more is read whole."""
_DIGITS = 16


class Part(NamedTuple):
    """One file of a product."""

    size: int
    stamp: tuple[int, int, int]
    """How the file system names this content: inode, times of the last write and change."""
    pieces: tuple[str, ...]


class SealError(Exception):
    """A product is not what was made; says in what."""


def seal_folder(folder: Path, files: Iterable[Path]) -> None:
    """Write the seal of *files*, which lie below *folder*."""
    _write(folder / SEAL, {str(path.relative_to(folder)): _measured(path) for path in files})


def seal_file(path: Path) -> None:
    """Write the seal of one file beside it."""
    _write(seal_of(path), {path.name: _measured(path)})


def seal_of(path: Path) -> Path:
    """The place of the seal of a file."""
    return path.with_name(f"{path.name}.{SEAL}")


def mark_of(product: Path) -> Path:
    """The file, or folder without a seal, whose time of writing is a product's last use.

    A seal is checked by its content, so its time is free.
    """
    for seal in (product / SEAL, seal_of(product)):
        if seal.is_file():
            return seal
    return product


def is_sealed(folder: Path) -> bool:
    """Tell whether a folder has a seal, whatever it says."""
    return (folder / SEAL).exists()


def check_folder(folder: Path, files: Iterable[Path] | None = None) -> None:
    """Check *files* by samples, or at a glance all that are sealed.  Raises SealError."""
    if files is None:
        _check(folder, folder / SEAL, None)
    else:
        _check(folder, folder / SEAL, [str(path.relative_to(folder)) for path in files])


def check_file(path: Path) -> None:
    """Check one file by samples.  Raises SealError."""
    _check(path.parent, seal_of(path), [path.name])


def _check(folder: Path, seal: Path, names: Iterable[str] | None) -> None:
    parts = _read(seal)
    changed = {
        name: part
        for name in (parts if names is None else names)
        if (part := _checked(folder, name, parts, glance=names is None)) is not None
    }
    if changed:
        _write(seal, {**parts, **changed})


def _checked(folder: Path, name: str, parts: dict[str, Part], *, glance: bool) -> Part | None:
    """Check one file; return what to seal instead, where only its stamp is another."""
    part = parts.get(name)
    if part is None:
        raise SealError(f"{name} was not sealed")
    try:
        with (folder / name).open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size != part.size:
                raise SealError(f"{name} has {found.st_size} bytes, not {part.size}")
            same = _stamp(found) == part.stamp
            for number in _numbers(len(part.pieces), same=same, glance=glance):
                if _piece(file.fileno(), number) != part.pieces[number]:
                    raise SealError(f"{name} has other content from {number * PIECE} on")
    except OSError as error:
        raise SealError(f"{name} cannot be read: {error.strerror}") from error
    return None if same else part._replace(stamp=_stamp(found))


def _numbers(count: int, *, same: bool, glance: bool) -> Iterable[int]:
    """The pieces to read."""
    if not same or (count <= SAMPLES and not glance):
        return range(count)
    return () if glance else random.sample(range(count), SAMPLES)


def _measured(path: Path) -> Part:
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        count = -(-found.st_size // PIECE)
        pieces = tuple(_pieces(file.fileno(), count))
    return Part(found.st_size, _stamp(found), pieces)


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _pieces(fd: int, count: int) -> Iterator[str]:
    """The digest of every piece; those that lie in a hole are not read."""
    data = _next_data(fd, 0)
    empty = _digest(bytes(PIECE))
    for number in range(count):
        end = (number + 1) * PIECE
        if data < number * PIECE:
            data = _next_data(fd, number * PIECE)
        yield empty if data >= end and number < count - 1 else _piece(fd, number)


def _next_data(fd: int, offset: int) -> int:
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError:
        return os.fstat(fd).st_size


def _piece(fd: int, number: int) -> str:
    return _digest(os.pread(fd, PIECE, number * PIECE))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _write(seal: Path, parts: dict[str, Part]) -> None:
    text = json.dumps({name: [*part[:2], "".join(part.pieces)] for name, part in parts.items()})
    with fresh_folder(seal.parent, seal.name) as folder:
        fresh = folder / seal.name
        fresh.write_text(f"{_digest(text.encode())}\n{text}", encoding="utf-8")
        fresh.replace(seal)


def _read(seal: Path) -> dict[str, Part]:
    try:
        digest, _, text = seal.read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError as error:
        raise SealError("it has no seal") from error
    except (OSError, ValueError) as error:
        raise SealError("its seal cannot be read") from error
    if digest != _digest(text.encode()):
        raise SealError("its seal is damaged")
    return {name: _part(value) for name, value in json.loads(text).items()}


def _part(value: list[Any]) -> Part:
    size, stamp, pieces = value
    starts = range(0, len(pieces), _DIGITS)
    return Part(size, tuple(stamp), tuple(pieces[at : at + _DIGITS] for at in starts))
