"""JSON values in files that say by a digest whether they are still what was written."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from harness.base.cache import Cache

_DIGEST = "sha256"
_VALUE = "value"


def write_sealed(cache: Cache, path: Path, value: dict[str, Any]) -> None:
    """Write *value* with its digest to a file of the cache; raises a cache error."""
    sealed = {_DIGEST: _digest(value), _VALUE: value}
    with cache.new_file(path) as fresh:
        fresh.write_text(json.dumps(sealed), encoding="utf-8")


def read_sealed(path: Path) -> dict[str, Any] | None:
    """The value in a file; None where there is none, or a damaged one, which is reported."""
    try:
        sealed = json.loads(path.read_text(encoding="utf-8"))
        value, digest = sealed[_VALUE], sealed[_DIGEST]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        _report(path)
        return None
    if not isinstance(value, dict) or digest != _digest(value):
        _report(path)
        return None
    return value


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _report(path: Path) -> None:
    sys.stderr.write(f"- {path} is damaged: it is not used, and made again\n")
