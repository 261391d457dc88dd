"""A run of concurrent histories for a terminal and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.base.output_files import write_whole
from harness.compare.divergence import Verdict
from harness.history.histories_result import HistoriesResult, JudgedHistory
from harness.report.phase_times import phase_words, phases_value

FORMAT = 1
SHOWN = 5

_VERDICTS = {
    Verdict.AGREE: "AGREE: every history has an order that explains it",
    Verdict.DIVERGE: "DIVERGE: the kernel did what no order explains",
    Verdict.UNKNOWN: "UNKNOWN: not every history could be decided",
    Verdict.ERROR: "ERROR: no verdict on the kernel",
}


def histories_lines(result: HistoriesResult) -> Iterator[str]:
    """The summary, line by line."""
    kernel, overlap = result.kernel, result.overlap
    yield f"kernel      {kernel.release} ({kernel.name}; config {kernel.config_hash[:12]})"
    yield f"machine     {result.machine}"
    histories = f"{len(result.histories)} histories"
    yield f"operations  {result.operations} in {histories}, seed {result.seed}"
    if overlap.operations:
        yield (
            f"concurrency {_share(overlap.overlapped, overlap.operations)} "
            "of kmap, kunmap and page_address "
            f"overlapped another, {overlap.slept} slept, {overlap.waited} scans in vain"
        )
    yield f"unknown     {_share(result.undecided, result.operations)} of the operations"
    yield f"lock order  {_order(result)}"
    yield f"time        {_time(result)}"
    yield from _findings(result)
    yield f"verdict     {_verdict(result)}"


def _verdict(result: HistoriesResult) -> str:
    if result.verdict is not Verdict.DIVERGE or result.violating:
        return _VERDICTS[result.verdict]
    if result.crash or result.troubles:
        return "DIVERGE: the kernel crashed, hung or complained"
    return "DIVERGE: behaviour: the order of its lock leads to another result"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "0 of 0"


def _order(result: HistoriesResult) -> str:
    replays = [one.replay for one in result.histories]
    sections, undecided = (
        sum(one.sections for one in replays),
        sum(one.undecided for one in replays),
    )
    return f"{sections} critical sections replayed, {undecided} unknown"


def _time(result: HistoriesResult) -> str:
    ran = sum(one.run_seconds for one in result.histories)
    judged = sum(one.judge_seconds for one in result.histories)
    phases = phase_words(result.phases)
    run = f"run {ran:.1f} s ({_rate(result, ran)}/s)"
    return f"{phases}, {run}, judge {judged:.1f} s ({_rate(result, judged)}/s)"


def _rate(result: HistoriesResult, seconds: float) -> int:
    return round(result.operations / seconds) if seconds else 0


def _findings(result: HistoriesResult) -> Iterator[str]:
    found = result.violating
    yield f"violations  {len(found)} of {len(result.histories)} histories have no order"
    for rule, number in result.rules.most_common():
        yield f"  {number} times {rule}"
    if found:
        yield from _first(min(found, key=_length))
    for one in result.odd[:SHOWN]:
        yield f"behaviour   {one.regime} history, seed {one.seed}: {one.odd}"
    yield from (f"kernel said {trouble}" for trouble in result.troubles)
    for label, text in (("crash", result.crash), ("error", result.error)):
        if text:
            yield f"{label:12}{text}"


def _length(one: JudgedHistory) -> int:
    first, last = one.violations[0].window
    return last - first


def _first(one: JudgedHistory) -> Iterator[str]:
    yield f"the shortest unexplained window, {one.regime} history, seed {one.seed}:"
    yield from (f"    {line}" for line in one.window)


def histories_value(result: HistoriesResult) -> dict[str, Any]:
    """The run as one JSON object."""
    overlap = result.overlap
    return {
        "format": FORMAT,
        "verdict": result.verdict.value,
        "exit_code": result.exit_code,
        "error": result.error,
        "crash": result.crash,
        "steps": result.operations,
        "seed": result.seed,
        "kernel": asdict(result.kernel),
        "machine": result.machine,
        "command": result.command,
        "operations": result.operations,
        "undecided": result.undecided,
        "overlapped": overlap.overlapped,
        "measured": overlap.operations,
        "slept": overlap.slept,
        "rules": dict(result.rules),
        "divergences": [{"summary": _summary(one)} for one in (*result.violating, *result.odd)],
        "troubles": result.troubles,
        "histories": [_judged_value(one) for one in result.histories],
        "phases": phases_value(result.phases),
    }


def _summary(one: JudgedHistory) -> str:
    """One line for those who list divergences: the nightly, JUnit."""
    what = f"{one.violations[0].rule}: {one.violations[0].detail}" if one.violations else one.odd
    return f"{one.regime} history, seed {one.seed}: {what}"


def _judged_value(one: JudgedHistory) -> dict[str, Any]:
    return {
        "regime": one.regime,
        "seed": one.seed,
        "verdict": one.verdict.value,
        "outcome": one.outcome.name.lower(),
        "operations": one.operations,
        "overlapped": one.overlap.overlapped,
        "slept": one.overlap.slept,
        "violations": [
            {"rule": each.rule.value, "detail": each.detail, "window": each.window}
            for each in one.violations
        ],
        "window": one.window,
        "sections": one.replay.sections,
        "sections_unknown": one.replay.undecided,
        "behaviour": one.odd,
        "run_seconds": round(one.run_seconds, 3),
        "judge_seconds": round(one.judge_seconds, 3),
    }


def write_histories(result: HistoriesResult, path: Path) -> None:
    """Write the run's JSON.  Raises UnwritableError."""
    write_whole(path, json.dumps(histories_value(result), indent=1, default=list) + "\n")
