"""Bisections: the harness builds and judges each commit that ``git bisect`` chooses."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from harness.base.progress import Progress
from harness.check.check_request import KernelBuilder
from harness.check.checked_program import CheckedKind
from harness.check.judging import JudgeFactory, Judgement, KernelJudge
from harness.check.lane import Workload
from harness.errors import UsageError
from harness.patch.git import GitError, attempt, git, line
from harness.patch.scratch import Scratch

_FOUND = re.compile(r"^([0-9a-f]{40,64}) is the first (?:bad|new|\S+) commit", re.MULTILINE)
_LEFT = re.compile(r"^([0-9a-f]{40,64})$", re.MULTILINE)

_SILENT = (CheckedKind.ERROR, CheckedKind.UNKNOWN)


class CommitVerdict(IntEnum):
    """Exit codes that ``git bisect run`` understands."""

    GOOD = 0
    BAD = 1
    SKIP = 125


@dataclass(frozen=True, slots=True)
class JudgedCommit:
    """The verdict on one commit, with its reason."""

    commit: str
    verdict: CommitVerdict
    words: str


@dataclass(frozen=True, slots=True)
class Bisection:
    """A finished bisection.

    ``culprits`` holds the first bad commit, or several candidates where some commits could not
    be judged.
    """

    culprits: tuple[str, ...]
    steps: tuple[JudgedCommit, ...]
    words: str
    """The culprit's short hash and subject."""


class EndsError(UsageError):
    """The revision given as good is not good, or the one given as bad is not bad."""

    def __init__(self, revision: str, said: str, step: JudgedCommit) -> None:
        super().__init__(
            f"{revision} is not {said}: {step.words}",
            hint="give --good and --bad revisions that differ in the scenarios that are run",
        )


class Bisector:
    """Judges commit after commit of a scratch in one configuration."""

    def __init__(  # noqa: PLR0917 - the seams of one bisection
        self,
        scratch: Scratch,
        builder: KernelBuilder,
        config: str,
        workload: Workload,
        out: Path,
        judging: JudgeFactory = KernelJudge,
    ) -> None:
        self.scratch, self.builder, self.config = scratch, builder, config
        self.workload, self.out, self.judging = workload, out, judging

    def judge(self, commit: str, progress: Progress) -> JudgedCommit:
        """Build and judge the source that the scratch holds now.  Raises InfrastructureError."""
        scratch = self.scratch
        try:
            kernel = self.builder.build(
                scratch.source, scratch.objects(self.config), self.config, progress
            )
            prepared, _ = self.builder.prepare(kernel, scratch.source, progress)
        except UsageError as error:
            return JudgedCommit(commit, CommitVerdict.SKIP, error.message)
        out = self.out / commit[:12]
        judgement = self.judging(prepared, self.workload, out, progress).judgement()
        return JudgedCommit(commit, *_verdict(judgement))

    def bisect(self, good: str, bad: str, progress: Progress) -> Bisection:
        """Find the first bad commit after *good* up to *bad*, which are hashes.

        Raises EndsError if they are not good and bad, and GitError if git cannot bisect them or
        names a commit again that it was told the verdict of.
        """
        steps = [
            self._end(good, CommitVerdict.GOOD, progress),
            self._end(bad, CommitVerdict.BAD, progress),
        ]
        source = self.scratch.source
        attempt(source, "bisect", "reset")
        said = git(source, "bisect", "start", bad, good).decode(errors="replace")
        try:
            while not (culprits := _culprits(said)):
                commit = line(source, "rev-parse", "HEAD")
                if any(commit == step.commit for step in steps):
                    raise GitError(("bisect",), source, said)
                self.scratch.tree.settle(commit)
                step = self.judge(commit, progress)
                steps.append(step)
                done = attempt(source, "bisect", step.verdict.name.lower())
                said = (done.stdout + done.stderr).decode(errors="replace")
        finally:
            attempt(source, "bisect", "reset")
        return Bisection(culprits, tuple(steps), _subject(source, culprits))

    def _end(self, commit: str, wanted: CommitVerdict, progress: Progress) -> JudgedCommit:
        self.scratch.tree.settle(commit)
        step = self.judge(commit, progress)
        if step.verdict is not wanted:
            raise EndsError(commit[:12], wanted.name.lower(), step)
        return step


def _verdict(judgement: Judgement) -> tuple[CommitVerdict, str]:
    """Tell whether the contract was kept, in words that say why not."""
    broken = next((one for one in judgement.programs if one.kind is CheckedKind.CONTRACT), None)
    if broken:
        return CommitVerdict.BAD, f"{broken.program} breaks {', '.join(sorted(broken.rules))}"
    silent = [one.reason for one in judgement.programs if one.kind in _SILENT]
    if judgement.error or silent or not judgement.steps:
        return CommitVerdict.SKIP, judgement.error or next(iter(silent), "no step was judged")
    return CommitVerdict.GOOD, f"{judgement.steps} steps, all of the contract kept"


def _subject(source: Path, culprits: Sequence[str]) -> str:
    """Short hash and subject of the culprit, if there is only one."""
    if len(culprits) != 1:
        return ""
    return line(source, "log", "-1", '--format=%h ("%s")', culprits[0])


def _culprits(said: str) -> tuple[str, ...]:
    """The commits that git names as the first bad one, if its search has ended.

    It names several if commits between them were skipped.
    """
    found = _FOUND.search(said)
    if found:
        return (found[1],)
    if "first bad commit could be any of" in said:
        return tuple(_LEFT.findall(said))
    return ()


def step_lines(steps: Sequence[JudgedCommit]) -> Iterator[str]:
    """One line of text for each judged commit."""
    for one in steps:
        yield f"{one.verdict.name.lower():5} {one.commit[:12]}  {_in_a_line(one.words)}"


def _in_a_line(words: str) -> str:
    """The first line of *words*, and the second one if the first ends with a colon."""
    lines = [text.strip() for text in words.splitlines()[:2]]
    return " ".join(lines if lines and lines[0].endswith(":") else lines[:1])
