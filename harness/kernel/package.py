"""A package of a signed index, and the check that a file has the content that the index says."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from harness.base.cache import Cache
from harness.errors import PrerequisiteError


class FetchError(PrerequisiteError):
    """One package could not be fetched; another source or version may do."""


class Package(NamedTuple):
    """One binary package of a signed index, and where it lies."""

    name: str
    version: str
    architecture: str
    uri: str
    sha256: str
    size: int
    installed_size: int
    suite: str

    def __str__(self) -> str:
        """Name, version and suite, as in messages."""
        return f"{self.name} {self.version} ({self.suite})"


def kept_deb(cache: Cache, deb: Path) -> bool:
    """Tell whether a package is in the cache, and has the content that its name, a SHA-256, says.

    The name is that of the signed index; one that is not what it says is reported and removed.
    """
    if not cache.use(deb):
        return False
    if deb.is_file() and _sha256(deb) == deb.stem:
        return True
    cache.discard(deb, "its SHA-256 is not that of the signed index")
    return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, package: Package) -> None:
    """Check size and SHA-256 against the signed index; raises :class:`FetchError`."""
    digest = _sha256(path)
    if digest != package.sha256:
        size = path.stat().st_size
        raise FetchError(
            f"{package} is not what the signed index says: "
            f"SHA-256 {digest}, {size} bytes; expected {package.sha256}, {package.size} bytes"
        )
