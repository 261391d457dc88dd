"""Start of a guest with SSH: it runs on its own until it is stopped."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.guest.bootable_kernel import BootableKernel
from harness.guest.deadline import Deadline
from harness.guest.failure import GuestCrashedError, QemuExitedError, QemuMissingError
from harness.guest.memory import new_memory_file
from harness.guest.qemu import Channels, QemuMachine, arguments
from harness.guest.shape import Shape
from harness.guest.ssh import guest_state as states
from harness.guest.ssh.attach import AttachedSession, panicked
from harness.guest.ssh.client import Client, write_whole
from harness.guest.ssh.guest_state import LOOPBACK, GuestState
from harness.guest.ssh.keys import held_key, lend_key, make_keys
from harness.guest.ssh.ssh_initramfs import SshImageParts, write_image

BOOT_SECONDS = 120.0
START_SECONDS = 20.0
STOP_SECONDS = 10.0
LAST_SECONDS = 1.0
"""Seconds within which a QEMU with broken streams is gone."""
LAST_WORDS = 1000
PORT_TRIES = 5
"""Tries: another process may take the port between its choice and QEMU's use of it."""
OPTION = "kmh.ssh=1"
"""Tells the agent to run the guest's script (images/agent/rc.c)."""


@dataclass(frozen=True, slots=True)
class KernelOrigin:
    """How the user named the kernel: its catalogue name, or the image and its build folder."""

    kernel: str
    build_dir: str = ""


@dataclass(frozen=True, slots=True)
class SshGuestOrder:
    """A guest to be started: its kernel and the user's name for it, its machine, its initramfs."""

    origin: KernelOrigin
    kernel: BootableKernel
    shape: Shape
    parts: SshImageParts


class _PortTakenError(InfrastructureError):
    """QEMU could not have the port."""


def start(name: str, order: SshGuestOrder) -> GuestState:
    """Boot what *order* names, and return its state once agent and SSH server answer.

    Where that fails nothing is left running. Raises QemuMissingError, InfrastructureError or
    KernelError.
    """
    folder = states.new_folder(name)
    for attempt in range(PORT_TRIES):
        _clear(folder)
        try:
            return _start_on(free_port(), folder, order)
        except _PortTakenError:
            if attempt == PORT_TRIES - 1:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def free_port() -> int:
    """A TCP port that was free on the loopback a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink() if not path.is_dir() or path.is_symlink() else shutil.rmtree(path)


def _start_on(port: int, folder: Path, order: SshGuestOrder) -> GuestState:
    shape = replace(order.shape, extra=(*order.shape.extra, OPTION))
    keys, key_files = make_keys(folder, LOOPBACK, port)
    initrd = folder / states.IMAGE
    modules = write_image(initrd, order.parts, order.kernel.modules_dir, shape, key_files)
    machine = QemuMachine(shape, order.kernel.boot_image, initrd, modules)
    bus = shape.architecture.emulated.bus
    memory, key = new_memory_file(shape.memory), held_key(keys)
    try:
        command = (*arguments(machine, channels(folder, memory)), *network(port, bus))
        process = _spawn(command, (memory, key), shape, folder)
        lend_key(keys, process.pid, key)
    finally:
        os.close(memory)
        os.close(key)
    try:
        return _settled(
            process, _state(order, machine, (port, process.pid, memory)), order.parts.module
        )
    except (HarnessError, OSError) as error:
        raise _cause(process, folder, error) from error
    finally:
        if not (folder / states.FILE).exists():
            process.kill()
            process.wait()
            states.forget(folder)


def _cause(
    process: "subprocess.Popen[bytes]", folder: Path, error: HarnessError | OSError
) -> Exception:
    """Return the cause of *error*: every stream breaks where QEMU has ended."""
    try:
        status = process.wait(timeout=LAST_SECONDS)
    except subprocess.TimeoutExpired:
        return error
    console = folder / "console.log"
    if panicked(console):
        return GuestCrashedError(
            f"the kernel panicked as it booted: {_end(console)}", hint=f"all of it: {console}"
        )
    kind = (
        _PortTakenError if "host forwarding rule" in _end(folder / "qemu.log") else QemuExitedError
    )
    return kind(
        f"QEMU ended with status {status} as it started: {_end(folder / 'qemu.log')}",
        hint=f"its console: {console}",
    )


def _end(log: Path) -> str:
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return text[-LAST_WORDS:] or "it said nothing"


def _state(
    order: SshGuestOrder, machine: QemuMachine, numbers: tuple[int, int, int]
) -> GuestState:
    port, pid, memory_fd = numbers
    folder = machine.initrd.parent
    return GuestState(
        name=folder.name,
        pid=pid,
        started=states.start_time(pid) or 0,
        port=port,
        folder=folder,
        kernel=order.origin.kernel,
        build_dir=order.origin.build_dir,
        release=order.kernel.release,
        boot_image=machine.kernel,
        shape=machine.shape,
        modules=machine.modules,
        memory_fd=memory_fd,
    )


def _settled(process: "subprocess.Popen[bytes]", state: GuestState, module: Path) -> GuestState:
    """*state*, kept on disk once the guest answers on both its ways."""
    _await_sockets(process, state.folder)
    _await_guest(state)
    (state.folder / states.IMAGE).unlink()  # it holds the server's private key
    shutil.copyfile(module, state.module)
    state.save()
    return state


def channels(folder: Path, memory_fd: int) -> Channels:
    """Return streams that clients may leave and join; the console has a log file, too."""

    def server(name: str) -> str:
        return f"socket,path={_escaped(folder / name)},server=on,wait=off"

    log = f"{server('console')},logfile={_escaped(folder / 'console.log')}"
    return Channels(server("monitor"), log, server("wire"), f"/proc/self/fd/{memory_fd}")


def network(port: int, bus: str) -> tuple[str, ...]:
    """User networking that reaches nothing, with the guest's SSH port on the host's loopback."""
    forward = f"hostfwd=tcp:{LOOPBACK}:{port}-:22"
    return (
        "-netdev",
        f"user,id=net,restrict=on,{forward}",
        "-device",
        f"virtio-net-{bus},netdev=net,romfile=",
    )


def _escaped(path: Path) -> str:
    """In QEMU's options a comma is written twice."""
    return str(path).replace(",", ",,")


