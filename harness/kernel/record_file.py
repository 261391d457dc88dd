"""Kernel records on disk: what a product folder says of itself, with paths relative to it."""

import json
from pathlib import Path
from typing import Any

from harness.architecture.i386 import I386
from harness.architecture.known import ARCHITECTURES
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
    if build_dir is None or not build_dir.is_dir():
        return None
    config = KernelConfig.read(build_dir / ".config")
    return Kernel(
        **plain,
        **paths,
        build_dir=build_dir,
        version=version,
        config=config,
        architecture=architecture,
    )
