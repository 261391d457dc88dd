"""The areas of a kernel's addresses, as it was compiled and as it runs."""

from enum import IntEnum
from typing import Final, NamedTuple


class AreaKind(IntEnum):
    """``enum kmh_area_kind``; the last two are parts of the others, one for each of NR_CPUS."""

    DIRECT = 1
    VMALLOC = 2
    PKMAP = 3
    LDT = 4
    ENTRY = 5
    FIXMAP = 6
    CPU_ENTRY = 7
    CPU_WINDOW = 8


WHOLE: Final = {AreaKind.CPU_ENTRY: AreaKind.ENTRY, AreaKind.CPU_WINDOW: AreaKind.FIXMAP}
"""The area in which the parts of each CPU lie."""
_NAMES: Final = {
    AreaKind.DIRECT: "the direct map",
    AreaKind.VMALLOC: "vmalloc",
    AreaKind.PKMAP: "pkmap",
    AreaKind.LDT: "the LDT",
    AreaKind.ENTRY: "cpu_entry_area",
    AreaKind.FIXMAP: "the fixmap",
    AreaKind.CPU_ENTRY: "cpu_entry_area of CPU {}",
    AreaKind.CPU_WINDOW: "the window of CPU {}",
}


class AddressArea(NamedTuple):
    """One area of addresses; ``end`` is the first address beyond it.

    ``cpu`` is that of an area which each CPU has, and 0 for the others.
    """

    kind: AreaKind
    cpu: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """The area as reports name it."""
        return _NAMES[self.kind].format(self.cpu)

    @property
    def words(self) -> str:
        """Its name and its bounds."""
        return f"{self.name} ({self.start:#x} to {self.end:#x})"

    def overlaps(self, other: "AddressArea") -> bool:
        """Tell whether both have an address in common."""
        return self.start < other.end and other.start < self.end

    def holds(self, other: "AddressArea") -> bool:
        """Tell whether *other* lies within it."""
        return self.start <= other.start and other.end <= self.end
