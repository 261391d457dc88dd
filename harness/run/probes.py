"""The probes of a guest: what it can show once they are armed."""

from harness.guest.protocol import PROBES, Evidence, GuestFacts
from harness.guest.running_guest import Guest


def armed_evidence(guest: Guest, facts: GuestFacts) -> Evidence:
    """Arm the probes that *facts* names; return the evidence that the guest can show from now on.

    A probe of a function that the compiler has inlined cannot be armed.
    """
    return (facts.evidence & ~PROBES) | guest.probes(facts.evidence & PROBES)
