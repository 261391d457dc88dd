"""Values kept between runs under a key that names all that they depend on; never changed, only dropped."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.kernel.cache import Cache

MOST = 400
"""Values kept in one folder; the least recently used go."""


def key_of(parts: Iterable[str]) -> str:
    """A key that names *parts*, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def digest_of(files: Iterable[Path]) -> str:
    """A text that names files by their names and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Kept:
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
