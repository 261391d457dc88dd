"""Values remembered between runs.

A key names all that its value depends on, so a value never changes; old ones are dropped.
"""

from typing import Any

from harness.base.cache import Cache
from harness.base.sealed_json import read_sealed, write_sealed

MOST = 400
"""Values in one folder; the least recently used are deleted."""


class Memo:
    """The values of one kind, in a folder of the cache."""

    def __init__(self, cache: Cache, kind: str) -> None:
        self._cache = cache
        self._folder = cache.root / kind

    def load(self, key: str) -> dict[str, Any] | None:
        """The value of *key*, or None; one that is damaged counts as none."""
        path = self._folder / f"{key}.json"
        if value := read_sealed(path):
            path.touch()
        return value

    def save(self, key: str, value: dict[str, Any]) -> None:
        """Keep *value*; raises a cache error."""
        write_sealed(self._cache, self._folder / f"{key}.json", value)
        self._evict()

    def _evict(self) -> None:
        found = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in found[:-MOST]:
            path.unlink(missing_ok=True)
