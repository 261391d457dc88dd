"""Which machines and configurations a check judges, and what its report says of them."""

from pathlib import Path

import pytest

from harness.base import project
from harness.check.builder import settings, with_fragments
from harness.check.cell_choice import CellWishes, chosen_cells
from harness.check.comparison import PatchEffect
from harness.check.lane import Workload
from harness.check.risks import EXTRA_MOST, RISKS, Profile, places_of, risks_of
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape
from harness.patch.patch import Patch
from harness.report.cell_table import table_lines
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines, verdict_words
from harness.report.check_value import b4_value, check_value
from harness.run.programs import Plan
from tests.check.fakes import FakeJudge, checked

ARCH = "arch/x86"
PATCHES = project.SCENARIOS.parents[1] / "tests" / "check" / "patches"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMAP_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(FakeJudge, "runs", [])


def patch(file, line, *, heading="", context=""):
    diff = f"--- a/{file}\n+++ b/{file}\n@@ -1,2 +1,2 @@ {heading}\n {context}\n-{line}\n+b\n"
    return Patch("one.patch", diff.encode())


def places(*patches, profile=Profile.TOUCHED):
    return [one[:2] for one in places_of(patches, profile)]


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("mm/highmem.c", "spin_lock_irqsave(&pas->lock, flags);", [("debug+lockdep", "")]),
        (
            f"{ARCH}/kernel/e820.c",
            "memblock_remove(max_pfn);",
            [("", "memory=5120+reserve=16@1024")],
        ),
        (f"{ARCH}/mm/highmem_32.c", "#ifdef CONFIG_DEBUG_HIGHMEM", [("debug", "")]),
        ("mm/memory.c", "pte_unmap(orig_src_pte);", [("highpte", "")]),
        (f"{ARCH}/include/asm/pgtable-2level.h", "pte.pte_low = 0;", [("-pae+highmem", "")]),
        ("mm/highmem.c", "#ifdef CONFIG_X86_PAE", [("-pae+highmem", "")]),
        (f"{ARCH}/mm/pti.c", "pti_clone_pgtable();", [("pti", "pti")]),
        ("mm/highmem.c", "on_each_cpu(f);", [("", "smp=1")]),
        ("mm/highmem.c", "wake_up(w);", [("", "smp=4+parallel"), ("", "smp=1")]),
        ("mm/highmem.c", "pkmap_count[nr]--;", [("", "smp=4+parallel")]),
        ("mm/highmem.c", "set_current_state(TASK_UNINTERRUPTIBLE);", [("", "smp=4+parallel")]),
        ("mm/highmem.c", "#ifdef CONFIG_SMP", [("up", "")]),
        ("mm/highmem.c", "idx += KM_INCR;", [("debug", ""), ("guards", "")]),
        ("kernel/sched/core.c", "kmap_local_sched_out();", [("guards", "")]),
        (f"{ARCH}/mm/iomap_32.c", "pagefault_disable();", [("rt", "")]),
        (f"{ARCH}/mm/iomap_32.c", "memtype_free_io(a, b);", [("pat", "cpu=core2duo")]),
        (f"{ARCH}/include/asm/iomap.h", "void iomap_free(int a);", [("pat", "cpu=core2duo")]),
        ("mm/highmem.c", "return vaddr;", []),
        ("fs/exec.c", "spin_lock(&lock);", []),
    ],
)
def test_the_table_says_where_a_line_can_show(file, line, expected):
    assert places(patch(file, line)) == expected


def test_every_row_of_the_table_has_a_line_here():
    """A row that nothing matches would never be judged by default."""
    mark = next(one for one in test_the_table_says_where_a_line_can_show.pytestmark if one.args[1])
    seen = {place for _, _, expected in mark.args[1] for place in expected}
    assert {one.place[:2] for one in RISKS} == seen


def test_only_what_changes_counts_and_the_heading_of_its_hunk():
    assert places(patch("mm/highmem.c", "x", context="spin_lock(&kmap_lock);")) == []
    assert places(patch("mm/highmem.c", "x", heading="void kmap_ctrl_wake(")) == [
        ("guards", ""), ("", "smp=1"), ("rt", ""),
    ]  # fmt: skip


