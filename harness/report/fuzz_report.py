"""A fuzzing campaign, in words and as a JSON value."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.export.emission import Emitted
from harness.fuzz.campaign import CampaignResult
from harness.fuzz.found_failure import FoundFailure
from harness.report.folding import WIDTH
from harness.scenario.program_text import program_text

_DETAILS = 12


def fuzz_lines(
    release: str,
    seed: int,
    result: CampaignResult,
    files: tuple[Path, ...],
    command: str,
    *,
    emissions: Sequence[Emitted] = (),
) -> Iterator[str]:
    """The report for people: what was done, then each failure with its program."""
    yield f"kernel      {release}; seed {seed}"
    rate = result.steps / result.seconds if result.seconds else 0
    yield (
        f"programs    {result.programs}, {result.steps} judged steps in {result.seconds:.0f} s "
        f"({rate:.0f} a second)"
    )
    yield f"features    {result.features} reached"
    for line in result.unjudged[:3]:
        yield f"not judged  {line}"[:WIDTH]
    for number, (one, file) in enumerate(zip(result.found, files, strict=True), 1):
        yield ""
        yield from _failure_lines(number, one, file, command)
        yield from (f"  {line}" for line in _emission_lines(emissions[number - 1 : number]))
    yield f"verdict     {fuzz_verdict(result)}"


def fuzz_verdict(result: CampaignResult) -> str:
    """The last line of the report."""
    if not result.programs:
        return "ERROR: no program was run"
    count = len(result.found)
    if not count:
        return "AGREE: the kernel did in every program what the model allows"
    failures = f"{count} kind{'s' * (count > 1)} of failure"
    return f"DIVERGE: {failures}, each with the smallest program that shows it"


def _failure_lines(number: int, one: FoundFailure, file: Path, command: str) -> Iterator[str]:
    yield f"failure {number}   {one.kind.layer}: {one.kind.what}"[:WIDTH]
    yield (
        f"  found in {one.found_in} of {one.found_steps} operations after {one.seconds:.0f} s; "
        f"{_count(len(one.program.operations), 'operation')} now"
    )
    yield f"  {_rate(one)}"
    if one.also:
        yield f"  {_count(one.also, 'further program')} failed in the same way"
    for line in program_text(one.program).splitlines():
        yield f"    {line}"
    yield from (f"  {line}"[:WIDTH] for line in _details(one))
    yield f"  run it: {command} --scenario {file}"


def _rate(one: FoundFailure) -> str:
    """How often the smallest program fails."""
    if not one.repeats:
        return "not run again: the campaign ended"
    often = f"fails in {one.failed} of {one.repeats} guests that run nothing else"
    return often if one.failed else f"{often}: it needs what other programs leave behind"


def _emission_lines(emissions: Sequence[Emitted]) -> Iterator[str]:
    for one in emissions:
        if one.path:
            yield f"as C: {one.path}"
        if one.says:
            yield f"on this kernel: {one.says}" if one.path else one.says


def _details(one: FoundFailure) -> tuple[str, ...]:
    """What was expected and what was seen, as the comparison says it."""
    judged = one.run.judged
    finding = next(
        (each for each in (*judged.broken, *judged.changed) if each.what == one.kind.what), None
    )
    return finding.lines[:_DETAILS] if finding else ()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def fuzz_value(
    release: str,
    seed: int,
    result: CampaignResult,
    files: tuple[Path, ...],
    emissions: Sequence[Emitted] = (),
) -> dict[str, Any]:
    """The result as a JSON value."""
    return {
        "format": 1,
        "kernel": release,
        "seed": seed,
        "verdict": fuzz_verdict(result).partition(":")[0].lower(),
        "programs": result.programs,
        "steps": result.steps,
        "features": result.features,
        "seconds": result.seconds,
        "unjudged": list(result.unjudged),
        "found": [_found_value(one, file) for one, file in zip(result.found, files, strict=True)],
        "emitted": [
            {"file": str(one.path) if one.path else None, "says": one.says} for one in emissions
        ],
    }


def _found_value(one: FoundFailure, file: Path) -> dict[str, Any]:
    return {
        "layer": one.kind.layer,
        "what": one.kind.what,
        "operations": len(one.program.operations),
        "failed": one.failed,
        "repeats": one.repeats,
        "also": one.also,
        "found_in": one.found_in,
        "found_operations": one.found_steps,
        "seconds": one.seconds,
        "scenario": str(file),
        "details": list(_details(one)),
    }
