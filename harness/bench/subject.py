"""The subject of a measurement: one kernel on one machine, and a guest of it with a judge."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from harness.bench.bench_error import BenchError
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge
from harness.guest.initramfs import build_initramfs
from harness.guest.protocol import Evidence
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.guest.template import GuestParts
from harness.model.records.layout import Layout
from harness.model.records.machine import missing_operations
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind
from harness.run.prepare import Prepared
from harness.run.program_run import RunContext, run_program
from harness.run.ready_guest import made_ready
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from harness.scenario.program import Program
from harness.trace.trace_records import Header, Record

ONE_STEP = Program("one-step", (0,), ((PageKind.HIGH, 1),), (Operation(OpCode.KMAP),))


def _ignore(record: Record) -> None:
    del record


def _nobody(steps: int) -> None:
    del steps


@dataclass(frozen=True, slots=True)
class MeasuredGuest:
    """A guest with its judge, which knows the WARN_ONCE sites that have fired in it."""

    guest: Guest
    layout: Layout
    facts: Facts
    header: Header
    session: RunJudge

    def judge_one(self) -> float:
        """One kmap; gives the moment (``time.monotonic``) at which it was judged."""
        moments: list[float] = []
        self.judge(ONE_STEP, on_steps=lambda _: moments.append(time.monotonic()))
        return moments[0]

    def program(self, steps: int, seed: int) -> Program:
        """A generated program, as ``run`` has them."""
        return generate(self.facts, Random(seed), Wishes(steps), name=f"bench-{seed}")

    def judge(self, program: Program, on_steps: Callable[[int], None] = _nobody) -> int:
        """Run and judge *program*; return the number of judged steps.

        Raises BenchError as :meth:`judged`.
        """
        finished = run_program(RunContext(self.guest, self.session, _ignore, on_steps), program)
        if finished.failure:
            raise finished.failure
        return self.judged()

    def judged(self) -> int:
        """The judged steps of the program that the session has just got.

        Raises BenchError unless every step was judged and agreed: the judge takes other paths
        after a divergence, and their rates say nothing.
        """
        program = self.session.result().programs[-1]
        if program.divergences or program.unjudged or not program.judged:
            raise BenchError(
                f"the kernel does not agree with the model in {program.program}",
                hint="run it with `run`, which reports what differs",
            )
        return program.judged


@dataclass(frozen=True, slots=True)
class Subject:
    """A kernel with module and agent, on a machine."""

    prepared: Prepared
    shape: Shape

    def boot(self, folder: Path) -> Guest:
        """A cold guest; its logs go into *folder*."""
        return self.parts.boot(folder)

    @property
    def parts(self) -> GuestParts:
        """The parts that its guests are made of."""
        return self.prepared.parts(self.shape)

    def bench(self, guest: Guest) -> MeasuredGuest:
        """*guest* made ready: probes armed, layout read."""
        booted = made_ready(self.prepared.kernel, guest, self.shape)
        facts = Facts(booted.layout, missing=missing_operations(booted.layout))
        header = booted.header(seed=0)
        session = RunJudge(header, our_known_bugs())
        return MeasuredGuest(guest, booted.layout, facts, header, session)

    def image(self, folder: Path) -> Path:
        """The initramfs that our guests boot, as a file in *folder*."""
        prepared = self.prepared
        image = build_initramfs(
            prepared.agent.path.read_bytes(),
            prepared.module.stripped.read_bytes(),
            prepared.kernel.modules_dir,
            self.shape,
        )
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "plain.cpio"
        path.write_bytes(image.archive)
        return path


def probes_off(guest: Guest) -> None:
    """Disarm every probe."""
    guest.probes(Evidence(0))
