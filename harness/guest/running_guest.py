"""Guest: a running kernel with the module in it, as callers see it."""

from collections.abc import Iterable, Sequence
from errno import ENODEV
from types import TracebackType
from typing import Self

from harness.architecture.flush_site import FlushScan
from harness.errors import InfrastructureError, KernelError
from harness.guest import patience, protocol
from harness.guest.conversation import Conversation
from harness.guest.deadline import Deadline
from harness.guest.failure import AgentError, WireError
from harness.guest.flush_wire import encode_flushes, refused_flushes
from harness.guest.pending_answer import LinkStatistics
from harness.guest.protocol import RequestType
from harness.guest.qemu import by_hand
from harness.guest.qemu_session import QemuSession
from harness.guest.request_script import (
    ReplayCarrier,
    RequestRecorder,
    RequestScript,
    WitnessTarget,
)
from harness.guest.step_stream import RawSteps, StepStream
from harness.guest.steps import StepRecord, decode_snapshot
from harness.guest.trouble import KernelTrouble
from harness.guest.witness import PageTableView
from harness.model.records.layout import Layout
from harness.model.records.observation import Snapshot
from harness.model.records.operation import Operation
from harness.model.records.page import Page, PageKind


class Guest:
    """A running guest; a context manager that ends it.

    Methods raise KernelError when the kernel is to blame for the guest's silence or end, and
    InfrastructureError when it is the harness, QEMU or the host.
    """

    def __init__(self, session: QemuSession, script: RequestScript | None = None) -> None:
        self.session = session
        self._conversation = Conversation(session, script)
        self._stream = StepStream(self._conversation)
        self._troubles: list[KernelTrouble] = []

    # -- recording, for a guest that executes the same requests again

    def record(self) -> RequestRecorder:
        """Record all requests from now on."""
        recorder = RequestRecorder(self._conversation.carrier)
        self._conversation.carrier = recorder
        return recorder

    def script(self, recorder: RequestRecorder) -> RequestScript:
        """Return what was recorded, for another guest of the same kernel.

        With KASLR that guest has other addresses, so that the witness cannot look at pkmap_count.
        """
        layout, facts = self.info()
        pkmap_count = 0 if self.session.machine.shape.kaslr else facts.pkmap_count
        target = WitnessTarget(layout._replace(typed_count=0), pkmap_count)
        return RequestScript(recorder.script(), target)

    @property
    def scripted(self) -> bool:
        """Tell whether the guest has executed its requests before the link was up."""
        return isinstance(self._conversation.carrier, ReplayCarrier)

    # -- looking at it

    def ping(self, data: bytes = b"") -> bytes:
        """Return the agent's echo of *data*."""
        return bytes(self.ask(RequestType.PING, data))

    def info(self) -> tuple[Layout, protocol.GuestFacts]:
        """Return layout and facts of the kernel, asked for once while the module stays loaded.

        A kernel that has complained in its boot, and then does not load the module, is to blame.
        """
        try:
            return self._conversation.info()
        except AgentError as error:
            said = self.session.troubles(whole=True) if error.errno == ENODEV else ()
            if not said:
                raise
            raise self._not_loaded(said) from error

    def _not_loaded(self, said: Sequence[KernelTrouble]) -> KernelError:
        words = self.session.last_words()
        full = KernelError(f"it complained in its boot, and did not load the module{words}")
        full.reports = tuple(one.lines for one in said)
        return full

    def snapshot(self) -> Snapshot:
        """Return the whole state at rest, after a check of the chain of hashes."""
        snapshot, chain = decode_snapshot(self.ask(RequestType.SNAPSHOT), self.info()[0])
        if chain != self._conversation.chain:
            raise WireError(
                f"the module stands at {chain}, the harness at {self._conversation.chain}",
                hint="an answer was lost",
            )
        return snapshot

    def synchronise(self) -> None:
        """Continue the chain of hashes from the module's end: others have executed steps."""
        body = self.ask(RequestType.SNAPSHOT)
        _, self._conversation.chain = decode_snapshot(body, self.info()[0])

    def witness(self) -> PageTableView | None:
        """Stop the machine and return the mappings as its page tables show them from outside.

        A guest with a script has stopped itself once: at the point where the recording guest was
        last looked at.  At any other point the result is None; so it is where the agent could not
        stop the machine because the guest has no /dev/port.
        """
        carrier = self._conversation.carrier
        if isinstance(carrier, ReplayCarrier):
            return self._view_at_stop() if carrier.stops_next else None
        if isinstance(carrier, RequestRecorder):
            carrier.stop()
        layout, facts = self.info()
        return self.session.witness(layout).look(self.session.monitor, facts.pkmap_count)

    def _view_at_stop(self) -> PageTableView | None:
        """Return what was seen at the next stop, if the agent could stop the machine."""
        try:
            self.ask(RequestType.STOP)
        except AgentError:
            return None
        return self.session.views.popleft() if self.session.views else None

    def await_console(self, step: int) -> None:
        """Wait until the console has shown what the kernel printed up to *step*.

        The kernel must have printed something in that step.
        """
        deadline = Deadline.after("console", patience.CONSOLE_SECONDS)
        self.session.await_console(step, deadline)

    def await_complaint(self) -> None:
        """Wait for a complaint of the agent on the console, which comes another way than answers.

        All that the kernel has said before stands on the console then.
        """
        deadline = Deadline.after("console", patience.CONSOLE_SECONDS)
        self.session.await_said("kmap-harness: error: ", deadline)

    def steps_ahead(self) -> int | None:
        """Return how many steps the module has finished since the last answer.

        The count is read from outside, so that it can be had of a dead guest too; the step after
        those was in progress.  None where the count cannot be read.
        """
        work = self._conversation.module_work()
        return None if work is None else work.steps - self._conversation.chain.step

    def troubles(self, *, marked: bool = False) -> tuple[KernelTrouble, ...]:
        """Return the kernel's complaints since the last call; with *marked* those of known steps.

        A guest with a script has printed everything before its first answer is asked for; then the
        result has the complaints of those steps only whose answers have been decoded.
        """
        if not self.scripted:
            return self.session.troubles(marked=marked)
        self._troubles += self.session.troubles(marked=marked)
        step = self._conversation.chain.step
        due = [one for one in self._troubles if one.step is None or one.step < step]
        self._troubles = [one for one in self._troubles if one not in due]
        return tuple(due)

    @property
    def wire_statistics(self) -> LinkStatistics:
        """Counts of what the link has carried and repaired."""
        return self.session.link.statistics

    @property
    def reproduce(self) -> str:
        """A shell line that boots the same guest by hand."""
        return by_hand(self.session.machine)

    # -- set-up

    def ask(self, kind: RequestType, body: bytes = b"") -> memoryview:
        """Send a request and return the body of its answer; no batch may be on its way.

        Raises AgentError where the request is refused.
        """
        if self._stream.waiting:
            raise InfrastructureError(
                f"{kind.name} while batches are on the way", hint="collect them first"
            )
        return self._conversation.ask(kind, body)

    def pool(self, kind: PageKind, count: int) -> tuple[Page, ...]:
        """Return *count* more pages of *kind*; raises AgentError (ENOMEM) if memory is short."""
        body = protocol.POOL_REQUEST.pack(kind, count)
        return protocol.decode_pages(self.ask(RequestType.POOL, body))

    def tasks(self, cpus: Iterable[int | None]) -> None:
        """Replace the tasks by one for each of *cpus*, bound to that CPU; None: bound to none."""
        self.ask(RequestType.TASKS, protocol.encode_tasks(cpus))

    def probes(self, evidence: protocol.Evidence) -> protocol.Evidence:
        """Arm these probes and no others; return those that this kernel has."""
        body = self.ask(RequestType.PROBES, int(evidence).to_bytes(4, "little"))
        return protocol.Evidence(int.from_bytes(body, "little"))

    def watch_flushes(self, found: FlushScan) -> tuple[str, ...]:
        """Watch every flush of the kernel's text; return the places where that cannot be done.

        The module does nothing where it watches these already.
        """
        body = self.ask(RequestType.FLUSHES, encode_flushes(found))
        return (*found.unsure, *refused_flushes(found, body))

    def reset(self) -> None:
        """Release every mapping, task and page."""
        self.ask(RequestType.RESET)

    def unload(self) -> None:
        """Remove the module."""
        self.ask(RequestType.UNLOAD)
        self._conversation.start_over()

    def load(self, module: bytes = b"") -> None:
        """Load the module of the initramfs, or the one whose file is given."""
        self.ask(RequestType.LOAD, module)
        self._conversation.start_over()

    def read_file(self, path: str) -> bytes:
        """Return the content of a file in the guest; raises AgentError where there is none."""
        return bytes(self.ask(RequestType.FILE, path.encode()))

    # -- running

    def run(self, operations: Sequence[Operation]) -> list[StepRecord]:
        """Execute *operations*; long programs go in batches, none cut inside an atomic section."""
        return self._stream.run(operations)

    def submit(self, operations: Sequence[Operation]) -> None:
        """Send one batch without waiting; at most ``link.WINDOW`` batches can be on their way."""
        self._stream.submit(operations)

    def collect(self) -> list[StepRecord]:
        """Return the steps of the oldest batch."""
        return self._stream.collect()

    def receive(self) -> RawSteps:
        """Return the answer to the oldest batch as it came; decode answers in the same order."""
        return self._stream.receive()

    def decode(self, raw: RawSteps) -> list[StepRecord]:
        """Return the steps of an answer; raises WireError where they do not follow the last."""
        return self._stream.decode(raw)

    # -- the end

    def close(self) -> None:
        """End the guest at once; only its logs stay."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
