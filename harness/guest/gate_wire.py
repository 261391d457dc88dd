"""The wire of gates: KMH_REQ_GATES and struct kmh_gate (kmod/protocol_schedule.h)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from struct import Struct, iter_unpack
from typing import Final

GATE = Struct("<iBBBx12BI3Bx")
GATES: Final = 240
"""``KMH_SCHEDULE_GATES``."""
CODE: Final = 12
"""``KMH_GATE_CODE``: bytes of an instruction at most."""


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
    ACCESS = 9


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
    """One instruction of the kernel's text where threads wait; ``offset`` is from the anchor."""

    place: str
    callee: str
    offset: int
    kind: GateKind
    flags: GateFlag
    code: bytes
    part: GatePart = GatePart.PKMAP
    address: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Of an access: displacement, numbers of the base and the index register, scale."""


def encode_gates(gates: Sequence[Gate]) -> bytes:
    """Return an array of ``struct kmh_gate``."""
    return b"".join(
        GATE.pack(
            one.offset,
            one.kind,
            one.flags,
            len(one.code),
            *one.code.ljust(CODE, b"\0"),
            *one.address,
        )
        for one in gates
    )


def refused_gates(gates: Sequence[Gate], body: memoryview) -> Iterator[tuple[Gate, int]]:
    """Each gate that cannot be placed, with the errno."""
    for gate, (error,) in zip(gates, iter_unpack("<i", body), strict=True):
        if error:
            yield gate, -error
