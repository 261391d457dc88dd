"""A finished run as JSON values: what scripts, the nightly and the store read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.base.output_files import write_whole
from harness.compare.divergence import Disagreement, Divergence
from harness.compare.divergence_words import operation_words, summary
from harness.compare.transitions import Transitions
from harness.model.records.layout import Layout
from harness.report.phase_times import phases_value
from harness.report.picture_value import picture_value
from harness.run.run_result import ProgramOutcome, RunResult

FORMAT = 1


def run_value(result: RunResult) -> dict[str, Any]:
    """The run as one JSON object; addresses and PTEs are numbers."""
    return {
        **_verdict_value(result),
        "operations": dict(result.operations),
        "situations": dict(result.situations),
        "rules": dict(result.total("rules")),
        "transitions": _transitions_value(result.transitions),
        **_findings_value(result),
        "programs": [_program_value(program) for program in result.programs],
        "wire": dict(result.wire),
        "phases": phases_value(result.phases),
    }


def _verdict_value(result: RunResult) -> dict[str, Any]:
    """The verdict, and what was judged."""
    return {
        "format": FORMAT,
        "verdict": result.verdict.value,
        "exit_code": result.exit_code,
        "error": result.error,
        "crash": result.crash,
        "unconfirmed": result.unconfirmed,
        "confirmation": asdict(result.confirmation) if result.confirmation else None,
        "steps": result.steps,
        "seed": result.seed,
        "kernel": asdict(result.kernel),
        "machine": result.machine,
        "command": result.command,
        "layout": _layout_value(result.layout),
        "memory": asdict(result.memory) if result.memory else None,
        "missing_evidence": result.missing_evidence,
        "lost_because": result.lost_because,
        "unwatched_flushes": result.unwatched_flushes,
    }


def _layout_value(layout: Layout | None) -> dict[str, Any] | None:
    if layout is None:
        return None
    return {**layout._asdict(), "generation": layout.generation.value}


def _findings_value(result: RunResult) -> dict[str, Any]:
    """The findings, the divergences first."""
    return {
        "divergences": [divergence_value(one) for one in result.divergences],
        "failed_assertions": [
            {
                "program": one.program,
                "line": failed.line,
                "step": failed.step,
                "field": failed.field,
                "place": failed.place,
                "text": failed.text,
                "wanted": failed.wanted,
                "seen": failed.seen,
            }
            for one in result.results
            for failed in one.failed_assertions
        ],
        "silent_interrupts": [asdict(one) for one in result.silent_interrupts],
        "known": dict(result.total("known")),
        "vanished": dict(result.total("vanished")),
        "foreign": dict(result.total("foreign")),
        "troubles": [
            {
                "program": program,
                "kind": one.kind,
                "title": one.title,
                "step": one.step,
                "lines": one.lines,
            }
            for program, one in result.placed_troubles
        ],
    }


def _transitions_value(found: Transitions | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "reached": len(found.reached),
        "possible": found.possible,
        "missing": sorted(found.missing),
        "excluded": [{"rule": one.rule, "reason": one.reason} for one in found.excluded],
        "unforeseen": sorted(found.unforeseen),
    }


def divergence_value(one: Divergence) -> dict[str, Any]:
    """One divergence: where, what was seen, what was allowed, who disagrees."""
    return {
        "summary": summary(one),
        "program": one.program,
        "line": one.line,
        "step": one.step,
        "operation": operation_words(one),
        "layer": one.layer.value,
        "reasons": one.reasons,
        "fields": one.fields,
        "seen": None if one.seen is None else one.seen._asdict(),
        "allowed": [
            {"rule": a.rule, "observation": a.observation._asdict(), "differs": a.differs}
            for a in one.allowed
        ],
        "witnesses": [_witness_value(witness) for witness in one.witnesses],
        "messages": [trouble.title for trouble in one.trouble],
        "around": one.around,
        "picture": picture_value(one),
    }


def _witness_value(one: Disagreement) -> dict[str, Any]:
    return {
        "what": one.what,
        "index": one.index,
        "model": one.model,
        "module": one.module,
        "outside": one.outside,
        "odd": one.odd,
    }


def _program_value(program: ProgramOutcome) -> dict[str, Any]:
    result = program.result
    return {
        "name": program.name,
        "title": program.title,
        "verdict": result.verdict.value if result else "not applicable",
        "steps": program.steps,
        "unjudged": result.unjudged if result else 0,
        "divergences": len(result.divergences) + len(result.failed_assertions) if result else 0,
        "known": sum(result.known.values()) if result else 0,
        "seconds": program.seconds,
        "not_applicable": program.not_applicable,
        "file": program.file,
    }


def write_run(result: RunResult, path: Path) -> None:
    """Write the run's JSON.  Raises UnwritableError."""
    write_whole(path, json.dumps(run_value(result), indent=1, default=list) + "\n")
