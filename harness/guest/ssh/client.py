"""SSH to a guest: commands, files and a shell. Only the guest's own key is accepted."""

import logging
import posixpath
import shlex
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, cast

import paramiko

from harness.errors import InfrastructureError, UsageError
from harness.guest.deadline import Deadline
from harness.guest.ssh.guest_state import LOOPBACK, GuestState

CONNECT_SECONDS = 20.0
COMMAND_SECONDS = 60.0
CHUNK = 1 << 16


# Its transport logs with a traceback what is raised here as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class SshError(InfrastructureError):
    """The guest's SSH server does not answer, or ended the connection."""


class CommandResult(NamedTuple):
    """How a command ended: its exit status (-1 when a signal ended it) and its two outputs."""

    status: int
    output: bytes
    errors: bytes


class Client:
    """One connection; a context manager.  Every method raises SshError when the server fails."""

    def __init__(self, state: GuestState) -> None:
        self._state = state
        self._client = paramiko.SSHClient()
        self._client.load_host_keys(str(state.known_hosts))
        self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self._connect(Deadline.after("SSH", CONNECT_SECONDS))

    def _connect(self, deadline: Deadline) -> None:
        try:
            self._client.connect(
                LOOPBACK,
                self._state.port,
                username="root",
                pkey=paramiko.ECDSAKey.from_private_key_file(str(self._state.user_key)),
                allow_agent=False,
                look_for_keys=False,
                timeout=deadline.seconds,
                banner_timeout=deadline.seconds,
                auth_timeout=deadline.seconds,
            )
        except (paramiko.SSHException, OSError) as error:
            self._client.close()
            raise SshError(
                f"no SSH connection to the guest {self._state.name!r}"
                f" at {LOOPBACK}:{self._state.port}: {error}",
                hint=f"its console: {self._state.folder / 'console.log'}",
            ) from error

    def channel(self) -> paramiko.Channel:
        """A new session in the guest."""
        transport = self._client.get_transport()
        if transport is None:
            raise self._failed("a session", EOFError("the connection is closed"))
        try:
            return transport.open_session(timeout=Deadline.after("SSH", CONNECT_SECONDS).seconds)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._failed("a session", error) from error

    def run(
        self, command: str, data: bytes = b"", seconds: float = COMMAND_SECONDS
    ) -> CommandResult:
        """Run *command* in the guest's shell with *data* as its input, for at most *seconds*."""
        deadline = Deadline.after(command, seconds)
        channel = self.channel()
        try:
            channel.settimeout(deadline.seconds)
            channel.exec_command(command)
            channel.sendall(data)
            channel.shutdown_write()
            return _collect(channel, deadline)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._failed(repr(command), error) from error
        finally:
            channel.close()

    def _failed(self, doing: str, error: Exception) -> SshError:
        why = (
            "time is up" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        )
        return SshError(
            f"the guest {self._state.name!r} failed at {doing}: {why}",
            hint=f"its console: {self._state.folder / 'console.log'}",
        )

    def put(self, data: bytes, path: str) -> None:
        """Write *data* to the guest's file *path*: whole or not at all."""
        target = shlex.quote(path)
        fresh = shlex.quote(f"{path}.new")
        finished = self.run(f"cat >{fresh} && mv {fresh} {target}", data)
        if finished.status:
            raise UsageError(
                f"the guest refuses {path}: {_said(finished)}", hint="look at it: kmap-harness ssh"
            )

    def get(self, path: str, local: Path) -> tuple[Path, ...]:
        """Fetch the guest's file or folder *path* to *local*; a folder's files go below it.

        Return the files written. Raises UsageError where either end refuses.
        """
        if self.run(f"test -d {shlex.quote(path)}").status == 0:
            return self._get_folder(path, local)
        finished = self.run(f"cat {shlex.quote(path)}")
        if finished.status:
            raise UsageError(
                f"the guest has no readable {path}: {_said(finished)}",
                hint="see: kmap-harness ssh -- ls",
            )
        target = local / Path(path).name if local.is_dir() else local
        write_whole(target, finished.output)
        return (target,)

    def _get_folder(self, path: str, local: Path) -> tuple[Path, ...]:
        channel = self.channel()
        try:
            channel.settimeout(Deadline.after(path, COMMAND_SECONDS).seconds)
            channel.exec_command(f"tar -C {shlex.quote(path)} -cf - .")
            local.mkdir(parents=True, exist_ok=True)
            with tarfile.open(
                fileobj=cast("BinaryIO", channel.makefile("rb")), mode="r|"
            ) as archive:
                return tuple(_extract(archive, local))
        except (tarfile.TarError, paramiko.SSHException) as error:
            raise self._failed(f"reading {path}", error) from error
        except TimeoutError as error:
            raise self._failed(f"reading {path}", error) from error
        except OSError as error:
            raise UsageError(f"{local}: {error}", hint="give another folder") from error
        finally:
            channel.close()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _extract(archive: tarfile.TarFile, local: Path) -> Iterator[Path]:
    """Write the regular files of *archive* below *local*, none outside of it.

    By hand, since ``filter="data"`` came with Python 3.11.4 only.
    """
    for entry in archive:
        content = archive.extractfile(entry) if entry.isreg() else None
        name = posixpath.normpath(entry.name)
        if content is not None and not name.startswith(("/", "..")):
            target = local / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())
            yield target


def write_whole(target: Path, data: bytes) -> None:
    """Write *target* completely, or leave what was there; raises UsageError."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise UsageError(
            f"{target} cannot be written: {error.strerror}", hint="give another place"
        ) from error


def _collect(channel: paramiko.Channel, deadline: Deadline) -> CommandResult:
    """Return both outputs, read to their ends as they come: a full window stops the command."""
    output, errors = bytearray(), bytearray()
    while not (channel.exit_status_ready() and channel.eof_received and _drained(channel)):
        if deadline.over():
            raise TimeoutError
        took = _take(channel, output, errors)
        if not took:
            if channel.closed and not channel.exit_status_ready():
                raise EOFError("the connection ended")
            time.sleep(0.005)
    return CommandResult(channel.recv_exit_status(), bytes(output), bytes(errors))


def _drained(channel: paramiko.Channel) -> bool:
    return not channel.recv_ready() and not channel.recv_stderr_ready()


def _take(channel: paramiko.Channel, output: bytearray, errors: bytearray) -> int:
    before = len(output) + len(errors)
    if channel.recv_ready():
        output += channel.recv(CHUNK)
    if channel.recv_stderr_ready():
        errors += channel.recv_stderr(CHUNK)
    return len(output) + len(errors) - before


def _said(finished: CommandResult) -> str:
    return finished.errors.decode(errors="replace").strip() or f"status {finished.status}"
