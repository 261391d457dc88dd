"""``kmap-harness ssh``, ``push`` and ``pull``: a guest that keeps running.

People work in it by hand, and try changed modules in it without a reboot.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.base import project
from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.cli.options import (
    DEFAULT_KERNEL,
    KERNEL_HELP,
    LIST_HELP,
    MEMORY_HELP,
    SMP_HELP,
    BuildDir,
    Debug,
    Silence,
)
from harness.cli.output import shown_progress
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.ssh import guest_recipe, launch, packages, shell
from harness.guest.ssh import guest_state as states
from harness.guest.ssh.attach import attach
from harness.guest.ssh.client import Client
from harness.guest.ssh.exchange import exchange
from harness.guest.ssh.guest_state import GuestState, NoGuestError
from harness.guest.ssh.launch import KernelOrigin, SshGuestOrder
from harness.guest.ssh.ssh_initramfs import SshImageParts, network_files
from harness.kernel.build import build_module
from harness.kernel.module import check_module
from harness.run.drivers import require_network
from harness.run.prepare import find_kernel, prepare

DEFAULT_NAME = "default"
MEMORY = 512
"""MiB: the packages lie in the guest's memory, beside the highmem pages under test."""

Name = Annotated[str, typer.Option("--name", help="Name of the guest, if several run.")]


Command = Annotated[
    list[str] | None,
    typer.Argument(
        help="Command line for the shell in the guest, after --. Default: an interactive shell."
    ),
]
StartKernel = Annotated[
    str | None,
    typer.Option(
        "--kernel",
        help=f"{KERNEL_HELP} If no guest runs, the command starts a guest with it: a name that "
        f"`kernels` lists, or the file of a kernel image. [default: {DEFAULT_KERNEL}]",
    ),
]
Smp = Annotated[int, typer.Option(help=f"{SMP_HELP} Only for a guest that the command starts.")]
Memory = Annotated[
    int, typer.Option(help=f"{MEMORY_HELP} Only for a guest that the command starts.")
]
Stop = Annotated[bool, typer.Option("--stop", help="End the guest.")]
Listing = Annotated[
    bool, typer.Option("--list", help=f"{LIST_HELP} The list has the guests that run.")
]
StartOnly = Annotated[bool, typer.Option("--start", help="Only start the guest.")]
ModuleDir = Annotated[Path, typer.Option(help="Folder of the module's sources.")]
GuestPath = Annotated[
    str,
    typer.Argument(
        help="File or folder in the guest, or `logs`: its console, QEMU and kernel log."
    ),
]
LocalPath = Annotated[
    Path, typer.Argument(help="File to write, or folder for the files of a folder or the logs.")
]


def ssh(
    command: Command = None,
    kernel: StartKernel = None,
    build_dir: BuildDir = None,
    smp: Smp = 2,
    memory: Memory = MEMORY,
    name: Name = DEFAULT_NAME,
    stop: Stop = False,
    listing: Listing = False,
    start_only: StartOnly = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Open a shell, or run a command, in a guest that keeps running; start it where there is
    none.
    """
    del debug
    if listing:
        sys.stdout.writelines(f"{_describe(state)}\n" for state in states.running())
        return
    if stop:
        launch.stop(states.find(name))
        return
    shape = Shape(smp=smp, memory=memory, memory_chosen=True)
    state = running_or_started(name, kernel, build_dir, shape, quiet=quiet)
    if not start_only:
        with Client(state) as client:
            status = shell.stream(client, " ".join(command)) if command else shell.shell(client)
        raise typer.Exit(status)


def push(
    module_dir: ModuleDir = project.MODULE_SOURCES,
    name: Name = DEFAULT_NAME,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Build the module and exchange it in the running guest, without a reboot."""
    del debug
    state = states.find(name)
    with shown_progress(quiet=quiet) as progress:
        module = built_for(state, module_dir, progress)
        progress.step(f"exchanging the module in {state.name}")
        with attach(state) as guest:
            exchanged = exchange(state, guest, module)
            _, facts = guest.info()
    same = " (the same build)" if exchanged.old == exchanged.new else ""
    sys.stdout.write(
        f"module of {facts.release}: build id {exchanged.old or 'none'} -> {exchanged.new}{same}\n"
    )


def pull(
    guestpath: GuestPath,
    local: LocalPath,
    name: Name = DEFAULT_NAME,
    debug: Debug = False,
) -> None:
    """Fetch a file, a folder or the logs of the running guest."""
    del debug
    state = states.find(name)
    with Client(state) as client:
        files = (
            launch.logs(state, client, local)
            if guestpath == "logs"
            else client.get(guestpath, local)
        )
    sys.stdout.writelines(f"{file}\n" for file in files)


def running_or_started(
    name: str,
    kernel: str | None,
    build_dir: Path | None,
    shape: Shape,
    *,
    quiet: bool = False,
) -> GuestState:
    """The guest of that name, started with *kernel* (or the usual one) if it does not run.

    Raises UsageError where it runs with another kernel, or where that one has no network.
    """
    try:
        state = states.find(name)
    except NoGuestError:
        if kernel is None and build_dir is not None:
            raise UsageError(
                "--build-dir names no kernel", hint="add --kernel FILE, the image built there"
            ) from None
        with shown_progress(quiet=quiet) as progress:
            return _started(name, kernel or DEFAULT_KERNEL, build_dir, shape, progress)
    if kernel is not None:
        _require_same(state, kernel, build_dir)
    return state


def _require_same(state: GuestState, kernel: str, build_dir: Path | None) -> None:
    """Raise UsageError where the guest that runs has another kernel."""
    if _origin(kernel, build_dir) != KernelOrigin(state.kernel, state.build_dir):
        raise UsageError(
            f"the guest {state.name!r} runs {state.kernel}, not {kernel}",
            hint="end it with --stop, or give the new one another --name",
        )


def _origin(kernel: str, build_dir: Path | None) -> KernelOrigin:
    return (
        KernelOrigin(str(Path(kernel).absolute()), str(build_dir.absolute()))
        if build_dir
        else KernelOrigin(kernel)
    )


def _started(
    name: str, kernel: str, build_dir: Path | None, shape: Shape, progress: Progress
) -> GuestState:
    prepared = prepare(kernel, build_dir, progress)
    made = guest_recipe.read_guest_recipe(project.SSH_RECIPE)
    modules_dir = prepared.kernel.modules_dir
    drivers = network_files(modules_dir) if modules_dir else {}
    require_network(prepared.kernel, drivers, made.modules)
    debs = packages.obtain(made, Cache.default(), progress)
    parts = SshImageParts(prepared.agent.path, prepared.module.path, made, debs)
    progress.step(f"booting {prepared.kernel.release} with SSH")
    return launch.start(
        name, SshGuestOrder(_origin(kernel, build_dir), prepared.kernel, shape, parts)
    )


def built_for(state: GuestState, module_dir: Path, progress: Progress) -> Path:
    """The module of *module_dir*, built for and checked against the kernel that the guest runs."""
    build_dir = Path(state.build_dir) if state.build_dir else None
    kernel = find_kernel(state.kernel, build_dir, progress)
    if kernel.release != state.release:
        raise UsageError(
            f"{state.kernel} is {kernel.release} by now; "
            f"the guest {state.name!r} runs {state.release}",
            hint="start the guest anew: kmap-harness ssh --stop",
        )
    module = build_module(kernel, module_dir, progress=progress).path
    check_module(kernel, module)
    return module


def _describe(state: GuestState) -> str:
    return (
        f"{state.name}  {state.release}  smp={state.shape.smp}  port {state.port}  {state.folder}"
    )
