"""Gathers the evidence for the claims in three guests of one kernel."""

from pathlib import Path
from statistics import median

from harness.base.progress import Progress
from harness.claims.claim_programs import (
    TASK_CPUS,
    ClaimEvidence,
    ClaimProgram,
    full,
    sleeper,
    steps_by_name,
    timed,
    turn,
    typed,
    windows,
    wrecking,
)
from harness.guest.protocol import PROBES, Evidence
from harness.guest.running_guest import Guest
from harness.guest.shape import ICOUNT_SHIFT, Shape
from harness.guest.steps import StepRecord
from harness.guest.template import GuestParts
from harness.model.records.layout import Generation, Layout
from harness.model.records.page import PageKind
from harness.run.prepare import Prepared

_PAIRS = ("kmap", "kunmap", "kmap_atomic", "kunmap_atomic", "kmap_local", "kunmap_local")


def gather(prepared: Prepared, out: Path, progress: Progress) -> ClaimEvidence:
    """Run the programs of the claims and return what they show.

    Raises KernelError or InfrastructureError if a guest fails.
    """
    steps: dict[str, tuple[StepRecord, ...]] = {}
    progress.step(f"booting {prepared.kernel.release}: persistent map and windows")
    with _boot(prepared, Shape(), out) as guest:
        layout, facts = guest.info()
        for script in _harmless(layout):
            steps |= _run(guest, script, layout)
            guest.reset()
    progress.step("booting it again: programs that wreck it")
    with _boot(prepared, Shape(), out) as guest:
        steps |= _run(guest, wrecking(layout), layout)
    progress.step("booting it again: instructions counted")
    return ClaimEvidence(
        layout,
        facts.release,
        steps,
        instructions(_counted(prepared, out)),
        _flush_cache_kmaps(prepared),
    )


def _counted(prepared: Prepared, out: Path) -> dict[str, tuple[StepRecord, ...]]:
    """Run the timed program in a guest that counts instructions, which gives the same each time.

    That guest has the requests in its image; they are recorded in an ordinary guest before.
    """
    with _parts(prepared, Shape(smp=1)).boot(out) as guest:
        recorder = guest.record()
        _timed(guest)
        script = guest.script(recorder)
    with _parts(prepared, Shape(smp=1, icount=True)).boot(out, script) as guest:
        return _timed(guest)


def _timed(guest: Guest) -> dict[str, tuple[StepRecord, ...]]:
    layout, _ = guest.info()
    guest.probes(Evidence(0))
    return _run(guest, timed(local=layout.generation is Generation.LOCAL), layout)


def _harmless(layout: Layout) -> tuple[ClaimProgram, ...]:
    low = layout.last_pkmap + 3
    scripts = (turn(layout, low), full(layout), windows(low), typed())
    return (*scripts, sleeper()) if layout.generation is Generation.LOCAL else scripts


def _parts(prepared: Prepared, shape: Shape) -> GuestParts:
    return GuestParts(prepared.kernel, shape, prepared.module.path, prepared.agent.path)


def _boot(prepared: Prepared, shape: Shape, out: Path) -> Guest:
    guest = _parts(prepared, shape).boot(out)
    guest.probes(PROBES & guest.info()[1].evidence)
    return guest


def _executed(guest: Guest, script: ClaimProgram, layout: Layout) -> list[StepRecord]:
    cpus = [min(cpu, layout.online_cpus - 1) for cpu in TASK_CPUS]
    guest.pool(PageKind.HIGH, layout.last_pkmap + 3)
    guest.pool(PageKind.LOW, 1)
    guest.tasks(cpus)
    return guest.run(script.operations)


def _run(guest: Guest, script: ClaimProgram, layout: Layout) -> dict[str, tuple[StepRecord, ...]]:
    return steps_by_name(script, _executed(guest, script, layout))


def instructions(timing: dict[str, tuple[StepRecord, ...]]) -> dict[str, int]:
    """Instructions of each operation: the median, less that of an operation that does nothing.

    With ``-icount`` the TSC counts nanoseconds of virtual time: 2**ICOUNT_SHIFT an instruction.
    """
    idle = median(step.cycles for step in timing["nop"])
    return {
        name: round(median(step.cycles for step in timing[name]) - idle) >> ICOUNT_SHIFT
        for name in _PAIRS
        if name in timing
    }


def _flush_cache_kmaps(prepared: Prepared) -> bool:
    """Tell whether System.map has a function flush_cache_kmaps."""
    path = prepared.kernel.system_map
    return path is not None and b" flush_cache_kmaps\n" in path.read_bytes()
