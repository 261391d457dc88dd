"""Trace files: gzip'd JSON lines, written during the run, read as a stream (docs/trace.md)."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from harness.trace.trace_codec import record_value
from harness.trace.trace_decoder import TraceDecoder
from harness.trace.trace_error import TraceError, TraceUnwritableError, TruncatedTraceError
from harness.trace.trace_fields import damaged, shown
from harness.trace.trace_header import MAGIC, header_of, header_value
from harness.trace.trace_lines import require_intact, trace_lines
from harness.trace.trace_records import End, Header, Record, Step, Sync

_FINISHED: Final = "finished"
_LEVEL: Final = 1  # level 6 costs four times the time for a fifth of the size
_UNREADABLE: Final = (ValueError, RecursionError)
"""The errors of the JSON reader; a number of very many digits is a ValueError."""


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
        self._steps = self._records = 0
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
        self._records += 1
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
            self._line([_FINISHED, self._steps, self._records])
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
        self.cut_off_after: int | None = None
        """Steps before the place where the file is cut off; None while none was met."""
        self._partial = partial
        self._cut = False
        self._line = 1
        require_intact(path)
        self._lines = trace_lines(path)
        self.header = self._read_header()

    def _read_header(self) -> Header:
        try:
            value = json.loads(next(self._lines, b"null"))
        except (*_UNREADABLE, EOFError) as error:
            raise self._no_trace() from error
        if not isinstance(value, dict) or MAGIC not in value:
            raise self._no_trace()
        try:
            return header_of(value)
        except TraceError as error:
            raise self._placed(error) from error

    def _no_trace(self) -> TraceError:
        return TraceError(
            f"{self.path}: this is not a trace", hint="traces are written by 'run --trace FILE'"
        )

    def _placed(self, error: TraceError) -> TraceError:
        """*error* with file and line of the record that is being read."""
        return TraceError(f"{self.path}:{self._line}: {error.message}", hint=error.hint)

    def records(self) -> Iterator[Record]:
        """The records, in order, once.

        Raises TruncatedTraceError where the file ends too early, TraceError where it is damaged.
        """
        decoder = TraceDecoder(self.header)
        values = self._values()
        for value in values:
            try:
                if value[0] == _FINISHED:
                    _check_end(value, decoder)
                    break
                record = decoder.record(value)
            except TraceError as error:
                raise self._placed(error) from error
            yield record
        else:
            self._cut = True
        self._require_end(values, decoder.steps)

    def _require_end(self, values: Iterator[list[Any]], steps: int) -> None:
        """Raise TraceError if something comes after the last record, or if there is none."""
        if next(values, None) is not None:
            raise self._placed(damaged("this line comes after the last record"))
        if self._cut:
            self._ended_early(steps)

    def _ended_early(self, steps: int) -> None:
        self.cut_off_after = steps
        if not self._partial:
            raise TruncatedTraceError(str(self.path), steps)

    def _values(self) -> Iterator[list[Any]]:
        """The JSON values of the lines after the first, up to where the file is cut off."""
        try:
            for line in self._lines:
                self._line += 1
                value = self._value(line)
                if value is None:
                    return
                yield value
        except EOFError:
            self._cut = True

    def _value(self, line: bytes) -> list[Any] | None:
        """The value of *line*; None for one that is cut off."""
        try:
            value = json.loads(line)
        except _UNREADABLE as error:
            if not line.endswith(b"\n"):
                return None
            raise TraceError(
                f"{self.path}:{self._line}: this line is no JSON value: {error}",
                hint="the file is damaged: record the run again",
            ) from error
        if not isinstance(value, list) or not value:
            raise TraceError(
                f"{self.path}:{self._line}: this line is no record of a trace",
                hint="the file is damaged: record the run again",
            )
        return value


def _check_end(value: list[Any], decoder: TraceDecoder) -> None:
    """Raise TraceError unless everything that was written has been read."""
    if decoder.open:
        raise damaged("the record of a program's end is missing")
    written = value[1:]
    read = [decoder.steps, decoder.records][: max(len(written), 1)]
    if written != read or bool in map(type, written):
        raise damaged(
            f"{decoder.steps} steps read in {decoder.records} records, and the last line"
            f" counts {' and '.join(map(shown, written))}"
        )
    if len(written) == 1 and decoder.unsynced:
        raise damaged("the synchronisation point at the end of a program is missing")
