"""A stand-in for the guest's end of the wire: it keeps docs/wire.md and executes nothing."""

import struct
import threading
import zlib

from harness.guest import frame, protocol, steps
from harness.guest.frame import Frame, FrameType
from harness.guest.protocol import RequestType

PART = 1024
ANSWERS_KEPT = 8
FIRST_SEQ = 7
PATIENCE = 0.05  # with an incomplete frame


class FakeAgent(threading.Thread):
    """Answers PING and RUN on *connection*; ``executed`` counts how often each request ran."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection = connection
        self.decoder = frame.Decoder()
        self.expected = FIRST_SEQ
        self.answers = {}
        self.executed = {}
        self.chain = steps.Chain(0, 0)
        self.heard = False

    def run(self):
        self.send(Frame(FrameType.READY, self.expected))
        self.connection.settimeout(PATIENCE)
        try:
            while self.listen():
                pass
        except OSError:
            return

    def listen(self):
        damaged = self.decoder.damaged
        try:
            data = self.connection.recv(1 << 16)
            frames = self.decoder.feed(data)
        except TimeoutError:
            data, frames = True, self.decoder.give_up()
            if not self.heard:
                self.send(Frame(FrameType.READY, self.expected))
        for received in frames:
            self.handle(received)
        if self.decoder.damaged > damaged:
            self.send(Frame(FrameType.NAK, self.expected))
        return data

    def send(self, message):
        self.connection.sendall(frame.encode(message))

    def handle(self, received):
        self.heard = True
        if received.type is FrameType.REQUEST:
            self.request(received)
        elif received.type is FrameType.RESEND and received.seq in self.answers:
            self.answer(received.seq, received.part)
        elif received.type is FrameType.RESEND:
            self.send(Frame(FrameType.NAK, self.expected))

    def request(self, received):
        if received.seq == self.expected:
            self.expected += 1
            self.executed[received.seq] = self.executed.get(received.seq, 0) + 1
            self.answers[received.seq] = self.execute(received.payload)
            self.answers.pop(received.seq - ANSWERS_KEPT, None)
            self.answer(received.seq, 0)
        elif received.seq in self.answers:
            self.answer(received.seq, 0)
        else:
            self.send(Frame(FrameType.NAK, self.expected))

    def answer(self, seq, first):
        data = self.answers[seq]
        parts = [data[at : at + PART] for at in range(0, len(data), PART)] or [b""]
        for number in range(first, len(parts)):
            last = number == len(parts) - 1
            self.send(Frame(FrameType.RESPONSE, seq, number, last, parts[number]))

    def execute(self, payload):
        kind, _, _ = protocol.REQUEST.unpack_from(payload)
        body = payload[protocol.REQUEST.size :]
        if kind == RequestType.RUN:
            body = b"".join(
                self.observe(*fields) for fields in protocol.OPERATION.iter_unpack(body)
            )
        return protocol.RESPONSE.pack(kind, 0, 0, len(body)) + body

    def observe(self, code, task, page, reg, prot, base, offset, value):
        deltas = (
            [(steps.DELTA_PKMAP, 0, page % 512, 2, 0x163 | page << 12, 0)] if code == 1 else []
        )
        data, self.chain = observation(
            self.chain, code=code, task=task, value=value, deltas=deltas
        )
        return data


def observation(chain, *, code=0, task=0, value=0, status=0, deltas=()):
    """The bytes of one observation that continues *chain*, and the chain after it."""
    quiet = (0,) * 17
    head = steps.OBSERVATION.pack(
        chain.step, code, task, status, 0, value, 0, 0, 3, 0, 0, *quiet, len(deltas), 0, 0
    )[: steps.HASHED]
    tail = b"".join(steps.DELTA.pack(*delta) for delta in deltas)
    running = zlib.crc32(tail, zlib.crc32(head, chain.hash))
    return head + struct.pack("<I", running) + tail, steps.Chain(chain.step + 1, running)
