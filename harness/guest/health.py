"""Why a guest is silent: dead, stopped, starved by the host, in a loop, or waiting for ever."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.architecture.address_space import CpuState
from harness.architecture.architecture import CpuInspection
from harness.errors import HarnessError
from harness.guest.deadline import Deadline
from harness.guest.failure import (
    GuestHungError,
    GuestLoopingError,
    GuestPausedError,
    GuestStarvedError,
    QemuExitedError,
)
from harness.guest.monitor import Monitor
from harness.guest.process import TICKS, Process

SAMPLES = 8
SAMPLE_PAUSE = 0.1
STARVED_SECONDS = 0.15
"""CPU seconds of busy virtual CPUs, below which their behaviour says nothing."""
LOOK_MOST_SECONDS = 8.0
"""A guest is examined for so long at most until its CPUs have had STARVED_SECONDS.

A busy host gives it little CPU time.
"""


class Silence(StrEnum):
    """The activity of a silent guest."""

    EXITED = "exited"
    PAUSED = "paused"
    LOOPING = "looping with interrupts off"
    STARVED = "starved by the host"
    IDLE = "idle, all CPUs halted"
    BUSY = "busy with interrupts on"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a guest.

    ``at`` are seconds (monotonic), ``cpu`` the CPU seconds of QEMU so far, ``stolen`` those that
    the host's own hypervisor has taken from it.
    """

    at: float
    cpu: float
    stolen: float
    cpus: tuple[CpuState, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The activity of a silent guest, and the figures that show it."""

    silence: Silence
    text: str

    def error(self, doing: str) -> HarnessError:
        """Return the error to raise for a guest that fell silent while *doing*."""
        kinds: dict[Silence, type[HarnessError]] = {
            Silence.EXITED: QemuExitedError,
            Silence.PAUSED: GuestPausedError,
            Silence.LOOPING: GuestLoopingError,
            Silence.STARVED: GuestStarvedError,
            Silence.IDLE: GuestHungError,
            Silence.BUSY: GuestHungError,
        }
        return kinds[self.silence](
            f"the guest fell silent {doing}: {self.silence}; {self.text}",
            hint=_HINTS[self.silence],
        )


_HINTS = {
    Silence.EXITED: "QEMU's stderr and the console log say why",
    Silence.PAUSED: "something stopped QEMU or its CPUs; nothing is known about the kernel",
    Silence.LOOPING: "the addresses are where the CPU was seen; look them up in System.map",
    Silence.STARVED: "run fewer guests at once, or on a quieter host",
    Silence.IDLE: "a task waits for an event that never comes; look at the state before that step",
    Silence.BUSY: "the step may need more time than its deadline, or a task spins",
}


def diagnose(process: Process, monitor: Monitor, inspection: CpuInspection) -> Diagnosis:
    """Examine a silent guest: for about a second, longer where the host gives it little time."""
    process.require_alive("while it was examined")
    if process.stopped():
        return Diagnosis(Silence.PAUSED, "a signal has stopped QEMU's process")
    if (status := monitor.status()) != "running":
        return Diagnosis(Silence.PAUSED, f"QEMU says {status}")
    samples: list[Sample] = []
    until = Deadline.after("examination", LOOK_MOST_SECONDS)
    while True:
        samples.append(_sample(process, monitor, inspection))
        diagnosis = judge(samples)
        enough = len(samples) >= SAMPLES and (
            diagnosis.silence is not Silence.STARVED or until.over()
        )
        if enough:
            return diagnosis
        time.sleep(SAMPLE_PAUSE)


def judge(samples: Sequence[Sample]) -> Diagnosis:
    """Return what *samples*, in order of time, say about the guest."""
    first, last = samples[0], samples[-1]
    wall, used, stolen = last.at - first.at, last.cpu - first.cpu, last.stolen - first.stolen
    figures = (
        f"QEMU used {used:.2f} s of CPU in {wall:.2f} s, {stolen:.2f} s were stolen from the host"
    )
    stuck = [cpu for cpu in range(len(first.cpus)) if _interrupts_stay_off(samples, cpu)]
    busy = [cpu for cpu in range(len(first.cpus)) if _mostly_runs(samples, cpu)]
    if busy and used < STARVED_SECONDS:
        return Diagnosis(Silence.STARVED, figures)
    if stuck:
        return Diagnosis(Silence.LOOPING, f"{_places(samples, stuck)}; {figures}")
    if busy:
        return Diagnosis(Silence.BUSY, f"{_places(samples, busy)}; {figures}")
    return Diagnosis(Silence.IDLE, figures)


def _mostly_runs(samples: Sequence[Sample], cpu: int) -> bool:
    """Tell whether a CPU was halted in less than half of the samples: a tick wakes an idle one,
    too.
    """
    return 2 * sum(not sample.cpus[cpu].halted for sample in samples) > len(samples)


def _interrupts_stay_off(samples: Sequence[Sample], cpu: int) -> bool:
    """Tell whether interrupts were off each time: a CPU halted like that never wakes either."""
    return all(not sample.cpus[cpu].interrupts for sample in samples)


def _places(samples: Sequence[Sample], cpus: Sequence[int]) -> str:
    return ", ".join(f"CPU {cpu} at {_addresses(samples, cpu)}" for cpu in cpus)


def _addresses(samples: Sequence[Sample], cpu: int) -> str:
    return " ".join(sorted({f"{sample.cpus[cpu].instruction:#x}" for sample in samples}))


def _sample(process: Process, monitor: Monitor, inspection: CpuInspection) -> Sample:
    used, stolen = process.cpu_seconds(), host_steal_seconds()
    return Sample(time.monotonic(), used, stolen, inspection.read_registers(monitor.registers()))


def host_steal_seconds() -> float:
    """Return the CPU seconds that the host's own hypervisor has taken from it (``steal``,
    proc(5)).
    """
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / TICKS if len(fields) > 8 else 0.0
