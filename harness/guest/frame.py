"""Frames: what travels on the link, checked and found again after damage (docs/wire.md)."""

import zlib
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

MAGIC = 0x31484D4B
HEADER = Struct("<IIHHII")
LAST = 0x8000
PAYLOAD_MOST = 1 << 16
"""A longer frame is damage: the agent's frames carry 32 KiB at most."""

_MAGIC_BYTES = MAGIC.to_bytes(4, "little")


class FrameType(IntEnum):
    """``enum kmh_frame_type``."""

    REQUEST = 1
    RESPONSE = 2
    NAK = 3
    RESEND = 4
    READY = 5


_TYPES = {int(kind): kind for kind in FrameType}


class Frame(NamedTuple):
    """One frame; ``part`` counts the frames of one answer from 0, ``last`` marks the final one."""

    type: FrameType
    seq: int
    part: int = 0
    last: bool = True
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes of *frame* (``struct kmh_frame`` and the payload)."""
    part = frame.part | (LAST if frame.last else 0)
    size = len(frame.payload)
    bare = HEADER.pack(MAGIC, frame.seq, frame.type, part, size, 0)
    crc = zlib.crc32(frame.payload, zlib.crc32(bare))
    return HEADER.pack(MAGIC, frame.seq, frame.type, part, size, crc) + frame.payload


class Decoder:
    """Turns a stream of bytes into frames; damage costs the frames it hit and is counted.

    ``damaged`` counts places where the stream made no sense, ``skipped`` the bytes thrown away.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lost = False
        self.damaged = 0
        self.skipped = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return every frame that is complete once *data* has arrived."""
        self._buffer += data
        return self._drain()

    @property
    def unfinished(self) -> bool:
        """Tell whether bytes wait for the rest of their frame."""
        return bool(self._buffer)

    def give_up(self) -> list[Frame]:
        """Treat an incomplete frame as damage and return the frames behind it.

        For use after a silence: the damage may be in the frame's length.
        """
        if len(self._buffer) >= HEADER.size:
            self._skip(1)
        return self._drain()

    def _drain(self) -> list[Frame]:
        frames = []
        while self._synchronise():
            frame = self._complete()
            if frame is None:
                break
            frames.append(frame)
        return frames

    def _synchronise(self) -> bool:
        """Drop the bytes before the next magic number; return False while there is no whole
        header.
        """
        if self._buffer.startswith(_MAGIC_BYTES):
            return len(self._buffer) >= HEADER.size
        if len(self._buffer) < len(_MAGIC_BYTES):
            return False
        found = self._buffer.find(_MAGIC_BYTES)
        self._skip(found if found >= 0 else len(self._buffer) - len(_MAGIC_BYTES) + 1)
        return len(self._buffer) >= HEADER.size and self._buffer.startswith(_MAGIC_BYTES)

    def _complete(self) -> Frame | None:
        """Return the frame at the front, or None while bytes are missing; step over damage."""
        while True:
            _, seq, kind, part, size, crc = HEADER.unpack_from(self._buffer)
            if size > PAYLOAD_MOST:
                self._skip(1)
            elif len(self._buffer) < HEADER.size + size:
                return None
            elif (
                payload := self._checked(seq, kind, part, size, crc)
            ) is None or kind not in _TYPES:
                self._skip(1)
            else:
                self._lost = False
                del self._buffer[: HEADER.size + size]
                return Frame(_TYPES[kind], seq, part & ~LAST, bool(part & LAST), payload)
            if not self._synchronise():
                return None

    def _checked(self, seq: int, kind: int, part: int, size: int, crc: int) -> bytes | None:
        payload = bytes(self._buffer[HEADER.size : HEADER.size + size])
        bare = HEADER.pack(MAGIC, seq, kind, part, size, 0)
        return payload if zlib.crc32(payload, zlib.crc32(bare)) == crc else None

    def _skip(self, count: int) -> None:
        """Throw away *count* bytes; consecutive ones count as one damage."""
        self.damaged += not self._lost
        self._lost = True
        self.skipped += count
        del self._buffer[:count]
