"""What is left of a check for whoever wants to see it again: the patches, the kernel, command lines."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.base.project import NAME
from harness.kernel.kernel_record import Kernel
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase


def save_patches(patches: Sequence[Patch], folder: Path) -> tuple[Path, ...]:
    """*patches* as files that ``--patch`` takes, also where they came from standard input."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.patch"):
        stale.unlink()
    files = tuple(folder / f"{number:04}.patch" for number in range(1, len(patches) + 1))
    for file, patch in zip(files, patches, strict=True):
        file.write_bytes(patch.diff)
    return files


def command(
    place: Sequence[str],
    base: PatchBase,
    patches: Sequence[Path],
    config: str,
    more: Sequence[str] = (),
) -> str:
    """The check of one configuration, ready to paste."""
    words = [NAME, "check", *place]
    words += ["--base", base.revision] if base.revision else []
    words += [word for patch in patches for word in ("--patch", str(patch))]
    return shlex.join([*words, "--configs", config, *more])


def keep_image(kernel: Kernel, folder: Path) -> Kernel:
    """*kernel* with its image in *folder*, where the next build does not reach it."""
    if kernel.vmlinux is None:
        return kernel
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / "vmlinux"
    shutil.copyfile(kernel.vmlinux, image)
    system_map = kernel.system_map
    if system_map:
        shutil.copyfile(system_map, folder / "System.map")
        system_map = folder / "System.map"
    return replace(kernel, vmlinux=image, system_map=system_map)
