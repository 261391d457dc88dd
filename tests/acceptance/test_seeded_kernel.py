"""Bugs that make a kernel hang or not boot are reported with step and place."""

import re
from dataclasses import replace

import pytest

from harness.compare.divergence import Verdict
from harness.guest import patience
from harness.guest.template import start

from .bench import judged, summary_of, written
from .broken import RE_KMAP, REUSE, WAIT, WAIT_SAME
from .patched import Bug, Edit, patched, with_bug

pytestmark = pytest.mark.guest


HOLD = """title: more than half of the slots held
tasks: a@0
pages: high N/2+2
for i in 0..N/2+1 { a: m[i] = kmap h[i] }
for i in 0..N/2+1 { a: kunmap h[i] }
"""

TEXTS = (REUSE, RE_KMAP, HOLD, WAIT, WAIT_SAME)


def test_the_same_scenarios_agree_on_the_kernel_as_it_is(stock, tmp_path):
    """What is found here, and in the catalogue, is the seeded bug."""
    own = [written(tmp_path, text, str(n)) for n, text in enumerate(TEXTS)]
    result = judged(stock, tmp_path, *own, "local-sleep", launch=start)
    assert result.verdict is Verdict.AGREE, summary_of(result)


@pytest.fixture
def impatient(monkeypatch):
    """Hangs are told after seconds, not after half a minute."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 3.0)
    monkeypatch.setattr(patience, "STEP_SECONDS", 0.002)


LOOPS = Bug(
    "a loop with interrupts off before the flush at the wrap",
    (
        Edit(
            "kmap_high",
            "e8 ?? ?? ?? ?? 8b 0d ?? ?? ?? ?? 85 c9",
            "fa eb fe 90 90 8b 0d ?? ?? ?? ?? 85 c9",
        ),
    ),
)
SPINS = Bug(
    "a scan that never ends (P27)", (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 00 00 00"),)
)


def test_a_loop_with_interrupts_off_names_step_and_place(stock, tmp_path, impatient):
    result = judged(
        stock, tmp_path, written(tmp_path, REUSE), launch=with_bug(stock.kernel, LOOPS)
    )
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
    assert "own:4 step 1022: a: m0 = kmap h511" in result.crash
    assert "looping with interrupts off; CPU 0 at 0x" in result.crash
    assert "the kernel crashed or hung" in summary_of(result)


def test_a_spinning_kmap_names_step_and_place(stock, tmp_path, impatient):
    result = judged(stock, tmp_path, written(tmp_path, HOLD), launch=with_bug(stock.kernel, SPINS))
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
    assert "own:4 step 256: a: m256 = kmap h256" in result.crash
    assert "CPU 0 at 0x" in result.crash


def test_a_kernel_that_panics_at_boot_is_told_with_its_last_words(stock, tmp_path):
    """kunmap_local() without INVLPG (A7) corrupts memory long before the module is there."""
    bug = Bug(
        "no INVLPG (A7)",
        (
            Edit(
                "kunmap_local_indexed", "89 d8 e8 ?? ?? ?? ?? 64 a1", "89 d8 0f 1f 44 00 00 64 a1"
            ),
        ),
    )
    result = judged(
        replace(stock, kernel=patched(stock.kernel, bug, tmp_path)), tmp_path, "pkmap-wait"
    )
    assert (result.verdict, result.exit_code, result.steps) == (Verdict.ERROR, 3, 0)
    assert re.search(
        r"(?s)error +the kernel did not boot: .*Kernel panic.*console:", summary_of(result)
    )
