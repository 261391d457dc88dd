"""Bugs that only contexts show: signals, interrupts at an instant, switches, moves."""

import re
from dataclasses import replace
from typing import NamedTuple

import pytest

from harness.base.progress import Quiet
from harness.compare.divergence import Layer, Verdict
from harness.guest.protocol import Evidence
from harness.model.records.operation import OpCode
from harness.run.prepare import prepare

from .bench import judged, summary_of
from .patched import Bug, Edit, patched

pytestmark = pytest.mark.guest

IMPATIENT = ("kmh.params=patience_ms=1500",)

INTERRUPTIBLE = Bug(
    "a wait that signals end (P29)",
    (Edit("kmap_high", "c7 46 10 02 00 00 00", "c7 46 10 01 00 00 00"),),
)


def test_a_waiter_that_a_signal_wakes_is_told_from_one_that_is_slow(stock, tmp_path):
    """The guest says so: the task runs with a pending signal, and neither sleeps nor has ended."""
    buggy = replace(stock, kernel=patched(stock.kernel, INTERRUPTIBLE, tmp_path))
    result = judged(buggy, tmp_path, "wait-signal", smp=2, extra=IMPATIENT)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert first.operation.code.name in ("SIGNAL", "KMAP")
    assert any(
        "ended STUCK: task 1 is" in why and "a signal is pending" in why for why in first.reasons
    ), first.reasons


@pytest.fixture(scope="module")
def stack():
    """A kernel of the stack generation, as the product has it."""
    return prepare("debian-5.10-686-pae", None, Quiet())


def pop_before_clear(kernel):
    """The order of 2.6.36, fixed by 20273941f213: an interrupt's map meets the old PTE."""
    (index,) = re.findall(
        r"^(\w+) \w __kmap_atomic_idx$", kernel.system_map.read_text(), re.MULTILINE
    )
    pop = "64 ff 0d " + bytes.fromhex(index)[::-1].hex(" ")
    clear = "c7 02 00 00 00 00 c7 42 04 00 00 00 00"
    return Bug(
        "a slot that is given back before it is empty (A5)",
        (
            Edit(
                "kunmap_atomic_high",
                f"89 e5 29 ca {clear}",
                f"29 ca {pop} 31 c9 89 0a 89 4a 04 90",
            ),
            Edit("kunmap_atomic_high", f"5d {pop} c3", "5d 0f 1f 80 00 00 00 00 c3"),
        ),
    )


def test_an_interrupt_within_the_unmap_finds_its_slot_in_use(stack, tmp_path, blinded):
    """The probe of the flush would see it too, at any unmap: it is not armed here."""
    blinded(Evidence.INVLPG)
    bug = pop_before_clear(stack.kernel)
    buggy = replace(stack, kernel=patched(stack.kernel, bug, tmp_path))
    result = judged(buggy, tmp_path, "instant-unmap")
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert first.operation.code.name == "KUNMAP_ATOMIC"
    assert any(
        why.startswith("interrupt-slot: an interrupt found 0xfff") for why in first.reasons
    ), first.reasons


NO_PIN = Bug(
    "mappings that do not pin their task (A18)",
    (
        Edit("migrate_disable", "64 8b 15 ?? ?? ?? ?? 0f b7", "c3 8b 15 ?? ?? ?? ?? 0f b7"),
        Edit("migrate_enable", "55 89 e5 57 56 53 64", "c3 89 e5 57 56 53 64"),
    ),
)
INHERITED = Bug(
    "children that inherit mappings (A25)",
    (Edit("kmap_local_fork", "85 d2 75 01 c3", "85 d2 90 90 c3"),),
)
UNCHECKED = Bug(
    "no check at the return to user mode (A32)",
    (
        Edit(
            "exit_to_user_mode_prepare",
            "8b 98 ?? ?? 00 00 85 db 75 ??",
            "8b 98 ?? ?? 00 00 85 db 90 90",
        ),
    ),
)


class Case(NamedTuple):
    """A bug, its scenario, and operation and rule of the first breach of the contract."""

    bug: Bug
    scenario: str
    code: OpCode
    rule: str


CASES = (
    Case(NO_PIN, "local-sent-away", OpCode.KMAP_LOCAL, "pinned"),
    Case(INHERITED, "local-fork", OpCode.FORK, "inherited"),
    Case(UNCHECKED, "local-user-mode", OpCode.NOP, "return-to-user"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.bug.what)
def test_what_comes_from_outside_is_judged(stock, tmp_path, case):
    buggy = replace(stock, kernel=patched(stock.kernel, case.bug, tmp_path))
    result = judged(buggy, tmp_path, case.scenario, smp=2, extra=IMPATIENT, throwaway=True)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next((one for one in result.divergences if one.layer is Layer.CONTRACT), None)
    assert first is not None, summary_of(result)
    assert first.operation.code is case.code, summary_of(result)
    assert any(why.startswith(case.rule) for why in first.reasons), first.reasons
