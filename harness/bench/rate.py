"""Steps a second, end to end and part by part, on a guest that is up."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.bench.bench_error import BenchError
from harness.bench.subject import MeasuredGuest
from harness.guest.batch import batches
from harness.guest.protocol import PROBES, Evidence
from harness.guest.step_stream import RawSteps
from harness.guest.steps import StepRecord
from harness.model.fast.fast_path import allowed
from harness.model.records.layout import Generation
from harness.model.records.machine import Machine, machine
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import initial
from harness.model.records.state import State
from harness.model.rules.step import step
from harness.scenario.program import Program
from harness.trace.trace_records import Begin, End, Step

IN_FLIGHT = 3
PINGS = 100
PING_BYTES = 1 << 18

Sample = Mapping[tuple[str, str], float]


@dataclass(slots=True)
class Timed:
    """Wall and thread CPU seconds of a block."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> "Timed":
        self.wall, self.cpu = -time.monotonic(), -time.thread_time()
        return self

    def __exit__(self, *ended: object) -> None:
        self.wall += time.monotonic()
        self.cpu += time.thread_time()


class Start(NamedTuple):
    """A guest made ready for a program."""

    begin: Begin
    operations: Sequence[Operation]


def end_to_end(bench: MeasuredGuest, program: Program) -> Sample:
    """Run and judge as ``run`` does."""
    before = bench.guest.session.process.cpu_seconds()
    with Timed() as timed:
        judged = bench.judge(program)
    cpu = bench.guest.session.process.cpu_seconds() - before
    return {
        ("judged steps", "1/s"): judged / timed.wall,
        ("cpu of Python", "us/step"): timed.cpu / judged * 1e6,
        ("cpu of QEMU", "us/step"): cpu / judged * 1e6,
    }


def parts(bench: MeasuredGuest, program: Program) -> Sample:
    """The guest alone (nothing decoded meanwhile), then decoding, judging and the model alone."""
    start = _prepare(bench, program)
    with Timed() as guest:
        answers = list(_execute(bench, start.operations))
    with Timed() as decode:
        records = [record for answer in answers for record in bench.guest.decode(answer)]
    bench.guest.reset()
    with Timed() as judge:
        judged = _judge(bench, start.begin, records)
    way = _way(bench, start.begin, records)
    with Timed() as model:
        _follow(allowed, way)
    with Timed() as rules:
        _follow(step, way)
    return {
        ("guest and wire alone", "1/s"): len(records) / guest.wall,
        ("decoding alone", "1/s"): len(records) / decode.cpu,
        ("judging alone", "1/s"): judged / judge.cpu,
        ("model alone", "1/s"): len(way.choices) / model.cpu,
        ("model alone, without the fast path", "1/s"): len(way.choices) / rules.cpu,
    }


