"""Archives in cpio's "newc" format, byte for byte the same for the same members.

Format: Documentation/driver-api/early-userspace/buffer-format.rst.  The kernel unpacks
such an archive uncompressed, which under emulation is the fastest.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """One member: ``path`` without a leading slash, ``mode`` with the file type bits."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def regular(path: str, data: bytes, permissions: int = 0o644) -> ArchiveMember:
    """An ordinary file."""
    return ArchiveMember(path, stat.S_IFREG | permissions, data)


def directory(path: str) -> ArchiveMember:
    """A directory that anyone may enter."""
    return ArchiveMember(path, stat.S_IFDIR | 0o755)


def character(path: str, major: int, minor: int) -> ArchiveMember:
    """A character device."""
    return ArchiveMember(path, stat.S_IFCHR | 0o600, device=(major, minor))


def symlink(path: str, target: str) -> ArchiveMember:
    """A symbolic link."""
    return ArchiveMember(path, stat.S_IFLNK | 0o777, target.encode())


def pack(members: Iterable[ArchiveMember]) -> bytes:
    """The archive of *members*, sorted by path, with the directories that they need.

    Time stamps are 0, owners root and inode numbers count from 1.
    """
    ordered = sorted(with_parents(members), key=lambda member: member.path)
    entries = [_entry(member, number) for number, member in enumerate(ordered, 1)]
    return b"".join([*entries, _entry(ArchiveMember("TRAILER!!!", 0), 0)])


def with_parents(members: Iterable[ArchiveMember]) -> Iterator[ArchiveMember]:
    """*members* and every directory above them that is not among them."""
    given = {member.path: member for member in members}
    needed = {str(parent) for path in given for parent in PurePosixPath(path).parents} - {"."}
    yield from given.values()
    yield from (directory(path) for path in needed - given.keys())


def _entry(member: ArchiveMember, inode: int) -> bytes:
    name = member.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(member.mode) else 1
    fields = (
        inode,
        member.mode,
        0,
        0,
        links,
        0,
        len(member.data),
        0,
        0,
        *member.device,
        len(name),
        0,
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _aligned(header + name) + _aligned(member.data)


def _aligned(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
