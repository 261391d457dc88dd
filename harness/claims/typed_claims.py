"""Claims 16, 17 and 19 to 21 about 2.6.24, checked in the typed window of the module."""

from collections.abc import Callable, Mapping
from typing import Final

from harness.claims.claim_finding import ClaimFinding, false, when
from harness.claims.claim_programs import A, B, ClaimEvidence
from harness.model.records.km_type import KM_TYPES_2_6_24
from harness.model.records.layout import TYPED_FIRST
from harness.model.records.observation import Status

_TYPES: Final = len(KM_TYPES_2_6_24)


def _entries(seen: ClaimEvidence, task: int) -> list[int]:
    return [
        seen.layout.fixindex(s.observation.value) - TYPED_FIRST for s in seen.all(f"typed-{task}")
    ]


def sleepers(seen: ClaimEvidence) -> ClaimFinding:
    """16: a sleeper's entry stays, and the next task's map of the same type is a BUG."""
    other = seen.one("typed-other").observation
    return when(
        other.status is Status.BUG,
        "after a sleep with KM_USER0 mapped another task's kmap_atomic of KM_USER0: "
        f"{other.status.name}",
    )


def formula(seen: ClaimEvidence) -> ClaimFinding:
    """17: the index is type + KM_TYPE_NR * smp_processor_id()."""
    first, second = _entries(seen, A), _entries(seen, B)
    return when(
        first == list(range(_TYPES)) and second == list(range(_TYPES, 2 * _TYPES)),
        f"CPU 0: entries {first[0]} to {first[-1]}, CPU 1: {second[0]} to {second[-1]}, "
        f"KM_TYPE_NR {_TYPES}",
    )


def entry_per_type(seen: ClaimEvidence) -> ClaimFinding:
    """19: each CPU has exactly one entry for each type."""
    found = {*_entries(seen, A), *_entries(seen, B)}
    return when(len(found) == 2 * _TYPES, f"{_TYPES} types on 2 CPUs: {len(found)} entries")


def overwriting(seen: ClaimEvidence) -> ClaimFinding:
    """20: another process could overwrite the entry of a sleeping process."""
    other, read = seen.one("typed-other").observation, seen.one("typed-read").observation
    evidence = (
        f"the other task's map: {other.status.name}; "
        f"the sleeper then reads {read.value:#x}, its own"
    )
    if other.status is Status.BUG and read.value == 0x3333:
        return false("BUG_ON(!pte_none) fires; nothing is overwritten", evidence)
    return when(read.value != 0x3333, evidence)


def by_type(seen: ClaimEvidence) -> ClaimFinding:
    """21: kunmap_atomic deletes the entry by type and address."""
    wrong, right = seen.one("typed-wrong").observation, seen.one("typed-right").observation
    return when(
        bool(wrong.pte) and not right.pte,
        f"with another type the PTE stays ({wrong.pte:#x}); with its own it goes ({right.pte:#x})",
    )


TYPED_CHECKS: Final[Mapping[int, Callable[[ClaimEvidence], ClaimFinding]]] = {
    16: sleepers,
    17: formula,
    19: entry_per_type,
    20: overwriting,
    21: by_type,
}
"""Checks of the interface of 2.6.24, which the book describes, by number of the claim."""
