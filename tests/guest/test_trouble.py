"""Kernel trouble: logs of real guests (tests/guest/logs) and the wording of kernel sources."""

from pathlib import Path

import pytest

from harness.guest.trouble import Recogniser, TroubleKind, recognise, without_stamp

LOGS = Path(__file__).parent / "logs"
CAPTURED = {
    "warn-6.1.log": [(TroubleKind.WARNING, "troublemaker_init", 34)],
    "atomic-6.1.log": [
        (TroubleKind.ATOMIC, "BUG: scheduling while atomic: init/1/0x00000002", 62),
        (TroubleKind.WARNING, "init/main.c:1322 do_one_initcall", 63),
    ],
    "might-sleep-6.1-debug.log": [
        (
            TroubleKind.ATOMIC,
            "called from invalid context at include/linux/highmem-internal.h:44",
            24,
        ),
    ],
    "bug-6.1.log": [
        (TroubleKind.BUG, "kernel BUG at /build/troublemaker.c:40!", 79),
        (TroubleKind.PANIC, "Attempted to kill init!", 1),
    ],
    "fault-6.1.log": [
        (TroubleKind.FAULT, "unable to handle page fault for address: 00001234", 75),
        (TroubleKind.PANIC, "Attempted to kill init!", 1),
    ],
    "panic-6.1.log": [(TroubleKind.PANIC, "made on purpose", 1)],
}
WORDING = {
    "watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [kmh/0:77]": TroubleKind.SOFT_LOCKUP,
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0": TroubleKind.HARD_LOCKUP,
    "INFO: task kmh/3:81 blocked for more than 120 seconds.": TroubleKind.HUNG_TASK,
    "rcu: INFO: rcu_preempt self-detected stall on CPU": TroubleKind.RCU_STALL,
    "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:": TroubleKind.RCU_STALL,
    "WARNING: possible circular locking dependency detected": TroubleKind.LOCKDEP,
    "WARNING: inconsistent lock state": TroubleKind.LOCKDEP,
    "WARNING: suspicious RCU usage": TroubleKind.LOCKDEP,
    "BUG: sleeping function called from invalid context at mm/highmem.c:158": TroubleKind.ATOMIC,
    "BUG: kernel NULL pointer dereference, address: 00000000": TroubleKind.FAULT,
    "general protection fault: 0000 [#1] PREEMPT SMP": TroubleKind.GENERAL_PROTECTION,
    "traps: PANIC: double fault, error_code: 0x0": TroubleKind.DOUBLE_FAULT,
    "PANIC: double fault, gdt at 0xff801000 [255 bytes]": TroubleKind.DOUBLE_FAULT,
    "kernel BUG at mm/highmem.c:433!": TroubleKind.BUG,
    "BUG: Bad page state in process kmh/0  pfn:0f0aa": TroubleKind.CORRUPTION,
    "list_del corruption. prev->next should be c1, but was c2": TroubleKind.CORRUPTION,
    "Out of memory: Killed process 1 (init)": TroubleKind.MEMORY,
    "invalid opcode: 0000 [#1] SMP NOPTI": TroubleKind.OOPS,
    "WARNING: CPU: 0 PID: 55 at mm/highmem.c:611 kunmap_local_indexed+0x1b8/0x1d0": (
        TroubleKind.WARNING
    ),
}
HARMLESS = [
    "[    1.039571] mce: Unable to init MCE device (rc: -5)",
    "[    0.023] tsc: Unable to calibrate against PIT",
    "[    3.1] kmap_harness: loading out-of-tree module taints kernel.",
    "kmap-harness: agent up",
]


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_logs(name):
    found = recognise((LOGS / name).read_text().splitlines())
    assert [(trouble.kind, len(trouble.lines)) for trouble in found] == [
        (kind, count) for kind, _, count in CAPTURED[name]
    ]
    assert all(
        title in trouble.title
        for trouble, (_, title, _) in zip(found, CAPTURED[name], strict=True)
    )


@pytest.mark.parametrize("line", WORDING)
@pytest.mark.parametrize(
    "stamp", ["", "[   12.345678] ", "[   12.345678][  T77] ", "<4>[    0.000001] "]
)
def test_wording(line, stamp):
    (trouble,) = recognise([*HARMLESS, stamp + line, "and then an ordinary line"])
    assert (trouble.kind, trouble.title) == (WORDING[line], line)


def test_ordinary_lines_are_no_trouble():
    assert recognise(HARMLESS) == ()


def test_a_report_belongs_to_the_step_whose_marker_follows():
    recogniser = Recogniser()
    for line in (
        "[ 1.0] BUG: scheduling while atomic: kmh/0/77/0x2",
        "[ 1.1] Call Trace:",
        "[ 1.2]  f+0x1/0x2",
    ):
        recogniser.feed(line)
    assert recogniser.take() == ()
    recogniser.feed("[ 1.3] kmap-harness: step 41")
    (trouble,) = recogniser.take()
    assert (trouble.step, len(trouble.lines)) == (41, 3)


def test_a_report_whose_marker_is_on_its_way_can_wait_for_it():
    recogniser = Recogniser()
    for line in (
        "------------[ cut here ]------------",
        "WARNING: at a.c:1 f",
        "---[ end trace 0 ]---",
    ):
        recogniser.feed(line)
    assert recogniser.take(marked=True) == ()
    recogniser.feed("kmap-harness: step 3")
    assert [trouble.step for trouble in recogniser.take(marked=True)] == [3]


def test_a_report_without_a_marker_is_told_in_the_end():
    recogniser = Recogniser()
    for line in (
        "------------[ cut here ]------------",
        "WARNING: at a.c:1 f",
        "---[ end trace 0 ]---",
    ):
        recogniser.feed(line)
    assert recogniser.take(marked=True) == ()
    assert [trouble.step for trouble in recogniser.take()] == [None]


def test_two_cut_here_reports_are_two():
    lines = [
        "------------[ cut here ]------------",
        "WARNING: CPU: 0 PID: 1 at a.c:1 f",
        "------------[ cut here ]------------",
        "WARNING: CPU: 0 PID: 1 at b.c:2 g",
        "---[ end trace 0000000000000000 ]---",
    ]
    assert [trouble.title[-5:] for trouble in recognise(lines)] == ["c:1 f", "c:2 g"]


def test_stamps_are_taken_off():
    assert without_stamp("[    1.5][  T12] x") == "x"
