"""An interactive shell in a guest, on this process's terminal."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import paramiko

from harness.errors import UsageError
from harness.guest.ssh.client import CHUNK, Client, SshError


def shell(client: Client) -> int:
    """Open a login shell and return its exit status; raises UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a shell needs a terminal", hint="give a command instead: kmap-harness ssh -- uname -r"
        )
    channel = client.channel()
    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        channel.get_pty(os.environ.get("TERM", "vt100"), columns, lines)
        channel.invoke_shell()
        with _raw(sys.stdin.fileno()), _resizing(channel):
            _relay(channel, sys.stdin.fileno(), sys.stdout.fileno())
        return int(channel.recv_exit_status())
    except (paramiko.SSHException, OSError) as error:
        raise SshError(
            f"the shell failed: {error}", hint="the guest's console log may say why"
        ) from error
    finally:
        channel.close()


def stream(client: Client, command: str) -> int:
    """Run *command*, its input and outputs being this process's, and give its exit status."""
    channel = client.channel()
    try:
        channel.exec_command(command)
        _relay(channel, sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno())
        return int(channel.recv_exit_status())
    except (paramiko.SSHException, OSError) as error:
        raise SshError(
            f"{command!r} failed: {error}", hint="the guest's console log may say why"
        ) from error
    finally:
        channel.close()


@contextmanager
def _raw(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _resizing(channel: paramiko.Channel) -> Iterator[None]:
    def resized(_signal: int, _frame: FrameType | None) -> None:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        channel.resize_pty(columns, lines)

    before = signal.signal(signal.SIGWINCH, resized)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _relay(channel: paramiko.Channel, source: int, output: int, errors: int | None = None) -> None:
    """Carry bytes both ways until the far end has ended."""
    reading = [source]
    while not _said_all(channel):
        ready = select.select([channel, *reading], [], [], 1.0)[0]
        _carry(channel.recv_ready, channel.recv, output)
        if errors is not None:
            _carry(channel.recv_stderr_ready, channel.recv_stderr, errors)
        if source in ready and not _send(channel, os.read(source, CHUNK)):
            reading.clear()


def _said_all(channel: paramiko.Channel) -> bool:
    """Tell whether the far end has ended and everything has been read.

    The order of the questions matters: data may come before the end is seen.
    """
    ended = channel.eof_received or channel.closed
    return ended and not channel.recv_ready() and not channel.recv_stderr_ready()


def _carry(ready: Callable[[], bool], receive: Callable[[int], bytes], target: int) -> None:
    while ready():
        data = receive(CHUNK)
        while data:
            data = data[os.write(target, data) :]


def _send(channel: paramiko.Channel, data: bytes) -> bool:
    """Send *data* and return True; where it is empty, send the end and return False."""
    if not data:
        channel.shutdown_write()
        return False
    channel.sendall(data)
    return True
