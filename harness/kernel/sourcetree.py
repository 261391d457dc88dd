"""Whole kernel sources: Debian's source packages, unpacked once and never written again."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian.debian_support import Version

from harness.base.cache import Cache, CacheFullError
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.base.progress import Progress, Quiet
from harness.errors import PrerequisiteError
from harness.kernel.apt import Archive
from harness.kernel.package import FetchError, Package
from harness.kernel.unpack import PackageContentError, unpack

_UNPACKED_MIB = 2000
"""The room that an unpacked tree takes: 1.3 GiB for 5.10, 1.7 GiB for 7.3."""
_ORIGIN = "origin.json"
_TREE = "tree"


class SourceUnobtainableError(PrerequisiteError):
    """No source package of a kernel series could be fetched."""

    def __init__(self, package: str, tried: Sequence[str]) -> None:
        lines = "".join(f"\n  - {line}" for line in tried) or "\n  - nothing was found"
        super().__init__(
            f"the package {package} could not be obtained; tried:{lines}",
            hint="check the network and the apt sources; try again later if a mirror is updated",
        )
        self.tried = tuple(tried)


@dataclass(frozen=True, slots=True)
class SourceTree:
    """One unpacked source package."""

    path: Path
    """The tree, with its Makefile at the top.  Shared: nothing may be written into it."""
    package: str
    """Name and version of the package, as ``linux-source-6.1 6.1.176-1``."""
    digest: str
    """SHA-256 of the package: names the content of the tree."""


def source_tree(
    package: str,
    codenames: Sequence[str],
    cache: Cache | None = None,
    progress: Progress | None = None,
    *,
    refresh: bool = False,
) -> SourceTree:
    """Return the newest version of a source package that one of these Debian releases has.

    A version in the cache is used as it is, without apt or the network, unless ``refresh`` asks
    for the newest. Raises :class:`SourceUnobtainableError` or a cache error.
    """
    cache, progress = cache or Cache.default(), progress or Quiet()
    if not refresh and (tree := cached_source(package, cache)):
        return tree
    with cache.locked(package):
        if not refresh and (tree := cached_source(package, cache)):
            return tree
        return _fetch(package, codenames, cache, progress, refresh=refresh)


def cached_source(package: str, cache: Cache) -> SourceTree | None:
    """The newest unpacked version of a source package in the cache, or None."""
    found = [tree for tree in map(_read, (cache.root / "sources").glob(f"{package}_*")) if tree]
    newest = max(found, key=lambda tree: Version(tree.package.partition(" ")[2]), default=None)
    if newest:
        cache.use(newest.path.parent)
    return newest


def _read(home: Path) -> SourceTree | None:
    try:
        origin = json.loads((home / _ORIGIN).read_text(encoding="utf-8"))
        return SourceTree(home / _TREE, origin["package"], origin["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fetch(
    package: str, codenames: Sequence[str], cache: Cache, progress: Progress, *, refresh: bool
) -> SourceTree:
    tried: list[str] = []
    places = list(_places(package, codenames, cache, progress, tried, refresh=refresh))
    for archive, found in sorted(
        places, key=lambda place: Version(place[1].version), reverse=True
    ):
        home = cache.root / "sources" / f"{found.name}_{found.version}"
        if tree := _read(home):
            return tree
        try:
            deb = archive.fetch(found, progress)
        except FetchError as error:
            tried.append(error.message)
            continue
        _unpack(deb, home, found, cache, progress)
        tree = _read(home)
        assert tree is not None, "a source folder was published without its origin"
        return tree
    raise SourceUnobtainableError(package, tried)


def _places(
    package: str,
    codenames: Iterable[str],
    cache: Cache,
    progress: Progress,
    tried: list[str],
    *,
    refresh: bool,
) -> Iterator[tuple[Archive, Package]]:
    for codename in codenames:
        archive = Archive(cache, codename)
        tried += archive.update(progress, force=refresh)
        found = archive.packages(re.escape(package))
        tried += [] if found else [f"{codename}: no index lists {package}"]
        yield from ((archive, one) for one in found)


def _unpack(deb: Path, home: Path, package: Package, cache: Cache, progress: Progress) -> None:
    cache.require_space(_UNPACKED_MIB << 20)
    progress.step(f"unpacking {package.name} {package.version}")
    with cache.new_folder(home) as fresh:
        unpack([deb], fresh / "package")
        archives = list((fresh / "package/usr/src").glob("linux-source-*.tar.xz"))
        if len(archives) != 1:
            raise PackageContentError(
                f"{package} holds {len(archives)} archives of a source; one is expected"
            )
        (fresh / _TREE).mkdir()
        _extract(archives[0], fresh / _TREE, cache)
        run([find_program("rm"), "-r", fresh / "package"])
        origin = {"package": f"{package.name} {package.version}", "digest": package.sha256}
        (fresh / _ORIGIN).write_text(json.dumps(origin) + "\n", encoding="utf-8")


def _extract(archive: Path, tree: Path, cache: Cache) -> None:
    find_program("xz")
    # tar itself: Python's tarfile takes five times as long for these 80,000 files.
    done = run(
        [
            find_program("tar"),
            "-x",
            "--no-same-owner",
            "--strip-components=1",
            "-f",
            archive,
            "-C",
            tree,
        ]
    )
    if "No space left" in done.stderr:
        raise CacheFullError(cache.root, f"while unpacking {archive.name}")
    if done.returncode or not (tree / "Makefile").is_file():
        raise PackageContentError(f"{archive.name} could not be unpacked: {done.stderr.strip()}")
