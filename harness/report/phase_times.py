"""The phases of a piece of work, in words and as a JSON value."""

from collections.abc import Mapping


def phase_words(phases: Mapping[str, float]) -> str:
    """Every phase with its seconds, in the order in which they were entered."""
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.items())


def phases_value(phases: Mapping[str, float]) -> dict[str, float]:
    """Seconds by phase."""
    return {name: round(seconds, 4) for name, seconds in phases.items()}
