"""Fingerprints: short texts that are equal where, and only where, what they name is equal."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.base import project

_SOURCE_SUFFIXES = frozenset({".py", ".toml", ".c", ".h"})


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


@cache
def harness_fingerprint() -> str:
    """A text that names the sources of the harness, of its module and of its agent.

    A result that was stored by other sources may not be what these would find.
    """
    own = (path for path in project.PACKAGE.rglob("*") if "_data" not in path.parts)
    parts = (*own, *project.MODULE_SOURCES.rglob("*"), *project.AGENT_SOURCES.rglob("*"))
    return digest_of(path for path in parts if path.suffix in _SOURCE_SUFFIXES)
