"""A kill score in words and as JSON values."""

from collections.abc import Iterator
from typing import Any

from harness.mutants.mutant_catalogue import MutantKind
from harness.mutants.score import Attempt, Score


def attempt_line(attempt: Attempt) -> str:
    """One mutant: what was found, where first, and whether that is as wanted."""
    mark = "ok  " if attempt.as_wanted else "WRONG"
    seconds = f"{attempt.build:.0f}+{attempt.run:.0f} s"
    mutant = f"{attempt.mutant.name:34} {attempt.mutant.kind.value:13}"
    head = f"{mark:5} {mutant} {attempt.found.value:17} {seconds:>8}"
    seen = f"{attempt.where}: {attempt.what}" if attempt.where else attempt.what
    return f"{head}  {seen}".rstrip()


def score_lines(score: Score) -> Iterator[str]:
    """The sums by kind, and the verdict."""
    for kind in MutantKind:
        if score.tried[kind]:
            word = "reported" if kind is not MutantKind.HARMLESS else "reported as changed"
            yield f"{kind.value:14} {score.killed[kind]} of {score.tried[kind]} {word}"
    verdict = f"WRONG: {len(score.wrong)} differ" if score.wrong else "as the catalogue says"
    yield f"verdict        {verdict}"


def score_value(score: Score) -> dict[str, Any]:
    """The score as one JSON object."""
    return {
        "format": 1,
        "kernel": score.kernel,
        "as_wanted": not score.wrong,
        "kinds": {
            kind.value: {"tried": score.tried[kind], "reported": score.killed[kind]}
            for kind in score.tried
        },
        "mutants": [_attempt_value(one) for one in score.attempts],
    }


def _attempt_value(one: Attempt) -> dict[str, Any]:
    return {
        "name": one.mutant.name,
        "of": one.mutant.of,
        "kind": one.mutant.kind.value,
        "breaks": one.mutant.breaks,
        "found": one.found.value,
        "as_wanted": one.as_wanted,
        "where": one.where,
        "what": one.what,
        "diff": one.diff,
        "alone": one.alone,
        "seconds": {"build": round(one.build, 2), "run": round(one.run, 2)},
    }
