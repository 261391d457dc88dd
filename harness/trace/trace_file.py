"""Trace files: gzip'd JSON lines, written during the run, read as a stream (docs/trace.md)."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from harness.trace.trace_codec import header_of, header_value, record_of, record_value
from harness.trace.trace_error import TraceError, TraceUnwritableError, TruncatedTraceError
from harness.trace.trace_records import FORMAT_VERSION, End, Header, Record, Step, Sync

_FINISHED: Final = "finished"
_LEVEL: Final = 1  # level 6 costs four times the time for a fifth of the size
_MAGIC: Final = "kmap-harness-trace"


class TraceWriter:
    """Writes a trace; a context manager, whose normal end writes the end record.

    Synchronisation points and ends of programs are flushed to the file, so that what a
    killed run leaves can be read up to there.  Every method raises TraceUnwritableError; of a
    trace that could not be written nothing is left.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self._failed = False
        self._file = gzip.open(  # noqa: SIM115 - closed by close
            path, "wt", compresslevel=_LEVEL, encoding="ascii"
        )
        self._encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        self._steps = 0
        self._line(header_value(header))

    def __enter__(self) -> "TraceWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(finished=kind is None)

    def _line(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        try:
            self._file.write(self._encode(value) + "\n")
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> TraceUnwritableError:
        self._failed = True
        return TraceUnwritableError(str(self.path), error)

    def write(self, record: Record) -> None:
        """Append one record."""
        self._line(record_value(record))
        if isinstance(record, Step):
            self._steps += 1
        elif isinstance(record, Sync | End):
            self._flush()

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from error

    def close(self, *, finished: bool = True) -> None:
        """Close the file; without *finished* it stays recognisable as cut off."""
        if finished:
            self._line([_FINISHED, self._steps])
        before = self._failed
        try:
            self._file.close()
        except OSError as error:
            failure = self._failure(error)
            if not before:
                raise failure from error
        finally:
            if self._failed and self.path.is_file():
                self.path.unlink()


class TraceReader:
    """A trace file: its header at once, its records as a stream."""

    def __init__(self, path: Path, *, partial: bool = False) -> None:
        """Open *path*; with *partial* a cut-off end is no error.

        Raises TraceError when the file cannot be read, is no trace or of another version.
        """
        self.path = path
        self._partial = partial
        _require_intact(path)
        self._lines = _lines(path)
        self.header = self._read_header()

    def _read_header(self) -> Header:
        try:
            value = json.loads(next(self._lines, b"null"))
        except (ValueError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise self._no_trace() from error
        if not isinstance(value, dict) or _MAGIC not in value:
            raise self._no_trace()
        if value[_MAGIC] != FORMAT_VERSION:
            raise TraceError(
                f"{self.path}: trace format {value[_MAGIC]}; this version reads {FORMAT_VERSION}",
                hint="judge it with the version of the harness that wrote it",
            )
        return header_of(value)

    def _no_trace(self) -> TraceError:
        return TraceError(
            f"{self.path}: this is not a trace", hint="traces are written by 'run --trace FILE'"
        )

    def records(self) -> Iterator[Record]:
        """The records, in order, once.

        Raises TruncatedTraceError where the file ends too early, TraceError where it is damaged.
        """
        steps = 0
        try:
            for line in self._lines:
                value = json.loads(line)
                if value[0] == _FINISHED:
                    self._check(value[1], steps)
                    return
                record = record_of(value)
                steps += isinstance(record, Step)
                yield record
        except (EOFError, gzip.BadGzipFile, json.JSONDecodeError, zlib.error):
            pass
        if not self._partial:
            raise TruncatedTraceError(str(self.path), steps)

    def _check(self, written: int, read: int) -> None:
        if written != read:
            raise TraceError(
                f"{self.path}: {read} steps read, {written} were written",
                hint="the file is damaged",
            )


def _require_intact(path: Path) -> None:
    """Raise TraceError if the checksum of *path* is wrong; ``records`` reports a file cut off."""
    try:
        for _ in _lines(path):
            pass
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TraceError(
            f"{path}: this is not a trace, or it is damaged: {error}",
            hint="traces are written by 'run --trace FILE'",
        ) from error
    except EOFError:
        return


def _lines(path: Path) -> Iterator[bytes]:
    try:
        file = gzip.open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise TraceError(
            f"{path} cannot be read: {error.strerror}",
            hint="give a file that 'run --trace FILE' wrote",
        ) from error
    with file:
        yield from file
