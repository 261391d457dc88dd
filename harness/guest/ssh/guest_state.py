"""The facts about a running guest with SSH, in a file where any later command finds them."""

import dataclasses
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from harness.architecture.known import ARCHITECTURES
from harness.errors import UsageError
from harness.guest.shape import Accelerator, Shape, Wire

ENVIRONMENT = "KMAP_HARNESS_RUNTIME"
FILE = "guest.json"
IMAGE = "initramfs.cpio"
"""The guest's initramfs: only there until the guest is up, since it holds a private key."""
KEY, KNOWN_HOSTS = "id_ecdsa", "known_hosts"
SOCKETS = ("monitor", "console", "wire")
LOOPBACK = "127.0.0.1"
SOCKET_PATH_MOST = 107
"""sizeof(sun_path) - 1, unix(7)."""


class NoGuestError(UsageError):
    """There is no running guest of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no guest named {name!r} with SSH is running",
            hint="start one: kmap-harness ssh, or ssh --kernel KERNEL",
        )


@dataclass(frozen=True, slots=True)
class GuestState:
    """One guest that runs on its own.

    ``started`` is the start time of process ``pid`` in clock ticks since the host's boot, which
    tells it from a later process of the same number. ``memory_fd`` is the number, in that process,
    of the guest's memory.
    """

    name: str
    pid: int
    started: int
    port: int
    folder: Path
    kernel: str
    """Name of the stock kernel, or the path of the user's own image."""
    build_dir: str
    """Of the user's own kernel; empty for a stock kernel."""
    release: str
    boot_image: Path
    shape: Shape
    modules: tuple[str, ...]
    memory_fd: int

    def socket(self, name: str) -> Path:
        """The Unix socket of a stream: ``monitor``, ``console`` or ``wire``."""
        return self.folder / name

    @property
    def user_key(self) -> Path:
        """The private key that the guest lets in: a name for a file that QEMU alone has open."""
        return self.folder / KEY

    @property
    def known_hosts(self) -> Path:
        """The server's key, in known_hosts format."""
        return self.folder / KNOWN_HOSTS

    @property
    def module(self) -> Path:
        """A copy of the module that is loaded."""
        return self.folder / "loaded.ko"

    def alive(self) -> bool:
        """Tell whether that very QEMU still runs."""
        return start_time(self.pid) == self.started

    def save(self) -> None:
        """Write the state file, whole or not at all."""
        fresh = self.folder / f".{FILE}"
        fields = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        text = json.dumps({**fields, "shape": _encoded(self.shape)}, default=str, indent=1)
        fresh.write_text(f"{text}\n", encoding="utf-8")
        fresh.replace(self.folder / FILE)


def root() -> Path:
    """Return the folder of all running guests: private to the user, gone with the host's next
    boot.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).absolute() / "ssh"
    with warnings.catch_warnings():
        # platformdirs warns and takes the temporary folder where XDG_RUNTIME_DIR is not set, as
        # for root in a container.
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("kmap-harness") / "ssh"


def new_folder(name: str) -> Path:
    """Return the folder for a guest called *name*, with mode 0700; raises UsageError."""
    folder = root() / name
    if name in ("", ".", "..") or "/" in name:
        raise UsageError(f"{name!r} is no name for a guest", hint="use letters, digits and dashes")
    if len(os.fsencode(folder / "console")) > SOCKET_PATH_MOST:
        raise UsageError(
            f"{folder} is too long a path for a Unix socket",
            hint=f"set {ENVIRONMENT} to a short one",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise UsageError(
            f"{folder}: {error.strerror}", hint=f"set {ENVIRONMENT} to a folder of yours"
        ) from error
    return folder


def find(name: str) -> GuestState:
    """The running guest called *name*.  Raises :class:`NoGuestError`."""
    state = load(root() / name)
    if state is not None and state.alive():
        return state
    if state is not None:
        forget(state.folder)
    raise NoGuestError(name)


def forget(folder: Path) -> None:
    """Remove what a guest that is gone has left in *folder*; its logs stay."""
    for name in (FILE, f".{FILE}", KEY, KNOWN_HOSTS, IMAGE, *SOCKETS):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def running() -> Iterator[GuestState]:
    """Every guest that runs."""
    for path in sorted(root().glob(f"*/{FILE}")):
        state = load(path.parent)
        if state is not None and state.alive():
            yield state
        elif state is not None:
            forget(state.folder)


def load(folder: Path) -> GuestState | None:
    """The state kept in *folder*; None where there is none, or one of another format."""
    try:
        fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return _decode(fields)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _encoded(shape: Shape) -> dict[str, object]:
    fields = {one.name: getattr(shape, one.name) for one in dataclasses.fields(shape)}
    return {**fields, "architecture": shape.architecture.name}


def _decode(fields: Mapping[str, Any]) -> GuestState:
    shape = dict(fields["shape"])
    enums = {
        "accelerator": Accelerator(shape["accelerator"]),
        "wire": Wire(shape["wire"]),
        "architecture": ARCHITECTURES[shape["architecture"]],
    }
    decoded = {
        "folder": Path(fields["folder"]),
        "boot_image": Path(fields["boot_image"]),
        "modules": tuple(fields["modules"]),
        "shape": Shape(**{**shape, **enums, "extra": tuple(shape["extra"])}),
    }
    return GuestState(**{**fields, **decoded})


def start_time(pid: int) -> int | None:
    """Return the start time of a process (field 22 of /proc/PID/stat, proc(5)).

    None stands for a process that is gone, or a zombie.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])
