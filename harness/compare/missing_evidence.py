"""Evidence that a guest does not give: its names, the rules it takes away, what may hide then."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from harness.compare.evidence_mask import FIELDS
from harness.compare.plausibility import LostEvidence
from harness.guest.protocol import Evidence


class Blindness(NamedTuple):
    """The rules that need a kind of evidence, and the bugs that its loss may hide.

    ``rules`` are those of the contract, by the names that a divergence gives; ``hides`` says which
    bugs stay unseen, and how far.
    """

    rules: tuple[str, ...]
    hides: str


BLINDNESS: Final = {
    Evidence.COUNTS: Blindness(
        ("users",),
        "users miscounted, until a slot is taken away in use or none is left",
    ),
    Evidence.CURSOR: Blindness((), "a search that begins at another slot"),
    Evidence.WAITERS: Blindness((), "a queue that keeps a task that has left it"),
    Evidence.FLUSH_SCAN: Blindness((), "a search for unused slots too many or too few"),
    Evidence.FLUSH_RANGE: Blindness((), "a flush of pkmap too many, or of another range"),
    Evidence.FLUSH_CPU: Blindness((), "a flush on a CPU too many"),
    Evidence.INVLPG: Blindness((), "a flush of one page too many"),
    Evidence.WAKE: Blindness((), "a wake-up too many"),
    Evidence.WARN: Blindness(
        ("order", "fork", "return-to-user"), "wrong use that the kernel does not notice"
    ),
    Evidence.PRINTK: Blindness((), "the step to which a kernel message belongs"),
    Evidence.DEPTH: Blindness(
        ("depth", "too-deep"), "an entry of a window that is not given back, until none is left"
    ),
    Evidence.MIGRATE: Blindness(
        ("pinned", "sent-away", "cpu-gone"), "a task with mappings that may leave its CPU"
    ),
    Evidence.PREEMPT: Blindness((), "an atomic section that is left open"),
    Evidence.FLUSHES: Blindness(
        ("reuse-unflushed", "attribute-unflushed"),
        "an old translation in a TLB, unless a read goes through it",
    ),
}
"""For each kind of evidence what its loss costs."""


def missing_evidence(evidence: int, lost: Iterable[LostEvidence] = ()) -> tuple[str, ...]:
    """Names of the evidence that is not in *evidence*, or that steps have shown to be none."""
    names = {name for one in lost for name in one.names}
    return tuple(
        one.name or ""
        for one in Evidence
        if not one & evidence or names.intersection(FIELDS.get(int(one), ()))
    )


def blindness_words(names: Iterable[str]) -> Iterator[str]:
    """For each kind of evidence in *names* the rules that were not judged, and what could hide."""
    for name in names:
        one = BLINDNESS[Evidence[name]]
        if one.rules:
            yield f"without {name.lower()} not judged: {', '.join(one.rules)}"
        yield f"without {name.lower()} could hide: {one.hides}"


def table() -> Iterator[str]:
    """The table of docs/contract.md."""
    yield "| evidence lost | rules not judged | bugs that could hide |"
    yield "|---|---|---|"
    for kind, one in BLINDNESS.items():
        yield f"| {(kind.name or '').lower()} | {', '.join(one.rules)} | {one.hides} |"
