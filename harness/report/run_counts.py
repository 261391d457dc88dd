"""Operations and situations of a run, in a line each, or with ``-v`` in full."""

from collections.abc import Iterator, Mapping

from harness.compare.transitions import Transitions
from harness.report.phase_times import phase_words
from harness.run.run_result import RunResult
from harness.scenario.facts import ADD_THROWAWAY

_DAMAGE = ("naks", "resends", "repeats", "duplicates", "damaged", "skipped")
_FOREMOST = 4
"""Operations in the summary, those executed most often."""


def work_lines(result: RunResult, *, verbose: bool) -> Iterator[str]:
    """The steps, operations and situations of a run, and the scenarios that were left out."""
    ran = [program for program in result.programs if program.result]
    programs = number_of(len(ran), "program")
    yield f"steps       {result.steps} judged in {programs}, seed {result.seed}"
    yield f"operations  {_operations(result.operations, verbose=verbose)}"
    yield from _situations(result.situations, verbose=verbose)
    yield from _left_out(result, verbose=verbose)
    yield f"time        {phase_words(result.phases)}"
    repaired = {name: count for name, count in result.wire.items() if count and name in _DAMAGE}
    if repaired and not result.crash:
        yield f"wire        damage recovered: {counts_words(repaired)}"


def number_of(count: int, noun: str) -> str:
    """A count with its noun: ``1 program``, ``2 programs``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counts_words(counts: Mapping[str, int], most: int | None = None) -> str:
    """Counts, the largest first: ``kmap 3, write 2``."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in ordered[:most]) or "none"


def _operations(counts: Mapping[str, int], *, verbose: bool) -> str:
    if verbose or len(counts) <= _FOREMOST:
        return counts_words(counts)
    kinds = number_of(len(counts), "kind")
    return f"{counts_words(counts, _FOREMOST)}, ...: {kinds} (-v lists them)"


def _situations(counts: Mapping[str, int], *, verbose: bool) -> Iterator[str]:
    """The situations that were met, and those that were not."""
    reached = {name: count for name, count in counts.items() if count}
    if not verbose:
        more = "" if len(reached) == len(counts) else " (-v names the others)"
        yield f"reached     {len(reached)} of {len(counts)} situations{more}"
        return
    yield f"reached     {counts_words(reached)}"
    missed = sorted(name for name, count in counts.items() if not count)
    if missed:
        yield f"not reached {', '.join(missed)}"


def _left_out(result: RunResult, *, verbose: bool) -> Iterator[str]:
    """Scenarios that were left out, by reason."""
    reasons: dict[str, list[str]] = {}
    for one in result.not_applicable:
        reasons.setdefault(one.not_applicable, []).append(one.name)
    if not reasons:
        return
    count = number_of(len(result.not_applicable), "scenario")
    if verbose:
        yield f"left out    {count}:"
        yield from (f"  {reason}: {', '.join(names)}" for reason, names in reasons.items())
        return
    wrecking = len(reasons.get(ADD_THROWAWAY, ()))
    others = len(result.not_applicable) - wrecking
    waits, does = "waits" if wrecking == 1 else "wait", "does" if others == 1 else "do"
    parts = [f"{wrecking} {waits} for --throwaway"] * bool(wrecking)
    parts += [f"{others} {does} not apply to this guest"] * bool(others)
    yield f"left out    {count}: {', '.join(parts)} (-v names them)"


def transition_lines(found: Transitions, *, verbose: bool) -> Iterator[str]:
    """Coverage of the model's rule branches; what is missing may need `--throwaway`."""
    excluded = f", {len(found.excluded)} excluded" if found.excluded else ""
    yield f"transitions {len(found.reached)} of {found.possible} of the model's{excluded}"
    if found.unforeseen:
        yield f"  not foreseen by exploration: {', '.join(sorted(found.unforeseen))}"
    if verbose and found.missing:
        yield f"  not taken: {', '.join(sorted(found.missing))}"
    if verbose:
        yield from (f"  excluded: {one.rule}: {one.reason}" for one in found.excluded)
