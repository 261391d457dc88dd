"""A run as KTAP version 1, which the kernel's own tools read.

The format is Documentation/dev-tools/ktap.rst; ``tools/testing/kunit/kunit.py parse`` prints it.
"""

from collections.abc import Iterator

from harness.compare.divergence import Layer, ProgramResult, Verdict
from harness.compare.divergence_words import summary
from harness.run.run_result import ProgramOutcome, RunResult


def ktap_lines(result: RunResult) -> Iterator[str]:
    """One test for each program, and a last one for the run: it fails where no program did."""
    yield "KTAP version 1"
    yield f"1..{len(result.programs) + 1}"
    yield f"# kernel {result.kernel.release}, {result.machine}, seed {result.seed}"
    for number, program in enumerate(result.programs, 1):
        yield from _test(number, program)
    yield from _comments(result.crash, result.unconfirmed, result.error)
    word = "ok" if result.exit_code == 0 else "not ok"
    yield f"{word} {len(result.programs) + 1} verdict: {result.verdict.value}"


def _test(number: int, program: ProgramOutcome) -> Iterator[str]:
    name, judged = _described(program.name), program.result
    if judged is None:
        yield f"ok {number} {name} # SKIP {_described(program.not_applicable)}"
        return
    yield from _comments(*_findings(judged))
    good = judged.verdict is Verdict.AGREE and not judged.unexplained
    yield f"{'ok' if good else 'not ok'} {number} {name}"


def _findings(judged: ProgramResult) -> Iterator[str]:
    """The findings of a program, one in each line."""
    for one in judged.divergences:
        if one.layer is not Layer.KNOWN:
            yield summary(one)
    for failed in judged.failed_assertions:
        yield f"{failed.place or failed.line}: {failed.words}"
    yield from (f"{one.kind}: {one.title}" for one in judged.unexplained)
    yield judged.unknown_because


def _comments(*texts: str) -> Iterator[str]:
    """Diagnostic lines, which stand before the result that they explain."""
    yield from (f"# {line}" for text in texts for line in text.splitlines())


def _described(text: str) -> str:
    """*text* as a description: ``#`` would begin a directive there."""
    return " ".join(text.replace("#", "").split())
