"""The probes of a guest: what it can show once they are armed."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from harness.architecture.flush_site import FlushScan
from harness.guest.protocol import PROBES, Evidence, GuestFacts
from harness.guest.running_guest import Guest
from harness.kernel.variables import OddVariable

_RESTS_ON: Final = {
    "pkmap_count": Evidence.COUNTS,
    "last_pkmap_nr": Evidence.CURSOR,
    "pkmap_map_wait": Evidence.WAITERS | Evidence.WAKE,
}
"""The evidence that rests on each variable."""


class ArmedProbes(NamedTuple):
    """The evidence that a guest gives from now on, and the places where it may flush unseen."""

    evidence: Evidence
    unwatched: tuple[str, ...]


def arm_probes(guest: Guest, facts: GuestFacts, flushes: FlushScan) -> ArmedProbes:
    """Watch all *flushes*, and arm the probes that *facts* names.

    A probe of a function that the compiler has inlined cannot be armed.
    """
    unwatched = guest.watch_flushes(flushes)
    armed = guest.probes(facts.evidence & PROBES)
    all_flushes = Evidence(0) if unwatched else Evidence.FLUSHES
    return ArmedProbes((facts.evidence & ~PROBES) | armed | all_flushes, unwatched)


def evidence_of(variables: Iterable[OddVariable]) -> Evidence:
    """The evidence that is none where *variables* are not what they were taken for."""
    return reduce(or_, (_RESTS_ON[one.name] for one in variables), Evidence(0))
