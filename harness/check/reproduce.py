"""What a check leaves behind to repeat it: the patches, the kernel image and a command line."""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.base.project import NAME
from harness.check.check_request import CheckRequest
from harness.check.lane import program_name
from harness.kernel.kernel_record import Kernel
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase


def save_patches(patches: Sequence[Patch], folder: Path) -> tuple[Path, ...]:
    """Write *patches* to files that ``--patch`` takes; some came from standard input."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.patch"):
        stale.unlink()
    files = tuple(folder / f"{number:04}.patch" for number in range(1, len(patches) + 1))
    for file, patch in zip(files, patches, strict=True):
        file.write_bytes(patch.diff)
    return files


def check_command(request: CheckRequest, base: PatchBase, config: str, program: str = "") -> str:
    """The command line that checks *config* again, with the scenario of *program* alone if any."""
    return shlex.join(_words(request, base, config, program))


def _words(request: CheckRequest, base: PatchBase, config: str, program: str) -> Iterator[str]:
    plan = request.workload.plan
    yield from (NAME, "check")
    if request.kernel:
        yield from ("--kernel", request.kernel.name)
    else:
        yield from ("--tree", str(request.tree))
    if base.revision:
        yield from ("--base", base.revision)
    for file in save_patches(request.patches, request.out / "patches"):
        yield from ("--patch", str(file))
    yield from ("--configs", config)
    if request.machine:
        yield from ("--shape", request.machine)
    if request.sweeps:
        yield from ("--sweeps", request.sweeps)
    if request.workload.known_bugs.file:
        yield from ("--known-bugs", str(request.workload.known_bugs.file.absolute()))
    scenario = next((one.file for one in plan.scenarios if program_name(one) == program), "")
    if scenario:
        yield from ("--scenario", scenario)
    else:
        yield from ("--seed", str(plan.seed), "--steps", str(plan.steps))


def keep_image(kernel: Kernel, folder: Path) -> Kernel:
    """*kernel* with its image copied to *folder*, where the next build does not overwrite it."""
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
