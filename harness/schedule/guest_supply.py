"""Guests for schedules: one is in use until it is spoilt, and then another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.architecture.flush_site import FlushScan
from harness.base.stopwatch import Stopwatch
from harness.guest.gate_wire import Gate, encode_gates, refused_gates
from harness.guest.protocol import Evidence, RequestType
from harness.guest.running_guest import Guest
from harness.guest.schedule_wire import PAGES
from harness.guest.shape import Shape
from harness.guest.template import GuestParts, start
from harness.model.records.page import PageKind
from harness.run.machine_check import require_machine
from harness.run.prepare import Prepared
from harness.run.run_result import KernelFacts
from harness.run.usual_machine import usual_machine
from harness.schedule.gate_finder import NoGatesError


@dataclass(frozen=True, slots=True)
class GuestStart:
    """What guests are started from, and where their logs go."""

    prepared: Prepared
    shape: Shape
    out: Path
    template: bool


class GuestSupply:
    """The guest in use, ready for schedules; after ``replace`` the next use makes another."""

    def __init__(self, begin: GuestStart, gates: tuple[Gate, ...]) -> None:
        self.begin, self.gates = begin, gates
        kernel = begin.prepared.kernel
        self.shape = usual_machine(begin.shape, kernel)
        self.facts = KernelFacts.of(kernel)
        self.numbers: dict[int, int] = {}
        self.command = ""
        self.troubles: list[str] = []
        self.seconds = 0.0
        self._guest: Guest | None = None

    def __enter__(self) -> "GuestSupply":
        """Return the supply, which has no guest yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the guest."""
        self.replace()

    def replace(self) -> tuple[str, ...]:
        """End the guest, if there is one; return and keep what its kernel complained of."""
        guest, self._guest = self._guest, None
        if guest is None:
            return ()
        said = tuple(f"{one.kind.value}: {one.title}" for one in guest.troubles())
        self.troubles += said
        guest.close()
        return said

    def guest(self) -> Guest:
        """Return the guest in use, or make one.  Raises KernelError, InfrastructureError."""
        if self._guest is None:
            watch = Stopwatch()
            with watch.phase("boot"):
                self._guest = self._started(self.begin.prepared.parts(self.shape))
            self.seconds += watch.seconds["boot"]
        return self._guest

    def _started(self, parts: GuestParts) -> Guest:
        out, prepared = self.begin.out, self.begin.prepared
        guest = start(parts, out) if self.begin.template else parts.boot(out)
        layout, facts = guest.info()
        require_machine(prepared.kernel, self.shape, layout, facts, prepared.dwarf)
        self.facts, self.command = KernelFacts.of(prepared.kernel, facts), guest.reproduce
        guest.probes(Evidence(0))
        guest.watch_flushes(FlushScan((), ()))
        pages = guest.pool(PageKind.HIGH, layout.last_pkmap) + guest.pool(PageKind.HIGH, PAGES)
        self.numbers = {page.pfn: number for number, page in enumerate(pages)}
        require_gates(guest, self.gates)
        return guest


def require_gates(guest: Guest, gates: Sequence[Gate]) -> None:
    """Raise NoGatesError if the text that runs is not the one in which *gates* were found."""
    body = guest.ask(RequestType.GATES, encode_gates(gates))
    refused = [f"{one.place} (errno {error})" for one, error in refused_gates(gates, body)]
    if refused:
        raise NoGatesError(
            f"the running kernel has other instructions there: {', '.join(refused)}",
            hint="is the ELF image the one that was booted?",
        )
