"""Files that a check leaves for a repetition: the patches, the kernel image, a command line."""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.base.project import NAME, SCENARIOS
from harness.check.cell import USUAL, Cell
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


def check_command(request: CheckRequest, base: PatchBase, cell: Cell, program: str = "") -> str:
    """The command line that checks *cell* again, with the scenario of *program* alone if any."""
    place = () if request.kernel else ("--tree", str(request.tree))
    files = save_patches(request.patches, request.out / "patches")
    patches = (word for file in files for word in ("--patch", str(file)))
    words = (*place, *_base(request, base), *patches, "--configs", cell.config)
    return shlex.join((NAME, "check", *words, *_work(request, cell, program, portable=False)))


def portable_command(request: CheckRequest, base: PatchBase, cell: Cell, program: str = "") -> str:
    """The same for a tree of the reader's own: it names no file that only this host has.

    The patch comes from the list's archive if it was a mail, else from a file of any name.
    """
    mail = request.patches[0].mail if request.patches else None
    fetched = mail.message_id if mail else ""
    place = () if request.kernel else ("--tree", ".")
    patch = ("--patch", "-" if fetched else "the.patch") if request.patches else ()
    words = (*place, *_base(request, base), *patch, "--configs", Path(cell.config).name)
    command = shlex.join((NAME, "check", *words, *_work(request, cell, program, portable=True)))
    return f"b4 am -o - {shlex.quote(fetched)} | {command}" if fetched else command


def _base(request: CheckRequest, base: PatchBase) -> Iterator[str]:
    if request.kernel:
        yield from ("--kernel", request.kernel.name)
    if base.revision:
        yield from ("--base", base.revision)


def _work(request: CheckRequest, cell: Cell, program: str, *, portable: bool) -> Iterator[str]:
    """The machine and the programs; a *portable* command names files without their folders."""
    plan, bugs = cell.workload.plan, cell.workload.known_bugs.file
    if cell.machine or len(request.cells) > 1:
        yield from ("--machines", cell.machine or USUAL)
    if request.machine:
        yield from ("--shape", request.machine)
    if cell.workload.histories:
        yield from ("--histories", str(cell.workload.histories))
    if request.sweeps:
        yield from ("--sweeps", request.sweeps)
    if cell.workload.throwaway:
        yield "--throwaway"
    if bugs:
        yield from ("--known-bugs", bugs.name if portable else str(bugs.absolute()))
    scenario = next((one.file for one in plan.scenarios if program_name(one) == program), "")
    if scenario:
        yield from ("--scenario", _shown(scenario) if portable else scenario)
    else:
        yield from _chosen(request, portable=portable)
        yield from ("--seed", str(plan.seed), "--steps", str(plan.steps))


def _chosen(request: CheckRequest, *, portable: bool) -> Iterator[str]:
    """The choice of scenarios that was made for the check."""
    for option, value in request.chosen:
        is_file = option == "--scenario"
        yield from (option, _shown(value) if portable and is_file else value)


def _shown(scenario: str) -> str:
    """A scenario on another host: one of ours by its name, another by the name of its file."""
    path = Path(scenario)
    return path.stem if path.is_relative_to(SCENARIOS) else path.name


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
