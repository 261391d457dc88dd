"""The scratch of a git repository: a repository of ours that reads the user's objects and writes none.

``.git/objects/info/alternates`` names the user's objects, so that nothing is fetched and
nothing, not even the entry of a work tree, is written into the user's repository.
"""

import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.patch.git import GitError, attempt, git, line
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase
from harness.patch.plaintree import OBJECTS

HISTORY = 200
"""Commits below HEAD that are searched for a patch: a series under review is shorter."""


class UnknownRevisionError(UsageError):
    """The user's repository has no such revision."""

    def __init__(self, revision: str, tree: Path, said: str) -> None:
        super().__init__(
            f"{tree} has no revision {revision!r}: {said}",
            hint="git fetch it, or name another with --base",
        )


def is_git(tree: Path) -> bool:
    """Whether *tree* is the top of a git work tree."""
    if not (tree / ".git").exists():
        return False
    done = attempt(tree, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise UsageError(
            f"{tree} has a .git that git does not read: {done.stderr.decode(errors='replace').strip()}",
            hint="remove the .git, or do what git says",
        )
    return Path(done.stdout.decode().strip()).resolve() == tree.resolve()


class GitTree:
    """See :class:`harness.patch.scratch.ScratchTree`; a content name is a commit's hash."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree = tree
        self.source = folder / "source"
        self._open()

    def _open(self) -> None:
        """Our repository, set up once; what of the user's may have moved is named anew."""
        if not (self.source / ".git" / "HEAD").is_file():
            shutil.rmtree(self.source, ignore_errors=True)
            self.source.mkdir(parents=True)
            git(
                self.source,
                "init",
                "-q",
                f"--object-format={line(self.tree, 'rev-parse', '--show-object-format')}",
            )
        common = Path(line(self.tree, "rev-parse", "--path-format=absolute", "--git-common-dir"))
        info = self.source / ".git" / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{common / 'objects'}\n", encoding="utf-8")
        if (common / "shallow").is_file():
            shutil.copyfile(common / "shallow", self.source / ".git" / "shallow")

    def find(self, revision: str) -> PatchBase:
        """The commit, its short hash with its subject, and whether uncommitted work is left out."""
        commit = commit_of(self.tree, revision)
        words = line(self.tree, "log", "-1", '--format=%h ("%s")', commit)
        dirty = bool(attempt(self.tree, "diff", "--quiet", "HEAD").returncode)
        notes = (
            ("the tree has uncommitted changes, which are not part of the base",) if dirty else ()
        )
        return PatchBase(commit, words, notes, commit[:12])

    def settle(self, content: str) -> None:
        """Check the commit out; files that do not differ keep their time stamps."""
        (self.source / ".git" / "index.lock").unlink(
            missing_ok=True
        )  # of a run that was killed; we hold the lock
        try:
            git(self.source, "checkout", "-q", "--force", "--detach", content)
        except GitError as error:
            if "unable to read" in error.output or "missing" in error.output:
                raise UsageError(
                    f"{self.tree} does not hold all of {content[:12]}: {error.output.strip()}",
                    hint="a partial clone lacks objects: git fetch --refetch, or check that revision out first",
                ) from error
            raise
        git(self.source, "clean", "-fdqx", "-e", f"/{OBJECTS}*/")

    def touch(self, files: tuple[str, ...]) -> None:
        """Git sees for itself what differs."""


def commit_of(tree: Path, revision: str) -> str:
    """The hash of the commit that *revision* names, HEAD where it is empty.  Raises UnknownRevisionError."""
    wanted = revision or "HEAD"
    done = attempt(tree, "rev-parse", "--verify", "--end-of-options", f"{wanted}^{{commit}}")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise UnknownRevisionError(wanted, tree, said)
    return done.stdout.decode().strip()


def local_changes(tree: Path, revision: str) -> Patch | None:
    """Commits since *revision* and uncommitted changes of tracked files, as one patch, if there are any."""
    commit = commit_of(tree, revision)
    diff = git(tree, "diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", commit)
    words = "uncommitted changes" if commit_of(tree, "") == commit else f"changes since {revision}"
    return Patch(f"the {words} of {tree}", diff) if diff.strip() else None


def applied_in(tree: Path, patch: Patch) -> str:
    """The commit of the last HISTORY ones that makes the same change as *patch*, or an empty text."""
    wanted = _patch_ids(tree, patch.diff)
    log = git(
        tree,
        "log",
        "-p",
        "--no-ext-diff",
        "--no-textconv",
        "--no-merges",
        f"-{HISTORY}",
        "--full-index",
        "--first-parent",
    )
    return next((commit for known, commit in _patch_ids(tree, log).items() if known in wanted), "")


def _patch_ids(tree: Path, text: bytes) -> dict[str, str]:
    """Commits by ``git patch-id``, which does not mind where a change stands."""
    lines = git(tree, "patch-id", "--stable", text=text).decode().splitlines()
    return dict(line.split() for line in lines if line.count(" ") == 1)
