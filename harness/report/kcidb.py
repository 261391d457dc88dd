"""A night as a KCIDB submission, schema 5.3: a checkout and a build for each kernel.

Identifiers are made of hashes of the inputs and of the job's key, so that to submit a night twice
changes nothing.  A failure of the harness or the host is MISS: the test did not take place.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.architecture.i386 import I386
from harness.base.fingerprint import key_of
from harness.errors import UsageError
from harness.store.night_changes import ChangeKind
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

_ORIGIN: Final = re.compile("[a-z0-9_]+")
_STATUS: Final = {"agree": "PASS", "diverge": "FAIL", "unmet": "FAIL", "not applicable": "SKIP"}
_EXCERPT: Final = 16_000
"""Characters of an excerpt: the schema allows no more than 16 KiB."""


def kcidb_value(view: NightView, origin: str) -> dict[str, Any]:
    """The submission of *origin*, the name of a CI system.  Raises UsageError for a wrong name."""
    if not _ORIGIN.fullmatch(origin):
        raise UsageError(
            f"{origin!r} is no origin of KCIDB", hint="use small letters, digits and _"
        )
    return {
        "version": {"major": 5, "minor": 3},
        "checkouts": _once(_checkout(run, origin) for run in view.runs),
        "builds": _once(_build(run, origin) for run in view.runs),
        "tests": [
            *(test for run in view.runs for test in _tests(run, view.reports[run.key], origin)),
            *_left_out(view, origin),
        ],
    }


def _once(objects: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each object once, by its identifier."""
    return list({one["id"]: one for one in objects}.values())


def _name(origin: str, *parts: str) -> str:
    return f"{origin}:{key_of(parts)}"


def _checkout_id(run: StoredRun, origin: str) -> str:
    return _name(origin, "checkout", run.provenance.kernel, run.provenance.release)


def _build_id(run: StoredRun, origin: str) -> str:
    made = run.provenance
    return _name(origin, "build", made.kernel, made.release, made.build, made.config)


def _checkout(run: StoredRun, origin: str) -> dict[str, Any]:
    made = run.provenance
    return {
        "id": _checkout_id(run, origin),
        "origin": origin,
        "tree_name": "debian" if made.kernel.startswith("debian-") else "own",
        "comment": made.release or made.kernel,
        "valid": True,
    }


def _build(run: StoredRun, origin: str) -> dict[str, Any]:
    made = run.provenance
    return {
        "id": _build_id(run, origin),
        "checkout_id": _checkout_id(run, origin),
        "origin": origin,
        "architecture": I386.name,
        "compiler": made.compiler,
        "config_name": made.kernel,
        "comment": made.build,
        "status": "PASS",
        "misc": {"config_sha256": made.config},
    }


def _tests(run: StoredRun, report: Mapping[str, Any], origin: str) -> Iterator[dict[str, Any]]:
    """The job as a test, and each of its programs."""
    made = run.provenance
    common = {
        "build_id": _build_id(run, origin),
        "origin": origin,
        "environment": {"comment": f"{made.machine}; {made.qemu}"},
    }
    path = f"kmap.{_word(run.suite)}.{_word(run.job)}"
    for program in report.get("programs", ()):
        yield {**common, **_program(run, program, path, origin)}
    yield {
        **common,
        "id": _name(origin, "test", run.key),
        "path": path,
        "status": _STATUS.get(run.verdict, "MISS"),
        "comment": run.reproduce,
        "start_time": run.ended,
        "duration": run.seconds,
        "log_excerpt": _excerpt(run, ""),
        "misc": {
            "seed": run.seed,
            "steps": run.steps,
            "harness": made.harness,
            "host": made.host,
            "qemu_command": made.qemu_command,
        },
    }


def _program(run: StoredRun, program: Mapping[str, Any], path: str, origin: str) -> dict[str, Any]:
    name = program["name"]
    failing = name in run.failing
    return {
        "id": _name(origin, "test", run.key, name),
        "path": f"{path}.{_word(name)}",
        "status": "FAIL" if failing else _STATUS.get(program["verdict"], "MISS"),
        "duration": program["seconds"],
        "log_excerpt": _excerpt(run, name),
    }


def _left_out(view: NightView, origin: str) -> Iterator[dict[str, Any]]:
    """Jobs that were not run, of kernels that the night knows from other jobs."""
    keys = {one.job: one.key for one in view.planned}
    builds = {run.provenance.kernel: _build_id(run, origin) for run in view.runs}
    for one in view.of_kind(ChangeKind.NOT_RUN):
        build = next((builds[name] for name in builds if one.job.startswith(name)), "")
        if one.job in keys and build:
            yield {
                "build_id": build,
                "origin": origin,
                "id": _name(origin, "test", keys[one.job]),
                "path": f"kmap.{_word(one.job)}",
                "status": "SKIP",
                "comment": one.because,
            }


def _excerpt(run: StoredRun, program: str) -> str:
    found = (one.text for one in run.findings if one.program == program)
    return "\n".join(found).replace("\0", "")[:_EXCERPT]


def _word(text: str) -> str:
    """*text* as a part of a test's path."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", text) or "run"
