"""The two ways to a running guest: booting a kernel, and restoring a saved state."""

from pathlib import Path

from harness.errors import KernelError
from harness.guest import patience
from harness.guest.bootable_kernel import BootableKernel, image_for
from harness.guest.deadline import Deadline
from harness.guest.failure import GuestCrashedError
from harness.guest.initramfs import build_initramfs
from harness.guest.printk_log import find_printk_log, log_lines
from harness.guest.qemu import QemuMachine
from harness.guest.qemu_session import QemuSession
from harness.guest.request_script import RequestScript
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.guest.trouble import recognise

LOG_LINES = 24
"""Lines of a kernel's log that an error shows."""


def boot_guest(
    kernel: BootableKernel,
    shape: Shape,
    module: Path,
    agent: Path,
    workdir: Path,
    *,
    script: RequestScript | None = None,
) -> Guest:
    """Boot *kernel* on *shape* with the built *module* (.ko) and *agent*; logs go into *workdir*.

    The guest executes a *script* of requests before its link is up; it then takes these requests,
    in this order, and no others. Raises KernelError where the kernel does not come up, and
    InfrastructureError where the harness or the host is to blame.
    """
    requests = script.requests if script else ()
    machine = _machine(kernel, shape, (module, agent), workdir, requests)
    session = QemuSession(machine, workdir)
    try:
        if script:
            session.look_at_stops(script.target)
        session.await_agent(Deadline.after("boot", patience.boot_seconds(shape, requests)))
    except KernelError as error:
        full = _with_reports(error, session, kernel)
        session.close()
        raise full from error
    except BaseException:
        session.close()
        raise
    return Guest(session, script)


def restore_guest(session: QemuSession, request: int) -> Guest:
    """Return the guest whose saved state *session* was started with.

    *request* is the number of the next request that the guest expects.
    """
    try:
        session.load(request)
    except BaseException:
        session.close()
        raise
    return Guest(session)


def _machine(
    kernel: BootableKernel,
    shape: Shape,
    files: tuple[Path, Path],
    workdir: Path,
    requests: tuple[bytes, ...],
) -> QemuMachine:
    """Write the initramfs of module and agent, and return the machine that boots it."""
    module, agent = (path.read_bytes() for path in files)
    image = build_initramfs(agent, module, kernel.modules_dir, shape, requests)
    initrd = workdir / "initramfs.cpio"
    initrd.write_bytes(image.archive)
    return QemuMachine(shape, image_for(kernel, shape), initrd, image.modules)


def _with_reports(error: KernelError, session: QemuSession, kernel: BootableKernel) -> KernelError:
    """Return *error* with the kernel's reports, and its log where the console has none of it."""
    log = _unprinted(session, kernel) if isinstance(error, GuestCrashedError) else ()
    lines = "".join(f"\n    log: {line}" for line in log[-LOG_LINES:])
    full = type(error)(f"{error.message}{lines}", hint=error.hint)
    reports = recognise(log) if log else session.troubles(whole=True)
    full.reports = tuple(one.lines for one in reports)
    return full


def _unprinted(session: QemuSession, kernel: BootableKernel) -> tuple[str, ...]:
    """Return the log of a kernel that gave up before it had a console."""
    shape = session.machine.shape
    if shape.kaslr or session.last_words():
        return ()
    log = find_printk_log(kernel.system_map, shape.architecture.paging.entry_symbols)
    return log_lines(session.memory, log) if log else ()
