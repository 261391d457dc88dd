"""Stock kernels with a bug put into their text: each is found, at its step, as a breach of the contract."""

import re
from dataclasses import replace
from typing import NamedTuple

import pytest

from harness.compare.divergence import Layer, Verdict
from harness.guest import patience
from harness.model.operation import OpCode

from .bench import judged, summary_of, written
from .patched import Bug, Edit, patched

pytestmark = pytest.mark.guest

IMPATIENT = ("kmh.params=patience_ms=1500",)


class Case(NamedTuple):
    """A bug, the scenario that shows it, and the step and rule of the first breach of the contract."""

    bug: Bug
    scenario: str
    step: int
    code: OpCode
    rule: str


REUSE = """title: every slot twice
tasks: a@0
pages: high N+2
for i in 0..N+1 { a: m0 = kmap h[i]; a: kunmap h[i] }
"""
RE_KMAP = """title: a second user
tasks: a@0
pages: high 1
a: m0 = kmap h0
a: m0 = kmap h0
a: kunmap h0
a: kunmap h0
"""
WAIT = """title: one waits for a slot
tasks: a@0 b@CPUS-1
pages: high N+1
for i in 0..N-1 { a: m[i] = kmap h[i] }
b: m[N] = kmap h[N]
a: kunmap h[N/2]
b: kunmap h[N]
for i in 0..N/2-1 { a: kunmap h[i] }
for i in N/2+1..N-1 { a: kunmap h[i] }
"""
HOLD = """title: more than half of the slots held
tasks: a@0
pages: high N/2+2
for i in 0..N/2+1 { a: m[i] = kmap h[i] }
for i in 0..N/2+1 { a: kunmap h[i] }
"""

NO_FLUSH = Case(
    Bug(
        "no TLB flush of pkmaps (P6)",
        (Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 08", "85 c0 66 90 83 c4 08"),),
    ),
    REUSE,
    step=1024,  # a flush may come late: the breach is not the wrap at 1022, but the second use of slot 1
    code=OpCode.KMAP,
    rule="reuse-unflushed",
)
NO_COUNT = Case(
    Bug(
        "a re-kmap that is not counted (P17)",
        (
            Edit("kmap_high", "83 c0 01 89 04 95", "83 c0 00 89 04 95"),
            Edit("kmap_high", "c7 04 9d ?? ?? ?? ?? 01 00 00 00", "c7 04 9d ?? ?? ?? ?? 02 00 00 00"),
        ),
    ),
    RE_KMAP,
    step=1,
    code=OpCode.KMAP,
    rule="users",
)
WIDE_CURSOR = Case(
    Bug(
        "a cursor that does not wrap at LAST_PKMAP (P12)",
        (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 03 00 00"),),
    ),
    REUSE,
    step=1022,  # the 512th slot is taken from behind the array
    code=OpCode.KMAP,
    rule="",  # what lies behind the array decides whether the task dies or its counts go wild
)
NO_RESTORE = Case(
    Bug(
        "windows not restored at switch-in (A20)",
        (Edit("__kmap_local_sched_in", "85 c0 7e ??", "85 c0 eb ??"),),
    ),
    "local-sleep",
    step=6,
    code=OpCode.SLEEP,
    rule="own-entry",
)
NO_WAKE = Case(
    Bug("no wake-up of waiters (P20)", (Edit("kunmap_high", "83 fa 01 75 ??", "83 fa 01 eb ??"),)),
    WAIT,
    step=513,
    code=OpCode.KUNMAP,
    rule="asleep",
)


def with_bug(stock, bug, folder):
    return replace(stock, kernel=patched(stock.kernel, bug, folder))


def scenario_of(text, folder):
    return written(folder, text) if "\n" in text else text


@pytest.mark.parametrize(
    "case", [NO_FLUSH, NO_COUNT, WIDE_CURSOR, NO_RESTORE, NO_WAKE], ids=lambda case: case.bug.what
)
def test_a_seeded_bug_is_a_breach_of_the_contract(stock, tmp_path, case):
    buggy = with_bug(stock, case.bug, tmp_path)
    result = judged(buggy, tmp_path, scenario_of(case.scenario, tmp_path), extra=IMPATIENT)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert (first.step, first.operation.code) == (case.step, case.code), summary_of(result)
    assert any(reason.startswith(case.rule) for reason in first.reasons), first.reasons
    assert f"step {case.step}: " in summary_of(result)


def test_the_same_scenarios_agree_on_the_kernel_as_it_is(stock, tmp_path):
    """What is found above is the seeded bug."""
    own = [written(tmp_path, text, str(n)) for n, text in enumerate((REUSE, RE_KMAP, HOLD, WAIT))]
    result = judged(stock, tmp_path, *own, "local-sleep")
    assert result.verdict is Verdict.AGREE, summary_of(result)


@pytest.fixture
def impatient(monkeypatch):
    """Hangs are told after seconds, not after half a minute."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 3.0)
    monkeypatch.setattr(patience, "STEP_SECONDS", 0.002)


LOOPS = Bug(
    "a loop with interrupts off before the flush at the wrap",
    (Edit("kmap_high", "e8 ?? ?? ?? ?? 8b 0d ?? ?? ?? ?? 85 c9", "fa eb fe 90 90 8b 0d ?? ?? ?? ?? 85 c9"),),
)
SPINS = Bug("a scan that never ends (P27)", (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 00 00 00"),))


def test_a_loop_with_interrupts_off_names_step_and_place(stock, tmp_path, impatient):
    result = judged(with_bug(stock, LOOPS, tmp_path), tmp_path, written(tmp_path, REUSE))
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
    assert "own:4 step 1022: a: m0 = kmap h511" in result.crash
    assert "looping with interrupts off; CPU 0 at 0x" in result.crash
    assert "the kernel crashed or hung" in summary_of(result)


def test_a_spinning_kmap_names_step_and_place(stock, tmp_path, impatient):
    result = judged(with_bug(stock, SPINS, tmp_path), tmp_path, written(tmp_path, HOLD))
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
    assert "own:4 step 256: a: m256 = kmap h256" in result.crash
    assert "CPU 0 at 0x" in result.crash


def test_a_kernel_that_panics_at_boot_is_told_with_its_last_words(stock, tmp_path):
    """kunmap_local() without INVLPG (A7) corrupts memory long before the module is there."""
    bug = Bug(
        "no INVLPG (A7)",
        (Edit("kunmap_local_indexed", "89 d8 e8 ?? ?? ?? ?? 64 a1", "89 d8 0f 1f 44 00 00 64 a1"),),
    )
    result = judged(with_bug(stock, bug, tmp_path), tmp_path, "pkmap-wait")
    assert (result.verdict, result.exit_code, result.steps) == (Verdict.ERROR, 3, 0)
    assert re.search(r"(?s)error +the kernel did not boot: .*Kernel panic.*console:", summary_of(result))
