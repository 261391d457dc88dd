"""The scratch of a git repository: a second repository that reads the user's objects.

Its ``.git/objects/info/alternates`` names the user's objects.  So nothing is fetched, and nothing
is written into the user's repository, not even the entry of a work tree.
"""

import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.patch.git import GitError, attempt, git, line
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase
from harness.patch.plaintree import OBJECTS

_DIRTY = "the tree has uncommitted changes, which are not part of the base"
HISTORY = 200
"""Number of commits below HEAD that are searched for a patch; a series is shorter."""


class UnknownRevisionError(UsageError):
    """The user's repository has no such revision."""

    def __init__(self, revision: str, tree: Path, said: str) -> None:
        super().__init__(
            f"{tree} has no revision {revision!r}: {said}",
            hint="git fetch it, or name another with --base",
        )


def is_git(tree: Path) -> bool:
    """Tell whether *tree* is the top of a git work tree."""
    if not (tree / ".git").exists():
        return False
    done = attempt(tree, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise UsageError(
            f"git cannot read the .git of {tree}: {done.stderr.decode(errors='replace').strip()}",
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
        """Create our repository if needed, and name the user's objects, which may have moved."""
        if not (self.source / ".git" / "HEAD").is_file():
            shutil.rmtree(self.source, ignore_errors=True)
            self.source.mkdir(parents=True)
            hashes = line(self.tree, "rev-parse", "--show-object-format")
            git(self.source, "init", "-q", f"--object-format={hashes}")
        common = Path(line(self.tree, "rev-parse", "--path-format=absolute", "--git-common-dir"))
        info = self.source / ".git" / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{common / 'objects'}\n", encoding="utf-8")
        if (common / "shallow").is_file():
            shutil.copyfile(common / "shallow", self.source / ".git" / "shallow")

    def find(self, revision: str) -> PatchBase:
        """The commit of *revision*; a note says if uncommitted changes are left out."""
        commit = commit_of(self.tree, revision)
        words = line(self.tree, "log", "-1", '--format=%h ("%s")', commit)
        dirty = bool(attempt(self.tree, "diff", "--quiet", "HEAD").returncode)
        notes = (_DIRTY,) if dirty else ()
        return PatchBase(commit, words, notes, commit[:12])

    def settle(self, content: str) -> None:
        """Check the commit out; unchanged files keep their time stamps."""
        # A killed run may have left git's lock; nobody else uses this repository.
        (self.source / ".git" / "index.lock").unlink(missing_ok=True)
        try:
            git(self.source, "checkout", "-q", "--force", "--detach", content)
        except GitError as error:
            if "unable to read" in error.output or "missing" in error.output:
                raise UsageError(
                    f"{self.tree} does not hold all of {content[:12]}: {error.output.strip()}",
                    hint="a partial clone lacks objects: git fetch --refetch, or check it out",
                ) from error
            raise
        git(self.source, "clean", "-fdqx", "-e", f"/{OBJECTS}*/")

    def touch(self, files: tuple[str, ...]) -> None:
        """Do nothing: git finds the changed files by itself."""


def commit_of(tree: Path, revision: str) -> str:
    """The hash of the commit that *revision* names; empty is HEAD.

    Raises UnknownRevisionError.
    """
    wanted = revision or "HEAD"
    done = attempt(tree, "rev-parse", "--verify", "--end-of-options", f"{wanted}^{{commit}}")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise UnknownRevisionError(wanted, tree, said)
    return done.stdout.decode().strip()


def local_changes(tree: Path, revision: str) -> Patch | None:
    """Commits since *revision* and uncommitted changes of tracked files, as one patch.

    None if there are none.
    """
    commit = commit_of(tree, revision)
    diff = git(tree, "diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", commit)
    words = "uncommitted changes" if commit_of(tree, "") == commit else f"changes since {revision}"
    return Patch(f"the {words} of {tree}", diff) if diff.strip() else None


def applied_in(tree: Path, patch: Patch) -> str:
    """The newest of the last HISTORY commits with the change of *patch*, or an empty text."""
    wanted = _patch_ids(tree, patch.diff)
    plain = ("-p", "--full-index", "--no-ext-diff", "--no-textconv")
    log = git(tree, "log", *plain, "--no-merges", "--first-parent", f"-{HISTORY}")
    return next((commit for known, commit in _patch_ids(tree, log).items() if known in wanted), "")


def _patch_ids(tree: Path, text: bytes) -> dict[str, str]:
    """Commits by their ``git patch-id``, which does not depend on line numbers."""
    lines = git(tree, "patch-id", "--stable", text=text).decode().splitlines()
    return dict(line.split() for line in lines if line.count(" ") == 1)
