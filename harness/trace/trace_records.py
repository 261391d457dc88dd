"""The records of a trace, in their order in the file (docs/trace.md)."""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from harness.model.boot.boot_view import BootView
from harness.model.records.layout import Layout
from harness.model.records.observation import Observation, Snapshot
from harness.model.records.operation import Operation
from harness.model.records.page import Page
from harness.scenario.program import Program

FORMAT_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Header:
    """The kernel, the guest and the programs of a run.

    ``evidence`` is the mask of KMH_EV_* that this guest could give; ``config_hash``
    names the kernel's configuration; ``qemu`` is the command line; ``seed`` that of the
    generated programs.  ``config_symbols`` are the symbols that the configuration sets to y,
    with ``CONFIG_``: known bugs may depend on them; None where they were not recorded.
    """

    release: str
    build: str
    config_hash: str
    layout: Layout
    evidence: int
    seed: int
    programs: tuple[str, ...] = ()
    qemu: tuple[str, ...] = ()
    version: int = FORMAT_VERSION
    config_symbols: tuple[str, ...] | None = None


class WitnessView(NamedTuple):
    """The page tables as read from outside; fields as those of the guest room's witness."""

    ptes: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    counts: tuple[int, ...] = ()
    found: str = ""


class Begin(NamedTuple):
    """A program starts: its pages as allocated and the state at rest.

    ``program.operations`` is empty when it was read from a trace: the steps hold them.
    ``warned`` are the WARN_ONCE sites that fired since boot, as the model names them.
    """

    program: Program
    pages: tuple[Page, ...]
    start: Snapshot
    warned: tuple[str, ...] = ()


class Step(NamedTuple):
    """One executed operation.  ``number`` counts from 0 in its program; cycles are TSC ticks."""

    number: int
    operation: Operation
    observation: Observation
    cycles: int = 0
    messages: int = 0


class Sync(NamedTuple):
    """The whole state after ``step`` steps, from inside and from outside; either may lack."""

    step: int
    snapshot: Snapshot | None
    witness: WitnessView | None


class Trouble(NamedTuple):
    """Kernel trouble from the console; ``step`` is the step it belongs to, -1 where none."""

    step: int
    kind: str
    title: str
    lines: tuple[str, ...] = ()


class End(NamedTuple):
    """The program is over after ``steps`` steps; ``reason`` is empty when it ran to its end."""

    steps: int
    reason: str = ""


Record: TypeAlias = Begin | BootView | Step | Sync | Trouble | End
