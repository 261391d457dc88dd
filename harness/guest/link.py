"""The host's end of the link: requests go out in a window, answers come back once and in order.

The agent executes requests strictly by sequence number and keeps its answers, so that
anything lost or damaged can be asked for again without executing twice (docs/wire.md).
"""

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from harness.guest import frame
from harness.guest.deadline import Deadline
from harness.guest.events import Events
from harness.guest.failure import WireError
from harness.guest.frame import Frame, FrameType
from harness.guest.pending_answer import LinkStatistics, PendingAnswer

WINDOW = 4
"""So many requests are on their way at once; the agent keeps the answers of at least so many."""

SILENCE_FIRST = 2.0
SILENCE_MOST = 8.0
"""After so many seconds without a byte the link asks for the answer again; the time doubles.

Only an answer that vanished without a trace has to wait for this: the link repairs visible damage
at once. A guest that works, or that the host starves, is silent too: asked again too soon, it
sends the whole answer twice.
"""

REPAIRS_MOST = 64
"""After so many repairs of one request, without progress, the link is given up."""

NAK_PAUSE = 0.05
"""NAKs of one request within so many seconds are echoes: every frame after a lost one brings one.
"""

CLOSED_PATIENCE = 1.0
"""Seconds for QEMU to end after it has closed the wire."""

RECEIVE_SIZE = 1 << 18


