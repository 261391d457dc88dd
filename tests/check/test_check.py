"""Every verdict of a check, on kernels that are the model with one fault each."""

from dataclasses import replace

import pytest

from harness.check.check_result import Stage
from harness.check.checked_program import CRASH, CheckedKind, CheckedProgram, Finding
from harness.check.comparison import PatchEffect, compare
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines, verdict_words
from tests.check.fakes import WRONGS, FakeJudge, checked


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMAP_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(FakeJudge, "runs", [])


@pytest.mark.parametrize(
    ("base", "patched", "change", "code"),
    [
        ("good", "good2", PatchEffect.UNCHANGED, 0),
        ("good", "uncounted", PatchEffect.NEWLY_FAILING, 1),
        ("uncounted", "good", PatchEffect.NEWLY_PASSING, 0),
        ("uncounted", "uncounted ", PatchEffect.STILL_FAILING, 0),
        ("good", "reordered", PatchEffect.BEHAVIOUR_CHANGED, 0),
        ("reordered", "good", PatchEffect.BEHAVIOUR_CHANGED, 0),
        ("good", "crashing", PatchEffect.NEWLY_FAILING, 1),
        ("good", "warning", PatchEffect.NEWLY_FAILING, 1),
        ("warning", "uncounted", PatchEffect.NEWLY_FAILING, 1),
        ("good", "dead-wire", PatchEffect.CANNOT_JUDGE, 2),
        ("dead-wire", "good", PatchEffect.CANNOT_JUDGE, 2),
        ("dead-wire", "uncounted", PatchEffect.CANNOT_JUDGE, 2),
    ],
)
def test_the_verdict(tmp_path, base, patched, change, code):
    result = checked(tmp_path, base, patched)
    assert (result.change, result.exit_code) == (change, code), result.configs


def test_a_file_that_no_configuration_compiles_is_named(tmp_path):
    result = checked(tmp_path, "good", "good2")
    without = replace(result.configs[0], not_compiled=("mm/ksm.c",))
    alone = replace(result, configs=(without,))
    assert verdict_words(alone).endswith("; mm/ksm.c is compiled in none of them")
    assert "not built   mm/ksm.c: this configuration has no object of it" in check_lines(alone)
    both = replace(result, configs=(without, *result.configs))
    assert verdict_words(both) == verdict_words(result)


def test_changed_behaviour_is_a_failure_with_strict_only(tmp_path):
    assert checked(tmp_path, "good", "reordered").exit_code == 0
    strict = checked(tmp_path, "good", "reordered", strict=True)
    assert strict.exit_code == 1
    assert verdict_words(strict).endswith("; with --strict a failure")


@pytest.mark.parametrize(
    ("base", "patched", "which", "stage", "words"),
    [
        (
            "good",
            "broken",
            "patched kernel",
            Stage.BUILD,
            "mm/highmem.c:12:3: error: expected ';'",
        ),
        ("broken", "good", "base", Stage.BUILD, "mm/highmem.c:12:3: error: expected ';'"),
        ("good", "misconfigured", "patched kernel", Stage.CONFIGURE, "asked for y, got n"),
        (
            "good",
            "no-module",
            "patched kernel",
            Stage.MODULE,
            "implicit declaration of function 'kmap'",
        ),
        ("good", "no-boot", "patched kernel", Stage.BOOT, "Kernel panic"),
        ("good", "more-slots", "patched kernel", Stage.MACHINE, "LAST_PKMAP is 2048"),
        ("no-boot", "good", "base", Stage.BOOT, "Kernel panic"),
    ],
)
def test_what_cannot_be_judged_is_said_with_the_lines_that_show_why(
    tmp_path, base, patched, which, stage, words
):
    result = checked(tmp_path, base, patched)
    failure = result.configs[0].failure
    assert (result.change, result.exit_code) == (PatchEffect.CANNOT_JUDGE, 2)
    assert (failure.which, failure.stage) == (which, stage)
    assert words in "\n".join(failure.lines)


@pytest.mark.parametrize(
    ("patched", "line"),
    [
        ("dies-here", "mm/highmem.c:566 kunmap_local_indexed"),
        ("dies-in-the-patch", "of_the_patch (kernel:12)"),
    ],
)
def test_a_boot_that_this_code_ends_is_newly_failing(tmp_path, patched, line):
    result = checked(tmp_path, "good", patched)
    assert (result.change, result.exit_code) == (PatchEffect.NEWLY_FAILING, 1)
    (one,) = result.of(PatchEffect.NEWLY_FAILING)
    assert (one.program, one.tried, one.confirmed) == ("the boot", 1, 1)
    assert line in "\n".join(check_lines(result))


def test_a_boot_that_other_code_ends_cannot_be_judged(tmp_path):
    result = checked(tmp_path, "good", "dies-elsewhere")
    assert (result.change, result.exit_code) == (PatchEffect.CANNOT_JUDGE, 2)


def test_the_logs_of_a_config_file_lie_in_the_folder_of_the_check(tmp_path):
    outs = []

    class Judge(FakeJudge):
        def __init__(self, prepared, workload, out, progress):
            super().__init__(prepared, workload, out, progress)
            outs.append(out)

    checked(tmp_path, "good", "good2", configs=("/boot/the.config",), judging=Judge)
    assert [one.name for one in outs] == ["base", "patched"]
    assert {one.parent.parent for one in outs} == {tmp_path / "out"}


def test_a_program_that_did_not_run_says_why():
    agreed = CheckedProgram("random-1-0", CheckedKind.AGREE)
    died = CheckedProgram("own", CheckedKind.CONTRACT, broken=(Finding(CRASH, "own", 1),))
    calm = replace(died, kind=CheckedKind.AGREE, broken=())
    found = compare("c", [agreed, calm], [died])
    assert "a guest ended in own" in next(one.why for one in found if one.program == "random-1-0")


