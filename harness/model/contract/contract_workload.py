"""The contract of workloads: processes find their data, and the kernel leaves nothing mapped."""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.observation import Checkpoint, Status
from harness.model.records.operation import OpCode
from harness.model.records.workload import CHECKPOINT_END, WORKLOADS


def _stage(v: View, one: Checkpoint) -> str:
    """The place of a checkpoint in words."""
    word = WORKLOADS[v.op.reg].word
    return f"the end of {word}" if one.stage == CHECKPOINT_END else f"stage {one.stage} of {word}"


def _expected(v: View) -> tuple[Checkpoint, ...]:
    return next((one.checkpoints for one in v.allowed if one.checkpoints), ())


def _ran(v: View) -> bool:
    return v.op.code == OpCode.WORKLOAD and v.seen.status is Status.OK


def contents(v: View) -> Iterator[Violation]:
    """Each stage reads what the processes have written, and no call fails.

    Any correct kernel, because this is what memory, files and pipes are for.
    """
    if not _ran(v):
        return
    wanted = _expected(v)
    for want, got in zip(wanted, v.seen.checkpoints, strict=False):
        if got.error:
            yield Violation("workload-error", f"{_stage(v, want)} failed with {got.error}")
            return
        if (got.stage, got.crc) != (want.stage, want.crc):
            told = f"read {got.crc:#x}, not {want.crc:#x}"
            yield Violation("workload-contents", f"{_stage(v, want)}: {told}")
            return
    if len(v.seen.checkpoints) != len(wanted):
        told = f"{len(v.seen.checkpoints)} of {len(wanted)} stages"
        yield Violation("workload-stages", f"{WORKLOADS[v.op.reg].word} reported {told}")


def unmapped(v: View) -> Iterator[Violation]:
    """The kernel goes back to user mode with nothing mapped, and at the end nobody maps anything.

    Any correct kernel, because nobody is left who would unmap it.
    """
    if not _ran(v) or "depth" in v.blind:
        return
    for one in v.seen.checkpoints:
        if one.left:
            who = "tasks have" if one.stage == CHECKPOINT_END else "the process has"
            yield Violation("workload-mapped", f"{_stage(v, one)}: {who} {one.left} mappings left")
            return


def slots(v: View) -> Iterator[Violation]:
    """No slot has users that are none of our tasks, when all processes have ended.

    Any correct kernel, because a slot that nobody gives back is lost for ever.
    """
    if not _ran(v):
        return
    for change in v.seen.slots:
        if change.count > max(vector.get(v.before.slots, change.slot).count, 1):
            yield Violation("workload-slot", f"slot {change.slot} has users ({change.count})")


def windows(v: View) -> Iterator[Violation]:
    """No entry of a window is in use when all processes have ended, but for our tasks' own.

    Any correct kernel, because the next mapping there would find its entry in use.
    """
    if not _ran(v):
        return
    ours = v.live(v.task_after)
    for change in v.seen.windows:
        inside = v.machine.in_window(v.machine.layout.fixaddr(change.index))
        if change.pte and inside and change.index not in ours:
            yield Violation("workload-window", f"entry {change.index} is {change.pte:#x}")


RULES = (contents, unmapped, slots, windows)
