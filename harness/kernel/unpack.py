"""Packages unpacked to a folder of their own; the kernel's build folder works at any path."""

import re
from pathlib import Path

from harness.architecture.architecture import Architecture
from harness.base.cache import CacheFullError
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.errors import InfrastructureError
from harness.kernel.image import ImageError, extract_vmlinux, image_release

_INCLUDE = re.compile(r"^include /usr/src/([\w.+-]+)/Makefile$", re.MULTILINE)


class PackageContentError(InfrastructureError):
    """A verified package cannot be unpacked, or lacks a file that its name promises."""


def unpack(debs: list[Path], root: Path) -> None:
    """Unpack the packages below ``root``, which is in a cache."""
    for deb in debs:
        done = run([find_program("dpkg-deb"), "-x", deb, root])
        if done.returncode:
            if "No space left" in done.stderr:
                raise CacheFullError(root, f"while unpacking {deb.name}")
            raise PackageContentError(f"{deb} could not be unpacked: {done.stderr.strip()}")


def relocate_headers(root: Path, release: str) -> Path:
    """Make the headers work where they are, whatever that is later; returns the build folder.

    The package's Makefile includes the common one by its installed path; ``scripts`` and ``tools``
    are relative links into linux-kbuild, which is unpacked beside it.
    """
    build = root / "usr/src" / f"linux-headers-{release}"
    makefile = build / "Makefile"
    if not makefile.exists():
        raise PackageContentError(f"no headers of {release} below {root}")
    text, replaced = _INCLUDE.subn(
        r"include $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../\1)/Makefile",
        makefile.read_text(),
    )
    if replaced != 1:
        raise PackageContentError(
            f"{makefile} includes the common Makefile in an unknown way:\n{text}"
        )
    makefile.write_text(text)
    _drop_installed_links(root / "lib/modules" / release)
    return build


def _drop_installed_links(modules: Path) -> None:
    for name in ("build", "source"):
        (modules / name).unlink(missing_ok=True)


def write_vmlinux(image: Path, release: str, vmlinux: Path, architecture: Architecture) -> None:
    """Take the ELF image out of a compressed one, whose header must name *release*."""
    found = image_release(image, architecture)
    if found != release:
        raise ImageError(f"{image} is of {found}, not of {release}")
    vmlinux.write_bytes(extract_vmlinux(image, architecture))
