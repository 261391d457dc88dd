"""A task that hangs is told from one that is slow by what the guest says of it."""

import pytest

from harness.model.stuck import Stuck, stuck_words

UNINTERRUPTIBLE = 2 << 16
CASES = {
    "lost": (1 | Stuck.SLOT_FREE | UNINTERRUPTIBLE, "its wake-up is lost"),
    "not woken": (1 | Stuck.QUEUED | Stuck.SLOT_FREE | UNINTERRUPTIBLE, "queue, though a slot stands at 0 or 1"),
    "slow": (1 | Stuck.ON_RQ, "task 1 is runnable, state running, off the queue"),
    "signalled": (2 | Stuck.ON_CPU | Stuck.SIGNAL | 1 << 16, "task 2 is on a CPU, state interruptible"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_evidence_in_words(name):
    value, words = CASES[name]
    assert words in stuck_words(value)


def test_a_slow_task_is_not_called_lost():
    assert "lost" not in stuck_words(1 | Stuck.ON_RQ)
    assert "lost" not in stuck_words(1 | Stuck.QUEUED | UNINTERRUPTIBLE)