def _spawn(
    command: Sequence[str], kept: Sequence[int], shape: Shape, folder: Path
) -> "subprocess.Popen[bytes]":
    try:
        with (folder / "qemu.log").open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=kept,
                start_new_session=True,
            )
    except FileNotFoundError as error:
        raise QemuMissingError(
            f"{error.filename} cannot be started",
            hint=f"install {shape.architecture.emulated.package}",
        ) from error


def _await_sockets(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = Deadline.after("start", START_SECONDS)
    while not (folder / "wire").is_socket():
        if process.poll() is not None:
            raise QemuExitedError("QEMU ended as it started")
        if deadline.over():
            raise InfrastructureError(
                f"QEMU made no sockets in {folder} in {deadline.seconds:.0f} s",
                hint="is the host overloaded?",
            )
        time.sleep(0.02)


def _await_guest(state: GuestState) -> None:
    """The agent answers once the guest's script is done, so the SSH server is up by then."""
    session = AttachedSession(state)
    try:
        session.await_agent(Deadline.after("boot", BOOT_SECONDS * max(1, state.shape.smp / 2)))
    finally:
        session.close()
    with Client(state) as client:
        finished = client.run("uname -r")
    said = finished.output.decode(errors="replace").strip()
    if said != state.release:
        raise InfrastructureError(
            f"over SSH the guest says {said!r} (status {finished.status}), not {state.release!r}",
            hint=f"its console: {state.folder / 'console.log'}",
        )


def stop(state: GuestState) -> None:
    """End the guest and remove its state; its logs stay. Raises InfrastructureError."""
    if state.alive():
        os.kill(state.pid, signal.SIGTERM)
        deadline = Deadline.after("stop", STOP_SECONDS)
        while state.alive() and not deadline.over():
            time.sleep(0.02)
    if state.alive():
        os.kill(state.pid, signal.SIGKILL)
    states.forget(state.folder)


def logs(state: GuestState, client: Client, local: Path) -> tuple[Path, ...]:
    """Copy the console's log, QEMU's own and the kernel's ring buffer below *local*."""
    kernel_log = client.run("dmesg").output
    files = {"dmesg.log": kernel_log}
    for name in ("console.log", "qemu.log"):
        files[name] = (state.folder / name).read_bytes()
    try:
        local.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{local}: {error.strerror}", hint="give another folder") from error
    for name, data in files.items():
        write_whole(local / name, data)
    return tuple(local / name for name in files)
