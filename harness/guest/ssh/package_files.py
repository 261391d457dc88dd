"""Packages as members of an initramfs, unpacked in memory.

/usr/bin, /usr/lib and /usr/sbin are merged into the root: not the other way round, because the
agent keeps its modules below a real /lib.
"""

import posixpath
import stat
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from debian.arfile import ArError
from debian.debfile import DebError, DebFile

from harness.guest.cpio import ArchiveMember, regular, symlink
from harness.kernel.unpack import PackageContentError

MERGED = ("bin", "sbin", "lib")


def members(debs: Iterable[Path], leave_out: Iterable[str]) -> tuple[ArchiveMember, ...]:
    """Return files and links of *debs* whose paths match no pattern; of equal paths the last
    counts.
    """
    patterns = tuple(leave_out)
    found = {member.path: member for deb in debs for member in _unpack(deb)}
    kept = [member for path, member in found.items() if not excluded(path, patterns)]
    return (*kept, *(symlink(f"usr/{name}", f"../{name}") for name in MERGED))


def excluded(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a pattern leaves *path*, as it is after the merge, out."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _unpack(deb: Path) -> Iterator[ArchiveMember]:
    try:
        with DebFile(str(deb)) as package:
            yield from from_tar(package.data.tgz())
    except (ArError, DebError, tarfile.TarError, OSError, EOFError) as error:
        raise PackageContentError(
            f"{deb} cannot be unpacked: {error}", hint="remove the file; it is fetched again"
        ) from error


def from_tar(archive: tarfile.TarFile) -> Iterator[ArchiveMember]:
    """Regular files, hard links (as copies) and symbolic links of a package's data."""
    for entry in archive:
        path = merged(entry.name)
        if entry.issym():
            yield symlink(path, entry.linkname)
        elif entry.isfile() or entry.islnk():
            content = archive.extractfile(entry)
            assert content is not None, "a regular file has content"
            yield regular(path, content.read(), stat.S_IMODE(entry.mode))


def merged(name: str) -> str:
    """Path in the guest, without a leading slash, of a path in a package."""
    path = posixpath.normpath(name).lstrip("/")
    inner = path.removeprefix("usr/")
    return inner if inner.split("/", 1)[0] in MERGED else path
