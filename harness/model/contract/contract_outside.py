"""The contract of errands, forks and returns to user mode.

A mapping keeps its task on its CPU and its CPU online, and no child inherits it.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.model.records.state import Phase


def pinned(v: View) -> Iterator[Violation]:
    """Changing a task's affinity or taking its CPU offline waits for its local mappings.

    Any correct kernel, because the addresses that the task holds are those of its CPU's window.
    """
    if v.seen.status is not Status.OK or v.seen.value or "migrate" in v.blind:
        return
    if v.op.code == OpCode.AFFINITY and v.before.tasks[v.op.value & 0xFF].migrate:
        yield Violation(
            "sent-away", f"task {v.op.value & 0xFF} was sent away with a local mapping"
        )
    if v.op.code == OpCode.HOTPLUG:
        for number, task in enumerate(v.before.tasks):
            if task.cpu == v.op.value and task.migrate and task.phase is not Phase.DEAD:
                yield Violation(
                    "cpu-gone", f"CPU {task.cpu} went, task {number} has a mapping there"
                )


def inherited(v: View) -> Iterator[Violation]:
    """A child has no mappings.

    Any correct kernel, because a mapping has one owner: the parent, which will unmap it.
    """
    if v.op.code == OpCode.FORK and v.seen.status is Status.OK and v.seen.value:
        depth = v.seen.value & 0xFF
        if depth:
            yield Violation("inherited", f"a child starts with depth {depth}")


def fork_told(v: View) -> Iterator[Violation]:
    """The first fork with local mappings does not pass unnoticed.

    Any correct kernel, because the child's copy of the parent's pointers is worth nothing.
    """
    done = v.op.code == OpCode.FORK and v.seen.status is Status.OK and "warns" not in v.blind
    due = v.before.tasks[v.op.task].depth and "fork" not in v.before.warned
    if done and due and not v.seen.warns:
        yield Violation("fork", "a fork with local mappings went unnoticed")


def user_mode(v: View) -> Iterator[Violation]:
    """The first return to user mode with a local mapping does not pass unnoticed.

    Any correct kernel, because nobody is left who could unmap it.
    """
    due = v.before.user and "return-to-user" not in v.before.warned
    if due and not v.seen.warns and "warns" not in v.blind:
        yield Violation(
            "return-to-user", "user mode was entered with a local mapping, and nobody said so"
        )


RULES = (pinned, inherited, fork_told, user_mode)
