"""Runs concurrent histories in one guest, and judges each while the next one runs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.errors import HarnessError, InfrastructureError, KernelError
from harness.guest.history_wire import HistoryOutcome, HistoryRequest, HistoryWire, decode_history
from harness.guest.protocol import Evidence
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.guest.shape_words import describe_shape
from harness.guest.template import start
from harness.history.explanation import violations
from harness.history.histories_result import HistoriesResult, JudgedHistory
from harness.history.history import History, history_of
from harness.history.lock_order import replay
from harness.history.overlap import overlap
from harness.history.plan import Regime, regimes, request_of
from harness.history.violation_window import window_lines, words
from harness.kernel.variables import odd_variables
from harness.model.records.layout import Layout
from harness.model.records.page import PageKind
from harness.run.machine_check import require_machine
from harness.run.prepare import Prepared
from harness.run.probes import evidence_of
from harness.run.run_result import KernelFacts
from harness.run.usual_machine import usual_machine

VIOLATING_MOST = 10
"""A run ends after so many histories that no order explains: each may be a short one."""
_REPLAYED = Evidence.COUNTS | Evidence.CURSOR
"""The evidence with which a replay in the order of the lock begins."""
LOST = (HistoryOutcome.DIED, HistoryOutcome.STUCK)
"""Outcomes after which a guest cannot run another history."""


@dataclass(frozen=True, slots=True)
class HistoriesRequest:
    """One run: at least ``operations`` operations on a machine of this shape."""

    shape: Shape
    seed: int
    operations: int
    out: Path
    template: bool = True
    strict: bool = True
    stop_at_first: bool = False
    only: str = ""
    """The name of a regime if only that one is to run."""


def run_histories(
    prepared: Prepared, request: HistoriesRequest, progress: Progress
) -> HistoriesResult:
    """Start a guest, run histories and judge them.  Failures are part of the result."""
    watch = Stopwatch()
    kernel, shape = prepared.kernel, usual_machine(request.shape, prepared.kernel)
    request = replace(request, shape=shape)
    progress.step(f"starting {kernel.release}, smp={shape.smp}, for histories")
    try:
        with watch.phase("boot"):
            parts = prepared.parts(shape)
            guest = start(parts, request.out) if request.template else parts.boot(request.out)
    except (KernelError, InfrastructureError) as error:
        facts = KernelFacts.of(kernel)
        words = f"the kernel did not boot: {error}"
        return HistoriesResult(
            facts, describe_shape(shape), "", request.seed, request.strict, error=words
        )
    with guest:
        return _judge_in(guest, prepared, request, progress, watch)


def _judge_in(
    guest: Guest,
    prepared: Prepared,
    request: HistoriesRequest,
    progress: Progress,
    watch: Stopwatch,
) -> HistoriesResult:
    kernel, shape = prepared.kernel, request.shape
    layout, facts = guest.info()
    require_machine(kernel, shape, layout, facts, prepared.dwarf)
    shown = facts.evidence & ~evidence_of(odd_variables(kernel))
    progress.step(f"running histories on {kernel.release}")
    sitting = HistoryRunner(guest, request, progress, replayable=_REPLAYED in shown)
    sitting.run()
    return HistoriesResult(
        kernel=KernelFacts.of(kernel, facts),
        machine=describe_shape(shape),
        command=guest.reproduce,
        seed=request.seed,
        strict=request.strict,
        layout=layout,
        histories=tuple(sitting.judged),
        troubles=tuple(f"{one.kind.value}: {one.title}" for one in guest.troubles()),
        phases=watch.seconds,
        error=sitting.error,
        crash=sitting.crash,
    )


class PlannedHistory:
    """One history that is to run."""

    def __init__(self, regime: Regime, request: HistoryRequest) -> None:
        self.regime, self.request = regime, request
        self.started = time.monotonic()


class HistoryRunner:
    """Runs histories one after the other in a guest."""

    def __init__(
        self,
        guest: Guest,
        request: HistoriesRequest,
        progress: Progress,
        *,
        replayable: bool = True,
    ) -> None:
        self.guest, self.request, self.progress = guest, request, progress
        self.replayable = replayable
        self.layout: Layout = guest.info()[0]
        self.judged: list[JudgedHistory] = []
        self.error = self.crash = ""
        guest.probes(Evidence(0))
        slots = self.layout.last_pkmap
        pages = guest.pool(PageKind.HIGH, slots) + guest.pool(PageKind.HIGH, 2 * slots)
        self.numbers = {page.pfn: number for number, page in enumerate(pages)}
        self.wire = HistoryWire(guest)
        self.plan = self._plan()

    def _plan(self) -> Iterator[PlannedHistory]:
        wanted = regimes(
            Random(self.request.seed), self.layout.online_cpus, self.layout.last_pkmap
        )
        chosen = (one for one in wanted if self.request.only in ("", one.name))
        for number, regime in zip(count(), chosen, strict=False):
            seed = (self.request.seed * 1_000_003 + number) & 0xFFFF_FFFF
            yield PlannedHistory(regime, request_of(regime, self.layout, seed))

    def run(self) -> None:
        """Run histories until there are enough operations, and judge each during the next one."""
        running = self._start()
        try:
            while True:
                raw = bytes(self.wire.finish())
                took = time.monotonic() - running.started
                history = history_of(decode_history(raw), self.layout, self.numbers)
                done, going = running, self._goes_on(history)
                if going:
                    running = self._start()
                self._judge(done, history, took)
                if not going:
                    return
        except KernelError as error:
            self.crash = str(error)
            self._autopsy(running)
        except InfrastructureError as error:
            self.error = str(error)

    def _start(self) -> PlannedHistory:
        planned = next(self.plan)
        self.wire.start(planned.request)
        planned.started = time.monotonic()
        return planned

    def _goes_on(self, last: History) -> bool:
        done = sum(one.operations for one in self.judged) + last.operations
        wanted = self.request.operations
        self.progress.advance(min(done, wanted), wanted, "operations judged")
        bad = sum(bool(one.violations) for one in self.judged)
        if bad >= (1 if self.request.stop_at_first else VIOLATING_MOST):
            return False
        return last.outcome not in LOST and done < self.request.operations

    def _judge(self, planned: PlannedHistory, history: History, took: float) -> None:
        started = time.monotonic()
        found = violations(history)
        order = replay(history, known=self.replayable)
        place = f"thread {order.thread}: {words(order.event)}: " if order.event else ""
        self.judged.append(
            JudgedHistory(
                regime=planned.regime.name,
                seed=planned.request.seed,
                operations=history.operations,
                outcome=history.outcome,
                complete=history.complete and history.outcome is not HistoryOutcome.RUNS,
                violations=found,
                window=tuple(window_lines(history, found[0])) if found else (),
                replay=order,
                odd=f"{place}{order.odd}" if order.odd else "",
                overlap=overlap(history),
                run_seconds=took,
                judge_seconds=time.monotonic() - started,
            )
        )

    def _autopsy(self, planned: PlannedHistory) -> None:
        """Judge what the guest had logged until it died; its memory can still be read."""
        try:
            raw = decode_history(self.wire.autopsy())
        except (LookupError, HarnessError):
            return
        if (
            raw.head.n_threads == len(planned.request.cpus)
            and raw.head.outcome == HistoryOutcome.RUNS
        ):
            history = history_of(raw, self.layout, self.numbers)
            self._judge(planned, history, time.monotonic() - planned.started)
