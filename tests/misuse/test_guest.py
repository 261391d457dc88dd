"""Broken rules on real kernels: a stock kernel reports them, one that lost a check does not."""

from typing import NamedTuple

import pytest

from harness.base.progress import Quiet
from harness.guest.shape import Shape
from harness.misuse.case_judge import CaseOutcome, judge_case
from harness.misuse.case_runner import case_runner
from harness.misuse.misuse_case import cases
from harness.run import main_job
from harness.run.prepare import prepare
from tests.acceptance.patched import Bug, Edit, with_bug

pytestmark = pytest.mark.guest

KERNEL = "debian-6.1-686-pae"


@pytest.mark.parametrize("kernel", ["debian-5.10-686-pae"])
def test_a_stock_kernel_says_what_the_table_has(kernel, tmp_path):
    run = case_runner(prepare(kernel, None, Quiet()), Shape(), tmp_path)
    judged = [judge_case(case, run) for case in cases()]
    wrong = [
        one
        for one in judged
        if one.outcome not in (CaseOutcome.EXPECTED, CaseOutcome.NOT_APPLICABLE)
    ]
    assert wrong == []
    assert sum(one.outcome is CaseOutcome.EXPECTED for one in judged) >= 9


class Lost(NamedTuple):
    """A kernel that lost a check, or gained one, and what the case says of it."""

    case: str
    bug: Bug
    told: str | tuple[str, ...]


LOST = (
    Lost(
        "kunmap-twice",
        Bug(
            "no BUG at count 0 (P19)",
            (Edit("kunmap_high", "85 d2 74 ?? 83 fa 01", "85 d2 66 90 83 fa 01"),),
        ),
        "not said: ^kernel BUG",
    ),
    Lost(
        "local-overflow",
        Bug(
            "no limit of the depth (A10)",
            (
                Edit(
                    "__kmap_local_pfn_prot",
                    "83 ba ?? ?? 00 00 0f 0f 8f ?? ?? ?? ??",
                    "83 ba ?? ?? 00 00 0f 66 0f 1f 44 00 00",
                ),
            ),
        ),
        "not said: ^kernel BUG",
    ),
    Lost(
        "local-wrong-order",
        Bug(
            "no warning of the wrong order (A11)",
            (
                Edit(
                    "kunmap_local_indexed",
                    "39 d3 0f 85 ?? ?? ?? ?? 89 c8",
                    "39 d3 66 0f 1f 44 00 00 89 c8",
                ),
            ),
        ),
        "not said: ^WARNING",
    ),
    Lost(
        "local-foreign",
        Bug(
            "a warning of direct map addresses",
            (Edit("kunmap_local_indexed", "81 fb ff ff ff bf 76", "81 fb ff ff ff ff 76"),),
        ),
        ("said while it booted: WARNING", "said: WARNING"),
    ),
    Lost(
        "slot-in-use",
        Bug(
            "no look at the PTE before it is written (A9)",
            (Edit("__kmap_local_pfn_prot", "09 ca 0f 85 ?? ?? ?? ??", "09 ca 66 0f 1f 44 00 00"),),
        ),
        "not said: ^kernel BUG",
    ),
    Lost(
        "fork-mapped",
        Bug(
            "no look at what a child inherits (A25)",
            (Edit("kmap_local_fork", "85 d2 75 01 c3", "85 d2 90 90 c3"),),
        ),
        "not said: ^WARNING",
    ),
    Lost(
        "user-mode-mapped",
        Bug(
            "no look at the mappings at the return to user mode (A32)",
            (
                Edit(
                    "exit_to_user_mode_prepare",
                    "8b 98 ?? ?? 00 00 85 db 75 ??",
                    "8b 98 ?? ?? 00 00 85 db 90 90",
                ),
            ),
        ),
        "not said: ^WARNING",
    ),
)


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.bug.what)
def test_a_kernel_that_lost_a_check_differs_from_the_table(lost, tmp_path, monkeypatch):
    prepared = prepare(KERNEL, None, Quiet())
    monkeypatch.setattr(main_job, "start", with_bug(prepared.kernel, lost.bug))
    (case,) = [one for one in cases() if one.id == lost.case]
    judged = judge_case(case, case_runner(prepared, Shape(), tmp_path))
    assert judged.outcome is CaseOutcome.DIVERGES, judged
    assert any(one.startswith(lost.told) for one in judged.wrong), judged
