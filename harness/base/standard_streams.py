"""Standard input, output and error that no fault of theirs can turn into another exit code.

A write that fails raises nothing: an error on the way to a log must not end a run, and Python
itself exits with 120, the command line's library with 1, which is a divergence here.
"""

import errno
import io
import os
import select
import sys
from typing import TextIO

_READY_SECONDS = 1.0
"""Between two looks whether a reader that is slow takes more; it is waited for like by
write(2).
"""


class StandardStream(io.FileIO):
    """Descriptor 1 or 2; ``lost`` is the last refusal of a write."""

    lost: OSError | None = None

    def write(self, data: object, /) -> int:
        """Write *data*; what cannot be written is dropped, and the reason noted."""
        view = memoryview(data)  # type: ignore[arg-type] # any buffer, as in FileIO
        try:
            while (written := super().write(view)) is None:
                select.select((), (self,), (), _READY_SECONDS)
        except OSError as error:
            self.lost = error
            return view.nbytes
        return written


def secure_streams() -> None:
    """Reserve descriptors 0 to 2, and let nothing that happens to output reach the caller.

    A descriptor that is closed becomes /dev/null; else the next file that is opened would get its
    number, and with it all that is printed.
    """
    for descriptor in range(3):
        _reserve(descriptor)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    # Where somebody else has put a stream of his own (a test), it stays.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _secured(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _secured(2, sys.stderr)


def lost_result() -> str:
    """Write what is left of standard output, and say why something of it was lost, or "".

    A reader that has gone (``| head``) has had what it wanted: this is no loss.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = raw.lost if isinstance(raw, StandardStream) else None
    return "" if lost is None or lost.errno == errno.EPIPE else str(lost.strerror)


def _reserve(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        # The lowest number that is free, and that is *descriptor*.
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _secured(descriptor: int, stream: TextIO | None) -> TextIO:
    raw = StandardStream(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=descriptor == 2 or raw.isatty(),
    )
