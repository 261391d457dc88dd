"""Requests recorded in one guest, which another executes before its link is up.

A guest over a link is never quite the same twice, since requests arrive when the host finds time.
A guest that has the requests in its initramfs, and counts instructions instead of time, is.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from harness.errors import InfrastructureError
from harness.guest import protocol
from harness.guest.deadline import Deadline
from harness.guest.pending_answer import LinkStatistics
from harness.guest.protocol import RequestType
from harness.model.records.layout import Layout
from harness.model.records.operation import TYPED_OPERATIONS


class WitnessTarget(NamedTuple):
    """What the outside witness looks at: the layout, and the address of pkmap_count (0: not
    known).
    """

    layout: Layout
    pkmap_count: int = 0


class RequestScript(NamedTuple):
    """Requests as they travel, in order, and what to look at where they stop the machine."""

    requests: tuple[bytes, ...]
    target: WitnessTarget


class RequestCarrier(Protocol):
    """Carries requests and answers, as ``harness.guest.link.Link`` does."""

    statistics: LinkStatistics

    def submit(self, payload: bytes) -> int:
        """Send a request."""

    def collect(self, deadline: Deadline) -> bytes:
        """Return the answer to the oldest request; raises TimeoutError when it is late."""


STOP = protocol.request(RequestType.STOP)
"""A request that stops the machine: only in scripts."""


RESET = protocol.request(RequestType.RESET)


def _uses_typed_window(request: bytes) -> bool:
    kind, _, _ = protocol.REQUEST.unpack_from(request)
    codes = request[protocol.REQUEST.size :: protocol.OPERATION.size]
    return kind == RequestType.RUN and any(code in TYPED_OPERATIONS for code in codes)


class RequestRecorder:
    """A carrier that records the requests of which a script is made."""

    def __init__(self, carrier: RequestCarrier) -> None:
        self._carrier = carrier
        self.statistics = carrier.statistics
        self.requests: list[bytes] = []

    def stop(self) -> None:
        """Note that the machine is looked at here: the other guest stops itself at the last such
        point.

        Only at the last, since no two runs are the same once a machine was stopped
        (``stop_machine()`` of the agent says why).
        """
        self.requests = [one for one in self.requests if one != STOP]
        self.requests.append(STOP)

    def script(self) -> tuple[bytes, ...]:
        """Return the requests, without the stop where the last program used the typed window.

        Each guest has that window at another address, and what the witness cannot see whole it
        leaves.
        """
        resets = [at for at, one in enumerate(self.requests) if one == RESET]
        ends = [at for at in resets if STOP not in self.requests[at:]]
        begin = max((at for at in resets if not ends or at < ends[0]), default=0)
        typed = any(map(_uses_typed_window, self.requests[begin:]))
        return tuple(one for one in self.requests if not typed or one != STOP)

    def submit(self, payload: bytes) -> int:
        """Record and send a request."""
        self.requests.append(payload)
        return self._carrier.submit(payload)

    def collect(self, deadline: Deadline) -> bytes:
        """The answer to the oldest request."""
        return self._carrier.collect(deadline)


class OtherPathError(InfrastructureError):
    """A guest was given other requests than those that were recorded."""


class ReplayCarrier:
    """A carrier for a guest that has executed *requests* already: it fetches their answers."""

    def __init__(self, carrier: RequestCarrier, requests: Sequence[bytes]) -> None:
        self._carrier = carrier
        self._requests = tuple(requests)
        self._next = 0
        self.statistics = carrier.statistics

    @property
    def stops_next(self) -> bool:
        """Tell whether the guest stopped itself at this point, so that it was looked at."""
        return self._requests[self._next : self._next + 1] == (STOP,)

    def submit(self, payload: bytes) -> int:
        """Ask for the answer to *payload*; raises OtherPathError unless it is the next request."""
        number, self._next = self._next, self._next + 1
        if number >= len(self._requests) or self._requests[number] != payload:
            raise OtherPathError(
                f"request {number} of {len(self._requests)} is not the one that was recorded",
                hint="the guest that it was recorded in started from another state: run again",
            )
        return self._carrier.submit(
            protocol.request(RequestType.ANSWER, number.to_bytes(4, "little"))
        )

    def collect(self, deadline: Deadline) -> bytes:
        """Return the script's answer to the oldest request asked for."""
        return bytes(protocol.answer(RequestType.ANSWER, self._carrier.collect(deadline)))
