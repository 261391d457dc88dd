"""Scratch trees: patched again and again, while the user's tree stays as it is."""

import subprocess

import pytest

from harness.base.cache import Cache
from harness.errors import UsageError
from harness.patch.apply import DoesNotApplyError
from harness.patch.gittree import applied_in, local_changes
from harness.patch.patch import Patch
from harness.patch.scratch import open_scratch

from .repository import commit, diff, git, git_tree, plain_tree


def state(tree):
    """Every file of a tree with its content and time."""
    files = (path for path in tree.rglob("*") if path.is_file())
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes()) for path in files
    }


@pytest.fixture(params=[plain_tree, git_tree], ids=["plain", "git"])
def tree(request, tmp_path):
    folder = tmp_path / "linux"
    folder.mkdir()
    return request.param(folder)


def patch(old, new, name="kernel"):
    return Patch("p", diff(old, new, name).encode())


def test_patches_come_and_go_and_the_users_tree_stays(tree, tmp_path):
    before = state(tree)
    with open_scratch(tree, Cache(tmp_path / "cache")) as scratch:
        base = scratch.base("")
        scratch.settle(base, [patch("good", "first"), patch("first", "second")])
        assert (scratch.source / "kernel").read_text() == "second\n"
        new = Patch("n", b"--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+x\n")
        scratch.settle(base, [new])
        assert (scratch.source / "kernel").read_text() == "good\n"
        (scratch.objects("pae") / "vmlinux").write_text("built")
        scratch.settle(base)
        assert not (scratch.source / "new.c").exists()
        assert (scratch.objects("pae") / "vmlinux").exists()
    assert state(tree) == before


def test_files_that_no_patch_touches_keep_their_time(tree, tmp_path):
    """Make compiles by it; a file that was put back is newer than its object."""
    with open_scratch(tree, Cache(tmp_path / "cache")) as scratch:
        base = scratch.base("")
        scratch.settle(base, [patch("good", "first")])
        kept, changed = (
            (scratch.source / name).stat().st_mtime_ns for name in ("mm/highmem.c", "kernel")
        )
        scratch.settle(base)
        assert (scratch.source / "mm/highmem.c").stat().st_mtime_ns == kept
        assert (scratch.source / "kernel").stat().st_mtime_ns > changed


def test_a_patch_that_does_not_fit_shows_both_sides(tree, tmp_path):
    with (
        open_scratch(tree, Cache(tmp_path / "cache")) as scratch,
        pytest.raises(DoesNotApplyError) as raised,
    ):
        scratch.settle(scratch.base(""), [patch("other", "first")])
    said = str(raised.value)
    assert "patch failed: kernel:1" in said
    assert "-other" in said
    assert "1: good" in said


def test_a_patch_cannot_reach_out_of_the_tree(tree, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("good\n")
    with open_scratch(tree, Cache(tmp_path / "cache")) as scratch:
        base = scratch.base("")
        with pytest.raises(DoesNotApplyError):
            scratch.settle(base, [patch("good", "bad", "../../../../victim")])
        scratch.settle(base)
    assert victim.read_text() == "good\n"


def test_what_the_user_changes_is_seen(tree, tmp_path):
    cache = Cache(tmp_path / "cache")
    with open_scratch(tree, cache) as scratch:
        first = scratch.base("")
        scratch.settle(first)
    (tree / "kernel").write_text("edited\n")
    (tree / "mm/added.c").write_text("x\n")
    if (tree / ".git").exists():
        commit(tree, "edit")
    with open_scratch(tree, cache) as scratch:
        second = scratch.base("")
        assert second.content != first.content
        scratch.settle(second)
        assert (scratch.source / "kernel").read_text() == "edited\n"
        assert (scratch.source / "mm/added.c").exists()


def test_a_folder_that_is_no_kernel_is_refused(tmp_path):
    with (
        pytest.raises(UsageError, match="is not the source of a kernel"),
        open_scratch(tmp_path, Cache(tmp_path)),
    ):
        pass


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "linux"
    folder.mkdir()
    return git_tree(folder)


def test_git_work_that_is_not_committed_is_named_and_can_be_checked(repository, tmp_path):
    (repository / "kernel").write_text("edited\n")
    with open_scratch(repository, Cache(tmp_path / "cache")) as scratch:
        base = scratch.base("")
        assert "uncommitted" in base.notes[0]
        scratch.settle(base)
        assert (scratch.source / "kernel").read_text() == "good\n"
        scratch.settle(base, [local_changes(repository, "")])
        assert (scratch.source / "kernel").read_text() == "edited\n"


def test_the_environment_of_a_git_hook_does_not_leak(repository, tmp_path, monkeypatch):
    """As ``git rebase --exec`` and hooks have it."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    with open_scratch(repository, Cache(tmp_path / "cache")) as scratch:
        scratch.settle(scratch.base(""), [patch("good", "first")])
        assert (scratch.source / "kernel").read_text() == "first\n"


def test_a_patch_under_review_is_found_in_the_branch(repository):
    """b4 review gives the mail of a patch that its branch holds already."""
    wanted = commit(repository, "first", kernel="first\n")
    commit(repository, "second", kernel="second\n")
    mailed = Patch(
        "mail", git(repository, "format-patch", "-1", "--stdout", wanted).encode() + b"\n"
    )
    assert applied_in(repository, mailed) == wanted
    assert applied_in(repository, patch("good", "other")) == ""


def test_a_work_tree_of_a_repository_is_a_tree_too(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"), "HEAD")
    with open_scratch(tmp_path / "other", Cache(tmp_path / "cache")) as scratch:
        scratch.settle(scratch.base(""))
        assert (scratch.source / "kernel").read_text() == "good\n"


def test_a_shallow_clone_is_a_tree_too(repository, tmp_path):
    commit(repository, "second", kernel="second\n")
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{repository}", str(tmp_path / "shallow")],
        check=True,
    )
    with open_scratch(tmp_path / "shallow", Cache(tmp_path / "cache")) as scratch:
        scratch.settle(scratch.base(""), [patch("second", "third")])
        assert (scratch.source / "kernel").read_text() == "third\n"
