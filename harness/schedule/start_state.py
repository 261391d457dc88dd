"""The state in which every schedule begins: the module sets variables of the kernel for it."""

from collections.abc import Iterator
from typing import Final

from harness.base.system_map import map_symbols
from harness.kernel.kernel_record import Kernel
from harness.kernel.variables import odd_variables
from harness.schedule.gate_finder import NoGatesError

_SET: Final = ("last_pkmap_nr", "pkmap_count", "pkmap_map_wait")
"""Static variables of mm/highmem.c, 2.6.37 to 7.3."""


def require_variables(kernel: Kernel) -> None:
    """Raise NoGatesError for a kernel that lacks one of the variables, or uses it otherwise."""
    if reasons := tuple(_obstacles(kernel)):
        raise NoGatesError(
            f"{kernel.release}: its schedules cannot all begin alike: {'; '.join(reasons)}",
            hint="histories need no variables of the kernel",
        )


def _obstacles(kernel: Kernel) -> Iterator[str]:
    known = map_symbols(kernel.system_map, _SET) if kernel.system_map else _SET
    for name in _SET:
        if name not in known:
            yield f"it has no {name}"
    for odd in odd_variables(kernel):
        yield odd.reason
