"""A guest made ready to be judged: it is the machine asked for, and its probes are armed."""

from typing import NamedTuple

from harness.guest.protocol import GuestFacts
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.kernel.dwarf import DwarfFacts
from harness.kernel.flush_sites import flush_sites
from harness.kernel.kernel_record import Kernel
from harness.kernel.variables import odd_variables
from harness.model.records.layout import Layout
from harness.run.machine_check import require_machine
from harness.run.probes import arm_probes, evidence_of
from harness.trace.trace_records import Header


class Booted(NamedTuple):
    """A guest that is up, and was found to be the machine that was asked for."""

    kernel: Kernel
    guest: Guest
    layout: Layout
    facts: GuestFacts
    odd: tuple[str, ...] = ()
    """Why some of its evidence is none."""
    unwatched: tuple[str, ...] = ()
    """Where it may flush unseen."""

    def header(self, seed: int) -> Header:
        """The header of a trace of this guest."""
        return Header(
            release=self.facts.release,
            build=self.facts.build,
            config_hash=self.kernel.config_hash,
            layout=self.layout,
            evidence=int(self.facts.evidence),
            seed=seed,
            qemu=(self.guest.reproduce,),
            config_symbols=self.kernel.config.built_in,
        )


def made_ready(
    kernel: Kernel, guest: Guest, shape: Shape, dwarf: DwarfFacts | None = None
) -> Booted:
    """*guest* with its probes armed.  Raises KernelError where it is another machine."""
    layout, facts = guest.info()
    require_machine(kernel, shape, layout, facts, dwarf)
    armed = arm_probes(guest, facts, flush_sites(kernel))
    odd = odd_variables(kernel)
    facts = facts._replace(evidence=armed.evidence & ~evidence_of(odd))
    return Booted(kernel, guest, layout, facts, tuple(one.reason for one in odd), armed.unwatched)