def test_a_base_is_judged_once(tmp_path):
    first = checked(tmp_path, "good", "uncounted")
    second = checked(tmp_path, "good", "reordered")
    assert FakeJudge.runs == ["good", "uncounted", "reordered"]
    assert [one.configs[0].base_was_kept for one in (first, second)] == [False, True]
    assert first.configs[0].base == second.configs[0].base


def test_a_base_that_could_not_be_judged_is_tried_again(tmp_path):
    checked(tmp_path, "no-boot", "good")
    checked(tmp_path, "no-boot", "good")
    assert FakeJudge.runs.count("no-boot") == 2


def test_a_newly_failing_scenario_is_run_again_alone(tmp_path):
    (one,) = checked(tmp_path, "good", "uncounted").of(PatchEffect.NEWLY_FAILING)
    assert (one.tried, one.confirmed, one.after) == (1, 1, None)


@pytest.mark.parametrize(
    ("after", "seen", "words"),
    [
        ("uncounted", True, "it needs the state that they leave"),
        ("good", False, "seen once: not again alone, and not after the same programs"),
    ],
)
def test_what_does_not_fail_alone_runs_again_after_the_others(
    tmp_path, monkeypatch, after, seen, words
):
    monkeypatch.setattr(FakeJudge, "alone", "good")
    monkeypatch.setattr(FakeJudge, "after", after)
    result = checked(tmp_path, "good", "uncounted")
    (one,) = result.of(PatchEffect.NEWLY_FAILING)
    assert (one.tried, one.confirmed, one.after) == (1, 0, seen)
    assert words in "\n".join(check_lines(result))


def test_what_the_kernel_said_first_is_shown_once(tmp_path):
    lines = list(check_lines(checked(tmp_path, "good", "warning")))
    assert [line.strip() for line in lines].count("a") == 1


def test_the_report_shows_the_first_message_beside_a_broken_rule(tmp_path, monkeypatch):
    monkeypatch.setitem(WRONGS, "both", WRONGS["uncounted"] | WRONGS["warning"])
    lines = [line.strip() for line in check_lines(checked(tmp_path, "good", "both"))]
    assert lines[lines.index("the kernel said first:") + 1 :][:2] == ["a", "b"]


@pytest.mark.parametrize(
    ("patched", "words"),
    [("uncounted", "--scenario own.kmap"), ("reordered", "--seed 1 --steps 0")],
)
def test_the_command_by_hand_runs_what_is_newly_failing(tmp_path, patched, words):
    """Without a newly failing scenario the command repeats the whole check."""
    assert (
        checked(tmp_path, "good", patched)
        .configs[0]
        .reproduce.endswith(f"--configs small {words}")
    )


def test_a_verdict_that_is_none_says_what_failed(tmp_path):
    assert (
        verdict_words(checked(tmp_path, "good", "broken"))
        == "CANNOT JUDGE: the patched kernel does not build"
    )
    assert (
        verdict_words(checked(tmp_path, "no-boot", "good"))
        == "CANNOT JUDGE: the base does not boot"
    )


@pytest.mark.parametrize("patched", ["broken", "no-boot"])
def test_a_failure_can_be_seen_again_by_hand(tmp_path, patched):
    result = checked(tmp_path, "good", patched)
    assert "by hand:\n    kmap-harness check --tree" in "\n".join(check_lines(result))
    assert "again:\n  kmap-harness check --tree . " in mail_text(result)


def test_nothing_is_built_for_a_patch_that_does_not_apply(tmp_path, monkeypatch):
    """A base in another configuration takes minutes."""
    built = []
    monkeypatch.setattr(
        "tests.check.fakes.FakeBuilder.build", lambda self, *all_of_it: built.append(all_of_it)
    )
    monkeypatch.setattr("tests.check.fakes.FakeTree.settle", lambda self, content: None)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/kernel").write_text("another\n")
    result = checked(tmp_path, "good", "good2", machines=("smp=1",))
    assert [one.failure.stage for one in result.configs] == [Stage.APPLY, Stage.APPLY]
    assert (result.exit_code, built) == (2, [])


@pytest.mark.parametrize(("first", "judged"), [(False, 2), (True, 1)])
def test_a_check_for_the_first_failure_ends_with_the_machine_that_shows_it(
    tmp_path, first, judged
):
    result = checked(tmp_path, "good", "uncounted", machines=("smp=1",), first=first)
    assert (len(result.configs), result.exit_code) == (judged, 1)
    spared = ("small, smp=1: a program before it is newly failing",)
    assert result.left_out == (spared if first else ())
    assert any("--first" in one for one in result.notes) is first


def test_a_check_for_the_first_failure_compares_what_ran(tmp_path, monkeypatch):
    whole = FakeJudge.judgement

    def judgement(judge):
        found = whole(judge)
        other = CheckedProgram("another", CheckedKind.AGREE)
        return found if judge.workload.first else replace(found, programs=(*found.programs, other))

    monkeypatch.setattr(FakeJudge, "judgement", judgement)
    result = checked(tmp_path, "good", "uncounted", first=True)
    assert [one.program for one in result.configs[0].comparisons] == ["own"]


@pytest.mark.parametrize("base", ["warning", "uncounted"])
def test_where_the_base_fails_every_program_runs(tmp_path, base):
    asked = []

    class Judge(FakeJudge):
        def __init__(self, prepared, workload, out, progress):
            super().__init__(prepared, workload, out, progress)
            asked.append(workload.first)

    checked(tmp_path, base, "uncounted ", first=True, judging=Judge)
    assert asked == [False, False]
