"""What carries a guest's console."""

import os
from contextlib import ExitStack

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