class Link:
    """One link over *connection*, driven by whoever waits in *events*.

    ``alive`` is called after every wait and raises when the guest is gone.
    """

    def __init__(
        self,
        connection: socket.socket,
        events: Events,
        alive: Callable[[], None] = lambda: None,
        silence: float = SILENCE_FIRST,
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._events = events
        self._alive = alive
        self._decoder = frame.Decoder()
        self._pending: dict[int, PendingAnswer] = {}
        self._order: deque[int] = deque()
        self._outgoing = bytearray()
        self._next: int | None = None
        self._closed = False
        self._silence = self._silence_first = silence
        self._quiet_since = time.monotonic()
        self._naked, self._naked_at = -1, 0.0
        self.statistics = LinkStatistics()
        events.on_input(connection.fileno(), self._pump)

    # -- for callers

    def await_ready(self, deadline: Deadline) -> None:
        """Wait until the agent is up; raises TimeoutError when it is not by *deadline*."""
        while self._next is None:
            if not self._step(deadline):
                raise TimeoutError("the agent is not up")

    @property
    def next(self) -> int:
        """The number of the next request; raises WireError before the agent was up."""
        if self._next is None:
            raise WireError("the agent is not up", hint="wait for READY first")
        return self._next

    def resume(self, request: int) -> None:
        """Continue with an agent that is known to be up and to expect *request*."""
        self._next = request

    def submit(self, payload: bytes) -> int:
        """Send a request and give its sequence number; blocks only while the window is full."""
        if self._next is None:
            raise WireError("a request before the agent was up", hint="wait for READY first")
        seq = self._next
        self._next = (seq + 1) & 0xFFFF_FFFF
        self._pending[seq] = PendingAnswer(
            frame.encode(Frame(FrameType.REQUEST, seq, payload=payload))
        )
        self._order.append(seq)
        self._send(self._pending[seq].data)
        self.statistics.requests += 1
        return seq

    def damaged_since(self, damage: int) -> bool:
        """Tell whether damage was seen since ``statistics.damage`` was *damage*, or a frame is
        incomplete.
        """
        return self.statistics.damage > damage or self._decoder.unfinished

    @property
    def outstanding(self) -> int:
        """Requests whose answers have not been collected."""
        return len(self._order)

    def collect(self, deadline: Deadline) -> bytes:
        """Return the answer to the oldest request; raises TimeoutError when it is late."""
        if not self._order:
            raise WireError("no request is outstanding", hint="submit one first")
        seq = self._order[0]
        while not self._pending[seq].complete():
            if not self._step(deadline):
                raise TimeoutError(f"no answer to request {seq} within {deadline.seconds:.0f} s")
        self._order.popleft()
        parts = self._pending.pop(seq).parts
        return b"".join(parts[number] for number in range(len(parts)))

    def close(self) -> None:
        """Hang up."""
        self._events.forget(self._socket.fileno())
        self._socket.close()

    # -- waiting

    def _step(self, deadline: Deadline) -> bool:
        """Wait for something to happen and repair after a silence; return False when the time is
        up.
        """
        if deadline.over():
            return False
        self._events.wait(min(deadline.left(), self._silence))
        self._alive()
        if self._closed:
            self._say_why_closed()
        if time.monotonic() - self._quiet_since >= self._silence:
            self._after_silence()
        return True

    def _say_why_closed(self) -> NoReturn:
        """Raise what QEMU's end means: it closes its sockets a moment before it is gone."""
        patience = Deadline.after("end", CLOSED_PATIENCE)
        while not patience.over():
            self._events.wait(CLOSED_PATIENCE / 50)
            self._alive()
        raise WireError(
            "the wire was closed at the guest's end", hint="see QEMU's stderr and the console log"
        )

    def _after_silence(self) -> None:
        """Ask again; give up an incomplete frame at the third silence only: it may be slow."""
        self._quiet_since = time.monotonic()
        if self._silence >= 4 * self._silence_first:
            self._handle(self._decoder.give_up())
        self._silence = min(self._silence * 2, SILENCE_MOST)
        if (seq := self._awaited()) is not None:
            self._ask_again(seq)

    def _awaited(self) -> int | None:
        """Return the oldest request whose answer is not complete."""
        return next((seq for seq in self._order if not self._pending[seq].complete()), None)

    def _ask_again(self, seq: int) -> None:
        pending = self._pending[seq]
        self.statistics.resends += 1
        self._send(frame.encode(Frame(FrameType.RESEND, seq, pending.missing())))

    # -- bytes

    def _send(self, data: bytes) -> None:
        self._outgoing += data
        self.statistics.bytes_out += len(data)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._hung_up()
            return
        self._events.watch_output(self._socket.fileno(), wanted=bool(self._outgoing))

    def _pump(self) -> None:
        if self._outgoing:
            self._flush()
        try:
            data = self._socket.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._hung_up()
            return
        self._quiet_since = time.monotonic()
        self.statistics.bytes_in += len(data)
        self._handle(self._decoder.feed(data))

    def _hung_up(self) -> None:
        self._closed = True
        self._outgoing.clear()
        self._events.forget(self._socket.fileno())

    # -- frames

    def _handle(self, frames: list[Frame]) -> None:
        for received in frames:
            if received.type is FrameType.RESPONSE:
                self._response(received)
            elif received.type is FrameType.NAK:
                self._nak(received.seq)
            elif received.type is FrameType.READY:
                self._ready(received.seq)
        self._damage()

    def _response(self, received: Frame) -> None:
        pending = self._pending.get(received.seq)
        if pending is None or received.part in pending.parts:
            self.statistics.duplicates += 1
            return
        pending.parts[received.part] = received.payload
        if received.last:
            pending.total = received.part + 1
        self._silence = self._silence_first
        pending.repairs = 0
        if received.last and not pending.complete():
            self._repair(received.seq)

    def _repair(self, seq: int) -> None:
        self._count_repair(seq)
        self._ask_again(seq)

    def _nak(self, seq: int) -> None:
        """Send *seq*, which the agent expects, and everything after it again."""
        if self._next is None:
            self._ready(seq)
            return
        self.statistics.naks += 1
        if seq == self._naked and time.monotonic() - self._naked_at < NAK_PAUSE:
            return
        self._naked, self._naked_at = seq, time.monotonic()
        again = [number for number in self._order if (number - seq) & 0xFFFF_FFFF < 0x8000_0000]
        if again:
            self._count_repair(again[0])
        for number in again:
            self.statistics.repeats += 1
            self._send(self._pending[number].data)

    def _ready(self, seq: int) -> None:
        """Note that the agent is up; a second READY means that it started anew and has lost
        everything.
        """
        if self._next is None:
            self._next = seq
        elif self._order and seq != self._order[0]:
            raise WireError(
                f"the agent started anew and expects request {seq}",
                hint="the console log shows why it died",
            )

    def _count_repair(self, seq: int) -> None:
        pending = self._pending[seq]
        pending.repairs += 1
        if pending.repairs > REPAIRS_MOST:
            raise WireError(
                f"request {seq} did not get through in {REPAIRS_MOST} tries: {self.statistics}",
                hint="the wire is damaged for good; start a new guest",
            )

    def _damage(self) -> None:
        """Ask for an answer again whose parts a damaged stream may have held, without waiting."""
        fresh = self._decoder.damaged > self.statistics.damaged
        self.statistics.damaged = self._decoder.damaged
        self.statistics.skipped = self._decoder.skipped
        seq = self._awaited()
        if fresh and seq is not None:
            self._repair(seq)
