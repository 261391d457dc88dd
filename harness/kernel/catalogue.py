"""The stock kernels that are known by name."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class StockKernel:
    """One flavour of one of Debian's kernel series for one architecture."""

    name: str
    series: str
    flavour: str
    codenames: tuple[str, ...]
    """Debian releases that carry the series, the best first."""
    architecture: Architecture = I386

    @property
    def isolates(self) -> bool:
        """Tell whether it has page table isolation, which needs PAE."""
        return self.flavour.endswith("pae")

    @property
    def realtime(self) -> bool:
        """Tell whether it is of the PREEMPT_RT tree, which has a headers package of its own."""
        return self.flavour.startswith("rt-")


def _stock(series: str, flavour: str, *codenames: str) -> StockKernel:
    return StockKernel(f"debian-{series}-{flavour}", series, flavour, codenames)


# bullseye-security carries 6.1 as a backport (linux-6.1), with ABI names 6.1.0-0.deb11.N.
_CATALOGUE = (
    _stock("6.1", "686", "bookworm", "bullseye"),
    _stock("6.1", "686-pae", "bookworm", "bullseye"),
    _stock("6.1", "rt-686-pae", "bookworm", "bullseye"),
    _stock("5.10", "686", "bullseye"),
    _stock("5.10", "686-pae", "bullseye"),
    _stock("5.10", "rt-686-pae", "bullseye"),
)


class UnknownKernelError(UsageError):
    """No kernel has that name; ``names`` are those that there are."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(names)}"
        super().__init__(f"no kernel is known as {name!r}", hint=hint)


def known() -> tuple[StockKernel, ...]:
    """Every stock kernel, in the order in which they are listed."""
    return _CATALOGUE


def lookup(name: str) -> StockKernel:
    """Return the stock kernel of that name; raises :class:`UnknownKernelError`."""
    for entry in _CATALOGUE:
        if entry.name == name:
            return entry
    raise UnknownKernelError(name, [entry.name for entry in _CATALOGUE])
