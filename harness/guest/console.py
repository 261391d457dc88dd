"""The guest's console (ttyS0): kept in a file, read line by line, never written to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
from pexpect.fdpexpect import fdspawn

from harness.guest.streams import Stream

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78cM]")


class Console:
    """Lines of the console, in order; each is given out once.

    The log file holds every byte as it came.  Reading never blocks.
    """

    def __init__(self, connection: Stream, log: Path) -> None:
        self._stream_end = connection
        self._log = log.open("wb")
        self._stream = fdspawn(
            connection.fileno(),
            maxread=1 << 16,
            timeout=0,
            encoding="utf-8",
            codec_errors="replace",
            use_poll=True,  # select() takes no descriptor above 1023
        )
        self._partial = ""
        self._lines: list[str] = []
        self._given = 0
        self.closed = False
        self.path = log

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._stream_end.fileno()

    def pump(self) -> None:
        """Take in what has come."""
        while not self.closed and (text := self._read()):
            self._log.write(text.encode())
            *whole, self._partial = (self._partial + text).split("\n")
            self._lines += [_clean(line) for line in whole]
        self._log.flush()

    def _read(self) -> str:
        try:
            return str(self._stream.read_nonblocking(1 << 16, timeout=0))
        except pexpect.TIMEOUT:
            return ""
        except (pexpect.EOF, OSError):
            self.closed = True
            return ""

    def fresh(self) -> Iterator[str]:
        """The lines that have not been given out yet."""
        while self._given < len(self._lines):
            self._given += 1
            yield self._lines[self._given - 1]

    def ended(self, count: int) -> tuple[str, ...]:
        """The last *count* lines that have an end."""
        return tuple(self._lines[-count:])

    def tail(self, count: int) -> tuple[str, ...]:
        """The last *count* lines, the one not yet ended included."""
        lines = [*self._lines, _clean(self._partial)] if self._partial else self._lines
        return tuple(lines[-count:])

    def close(self) -> None:
        """Take in the rest and close the log."""
        self.pump()
        if self._partial:
            self._lines.append(_clean(self._partial))
            self._partial = ""
        self._log.close()
        self._stream_end.close()


def _clean(line: str) -> str:
    """Without carriage returns and what a firmware draws with."""
    return _ESCAPES.sub("", line).replace("\r", "")
