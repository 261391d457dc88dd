"""The calls and the accesses to memory in a function's code: what a decoder finds."""

from dataclasses import dataclass

from harness.architecture.flush_site import place


@dataclass(frozen=True, slots=True)
class CallSite:
    """One instruction that calls, or jumps for good to, another function.

    ``target`` is the address of that function, or of the pointer to it if ``indirect``.
    ``argument`` is the constant that the first argument is set to before, where there is one.
    """

    function: str
    offset: int
    address: int
    code: bytes
    target: int
    indirect: bool = False
    tail: bool = False
    """Nothing comes back to this instruction."""
    argument: int | None = None

    def __str__(self) -> str:
        """Return its place as kernel messages name it."""
        return place(self.function, self.offset)


@dataclass(frozen=True, slots=True)
class AccessSite:
    """One instruction that reads or writes memory which is neither the stack's nor the CPU's own.

    ``operand`` is its address: displacement, numbers of base and index register (the module's,
    kmod/protocol_schedule.h; 0 is none), and scale.
    """

    function: str
    offset: int
    address: int
    code: bytes
    words: str
    operand: tuple[int, int, int, int]

    def __str__(self) -> str:
        """Return its place as kernel messages name it."""
        return place(self.function, self.offset)


@dataclass(frozen=True, slots=True)
class CallScan:
    """All calls and accesses of one function, and the places of its atomic instructions."""

    calls: tuple[CallSite, ...]
    atomic: tuple[str, ...] = ()
    whole: bool = True
    """True if the decoder read every instruction of the code."""
    accesses: tuple[AccessSite, ...] = ()
