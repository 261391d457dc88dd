"""Single files of the kernel's source, from the package that holds all of it."""

import shutil
import tarfile
from pathlib import Path

from debian.debian_support import Version

from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.kernel.apt import Archive
from harness.kernel.package import Package
from harness.kernel.stock import KernelUnobtainableError
from harness.kernel.unpack import PackageContentError, unpack

_PACKAGE = "linux-source-6.1"
_CODENAME = "bookworm"
_SCRIPTS = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")


def kernel_script(name: str, cache: Cache, progress: Progress) -> Path:
    """The path of one of the style scripts of the kernel's ``scripts`` folder, fetched if need be.

    Once there it stays as it is: a style check must not change under one's hands.  Raises
    :class:`KernelUnobtainableError` when the package cannot be had.
    """
    home = cache.root / "scripts" / _PACKAGE
    with cache.locked(_PACKAGE):
        if not home.is_dir():
            _extract(_newest(cache, progress), home, cache, progress)
    return home / name


def _newest(cache: Cache, progress: Progress) -> tuple[Archive, list[Package]]:
    archive = Archive(cache, _CODENAME)
    complaints = archive.update(progress)
    found = sorted(
        archive.packages(_PACKAGE), key=lambda package: Version(package.version), reverse=True
    )
    if not found:
        raise KernelUnobtainableError(_PACKAGE, complaints)
    return archive, found


def _extract(
    source: tuple[Archive, list[Package]], home: Path, cache: Cache, progress: Progress
) -> None:
    archive, packages = source
    deb = archive.fetch_first(packages, progress)
    with cache.new_folder(home) as fresh:
        unpack([deb], fresh / "package")
        progress.step(f"looking for the scripts in {_PACKAGE}")
        found = 0
        # Streamed: the whole tree has more than a GB.
        with tarfile.open(next((fresh / "package/usr/src").glob("*.tar.xz")), "r|xz") as tree:
            for member in tree:
                path = Path(member.name)
                if (
                    path.name in _SCRIPTS
                    and path.parent.name == "scripts"
                    and len(path.parts) == 3
                ):
                    file = tree.extractfile(member)
                    (fresh / path.name).write_bytes(file.read() if file else b"")
                    found += 1
                    if found == len(_SCRIPTS):
                        break
        shutil.rmtree(fresh / "package")
        if found != len(_SCRIPTS):
            raise PackageContentError(f"{packages[0]} lacks one of {', '.join(_SCRIPTS)}")
