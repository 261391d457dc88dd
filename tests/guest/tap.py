"""Fault injection: stands between the two ends of a wire and damages bytes at chosen offsets."""

import random
import socket
import threading
from typing import NamedTuple


class Fault(NamedTuple):
    """What happens at byte *offset* of one direction: flip, drop, double, or cut (100 bytes)."""

    offset: int
    kind: str


class Tap:
    """Has ``host`` and ``guest``, the two ends of a damaged wire.

    *far* is the guest's own end, if there is one.
    """

    def __init__(self, to_guest=(), to_host=(), rate=0.0, seed=0, far=None):
        self.host, near = socket.socketpair()
        if far is None:
            self.guest, far = socket.socketpair()
        self.injected = 0
        self._rate = rate
        for number, (source, sink, faults) in enumerate(
            ((near, far, to_guest), (far, near, to_host))
        ):
            worker = threading.Thread(
                target=self._carry,
                args=(source, sink, dict(faults), random.Random(seed + number)),
                daemon=True,
            )
            worker.start()

    def _carry(self, source, sink, faults, chance):
        position = 0
        try:
            while data := source.recv(1 << 16):
                sink.sendall(self._damage(data, position, faults, chance))
                position += len(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _damage(self, data, position, faults, chance):
        out = bytearray()
        skip = 0
        for offset, byte in enumerate(data, position):
            kind = faults.get(offset) or ("flip" if chance.random() < self._rate else None)
            self.injected += kind is not None
            skip = 100 if kind == "cut" else skip
            if skip:
                skip -= 1
            elif kind != "drop":
                out += bytes([byte ^ (0x10 if kind == "flip" else 0)]) * (
                    2 if kind == "double" else 1
                )
        return bytes(out)
