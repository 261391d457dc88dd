"""A user's own kernel: an image and the folder it was built in."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.base.cache import Cache
from harness.errors import UsageError
from harness.kernel.image import ImageError, ImageFacts, extract_vmlinux, is_elf, read_facts
from harness.kernel.kernel_record import Kernel, KernelConfig
from harness.kernel.stock import upstream_version
from harness.kernel.systemmap import belongs


class BuildDirError(UsageError):
    """A build folder lacks something, or is not that of the image."""


def user_kernel(
    image: Path,
    build_dir: Path,
    cache: Cache | None = None,
    *,
    modules_dir: Path | None = None,
    architecture: Architecture = I386,
) -> Kernel:
    """Return the kernel in ``image`` (a compressed image or a vmlinux), built in ``build_dir``.

    ``build_dir`` is the folder of ``make O=``, or the source folder itself. ``modules_dir`` is the
    kernel's ``lib/modules/<release>``, if there is one. Raises :class:`BuildDirError` when the
    folder was not built or has another release than the image, and :class:`ImageError`.
    """
    cache = cache or Cache.default()
    image, build_dir = require_image(image), _folder(build_dir)
    release = built_release(build_dir)
    vmlinux = image if is_elf(image) else _vmlinux_of(image, cache, architecture)
    facts = _facts(image, vmlinux, architecture)
    if facts.release != release:
        raise BuildDirError(
            f"{image} is of release {facts.release}, but {build_dir} of {release}",
            hint="give the build folder of this image, or build again",
        )
    record = _record(image, vmlinux, build_dir, modules_dir, facts)
    return replace(record, architecture=architecture)


def _record(
    image: Path, vmlinux: Path, build_dir: Path, modules_dir: Path | None, facts: ImageFacts
) -> Kernel:
    return Kernel(
        name=facts.release,
        release=facts.release,
        version=upstream_version(_complete(facts.release)),
        flavour="user",
        bzimage=None if image == vmlinux else image,
        vmlinux=vmlinux,
        pvh=facts.pvh,
        banner=facts.banner,
        vermagic=facts.vermagic,
        build_dir=build_dir,
        modules_dir=_folder(modules_dir) if modules_dir else None,
        system_map=_system_map(build_dir, vmlinux, facts.release),
        config=KernelConfig.read(build_dir / ".config"),
        content_hash=_content(image, build_dir),
        source=f"{image}, built in {build_dir}",
    )


_NAMES = "--kernel IMAGE --build-dir DIR name an image and the folder where it was built"


def require_image(path: Path) -> Path:
    """*path*, absolute.  Raises UsageError unless it is a file that can be read."""
    if not path.exists():
        raise UsageError(f"there is no {path}", hint=_NAMES)
    if not path.is_file():
        raise UsageError(f"{path} is no file, and so no kernel image", hint=_NAMES)
    return path.absolute()


def _folder(path: Path) -> Path:
    if not path.exists():
        raise UsageError(f"there is no {path}", hint=_NAMES)
    if not path.is_dir():
        raise UsageError(f"{path} is no folder", hint=_NAMES)
    return path.absolute()


def _facts(image: Path, vmlinux: Path, architecture: Architecture) -> ImageFacts:
    """Facts of the image; errors name it, not the file of the cache that was taken out of it."""
    try:
        return read_facts(vmlinux, architecture)
    except ImageError as error:
        raise ImageError(
            error.message.replace(str(vmlinux), str(image)), hint=error.hint
        ) from error


def built_release(build_dir: Path) -> str:
    """The release of the kernel that was built in a folder; raises :class:`BuildDirError`."""
    # Not include/config/kernel.release: Debian 6.1's headers have another text there (6.1.176).
    # Modules take the one of this header into their vermagic.
    path = build_dir / "include/generated/utsrelease.h"
    hint = "--build-dir is the folder in which the kernel was built (make O=)"
    try:
        found = re.search(r'UTS_RELEASE "([^"]+)"', path.read_text(encoding="ascii"))
    except OSError as error:
        raise BuildDirError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if found is None:
        raise BuildDirError(f"{path} names no release", hint=hint)
    return found.group(1)


def _vmlinux_of(image: Path, cache: Cache, architecture: Architecture) -> Path:
    digest = hashlib.sha256(image.read_bytes()).hexdigest()[:32]
    final = cache.root / "vmlinux" / digest
    with cache.locked(f"vmlinux-{digest}"):
        if not cache.sound_or_gone(final):
            with cache.new_file(final, sealed=True) as fresh:
                fresh.write_bytes(extract_vmlinux(image, architecture))
    return final


def _complete(release: str) -> str:
    """``6.1-rc1`` as ``6.1.0-rc1``: releases of Linus's own tree have two numbers."""
    head, dash, tail = release.partition("-")
    return head + ".0" * (2 - head.count(".")) + dash + tail


def _system_map(build_dir: Path, vmlinux: Path, release: str) -> Path | None:
    path = build_dir / "System.map"
    return path if path.is_file() and belongs(path.read_bytes(), vmlinux, release) else None


def _content(image: Path, build_dir: Path) -> str:
    digest = hashlib.sha256()
    for path in (
        image,
        build_dir / ".config",
        build_dir / "Module.symvers",
        build_dir / "include/generated/utsrelease.h",
    ):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
