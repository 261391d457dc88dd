"""Fingerprints of what kernels say: the same for the same message with other numbers."""

import hashlib
import re
from typing import Final

_VARYING: Final = (
    (re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,16}\b", re.IGNORECASE), "ADDRESS"),
    (re.compile(r"\+ADDRESS/ADDRESS"), "+OFFSET"),
    (re.compile(r"\bPID: \d+|\bpid[ =:]\d+", re.IGNORECASE), "PID"),
    (re.compile(r"\bh\d+\b"), "hN"),
    (re.compile(r"\d+(?:\.\d+)?"), "N"),
)


def steady_text(text: str) -> str:
    """*text* without the numbers that differ from run to run."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return " ".join(text.split())


def message_fingerprint(kind: str, text: str) -> str:
    """Twelve digits that name a kind of message."""
    return hashlib.sha256(f"{kind}\0{steady_text(text)}".encode()).hexdigest()[:12]
