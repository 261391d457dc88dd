"""The lines of a trace file, unpacked; one that is longer than any run writes is refused."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.trace.trace_error import TraceError

LINE_MOST: Final = 1 << 24
"""Bytes of a line.  The longest that a run writes begins a program: about 5 bytes a step."""


def trace_lines(path: Path) -> Iterator[bytes]:
    """The lines of *path*.  Raises TraceError for one that is too long."""
    with _opened(path) as file:
        number = 0
        while line := file.readline(LINE_MOST + 1):
            number += 1
            if len(line) > LINE_MOST:
                raise TraceError(
                    f"{path}:{number}: a line of more than {LINE_MOST >> 20} MiB",
                    hint="no run writes such a line: give a file that 'run --trace' wrote",
                )
            yield line


def require_intact(path: Path) -> None:
    """Raise TraceError if the checksum of *path* is wrong; a file cut off is found later."""
    try:
        for _ in trace_lines(path):
            pass
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TraceError(
            f"{path}: this is not a trace, or it is damaged: {error}",
            hint="traces are written by 'run --trace FILE'",
        ) from error
    except EOFError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> gzip.GzipFile:
    try:
        return gzip.open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> TraceError:
    return TraceError(
        f"{path} cannot be read: {error.strerror or error}",
        hint="give a file that 'run --trace FILE' wrote",
    )
