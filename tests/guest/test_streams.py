"""What carries a guest's console."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

from harness.guest.console import Console
from harness.guest.streams import open_streams

LINES = 20_000


def taken(held, *, counted):
    """How many single bytes, as the serial port writes them, fit before anybody reads."""
    streams = open_streams(held, counted=counted)
    fd = streams.theirs[1]
    held.callback(lambda: [os.close(one) for one in streams.theirs])
    os.set_blocking(fd, False)
    for number in range(LINES):
        try:
            os.write(fd, b"x")
        except BlockingIOError:
            return number, streams.console
    return LINES, streams.console


def test_the_console_of_a_guest_that_counts_waits_for_nobody():
    with ExitStack() as held:
        count, console = taken(held, counted=True)
        assert count == LINES
        assert os.read(console.fileno(), LINES) == b"x" * LINES


def test_a_socket_would_be_full_after_a_warning():
    """The reason: if it ever holds as much as the pipe, one kind is enough."""
    with ExitStack() as held:
        assert taken(held, counted=False)[0] < LINES


def test_a_console_is_read_by_a_process_with_many_files(tmp_path):
    """It was not above descriptor 1023, as ``select`` has it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1024):
            held.enter_context(Path(os.devnull).open())
        streams = open_streams(held, counted=True)
        held.callback(lambda: [os.close(one) for one in streams.theirs])
        console = Console(streams.console, tmp_path / "console.log")
        assert console.fileno() > 1023
        os.write(streams.theirs[1], b"Linux version\n")
        console.pump()
        assert list(console.fresh()) == ["Linux version"]