def observation(bench: MeasuredGuest, steps: int) -> Sample:
    """The cost of observing: steps that do nothing, and kmap with the probes armed and not."""
    nothing = Program("nothing", (0,), (), (Operation(OpCode.NOP),) * steps)
    pairs = tuple(Operation(code, page=page % 64) for page in range(steps // 2) for code in _PAIR)
    kmaps = Program("pairs", (0,), ((PageKind.HIGH, 64),), pairs)
    found = {("observed nops, guest alone", "1/s"): _guest_rate(bench, nothing)}
    found["kmap and kunmap, guest alone", "1/s"] = _guest_rate(bench, kmaps)
    armed = bench.guest.probes(Evidence(0))
    found["the same without probes", "1/s"] = _guest_rate(bench, kmaps)
    bench.guest.probes(Evidence(bench.header.evidence) & PROBES)
    if armed:
        raise BenchError(f"probes stay armed: {armed!r}")
    return found


_PAIR = (OpCode.KMAP, OpCode.KUNMAP)


def wire(bench: MeasuredGuest) -> Sample:
    """Round trips of an empty message, and bytes there and back."""
    with Timed() as small:
        for _ in range(PINGS):
            bench.guest.ping()
    data = bytes(PING_BYTES)
    with Timed() as large:
        bench.guest.ping(data)
    return {
        ("round trip", "us"): small.wall / PINGS * 1e6,
        ("wire, there and back", "MB/s"): 2 * PING_BYTES / large.wall / 1e6,
    }


def memory(bench: MeasuredGuest) -> Sample:
    """Resident and proportional memory of QEMU (``/proc/PID/smaps_rollup``, proc(5))."""
    sizes = _sizes(bench.guest.session.process.pid)
    return {
        ("memory of a booted guest, Rss", "MiB"): sizes["Rss:"],
        ("memory of a booted guest, Pss", "MiB"): sizes["Pss:"],
    }


def proportional_mib(pid: int) -> float:
    """Memory of a process, pages that it shares with others divided among them."""
    return _sizes(pid)["Pss:"]


def _sizes(pid: int) -> Mapping[str, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    lines = (line.split() for line in text.splitlines()[1:])
    return {words[0]: int(words[1]) / 1024 for words in lines}


def _prepare(bench: MeasuredGuest, program: Program) -> Start:
    pages: tuple[Page, ...] = ()
    for kind, count in program.pools:
        pages += bench.guest.pool(kind, count)
    bench.guest.tasks(program.tasks)
    return Start(Begin(program, pages, bench.guest.snapshot()), program.operations)


def _execute(bench: MeasuredGuest, operations: Sequence[Operation]) -> Iterable[RawSteps]:
    flying: deque[None] = deque()
    iomap_atomic = bench.layout.generation is not Generation.LOCAL
    for part in batches(operations, iomap_atomic=iomap_atomic):
        if len(flying) >= IN_FLIGHT:
            flying.popleft()
            yield bench.guest.receive()
        bench.guest.submit(part)
        flying.append(None)
    for _ in flying:
        yield bench.guest.receive()


def _guest_rate(bench: MeasuredGuest, program: Program) -> float:
    start = _prepare(bench, program)
    with Timed() as timed:
        answers = list(_execute(bench, start.operations))
    for answer in answers:
        bench.guest.decode(answer)
    bench.guest.reset()
    return len(start.operations) / timed.wall


def _judge(bench: MeasuredGuest, begin: Begin, records: Sequence[StepRecord]) -> int:
    feed: Callable[..., object] = bench.session.feed
    feed(begin)
    for number, (operation, one) in enumerate(zip(begin.program.operations, records, strict=True)):
        feed(Step(number, operation, one.observation, one.cycles, one.messages))
    feed(End(len(records)))
    return bench.judged()


class ModelPath(NamedTuple):
    """A program's path through the model: the start, and each operation with the outcome seen."""

    machine: Machine
    start: State
    choices: tuple[tuple[Operation, int], ...]


def _way(bench: MeasuredGuest, begin: Begin, records: Sequence[StepRecord]) -> ModelPath:
    """The way that the guest has taken, as far as the model agrees with it."""
    guest_machine = machine(bench.layout, begin.pages, begin.program.tasks)
    start = state = initial(guest_machine, begin.start)
    choices: list[tuple[Operation, int]] = []
    for operation, one in zip(begin.program.operations, records, strict=True):
        outcomes = step(guest_machine, state, operation)
        if not outcomes:
            break
        seen = [each.observation for each in outcomes]
        choice = seen.index(one.observation) if one.observation in seen else 0
        choices.append((operation, choice))
        state = outcomes[choice].state
    return ModelPath(guest_machine, start, tuple(choices))


def _follow(
    steps: Callable[[Machine, State, Operation], Sequence[Outcome]], way: ModelPath
) -> None:
    """Step by step, each from the state that the one before has led to: as the judge does."""
    state = way.start
    for operation, choice in way.choices:
        state = steps(way.machine, state, operation)[choice].state
