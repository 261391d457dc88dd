"""The probes of a guest: what it can show once they are armed."""

from typing import NamedTuple

from harness.architecture.flush_site import FlushScan
from harness.guest.protocol import PROBES, Evidence, GuestFacts
from harness.guest.running_guest import Guest


class ArmedProbes(NamedTuple):
    """What a guest shows from now on, and where it may flush unseen."""

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
