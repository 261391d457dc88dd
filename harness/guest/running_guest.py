"""Guest: a running kernel with the module in it, as callers see it."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.guest import patience, protocol
from harness.guest.batch import batches
from harness.guest.deadline import Deadline
from harness.guest.failure import AgentError, GuestCrashedError, GuestHungError, WireError
from harness.guest.initramfs import build_initramfs
from harness.guest.link import WINDOW, LinkStatistics
from harness.guest.printk_log import PrintkLog, find_printk_log, last_lines
from harness.guest.protocol import RequestType
from harness.guest.qemu import QemuMachine, by_hand
from harness.guest.qemu_session import BootableKernel, QemuSession, image_for
from harness.guest.request_script import (
    ReplayCarrier,
    RequestCarrier,
    RequestRecorder,
    RequestScript,
    WitnessTarget,
)
from harness.guest.shape import Shape
from harness.guest.steps import Chain, StepRecord, decode_snapshot, decode_steps
from harness.guest.trouble import KernelTrouble
from harness.guest.witness import PageTableView
from harness.guest.work import Work, kernel_tables, read_work
from harness.model.records.layout import Layout
from harness.model.records.observation import Snapshot
from harness.model.records.operation import Operation
from harness.model.records.page import Page, PageKind


class _Batch(NamedTuple):
    """A RUN on its way."""

    steps: int
    seconds: float
    damaged: int


class RawSteps(NamedTuple):
    """An answer to RUN, and for how many operations it is."""

    steps: int
    data: bytes


class SectionOpenError(UsageError):
    """A batch ended inside of an atomic section: it did not close it, or the kernel did not.

    ``records`` are the steps of the batch, all of which were executed.
    """

    def __init__(self, step: int, records: list[StepRecord]) -> None:
        super().__init__(
            f"an atomic section was open at the end of the batch before step {step}",
            hint="end every kmap_atomic, IRQ_OFF and PREEMPT_OFF within its batch",
        )
        self.records = records


def _with_log(
    error: GuestCrashedError, session: QemuSession, log: PrintkLog | None
) -> GuestCrashedError:
    """*error*, with the *log* where the console has said nothing."""
    if log is None or session.last_words():
        return error
    lines = "".join(f"\n    log: {line}" for line in last_lines(session.memory, log))
    return GuestCrashedError(f"{error.message}{lines}", hint=error.hint)


class Guest:
    """A booted guest; a context manager.  Raises KernelError when the kernel, InfrastructureError when
    the harness or host is to blame for its silence or end.
    """

    def __init__(self, session: QemuSession, script: RequestScript | None = None) -> None:
        self.session = session
        self.carrier: RequestCarrier = (
            ReplayCarrier(session.link, script.requests) if script else session.link
        )
        self._batches: deque[_Batch] = deque()
        self._chain = Chain(0, 0)
        self._troubles: list[KernelTrouble] = []
        self._info: tuple[Layout, protocol.GuestFacts] | None = None

    @classmethod
    def boot(
        cls,
        kernel: BootableKernel,
        shape: Shape,
        module: Path,
        agent: Path,
        workdir: Path,
        *,
        script: RequestScript | None = None,
    ) -> Self:
        """Boot *kernel* on *shape* with the built *module* (.ko) and *agent*; logs go into *workdir*.

        A *script* of requests is executed before the link is up; the guest then takes these requests,
        in this order, and no others.
        """
        requests = script.requests if script else ()
        image = build_initramfs(
            agent.read_bytes(), module.read_bytes(), kernel.modules_dir, shape, requests
        )
        initrd = workdir / "initramfs.cpio"
        initrd.write_bytes(image.archive)
        session = QemuSession(
            QemuMachine(shape, image_for(kernel, shape), initrd, image.modules), workdir
        )
        try:
            if script:
                session.look_at_stops(script.beheld)
            session.await_agent(Deadline.after("boot", patience.boot_seconds(shape, requests)))
        except GuestCrashedError as error:
            log = (
                None
                if shape.kaslr
                else find_printk_log(kernel.system_map, shape.architecture.paging.page_offset)
            )
            told = _with_log(error, session, log)
            session.close()
            raise told from error
        except BaseException:
            session.close()
            raise
        return cls(session, script)

    @classmethod
    def restore(cls, session: QemuSession, request: int) -> Self:
        """The guest whose saved state *session* was started with; *request* is its next request's number."""
        try:
            session.load(request)
        except BaseException:
            session.close()
            raise
        return cls(session)

    def record(self) -> RequestRecorder:
        """Keep all requests from now on."""
        self.carrier = recorder = RequestRecorder(self.carrier)
        return recorder

    def script(self, recorder: RequestRecorder) -> RequestScript:
        """What was recorded, for another guest of the same kernel; with KASLR that one has other addresses."""
        layout, facts = self.info()
        known = 0 if self.session.machine.shape.kaslr else facts.pkmap_count
        return RequestScript(
            recorder.script(), WitnessTarget(layout._replace(typed_count=0), known)
        )

    # -- what there is

    def ping(self, data: bytes = b"") -> bytes:
        """The agent's echo of *data*."""
        return bytes(self._ask(RequestType.PING, data))

    def info(self) -> tuple[Layout, protocol.GuestFacts]:
        """Layout and facts of the kernel, asked for once while the module stays loaded."""
        if self._info is None:
            self._info = protocol.decode_info(self._ask(RequestType.INFO))
        return self._info

    def snapshot(self) -> Snapshot:
        """The whole state at rest; the chain of hashes is checked against it."""
        snapshot, chain = decode_snapshot(self._ask(RequestType.SNAPSHOT), self.info()[0])
        if chain != self._chain:
            raise WireError(
                f"the module stands at {chain}, the harness at {self._chain}",
                hint="an answer was lost",
            )
        return snapshot

    def witness(self) -> PageTableView | None:
        """The mappings as the page tables show them from outside; the machine is stopped meanwhile.

        A guest with a script has stopped itself once, where the one was last looked at that the script was
        recorded in; None at any other point, and where it could not, for lack of /dev/port.
        """
        if isinstance(self.carrier, ReplayCarrier):
            return self._seen() if self.carrier.stops_next else None
        if isinstance(self.carrier, RequestRecorder):
            self.carrier.stop()
        layout, facts = self.info()
        return self.session.witness(layout).look(self.session.monitor, facts.pkmap_count)

    def _seen(self) -> PageTableView | None:
        """What was seen at the next stop, if the agent could stop the machine."""
        try:
            self._ask(RequestType.STOP)
        except AgentError:
            return None
        return self.session.views.popleft() if self.session.views else None

    def hear(self, step: int) -> None:
        """Wait until the console has told what the kernel printed up to *step*, a step with messages."""
        self.session.hear(step, Deadline.after("console", patience.CONSOLE_SECONDS))

    def steps_ahead(self) -> int | None:
        """How many steps were finished beyond the last answer, read from outside also when the guest is dead.

        The step after those is the one in progress.  None where it cannot be told.
        """
        work = self._work()
        return None if work is None else work.steps - self._chain.step

    def _work(self) -> Work | None:
        """What the module has done; None where its layout is not known."""
        if self._info is None:
            return None
        tables = kernel_tables(self.session.architecture, *self._info)
        return read_work(self.session.memory, tables, self._info[1])

    def troubles(self, *, marked: bool = False) -> tuple[KernelTrouble, ...]:
        """Kernel messages of trouble since the last call; with *marked* only those of known steps.

        A guest with a script has told everything before its first answer is asked for: then those of the
        steps that have been decoded.
        """
        if not self.scripted:
            return self.session.troubles(marked=marked)
        self._troubles += self.session.troubles(marked=marked)
        told = [one for one in self._troubles if one.step is None or one.step < self._chain.step]
        self._troubles = [one for one in self._troubles if one not in told]
        return tuple(told)

    @property
    def wire_statistics(self) -> LinkStatistics:
        """What the link has seen, recovered damage among it."""
        return self.session.link.statistics

    @property
    def scripted(self) -> bool:
        """Whether the guest has done its work before the link was up."""
        return isinstance(self.carrier, ReplayCarrier)

    @property
    def reproduce(self) -> str:
        """A shell line that boots the same guest by hand."""
        return by_hand(self.session.machine)

    # -- set-up

    def pool(self, kind: PageKind, count: int) -> tuple[Page, ...]:
        """*count* more pages of *kind*.  Raises AgentError (ENOMEM) where there are not so many."""
        return protocol.decode_pages(
            self._ask(RequestType.POOL, protocol.POOL_REQUEST.pack(kind, count))
        )

    def tasks(self, cpus: Iterable[int | None]) -> None:
        """Replace the tasks: one bound to each CPU of *cpus*, None for one bound to none."""
        self._ask(RequestType.TASKS, protocol.encode_tasks(cpus))

    def probes(self, evidence: protocol.Evidence) -> protocol.Evidence:
        """Arm these probes and no others; gives the ones that could be."""
        body = self._ask(RequestType.PROBES, int(evidence).to_bytes(4, "little"))
        return protocol.Evidence(int.from_bytes(body, "little"))

    def reset(self) -> None:
        """Release every mapping, task and page."""
        self._ask(RequestType.RESET)

    def unload(self) -> None:
        """Remove the module."""
        self._ask(RequestType.UNLOAD)
        self._info, self._chain = None, Chain(0, 0)

    def load(self, module: bytes = b"") -> None:
        """Load the module of the image, or the one given."""
        self._ask(RequestType.LOAD, module)
        self._info, self._chain = None, Chain(0, 0)

    def read_file(self, path: str) -> bytes:
        """What a file of the guest holds; raises InfrastructureError where there is none."""
        return bytes(self._ask(RequestType.FILE, path.encode()))

    # -- running

    def run(self, operations: Sequence[Operation]) -> list[StepRecord]:
        """Execute *operations* in order; long programs go in batches, never cut inside an atomic section."""
        records: list[StepRecord] = []
        for part in batches(operations):
            if len(self._batches) >= WINDOW:
                records += self.collect()
            self.submit(part)
        while self._batches:
            records += self.collect()
        return records

    def submit(self, operations: Sequence[Operation]) -> None:
        """Send one batch without waiting; at most WINDOW (4) batches can be on the way."""
        if len(self._batches) >= WINDOW:
            raise InfrastructureError(f"{WINDOW} batches are on the way", hint="collect one first")
        self.carrier.submit(
            protocol.request(RequestType.RUN, protocol.encode_operations(operations))
        )
        self._batches.append(
            _Batch(
                len(operations),
                patience.run_seconds(operations),
                self.session.link.statistics.damage,
            )
        )

    def collect(self) -> list[StepRecord]:
        """The steps of the oldest batch."""
        return self.decode(self.receive())

    def receive(self) -> RawSteps:
        """The answer to the oldest batch as it came; to be decoded in the same order."""
        batch = self._batches.popleft()
        with self._failing(
            f"in a batch of {batch.steps} steps after step {self._chain.step}",
            batch.damaged,
            RequestType.RUN,
        ):
            return RawSteps(batch.steps, self._answer(Deadline.after("run", batch.seconds)))

    def _answer(self, deadline: Deadline) -> bytes:
        """The next answer.  Raises TimeoutError when it is not here in time, or a step does not end."""
        stall = patience.Stall()
        while True:
            try:
                return self.carrier.collect(deadline.part(patience.LOOK_SECONDS))
            except TimeoutError:
                work = self._work()
                used = self.session.process.cpu_seconds()
                if deadline.over() or (work and stall.says(work.steps, used)):
                    raise

    def decode(self, raw: RawSteps) -> list[StepRecord]:
        """The steps of an answer.  Raises WireError where they do not follow those decoded before."""
        records, self._chain = decode_steps(
            bytes(protocol.answer(RequestType.RUN, raw.data)), self._chain
        )
        if protocol.section_left_open(raw.data):
            raise SectionOpenError(self._chain.step, records)
        if len(records) != raw.steps:
            raise WireError(
                f"{raw.steps} operations gave {len(records)} observations",
                hint="module and harness differ",
            )
        return records

    @contextmanager
    def _failing(self, doing: str, damaged: int, kind: RequestType) -> Iterator[None]:
        """Turn a missed deadline into what the guest did instead."""
        try:
            yield
        except TimeoutError:
            raise self._silence(doing, damaged, kind) from None

    def _silence(self, doing: str, damaged: int, kind: RequestType) -> HarnessError:
        """A guest that only waits while its module has nothing to do has not heard, or is not heard."""
        error = self.session.silent(doing, damaged)
        work = self._work() if kind < RequestType.PING else None
        if not isinstance(error, GuestHungError) or work is None or work.begun != work.ended:
            return error
        return WireError(
            f"no answer came {doing}, and the module has finished all of the {work.ended} requests that reached it",
            hint="the wire is dead, or the agent: the host's fault or QEMU's, not the kernel's",
        )

    def _ask(self, kind: RequestType, body: bytes = b"") -> memoryview:
        if self._batches:
            raise InfrastructureError(
                f"{kind.name} while batches are on the way", hint="collect them first"
            )
        self.carrier.submit(protocol.request(kind, body))
        with self._failing(
            f"at {kind.name} after step {self._chain.step}", self.wire_statistics.damage, kind
        ):
            data = self.carrier.collect(Deadline.after(kind.name, patience.REQUEST_SECONDS))
        return protocol.answer(kind, data)

    # -- the end

    def close(self) -> None:
        """End the guest at once; every trace of it but the logs is gone."""
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
