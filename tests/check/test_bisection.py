"""In 16 commits, of which one is bad and one does not build, a bisection names the bad one."""

import subprocess
import sys

import pytest

from harness.base.cache import Cache
from harness.base.progress import Quiet
from harness.check import bisection
from harness.check.bisection import Bisector, CommitVerdict, EndsError, JudgedCommit, step_lines
from harness.check.lane import Workload
from harness.guest.shape import Shape
from harness.patch.git import GitError
from harness.patch.scratch import open_scratch
from harness.run.programs import Plan
from tests.check.fakes import FakeBuilder, FakeJudge
from tests.patch.repository import commit, git_tree

BAD, BROKEN = 11, 8


@pytest.fixture
def history(tmp_path):
    """The repository, its base and 16 commits; git asks for the one that does not build first."""
    folder = tmp_path / "linux"
    folder.mkdir()
    git_tree(folder)
    kernels = ["broken" if n == BROKEN else "uncounted" if n >= BAD else "good" for n in range(17)]
    return folder, [
        commit(folder, f"change {n}", kernel=f"{text}\n") for n, text in enumerate(kernels)
    ]


def bisector(scratch, tmp_path):
    return Bisector(
        scratch,
        FakeBuilder(),
        "small",
        Workload(Shape(), Plan((), 1, 0)),
        tmp_path / "out",
        FakeJudge,
    )


def test_the_bad_commit_is_found(history, tmp_path):
    folder, commits = history
    with open_scratch(folder, Cache(tmp_path / "cache")) as scratch:
        found = bisector(scratch, tmp_path).bisect(commits[0], commits[-1], Quiet())
    assert found.culprits == (commits[BAD],)
    assert f'("change {BAD}")' in found.words
    assert found.steps[2].verdict is CommitVerdict.SKIP
    assert len(found.steps) <= 2 + 7


def test_a_commit_that_does_not_build_beside_the_bad_one_leaves_both(history, tmp_path):
    folder, _ = history
    good = commit(folder, "mended", kernel="good\n")
    first = commit(folder, "breaks the build", kernel="broken\n")
    last = commit(folder, "bad", kernel="uncounted\n")
    with open_scratch(folder, Cache(tmp_path / "cache")) as scratch:
        found = bisector(scratch, tmp_path).bisect(good, last, Quiet())
    assert set(found.culprits) == {first, last}
    assert found.words == ""


def test_ends_that_are_not_what_they_were_said_to_be(history, tmp_path):
    folder, commits = history
    with (
        open_scratch(folder, Cache(tmp_path / "cache")) as scratch,
        pytest.raises(EndsError, match=f"{commits[12][:12]} is not good: own breaks"),
    ):
        bisector(scratch, tmp_path).bisect(commits[12], commits[-1], Quiet())


def test_a_git_that_names_one_commit_again_does_not_keep_us(history, tmp_path, monkeypatch):
    folder, commits = history
    mute = subprocess.CompletedProcess([], 0, b"Bisecting: 3 revisions left", b"")
    real = bisection.attempt

    def attempt(source, *words):
        return mute if words[1] in {"good", "bad", "skip"} else real(source, *words)

    monkeypatch.setattr(bisection, "attempt", attempt)
    with (
        open_scratch(folder, Cache(tmp_path / "cache")) as scratch,
        pytest.raises(GitError, match="3 revisions left"),
    ):
        bisector(scratch, tmp_path).bisect(commits[0], commits[-1], Quiet())


def test_each_step_has_the_code_that_git_understands(history, tmp_path):
    folder, commits = history
    with open_scratch(folder, Cache(tmp_path / "cache")) as scratch:
        one = bisector(scratch, tmp_path)
        codes = []
        for number in (0, BROKEN, BAD):
            scratch.tree.settle(commits[number])
            codes.append(int(one.judge(commits[number], Quiet()).verdict))
    assert codes == [0, 125, 1]
    assert CommitVerdict.SKIP == 125


def test_a_tree_without_history_stops_git_bisect(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "harness", "bisect-step", "--tree", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128
    assert "is not the source of a kernel" in done.stderr


def test_why_a_commit_was_passed_over_is_in_its_line():
    lines = step_lines(
        [
            JudgedCommit(
                "c" * 40, CommitVerdict.SKIP, "does not build:\n    x.c:1: error: what\n    x.c:2"
            )
        ]
    )
    assert list(lines) == [f"skip  {'c' * 12}  does not build: x.c:1: error: what"]
    assert list(step_lines([JudgedCommit("c" * 40, CommitVerdict.SKIP, "")])) == [
        f"skip  {'c' * 12}  "
    ]
