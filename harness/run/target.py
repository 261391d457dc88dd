"""What a run needs of a guest: a Protocol, so that a model can stand in for one in tests."""

from collections.abc import Sequence
from typing import Protocol

from harness.guest.protocol import GuestFacts, StepRecord
from harness.guest.trouble import Trouble
from harness.guest.witness import WitnessView
from harness.model.layout import Layout
from harness.model.observation import Snapshot
from harness.model.operation import Operation
from harness.model.page import Page, PageKind


class Target(Protocol):
    """A running guest with the module loaded (``harness.guest.guest.Guest``)."""

    def info(self) -> tuple[Layout, GuestFacts]:
        """Layout and facts, read from the guest."""
        ...

    def pool(self, kind: PageKind, count: int) -> tuple[Page, ...]:
        """Allocate *count* pages; ids go on from those there are."""
        ...

    def tasks(self, cpus: Sequence[int]) -> None:
        """Replace the tasks: task n is bound to ``cpus[n]``."""
        ...

    def submit(self, operations: Sequence[Operation]) -> None:
        """Send one request without waiting for its answer."""
        ...

    def collect(self) -> list[StepRecord]:
        """The answer to the oldest request submitted."""
        ...

    def snapshot(self) -> Snapshot:
        """The whole state, as the module reads it."""
        ...

    def witness(self) -> WitnessView:
        """The whole state, as read from outside in guest memory while the machine is stopped."""
        ...

    def troubles(self) -> tuple[Trouble, ...]:
        """Kernel trouble recognised on the console since the last call."""
        ...

    def reset(self) -> None:
        """Release every mapping, task and page."""
        ...
