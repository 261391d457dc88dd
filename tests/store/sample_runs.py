"""Runs as the store holds them, made short."""

from dataclasses import replace

from harness.store.store_records import Provenance, RunFinding, StoredRun

MADE = Provenance("k", "6.1.0", "#1", "c0ffee", "gcc 12", "2 CPUs", "QEMU 9", "qemu ...", "m", "h")


def finding(program="pkmap-wait", text="count 2", kind="contract"):
    return RunFinding(program, kind, 3, text, "0123456789ab")


def run(night="one", job="k-smp1", verdict="agree", *failing, **changes):
    """A run; each program of *failing* has a finding."""
    found = StoredRun(
        key=f"{night}/{job}",
        night=night,
        job=job,
        suite="conformance",
        inputs="same",
        verdict=verdict,
        exit_code={"agree": 0, "diverge": 1}.get(verdict, 3),
        steps=7,
        seconds=1.5,
        ended="2026-01-02T03:04:05+00:00",
        seed=1,
        folder="out",
        reproduce="kmap-harness run --kernel k",
        provenance=MADE,
        findings=tuple(finding(one) for one in failing),
        report={"verdict": verdict, "steps": 7},
    )
    return replace(found, **changes)
