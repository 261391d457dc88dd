"""The streams between the harness and one QEMU: pairs of ends, nothing on disk."""

import os
import socket
from contextlib import ExitStack, closing
from fcntl import F_SETPIPE_SZ, fcntl
from io import FileIO
from typing import NamedTuple, Protocol

CONSOLE_ROOM = 1 << 20
"""Bytes of a console pipe that may be unread: any user may have so large a pipe (pipe(7))."""


class Stream(Protocol):
    """The source of a console: a socket, or a pipe's end that does not block."""

    def fileno(self) -> int:
        """Its descriptor."""

    def close(self) -> None:
        """Let go of it."""


class Streams(NamedTuple):
    """Our ends, the descriptors that QEMU inherits, and the back ends of its chardevs.

    Descriptors and back ends have the same order: monitor, console, wire.
    """

    monitor: socket.socket
    console: Stream
    wire: socket.socket
    theirs: tuple[int, int, int]
    chardevs: tuple[str, str, str]


def open_streams(held: ExitStack, *, counted: bool) -> Streams:
    """Open monitor, console and wire; *held* closes our ends.

    *counted* says that the guest counts instructions.
    """
    monitor, wire = socket.socketpair(), socket.socketpair()
    console: Stream
    if counted:
        console, console_fd = console_pipe()
    else:
        console, other = socket.socketpair()
        console_fd = other.detach()
    for ours in (monitor[0], console, wire[0]):
        held.enter_context(closing(ours))
    fds = (monitor[1].detach(), console_fd, wire[1].detach())
    of_console = f"file,path=/proc/self/fd/{console_fd}" if counted else f"socket,fd={console_fd}"
    return Streams(
        monitor[0],
        console,
        wire[0],
        fds,
        (f"socket,fd={fds[0]}", of_console, f"socket,fd={fds[2]}"),
    )


def console_pipe() -> tuple[FileIO, int]:
    """Return a stream from QEMU that takes every byte at once, for guests that count instructions.

    A socket counts each byte of the serial port as a whole buffer and is full after some 250; the
    port then waits until the host has read. That is an input, and no two runs would be the same.
    """
    mine, other = os.pipe2(os.O_CLOEXEC)
    fcntl(mine, F_SETPIPE_SZ, CONSOLE_ROOM)
    os.set_blocking(mine, False)
    return FileIO(mine), other
