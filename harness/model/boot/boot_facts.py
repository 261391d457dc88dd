"""What two kernels can be compared by that have both booted rightly: where what lies."""

from collections.abc import Iterator
from itertools import chain

from harness.model.boot.address_area import WHOLE, AreaKind
from harness.model.boot.boot_view import BootView
from harness.model.boot.memory_rules import HIGHMEM
from harness.model.records.layout import PAGE_SHIFT


def boot_facts(view: BootView) -> tuple[str, ...]:
    """The facts of a boot that a patch may change, each a sentence without its full stop.

    Of lowmem none is told: the kernel's own size decides about it.
    """
    return tuple(chain(_of_addresses(view), _of_highmem(view)))


def _of_addresses(view: BootView) -> Iterator[str]:
    for one in view.areas:
        if one.kind not in WHOLE:
            yield f"{one.name} is {one.start:#x} to {one.end:#x}"
    windows = [one for one in view.areas if one.kind is AreaKind.CPU_WINDOW]
    for first in windows[:1]:
        entries = first.end - first.start >> PAGE_SHIFT
        yield f"the windows of {len(windows)} CPUs have {entries} entries each"


def _of_highmem(view: BootView) -> Iterator[str]:
    for zone in view.zones:
        if zone.name == HIGHMEM:
            yield f"highmem is frames {zone.start:#x} to {zone.end:#x}, {zone.managed} handed out"
