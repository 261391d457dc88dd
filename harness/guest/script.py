"""Requests recorded in one guest and executed in another before its link is up.

A guest over a link is never quite the same twice: requests arrive when the host gets round to it.
One that finds them in its image, and counts instructions instead of time, is.
"""

from typing import Protocol

from harness.errors import InfrastructureError
from harness.guest import protocol
from harness.guest.deadline import Deadline
from harness.guest.image import Script
from harness.guest.link import LinkStatistics
from harness.guest.protocol import RequestType


class Carrier(Protocol):
    """What carries requests and answers (``harness.guest.link.Link``)."""

    statistics: LinkStatistics

    def submit(self, payload: bytes) -> int:
        """Send a request."""

    def collect(self, deadline: Deadline) -> bytes:
        """The answer to the oldest request.  Raises TimeoutError when it is not here by *deadline*."""


class Recorder:
    """A carrier that keeps the requests: a script."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.statistics = carrier.statistics
        self.script: list[bytes] = []

    def submit(self, payload: bytes) -> int:
        """Keep and send a request."""
        self.script.append(payload)
        return self._carrier.submit(payload)

    def collect(self, deadline: Deadline) -> bytes:
        """The answer to the oldest request."""
        return self._carrier.collect(deadline)


class OtherPathError(InfrastructureError):
    """A guest did not do what the one did that its script was recorded in."""


class Played:
    """A carrier of answers that are there already: those of a guest that has executed *script*."""

    def __init__(self, carrier: Carrier, script: Script) -> None:
        self._carrier = carrier
        self._script = script
        self._next = 0
        self.statistics = carrier.statistics

    def submit(self, payload: bytes) -> int:
        """Ask for the answer to *payload*.  Raises OtherPathError where it is not the script's next request."""
        number, self._next = self._next, self._next + 1
        if number >= len(self._script) or self._script[number] != payload:
            raise OtherPathError(
                f"request {number} of {len(self._script)} is not the one that was recorded",
                hint="the guest that it was recorded in started from another state: run again",
            )
        return self._carrier.submit(protocol.request(RequestType.ANSWER, number.to_bytes(4, "little")))

    def collect(self, deadline: Deadline) -> bytes:
        """The answer of the script to the oldest request asked for."""
        return bytes(protocol.answer(RequestType.ANSWER, self._carrier.collect(deadline)))
