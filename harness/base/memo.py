"""Values remembered between runs.

A key names all that its value depends on, so a value never changes; old ones are dropped.
"""

import json
from typing import Any

from harness.base.cache import Cache

MOST = 400
"""Values in one folder; the least recently used are deleted."""


class Memo:
    """The values of one kind, in a folder of the cache."""

    def __init__(self, cache: Cache, kind: str) -> None:
        self._cache = cache
        self._folder = cache.root / kind

    def load(self, key: str) -> dict[str, Any] | None:
        """The value of *key*, or None; one that cannot be read counts as none."""
        path = self._folder / f"{key}.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            path.touch()
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def save(self, key: str, value: dict[str, Any]) -> None:
        """Keep *value*; raises a cache error."""
        with self._cache.new_file(self._folder / f"{key}.json") as fresh:
            fresh.write_text(json.dumps(value), encoding="utf-8")
        self._evict()

    def _evict(self) -> None:
        found = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in found[:-MOST]:
            path.unlink(missing_ok=True)
