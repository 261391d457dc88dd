"""A task that hangs is told from one that is slow by what the guest says of it."""

import pytest

from harness.model.records.stuck import STATE_SHIFT, TASK_MASK, Stuck, stuck_words

pytestmark = pytest.mark.judges("stuck")

UNINTERRUPTIBLE = 2 << 16
LOST = ", nothing can wake it for a slot any more: its wake-up is lost"
CASES = {
    "lost": (
        1 | Stuck.SLOT_FREE | UNINTERRUPTIBLE,
        "task 1 is not runnable, state uninterruptible, off the queue, "
        f"though a slot stands at 0 or 1{LOST}",
    ),
    "lost, and signalled": (
        0xFF | Stuck.SIGNAL | 0x102 << 16,
        f"task 255 is not runnable, state killable, off the queue, a signal is pending{LOST}",
    ),
    "not woken": (
        1 | Stuck.QUEUED | Stuck.SLOT_FREE | UNINTERRUPTIBLE,
        "task 1 is not runnable, state uninterruptible, still in the queue, "
        "though a slot stands at 0 or 1",
    ),
    "slow": (1 | Stuck.ON_RQ, "task 1 is runnable, state running, off the queue"),
    "slow, in the queue": (
        1 | Stuck.ON_RQ | Stuck.QUEUED | UNINTERRUPTIBLE,
        "task 1 is runnable, state uninterruptible, still in the queue",
    ),
    "spinning": (3 | Stuck.ON_CPU | Stuck.ON_RQ,
                 "task 3 is on a CPU, state running, off the queue"),
    "on its way to sleep": (
        3 | Stuck.ON_CPU | UNINTERRUPTIBLE,
        "task 3 is on a CPU, state uninterruptible, off the queue",
    ),
    "signalled": (
        2 | Stuck.ON_CPU | Stuck.SIGNAL | 1 << 16,
        "task 2 is on a CPU, state interruptible, off the queue, a signal is pending",
    ),
    "off the run queue, yet running": (0, "task 0 is not runnable, state running, off the queue"),
    "of a state without a name": (Stuck.ON_RQ | 0x402 << 16,
                                "task 0 is runnable, state 0x402, off the queue"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_evidence_in_words(name):
    value, words = CASES[name]
    assert stuck_words(value) == words


def test_the_bits_are_those_of_the_wire():
    assert {bit.name: bit.value for bit in Stuck} == {
        "QUEUED": 0x100, "ON_RQ": 0x200, "ON_CPU": 0x400, "SIGNAL": 0x800, "SLOT_FREE": 0x1000,
    }  # fmt: skip
    assert (TASK_MASK, STATE_SHIFT) == (0xFF, 16)
