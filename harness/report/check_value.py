"""The report of a check as JSON: for scripts, and for ``b4 review``.

b4 runs a check command for each patch, with the mail on its standard input.  It reads a list of
objects with the keys ``tool``, ``status`` (pass, warn or fail), ``summary``, ``url`` and
``details``.  A command without output whose exit status is not 0 counts as a failed tool.
(b4 0.15, ``src/b4/review/checks.py``, ``_run_external_cmd``; docs/maintainer/review.rst, "CI check
integration".)
"""

from dataclasses import asdict
from typing import Any

from harness.base.project import NAME
from harness.check.check_result import CheckResult, ConfigResult
from harness.check.comparison import Comparison, PatchEffect
from harness.report.check_report import check_lines, verdict_words
from harness.report.phase_times import phases_value

FORMAT = 1
_STATUS = {
    PatchEffect.NEWLY_FAILING: "fail",
    PatchEffect.CANNOT_JUDGE: "warn",
    PatchEffect.NOT_APPLICABLE: "warn",
    PatchEffect.BEHAVIOUR_CHANGED: "warn",
    PatchEffect.STILL_FAILING: "pass",
    PatchEffect.NEWLY_PASSING: "pass",
    PatchEffect.UNCHANGED: "pass",
}


def check_value(result: CheckResult) -> dict[str, Any]:
    """The check as one JSON object."""
    return {
        "format": FORMAT,
        "verdict": result.change.value,
        "exit_code": result.exit_code,
        "tree": result.tree,
        "base": result.base,
        "patches": result.patches,
        "notes": result.notes,
        "left_out": result.left_out,
        "seed": result.seed,
        "strict": result.strict,
        "counts": {change.value: count for change, count in result.counts.items()},
        "configs": [_config_value(one) for one in result.configs],
        "phases": phases_value(result.phases),
    }


def _config_value(config: ConfigResult) -> dict[str, Any]:
    patched = config.patched
    return {
        "config": config.config,
        "machine_words": config.machine,
        "because": config.why,
        "left_out": config.left_out,
        "change": config.change.value,
        "failure": asdict(config.failure) if config.failure else None,
        "release": patched.release if patched else "",
        "config_hash": patched.config_hash if patched else "",
        "machine": patched.machine if patched else "",
        "command": patched.command if patched else "",
        "reproduce": config.reproduce,
        "portable": config.portable,
        "steps": patched.steps if patched else 0,
        "base_steps": config.base.steps if config.base else 0,
        "base_was_kept": config.base_was_kept,
        "module_was_kept": config.module_was_kept,
        "missing_evidence": patched.missing_evidence if patched else (),
        "lost_evidence": config.lost_evidence,
        "lost_because": config.lost_because,
        "programs": [_comparison_value(one) for one in config.comparisons],
    }


def _comparison_value(one: Comparison) -> dict[str, Any]:
    return {
        "program": one.program,
        "change": one.change.value,
        "why": one.why,
        "base": asdict(one.base) if one.base else None,
        "patched": asdict(one.patched) if one.patched else None,
        "tried": one.tried,
        "confirmed": one.confirmed,
        "confirmed_after_others": one.after,
    }


def b4_value(results: tuple[CheckResult, ...]) -> list[dict[str, str]]:
    """The list that b4 reads: an entry for each cell of each result that was judged."""
    return [
        _b4_entry(result, config)
        for result in results
        for config in result.configs
        if not config.left_out
    ]


def _b4_entry(result: CheckResult, config: ConfigResult) -> dict[str, str]:
    alone = CheckResult(
        **{**{name: getattr(result, name) for name in result.__slots__}, "configs": (config,)}
    )
    words = verdict_words(alone)
    if config.failure:
        words = f"{config.failure.words}: {_reason(config.failure.lines)}"
    return {
        "tool": f"{NAME} {config.words}",
        "status": "fail" if _patch_is_at_fault(config) else _STATUS[config.change],
        "summary": words,
        "details": "\n".join(check_lines(alone)),
    }


def _patch_is_at_fault(config: ConfigResult) -> bool:
    """A patch fails, too, if it does not apply, build or boot while the base does."""
    return config.failure is not None and config.failure.which != "base"


def _reason(lines: tuple[str, ...]) -> str:
    return next(
        (line.strip() for line in lines if "error" in line.lower()), lines[0] if lines else ""
    )
