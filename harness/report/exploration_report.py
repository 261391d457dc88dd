"""Explored machines in words and as a JSON value."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from harness.scenario.explored_machine import ExploredMachine


def machine_lines(result: ExploredMachine, width: int) -> Iterator[str]:
    """One machine; *width* is that of the longest name."""
    counts = (
        f"{result.states:7} states  {result.steps:8} steps  {result.rules:2} rules  "
        f"{result.seconds:5.1f} s"
    )
    yield f"{result.name:{width}}  {counts}  {result.verdict:7}  {result.what}"
    yield from (f"  {one}" for one in result.broken)
    if result.scenario:
        yield "  the shortest way there:"
        yield from (f"    {line}" for line in result.scenario.splitlines())


def exploration_lines(results: Sequence[ExploredMachine], width: int) -> Iterator[str]:
    """The sums over all machines, and the verdict."""
    states, steps = (sum(one.states for one in results), sum(one.steps for one in results))
    broken = any(one.broken for one in results)
    yield f"{'all':{width}}  {states:7} states  {steps:8} steps"
    yield f"verdict  {'BROKEN' if broken else 'the contract holds in every state'}"


def exploration_value(results: Sequence[ExploredMachine]) -> dict[str, Any]:
    """The exploration as one JSON object."""
    return {"format": 1, "machines": [{**asdict(one), "verdict": one.verdict} for one in results]}
