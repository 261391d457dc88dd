"""Judged claims in words and as JSON values."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from harness.claims.claim import CLAIMS
from harness.claims.claim_finding import ClaimFinding, ClaimVerdict
from harness.claims.judged_claim import JudgedClaim
from harness.report.folding import WIDTH


def claims_lines(release: str, kind: str, judged: Sequence[JudgedClaim]) -> Iterator[str]:
    """The table for people: each claim, its verdict, and below it the evidence."""
    book = "claims of Mauerer, Professional Linux Kernel Architecture, 3.5.8"
    yield f"kernel   {release} ({kind}); {book}"
    for one in judged:
        how = f": {one.finding.how}" if one.finding.how else ""
        mark = f"   <- on record: {one.recorded.value}" if one.differs and one.recorded else ""
        yield f"{one.claim.number:3}. {one.claim.text}"
        yield f"     {one.finding.verdict.value.upper()}{how}{mark}"
        for line in one.finding.evidence:
            yield from wrap(line, WIDTH, initial_indent="       ", subsequent_indent="         ")
        yield from _typed_lines(one)
    counts = {
        verdict: sum(one.finding.verdict is verdict for one in judged) for verdict in ClaimVerdict
    }
    yield "all      " + ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items())
    yield f"verdict  {_verdict(judged)}"


def _typed_lines(one: JudgedClaim) -> Iterator[str]:
    """The acts of the interface of 2.6.24, in the module's typed window."""
    if one.typed:
        how = f": {one.typed.how}" if one.typed.how else ""
        evidence = "; ".join(one.typed.evidence)
        line = f"2.6.24 (typed window): {one.typed.verdict.value}{how}; {evidence}"
        yield from wrap(line, WIDTH, initial_indent="       ", subsequent_indent="         ")


def _verdict(judged: Sequence[JudgedClaim]) -> str:
    differing = [str(one.claim.number) for one in judged if one.differs]
    if differing:
        return f"DIFFERS from the record: {', '.join(differing)}"
    if any(one.recorded is None for one in judged):
        return "NOT RECORDED: there is no record for this kind of kernel"
    return f"AS RECORDED: {len(judged)} of {len(CLAIMS)} claims"


def claims_value(release: str, kind: str, judged: Sequence[JudgedClaim]) -> dict[str, Any]:
    """The same as one JSON object."""
    return {
        "format": 1,
        "release": release,
        "kind": kind,
        "as_recorded": not any(one.differs for one in judged),
        "claims": [
            {
                "number": one.claim.number,
                "claim": one.claim.text,
                "verdict": one.finding.verdict.value,
                "how": one.finding.how,
                "evidence": one.finding.evidence,
                "typed_window": None if one.typed is None else _finding_value(one.typed),
                "recorded": one.recorded.value if one.recorded else None,
            }
            for one in judged
        ],
    }


def _finding_value(finding: ClaimFinding) -> dict[str, Any]:
    return {"verdict": finding.verdict.value, "how": finding.how, "evidence": finding.evidence}
