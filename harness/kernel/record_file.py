"""Kernel records on disk: what a product folder says of itself, with paths relative to it."""

import json
from pathlib import Path
from typing import Any

from harness.architecture.i386 import I386
from harness.architecture.known import ARCHITECTURES
from harness.base.cache import Cache
from harness.base.seal import seal_folder
from harness.errors import UsageError
from harness.kernel.kernel_record import Kernel, KernelConfig

_FILE = "kernel.json"
_PATHS = ("bzimage", "vmlinux", "build_dir", "modules_dir", "system_map")
_PLAIN = ("name", "release", "flavour", "pvh", "banner", "vermagic", "content_hash", "source")


def write_record(folder: Path, kernel: Kernel) -> None:
    """Describe ``kernel``, whose files lie below ``folder``, in that folder."""
    described: dict[str, Any] = {name: getattr(kernel, name) for name in _PLAIN}
    described["version"] = list(kernel.version)
    described["architecture"] = kernel.architecture.name
    for name in _PATHS:
        path: Path | None = getattr(kernel, name)
        described[name] = str(path.relative_to(folder)) if path else None
    (folder / _FILE).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def record_files(folder: Path, kernel: Kernel) -> tuple[Path, ...]:
    """The files below *folder* that a run reads: they are sealed, and checked each time."""
    drivers = kernel.modules_dir / "kernel" / "drivers" if kernel.modules_dir else folder / "none"
    return (
        folder / _FILE,
        kernel.build_dir / ".config",
        *filter(None, (kernel.bzimage, kernel.vmlinux, kernel.system_map)),
        *sorted(drivers.glob("virtio/*.ko")),
        *sorted(drivers.glob("char/virtio*.ko")),
    )


def sound_record(cache: Cache, folder: Path) -> Kernel | None:
    """The kernel that *folder* describes; None where one of its files is not what was made."""
    kernel = read_record(folder)
    return kernel if kernel and cache.sound(folder, record_files(folder, kernel)) else None


def sound_record_or_gone(cache: Cache, folder: Path) -> Kernel | None:
    """As :func:`sound_record`; a damaged folder is reported and removed.  Hold its lock."""
    kernel = read_record(folder)
    files = record_files(folder, kernel) if kernel else None
    return kernel if cache.sound_or_gone(folder, files) else None


def seal_record(folder: Path) -> None:
    """Seal the files of the kernel that *folder* describes."""
    kernel = read_record(folder)
    assert kernel is not None, "the kernel was just described"
    seal_folder(folder, record_files(folder, kernel))


def read_record(folder: Path) -> Kernel | None:
    """The kernel that ``folder`` describes; None where it is missing or of another format."""
    try:
        described = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        paths: dict[str, Any] = {
            name: folder / described[name] if described[name] else None for name in _PATHS
        }
        plain: dict[str, Any] = {name: described[name] for name in _PLAIN}
        version = tuple(described["version"])
        # Records of older versions name no architecture: there was one.
        architecture = ARCHITECTURES[described.get("architecture", I386.name)]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    build_dir = paths.pop("build_dir")
    if build_dir is None:
        return None
    try:
        config = KernelConfig.read(build_dir / ".config")
    except UsageError:
        return None
    return Kernel(
        **plain,
        **paths,
        build_dir=build_dir,
        version=version,
        config=config,
        architecture=architecture,
    )
