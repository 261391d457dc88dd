"""Evidence of the guest about a task that neither ends nor sleeps (``KMH_STUCK_*``)."""

from enum import IntFlag

TASK_MASK = 0xFF
STATE_SHIFT = 16


class Stuck(IntFlag):
    """The state of such a task; the bits above are its ``task_struct`` state."""

    QUEUED = 1 << 8
    ON_RQ = 1 << 9
    ON_CPU = 1 << 10
    SIGNAL = 1 << 11
    SLOT_FREE = 1 << 12


_STATES = {0: "running", 1: "interruptible", 2: "uninterruptible", 0x102: "killable"}


def stuck_words(value: int) -> str:
    """The evidence in words, which tell a lost wake-up from a slow guest.

    In a slow guest the task is runnable and out of the queue; a task that nobody has woken is
    asleep in it; a task that a signal woke has the signal pending.
    """
    found, state = Stuck(value), value >> STATE_SHIFT
    runs = (
        "on a CPU"
        if Stuck.ON_CPU in found
        else "runnable"
        if Stuck.ON_RQ in found
        else "not runnable"
    )
    words = [
        f"task {value & TASK_MASK} is {runs}, state {_STATES.get(state, hex(state))}",
        "still in the queue" if Stuck.QUEUED in found else "off the queue",
    ]
    if Stuck.SLOT_FREE in found:
        words.append("though a slot stands at 0 or 1")
    if Stuck.SIGNAL in found:
        words.append("a signal is pending")
    if Stuck.QUEUED not in found and runs == "not runnable" and state:
        words.append("nothing can wake it for a slot any more: its wake-up is lost")
    return ", ".join(words)
