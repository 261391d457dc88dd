"""Cold boots: plain QEMU on the same image, and ours to the first judged step."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from harness.base.parent_death import dying_with_parent
from harness.bench.subject import Subject
from harness.errors import InfrastructureError
from harness.guest.process import TICKS

USERSPACE = b"Run /init as init process"
"""The kernel's last line before the first instruction of userspace (init/main.c, 4.16 on)."""

PLAIN_MEMORY = 1536
PLAIN_SECONDS = 180.0


def plain_boot(subject: Subject, folder: Path) -> Mapping[tuple[str, str], float]:
    """Boot the original image with the obvious command, until userspace begins.

    Returns wall seconds and CPU seconds.
    """
    command = _plain_command(subject, folder)
    started = time.monotonic()
    with subprocess.Popen(
        dying_with_parent(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as qemu:
        try:
            _await_line(qemu, USERSPACE)
            return {
                ("boot plain", "s"): time.monotonic() - started,
                ("boot plain cpu", "s"): cpu_seconds(qemu.pid),
            }
        finally:
            qemu.kill()


def _plain_command(subject: Subject, folder: Path) -> tuple[str, ...]:
    """The obvious command.  Raises InfrastructureError for a kernel without a compressed image."""
    kernel, shape = subject.prepared.kernel, subject.shape
    if kernel.bzimage is None:
        raise InfrastructureError(
            f"{kernel.name} has no {kernel.architecture.image.name}",
            hint="the plain boot is measured with one",
        )
    emulated = shape.architecture.emulated
    return (
        *(emulated.program, "-kernel", str(kernel.bzimage)),
        *("-initrd", str(subject.image(folder))),
        *("-m", str(PLAIN_MEMORY), "-smp", str(shape.smp), "-nographic", "-no-reboot"),
        *("-append", f"console={emulated.console}"),
    )


def _await_line(qemu: subprocess.Popen[bytes], words: bytes) -> None:
    assert qemu.stdout is not None, "stdout is a pipe"
    deadline = time.monotonic() + PLAIN_SECONDS
    for line in qemu.stdout:
        if words in line:
            return
        if time.monotonic() > deadline:
            break
    raise InfrastructureError(
        "plain QEMU did not reach userspace", hint="run it by hand to see why"
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its threads so far (utime + stime of /proc/PID/stat, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def our_boot(subject: Subject, folder: Path) -> Mapping[tuple[str, str], float]:
    """Boot as a run does, to the verdict on the first step.

    Returns wall seconds, and CPU seconds of QEMU.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    with subject.boot(folder) as guest:
        judged = subject.bench(guest).judge_one()
        return {
            ("boot ours", "s"): judged - started,
            ("boot ours cpu", "s"): guest.session.process.cpu_seconds(),
        }
