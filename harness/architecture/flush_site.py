"""The places of a kernel's text at which a CPU drops translations: what a decoder finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

NO_REGISTER: Final = 0xFF


class FlushKind(IntEnum):
    """The translations that an instruction drops (``enum kmh_flush_kind``)."""

    PAGE = 1
    """The page that the memory operand lies in."""
    ROOT = 2
    """Every translation but the global ones: the root of the page tables is written."""
    CONTROL = 3
    """Every translation, if the new value turns global translations on or off."""
    DESCRIBED = 4
    """The translations that the type in a register and the descriptor in memory name."""


@dataclass(frozen=True, slots=True)
class FlushSite:
    """One instruction that drops translations of the CPU that executes it.

    ``register`` holds the value written, or the type; ``base`` + ``index`` * ``scale`` +
    ``displacement`` is the address of the memory operand.  Registers have the numbers of the
    instruction set; NO_REGISTER: there is none.
    """

    function: str
    offset: int
    address: int
    kind: FlushKind
    code: bytes
    register: int = NO_REGISTER
    base: int = NO_REGISTER
    index: int = NO_REGISTER
    scale: int = 1
    displacement: int = 0

    def __str__(self) -> str:
        """Return its place as kernel messages name it."""
        return place(self.function, self.offset)


def place(function: str, offset: int) -> str:
    """Return a place in a function as kernel messages name it."""
    return f"{function}+{offset:#x}"


@dataclass(frozen=True, slots=True)
class FlushScan:
    """All sites of a text, and the places where nobody can tell whether there is one."""

    sites: tuple[FlushSite, ...]
    unsure: tuple[str, ...]
    """Each place with the reason: evidence about translations is lost there."""
    anchor: int = 0
    """The address that the running kernel's text is found by."""


NOT_LOOKED_FOR: Final = FlushScan((), ("nobody has looked for flushes",))


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """The functions of a kernel, by rising address."""

    addresses: Sequence[int]
    names: Sequence[str]

    @classmethod
    def of(cls, symbols: Mapping[str, int]) -> "FunctionTable":
        """Make the table of functions by name."""
        ordered = sorted((address, name) for name, address in symbols.items())
        return cls([address for address, _ in ordered], [name for _, name in ordered])
