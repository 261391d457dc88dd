"""A bisection: each commit built in the scratch, judged, and told to ``git bisect``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from harness.base.progress import Progress
from harness.check.checked_program import CheckedKind
from harness.check.checking import JudgeFactory, KernelBuilder
from harness.check.judging import KernelJudge
from harness.check.lane import Workload
from harness.errors import UsageError
from harness.patch.git import attempt, git, line
from harness.patch.scratch import Scratch

_FOUND = re.compile(r"^([0-9a-f]{40,64}) is the first (?:bad|new|\S+) commit", re.MULTILINE)
_LEFT = re.compile(r"^([0-9a-f]{40,64})$", re.MULTILINE)


class CommitVerdict(IntEnum):
    """What ``git bisect run`` understands."""

    GOOD = 0
    BAD = 1
    SKIP = 125


@dataclass(frozen=True, slots=True)
class JudgedCommit:
    """One commit judged."""

    commit: str
    verdict: CommitVerdict
    words: str


@dataclass(frozen=True, slots=True)
class Bisection:
    """A finished bisection: the first bad commit, or those among which it is where some could not be judged."""

    culprits: tuple[str, ...]
    steps: tuple[JudgedCommit, ...]
    words: str
    """The culprit as ``git log --oneline`` has it."""


class EndsError(UsageError):
    """The ends of a bisection are not what they were said to be."""

    def __init__(self, revision: str, said: str, step: JudgedCommit) -> None:
        super().__init__(
            f"{revision} is not {said}: {step.words}",
            hint="give --good and --bad revisions that differ in the scenarios that are run",
        )


class Bisector:
    """Judges what a scratch holds, commit after commit, in one configuration."""

    def __init__(  # noqa: PLR0917 - the seams of one job
        self,
        scratch: Scratch,
        builder: KernelBuilder,
        config: str,
        terms: Workload,
        out: Path,
        judging: JudgeFactory = KernelJudge,
    ) -> None:
        self.scratch, self.builder, self.config = scratch, builder, config
        self.terms, self.out, self.judging = terms, out, judging

    def judge(self, commit: str, progress: Progress) -> JudgedCommit:
        """Build and judge what the scratch's source holds now.  Raises InfrastructureError."""
        scratch = self.scratch
        try:
            kernel = self.builder.build(
                scratch.source, scratch.objects(self.config), self.config, progress
            )
            prepared, _ = self.builder.prepare(kernel, scratch.source, progress)
        except UsageError as error:
            return JudgedCommit(commit, CommitVerdict.SKIP, error.message)
        judgement = self.judging(
            prepared, self.terms, self.out / commit[:12], progress
        ).judgement()
        broken = [one for one in judgement.programs if one.kind is CheckedKind.CONTRACT]
        if broken:
            rules = ", ".join(sorted(broken[0].rules))
            return JudgedCommit(commit, CommitVerdict.BAD, f"{broken[0].program} breaks {rules}")
        silent = [
            one
            for one in judgement.programs
            if one.kind in (CheckedKind.ERROR, CheckedKind.UNKNOWN)
        ]
        if judgement.error or silent or not judgement.steps:
            return JudgedCommit(
                commit,
                CommitVerdict.SKIP,
                judgement.error or (silent[0].reason if silent else "no step was judged"),
            )
        return JudgedCommit(
            commit, CommitVerdict.GOOD, f"{judgement.steps} steps, all of the contract kept"
        )

    def bisect(self, good: str, bad: str, progress: Progress) -> Bisection:
        """Find the first bad commit after *good* up to *bad*, both hashes.

        Raises EndsError where they are not good and bad, and UsageError where git finds no way between them.
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
                self.scratch.tree.settle(commit)
                step = self.judge(commit, progress)
                steps.append(step)
                done = attempt(source, "bisect", step.verdict.name.lower())
                said = (done.stdout + done.stderr).decode(errors="replace")
        finally:
            attempt(source, "bisect", "reset")
        words = (
            line(source, "log", "-1", '--format=%h ("%s")', culprits[0])
            if len(culprits) == 1
            else ""
        )
        return Bisection(culprits, tuple(steps), words)

    def _end(self, commit: str, wanted: CommitVerdict, progress: Progress) -> JudgedCommit:
        self.scratch.tree.settle(commit)
        step = self.judge(commit, progress)
        if step.verdict is not wanted:
            raise EndsError(commit[:12], wanted.name.lower(), step)
        return step


def _culprits(said: str) -> tuple[str, ...]:
    """What git has found, if anything: one commit, or those left where the rest were skipped."""
    found = _FOUND.search(said)
    if found:
        return (found[1],)
    if "first bad commit could be any of" in said:
        return tuple(_LEFT.findall(said))
    return ()


def step_lines(steps: Sequence[JudgedCommit]) -> Iterator[str]:
    """The steps for people."""
    for one in steps:
        yield f"{one.verdict.name.lower():5} {one.commit[:12]}  {_in_a_line(one.words)}"


def _in_a_line(words: str) -> str:
    """The first line; where it only announces what follows, that too."""
    lines = [text.strip() for text in words.splitlines()[:2]]
    return " ".join(lines if lines and lines[0].endswith(":") else lines[:1])
