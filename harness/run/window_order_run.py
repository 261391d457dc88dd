"""A second run of a kernel whose windows lie in the fixmap in an order of its own."""

from dataclasses import replace

from harness.compare.window_order import learned_order, placed_mappings
from harness.guest.shape import Shape
from harness.run.run_result import RunResult

_PARAMETERS = ("window_first", "window_entry", "window_cpu")
"""The module's parameters, in the order of ``Layout.windows`` (kmod/layout.c)."""


def order_of_windows(result: RunResult) -> tuple[int, ...]:
    """The order that all mappings show which broke a rule; empty where that is no other order."""
    layout = result.layout
    if not layout or layout.windows:
        return ()
    judged = (one.result for one in result.programs if one.result)
    wrong = (each for one in judged for each in one.divergences)
    return learned_order(layout, placed_mappings(layout, wrong))


def with_order(shape: Shape, order: tuple[int, ...]) -> Shape:
    """*shape* on which the module takes the windows to lie in *order*."""
    values = (f"{name}={value}" for name, value in zip(_PARAMETERS, order, strict=True))
    return replace(shape, extra=(*shape.extra, f"kmh.params={','.join(values)}"))
