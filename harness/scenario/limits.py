"""How big the parts of a scenario may be: each bound has an error that names the place."""

from typing import Final

from harness.model.records.operation import NO_PAGE
from harness.scenario.scenario_error import ScenarioError, SourcePlace

NUMBER_MOST: Final = 0xFFFF_FFFF
NUMBER_LEAST: Final = -(1 << 31)
DIGITS_MOST: Final = 10
"""Digits of 2**32 - 1; a number of more cannot fit."""

FILE_MOST: Final = 1 << 22
"""Bytes of a scenario."""

BLOCKS_MOST: Final = 32
"""Blocks within each other."""

TERMS_MOST: Final = 64
"""Numbers, names, signs and parentheses of one expression."""

OPERATIONS_MOST: Final = 1 << 18
"""Operations of a scenario whose loops are unrolled, and turns of its loops."""

TASKS_MOST: Final = 64  # KMH_MAX_TASKS
REGISTERS_MOST: Final = 4096  # KMH_MAX_REGISTERS
PAGES_MOST: Final = NO_PAGE - 1

_SIGN: Final = 1 << 31


def word(value: int, where: SourcePlace, what: str) -> int:
    """*value* as 32 bits; *what* it is stands in the error for one that does not fit."""
    if not NUMBER_LEAST <= value <= NUMBER_MOST:
        raise ScenarioError(
            where,
            f"{what} beyond 32 bits",
            offending=_shown(value),
            hint=f"numbers are {NUMBER_LEAST} to {NUMBER_MOST}",
        )
    return value & NUMBER_MOST


def signed_word(value: int, where: SourcePlace, what: str) -> int:
    """The same, as a number with a sign."""
    bits = word(value, where, what)
    return bits - ((bits & _SIGN) << 1)


def within(value: int, most: int, where: SourcePlace, what: str, *, least: int = 0) -> int:
    """*value*, which must be *least* to *most*."""
    if not least <= value <= most:
        hint = f"{what} is {least} to {most}"
        raise ScenarioError(where, f"{what} out of range", offending=_shown(value), hint=hint)
    return value


def _shown(value: int) -> str:
    """*value*, however big a product of numbers is."""
    return str(value) if abs(value) < 1 << 128 else f"{value:#x}"[:20] + "..."