def test_a_header_that_everything_includes_asks_for_no_configuration():
    touched = patch("include/linux/highmem-internal.h", "preempt_disable(); wake_up(x);")
    assert places(touched) == [("", "smp=1")]
    assert {one.config for one in risks_of([touched])} >= {"debug+lockdep", "rt"}


def test_a_check_adds_so_many_cells_and_thorough_has_them_all():
    lines = ("spin_lock(x);", "PAE", "wake_up(x);", "CONFIG_SMP")
    touched = [patch("mm/highmem.c", line) for line in lines]
    assert len(cells(CellWishes("pae"), *touched)[0]) == 1 + EXTRA_MOST
    assert places(*touched, profile=Profile.QUICK) == []
    assert len(places(*touched, profile=Profile.THOROUGH)) == len(RISKS)


def test_what_another_configuration_holds_is_not_built_twice():
    both = patch("mm/highmem.c", "spin_lock(x);"), patch("mm/highmem.c", "BUG_ON(x);")
    assert places(*both) == [("debug+lockdep", "")]


@pytest.mark.parametrize("risk", RISKS, ids=lambda one: one.place.words.partition(":")[0])
def test_every_place_is_a_machine_and_fragments_that_there_are(risk):
    parse_shape(risk.place.machine.replace("+", ","))
    known = {one.stem for one in project.KERNEL_FRAGMENTS.glob("*.config")}
    assert {one.lstrip("-") for one in risk.place.config.split("+") if one} <= known


@pytest.mark.parametrize(
    ("config", "more", "expected"),
    [
        ("pae", "", "pae"),
        ("pae", "debug+lockdep", "pae+debug+lockdep"),
        ("6.1-pae", "debug", "pae+debug"),
        ("7.3-pae", "guards", "pae+guards"),
        ("5.10-pae-debug", "debug", ""),
        ("pae", "-pae+highmem", "highmem"),
        ("6.1", "-pae+highmem", ""),
    ],
)
def test_a_configuration_takes_more_fragments(config, more, expected):
    assert with_fragments(config, more) == expected


def test_a_config_file_takes_no_fragments(tmp_path):
    file = tmp_path / "the.config"
    file.write_text("")
    assert with_fragments(str(file), "debug") == ""


