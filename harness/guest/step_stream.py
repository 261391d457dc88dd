"""Batches of operations on their way to a guest, and the steps that come back."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from harness.errors import InfrastructureError, UsageError
from harness.guest import patience, protocol
from harness.guest.batch import batches
from harness.guest.conversation import Conversation
from harness.guest.deadline import Deadline
from harness.guest.failure import WireError
from harness.guest.link import WINDOW
from harness.guest.protocol import RequestType
from harness.guest.steps import StepRecord, decode_steps
from harness.model.records.operation import Operation


class _Batch(NamedTuple):
    """A RUN on its way; *damage* is what the link had counted when it was sent."""

    steps: int
    seconds: float
    damage: int


class RawSteps(NamedTuple):
    """An answer to RUN as it came, and the number of its operations."""

    steps: int
    data: bytes


class SectionOpenError(UsageError):
    """A batch ended inside an atomic section: the batch did not close it, or the kernel did not.

    ``records`` are the steps of the batch, all of which were executed.
    """

    def __init__(self, step: int, records: list[StepRecord]) -> None:
        super().__init__(
            f"an atomic section was open at the end of the batch before step {step}",
            hint="end every kmap_atomic, IRQ_OFF and PREEMPT_OFF within its batch",
        )
        self.records = records


class StepStream:
    """Operations in, steps out, in the same order; a few batches are on their way at once."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._batches: deque[_Batch] = deque()

    @property
    def waiting(self) -> int:
        """Number of batches whose steps have not been collected."""
        return len(self._batches)

    def run(self, operations: Sequence[Operation]) -> list[StepRecord]:
        """Execute *operations*; long programs go in batches, none cut inside an atomic section."""
        records: list[StepRecord] = []
        for part in batches(operations):
            if self.waiting >= WINDOW:
                records += self.collect()
            self.submit(part)
        while self._batches:
            records += self.collect()
        return records

    def submit(self, operations: Sequence[Operation]) -> None:
        """Send one batch without waiting; at most WINDOW batches can be on their way."""
        if self.waiting >= WINDOW:
            raise InfrastructureError(f"{WINDOW} batches are on the way", hint="collect one first")
        body = protocol.encode_operations(operations)
        self._conversation.carrier.submit(protocol.request(RequestType.RUN, body))
        seconds = patience.run_seconds(operations)
        damage = self._conversation.session.link.statistics.damage
        self._batches.append(_Batch(len(operations), seconds, damage))

    def collect(self) -> list[StepRecord]:
        """Return the steps of the oldest batch."""
        return self.decode(self.receive())

    def receive(self) -> RawSteps:
        """Return the answer to the oldest batch as it came; decode answers in the same order."""
        batch = self._batches.popleft()
        talk = self._conversation
        doing = f"in a batch of {batch.steps} steps after step {talk.chain.step}"
        with talk.explaining_silence(doing, batch.damage, RequestType.RUN):
            data = talk.await_steps(Deadline.after("run", batch.seconds))
        return RawSteps(batch.steps, data)

    def decode(self, raw: RawSteps) -> list[StepRecord]:
        """Return the steps of an answer.

        Raises WireError where they do not follow the steps that were decoded before.
        """
        talk = self._conversation
        body = bytes(protocol.answer(RequestType.RUN, raw.data))
        records, talk.chain = decode_steps(body, talk.chain)
        if protocol.section_left_open(raw.data):
            raise SectionOpenError(talk.chain.step, records)
        if len(records) != raw.steps:
            raise WireError(
                f"{raw.steps} operations gave {len(records)} observations",
                hint="module and harness differ",
            )
        return records
