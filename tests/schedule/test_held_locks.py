"""A deadlock is told with who holds what, and since which step."""

from harness.guest.gate_wire import Gate, GateFlag, GateKind, GatePart
from harness.guest.schedule_wire import GateEvent
from harness.schedule.held_locks import lock_words, thread_name
from harness.schedule.thread_program import parse_program

PROGRAM = parse_program("kmap a || page_address a || hardirq 1: page_address a")
BOTH = GateFlag.BEFORE | GateFlag.AFTER
GATES = (
    Gate("kmap_high+0x1", "_raw_spin_lock", 0, GateKind.ACQUIRE, BOTH | GateFlag.SECTION, b""),
    Gate("kmap_high+0x9", "_raw_spin_unlock", 9, GateKind.RELEASE, GateFlag.AFTER, b""),
    Gate("page_address+0x5", "_raw_spin_lock", 12, GateKind.ACQUIRE, BOTH, b"", GatePart.HASH),
)


def words(*events):
    places = (
        GateEvent(thread, kind, kind is GateKind.RELEASE or after, gate)
        for thread, kind, gate, after in events
    )
    return list(lock_words(PROGRAM, GATES, tuple(places)))


TAKES, TABLE = (GateKind.ACQUIRE, 0, False), (GateKind.ACQUIRE, 2, False)
HAS, RELEASES = (GateKind.ACQUIRE, 2, True), (GateKind.RELEASE, 1, True)


def test_a_lock_is_held_from_its_gate_to_its_release():
    assert words((0, *TAKES)) == ["thread 0 holds kmap_lock since step 1 (kmap_high+0x1)"]
    assert words((0, *TAKES), (0, *RELEASES)) == []
    held = words((0, *TAKES), (0, *RELEASES), (1, *TABLE), (1, *HAS))
    assert held == ["thread 1 holds a lock of page_address since step 3 (page_address+0x5)"]


def test_a_release_without_a_gate_is_noticed_by_what_follows():
    assert len(words((0, *TAKES), (0, *TABLE), (0, *TABLE))) == 2
    assert words((0, *TAKES), (0, *TABLE), (0, *RELEASES)) == []
    assert words((1, *TABLE), (1, GateKind.OPERATION, 0, False)) == []


def test_an_interrupt_is_named_by_the_thread_that_takes_it():
    assert [thread_name(PROGRAM, n) for n in range(3)] == ["thread 0", "thread 1", "hardirq of 1"]
