"""Errors of the trace room."""

from harness.errors import PrerequisiteError, UsageError


class TraceError(UsageError):
    """A file that is no trace, of another version, damaged, or cut off."""


class TraceUnwritableError(PrerequisiteError):
    """The trace cannot be written: no space, or no right to."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"the trace {path} cannot be written: {error.strerror or error}",
            hint="free some space there, or write it elsewhere",
        )


class TruncatedTraceError(TraceError):
    """The trace ends before its end record; ``steps`` complete steps stand before that."""

    def __init__(self, path: str, steps: int) -> None:
        super().__init__(
            f"{path}: the trace is cut off after {steps} steps",
            hint="the run was killed or the disk was full; run it again, "
            "or judge the part with --partial",
        )
        self.steps = steps
