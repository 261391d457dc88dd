"""Requests to a guest one by one, and what it means when no answer comes."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import HarnessError
from harness.guest import patience, protocol
from harness.guest.deadline import Deadline
from harness.guest.failure import GuestHungError, WireError
from harness.guest.info_wire import decode_info
from harness.guest.module_work import ModuleWork, kernel_tables, read_module_work
from harness.guest.protocol import RequestType
from harness.guest.qemu_session import QemuSession
from harness.guest.request_script import ReplayCarrier, RequestCarrier, RequestScript
from harness.guest.steps import Chain
from harness.model.records.layout import Layout


class Conversation:
    """The requests of one guest and their answers, in order.

    ``chain`` is the step and the hash up to which answers have been decoded.
    """

    def __init__(self, session: QemuSession, script: RequestScript | None) -> None:
        self.session = session
        self.carrier: RequestCarrier = (
            ReplayCarrier(session.link, script.requests) if script else session.link
        )
        self.chain = Chain(0, 0)
        self._info: tuple[Layout, protocol.GuestFacts] | None = None

    def ask(self, kind: RequestType, body: bytes = b"") -> memoryview:
        """Send a request and return the body of its answer.

        Raises AgentError where the request is refused, KernelError or InfrastructureError where
        no answer comes.
        """
        self.carrier.submit(protocol.request(kind, body))
        damage = self.session.link.statistics.damage
        with self.explaining_silence(f"at {kind.name} after step {self.chain.step}", damage, kind):
            data = self.carrier.collect(Deadline.after(kind.name, patience.REQUEST_SECONDS))
        return protocol.answer(kind, data)

    def info(self) -> tuple[Layout, protocol.GuestFacts]:
        """Return layout and facts of the kernel, asked for once while the module stays loaded."""
        if self._info is None:
            self._info = decode_info(self.ask(RequestType.INFO))
        return self._info

    def start_over(self) -> None:
        """Forget what belonged to a module that is loaded no longer."""
        self._info, self.chain = None, Chain(0, 0)

    def module_work(self) -> ModuleWork | None:
        """Return what the module has done, read from outside; None where that cannot be known."""
        if self._info is None:
            return None
        tables = kernel_tables(self.session.architecture, *self._info)
        return read_module_work(self.session.memory, tables, self._info[1])

    def await_steps(self, deadline: Deadline) -> bytes:
        """Return the next answer to RUN.

        Raises TimeoutError when it is not here by *deadline*, or when a step does not end.
        """
        stall = patience.Stall()
        while True:
            try:
                return self.carrier.collect(deadline.part(patience.LOOK_SECONDS))
            except TimeoutError:
                work = self.module_work()
                used = self.session.process.cpu_seconds()
                if deadline.over() or (work and stall.says(work.steps, used)):
                    raise

    @contextmanager
    def explaining_silence(self, doing: str, damage: int, kind: RequestType) -> Iterator[None]:
        """Turn a missed deadline into an error that says what the guest did instead of answering.

        *damage* is what the link had counted when the request was sent.
        """
        try:
            yield
        except TimeoutError:
            raise self._explanation(doing, damage, kind) from None

    def _explanation(self, doing: str, damage: int, kind: RequestType) -> HarnessError:
        """Return the error: a guest that waits for work has not heard us, or we do not hear it."""
        error = self.session.silent(doing, damage)
        work = self.module_work() if kind < RequestType.PING else None
        if not isinstance(error, GuestHungError) or work is None or work.begun != work.ended:
            return error
        return WireError(
            f"no answer came {doing}, and the module has finished all of the {work.ended} requests"
            " that reached it",
            hint="the wire is dead, or the agent: the host's fault or QEMU's, not the kernel's",
        )
