"""The wire of gates: KMH_REQ_GATES and struct kmh_gate (kmod/protocol_schedule.h)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from struct import Struct, iter_unpack
from typing import Final

GATE = Struct("<iBBBx8B")
GATES: Final = 128
"""``KMH_SCHEDULE_GATES``."""


class GateKind(IntEnum):
    """``enum kmh_gate_kind``."""

    CALL = 0
    ACQUIRE = 1
    RELEASE = 2
    SCHEDULE = 3
    FLUSH = 4
    START = 5
    OPERATION = 6
    SLEEP = 7
    PAUSE = 8


class GatePart(StrEnum):
    """The code that a gate belongs to."""

    PKMAP = "pkmap"
    HASH = "hash"
    """The table behind page_address."""
    LOCAL = "local"
    """The windows: ``kmap_local``."""


class GateFlag(IntFlag):
    """``KMH_GATE_*``."""

    BEFORE = 1
    AFTER = 2
    SECTION = 4
    INLINE = 8


@dataclass(frozen=True, slots=True)
class Gate:
    """One call of the kernel's text at which threads wait; ``offset`` is from the anchor."""

    place: str
    callee: str
    offset: int
    kind: GateKind
    flags: GateFlag
    code: bytes
    part: GatePart = GatePart.PKMAP


def encode_gates(gates: Sequence[Gate]) -> bytes:
    """Return an array of ``struct kmh_gate``."""
    return b"".join(
        GATE.pack(one.offset, one.kind, one.flags, len(one.code), *one.code.ljust(8, b"\0"))
        for one in gates
    )


def refused_gates(gates: Sequence[Gate], body: memoryview) -> Iterator[tuple[Gate, int]]:
    """Each gate that cannot be placed, with the errno."""
    for gate, (error,) in zip(gates, iter_unpack("<i", body), strict=True):
        if error:
            yield gate, -error
