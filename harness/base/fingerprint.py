"""Fingerprints: short texts that are equal where, and only where, what they name is equal."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


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
