"""Lengths of time as people write them: ``90s``, ``60m``, ``1.5h``."""

import re

from harness.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smh])")


def parse_duration(text: str) -> float:
    """Seconds, more than none.  Raises UsageError."""
    found = _LENGTH.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds:
        raise UsageError(f"{text!r} is no length of time", hint="write it like 90s, 60m or 1.5h")
    return seconds