def tree_of(tmp_path, **texts):
    files = {
        f"{ARCH}/Kconfig": "", "lib/Kconfig.debug": "", "fs/proc/Kconfig": "", **texts,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_tree_gets_the_fragments_of_its_age(tmp_path):
    new, _ = settings("pti", tree_of(tmp_path))
    assert new["CONFIG_MITIGATION_PAGE_TABLE_ISOLATION"] == "y"
    assert (new["CONFIG_PROC_SYSCTL"], new["CONFIG_SYSCTL"]) == ("n", "y")
    words = {
        f"{ARCH}/Kconfig": "config PAGE_TABLE_ISOLATION", "fs/proc/Kconfig": "config PROC_SYSCTL"
    }  # fmt: skip
    old, _ = settings("pti", tree_of(tmp_path, **words))
    assert (old["CONFIG_PAGE_TABLE_ISOLATION"], old["CONFIG_PROC_SYSCTL"]) == ("y", "y")


def cells(wishes, *patches):
    workload = Workload(Shape(), Plan((), 1, 4000))
    found, left = chosen_cells(wishes, patches, workload, Plan((), 1, 10))
    return [(one.config, one.machine) for one in found], [one.config for one in left]


LOCKS = patch("mm/highmem.c", "spin_lock(x); wake_up(x); CONFIG_SMP")


def test_the_cells_are_the_user_s_own_and_the_tables():
    found, left = cells(CellWishes("pae"), LOCKS)
    assert found == [("pae", ""), ("pae", "smp=4+parallel"), ("pae+debug+lockdep", "")]
    assert left == ["", "up"]
    named = CellWishes("pae", ("pae", "highmem"), ("usual", "smp=1+pti"))
    assert cells(named, LOCKS)[0] == [
        ("pae", ""), ("pae", "smp=1+pti"), ("highmem", ""), ("highmem", "smp=1+pti"),
    ]  # fmt: skip
    assert cells(CellWishes("pae", ("guards",)), LOCKS)[0] == [
        ("guards", ""), ("guards", "smp=4+parallel"), ("guards", "smp=1"),
    ]  # fmt: skip
    assert cells(CellWishes("pae", profile=Profile.QUICK), LOCKS)[0] == [("pae", "")]


def test_a_machine_that_is_none_is_refused():
    with pytest.raises(UsageError, match="cpus"):
        cells(CellWishes("pae", machines=("cpus=3",)))


def two(tmp_path, *, on_one, base_on_one="good"):
    """A check on two machines; on the second the kernels are others."""

    def judging(prepared, workload, out, progress):
        other = {"good": base_on_one, "good2": on_one} if workload.shape.smp == 1 else {}
        return FakeJudge(other.get(prepared, prepared), workload, out, progress)

    return checked(tmp_path, "good", "good2", machines=("smp=1",), judging=judging)


def test_the_worst_machine_decides_and_each_is_told(tmp_path, monkeypatch):
    result = two(tmp_path, on_one="uncounted")
    assert (result.change, result.exit_code) == (PatchEffect.NEWLY_FAILING, 1)
    assert list(table_lines(result)) == [
        "",
        "config  machine  verdict        because",
        "small   usual    unchanged",
        "small   smp=1    newly failing  a reason",
    ]
    text = "\n".join(check_lines(result))
    assert "config      small, smp=1: 6.1.0" in text
    assert "--configs small --machines smp=1 --scenario own.kmap" in " ".join(text.split())
    value = check_value(result)["configs"]
    assert [(one["machine_words"], one["change"]) for one in value] == [
        ("", "unchanged"), ("smp=1", "newly failing"),
    ]  # fmt: skip
    assert [one["status"] for one in b4_value((result,))] == ["pass", "fail"]
    assert "small, smp=1" in mail_text(result)


def test_logs_of_two_machines_lie_apart(tmp_path, monkeypatch):
    outs = []

    def judging(prepared, workload, out, progress):
        outs.append(out)
        return FakeJudge(prepared, workload, out, progress)

    checked(tmp_path, "good", "good2", machines=("smp=1",), judging=judging)
    assert len(set(outs)) == 4


def test_a_kernel_is_built_once_for_all_of_its_machines(tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(
        "tests.check.fakes.FakeBuilder.prepare",
        lambda self, kernel, source, progress: (built.append(kernel) or kernel, False),
    )
    two(tmp_path, on_one="good2")
    assert built == ["good", "good2"]


def test_the_base_is_kept_for_each_machine(tmp_path, monkeypatch):
    two(tmp_path, on_one="good2")
    result = two(tmp_path, on_one="uncounted")
    assert [one.base_was_kept for one in result.configs] == [True, True]
    assert FakeJudge.runs.count("good") == 2


def test_a_machine_that_the_base_does_not_boot_on_is_left_out(tmp_path, monkeypatch):
    result = two(tmp_path, on_one="good2", base_on_one="no-boot")
    assert (result.change, result.exit_code) == (PatchEffect.UNCHANGED, 0)
    assert list(table_lines(result))[-1] == ("small   smp=1    left out   the base does not boot")
    assert verdict_words(result).startswith("UNCHANGED")
    assert [one["tool"] for one in b4_value((result,))] == ["kmap-harness small"]


def test_real_patches_are_judged_where_they_show():
    """The configuration of each that its text names, as far as a check can choose it."""
    shows = {
        "5.10/kunmap-atomic-pops-first": ("debug", ""),
        "6.1/iomap-base-in-32-bits": ("pat", "cpu=core2duo"),
        "6.1/mremap-pte-unmap-order": ("highpte", ""),
        "6.1/sched-out-guards-not-skipped": ("guards", ""),
    }
    for name, place in shows.items():
        file = Path(PATCHES / "real" / f"{name}.patch")
        assert place in places(Patch(name, file.read_bytes())), name
