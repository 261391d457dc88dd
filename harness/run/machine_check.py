"""The machine is what was asked for: asserted before any verdict, never assumed."""

from collections.abc import Iterator
from pathlib import Path

from harness.errors import InfrastructureError
from harness.guest.protocol import GuestFacts
from harness.guest.shape import Shape
from harness.kernel.dwarf import DwarfFacts
from harness.kernel.kernel_record import Kernel
from harness.model.records.layout import Layout
from harness.run.symbol_check import kaslr_offset, read_symbols, symbol_contradictions
from harness.run.wire_check import layout_contradictions

_MUCH = 8 << 20
"""Bytes of RAM: more than a firmware keeps for itself at the end."""


class WrongMachineError(InfrastructureError):
    """The guest that came up is not the one that was asked for."""


def require_machine(
    kernel: Kernel,
    shape: Shape,
    layout: Layout,
    facts: GuestFacts,
    dwarf: DwarfFacts | None = None,
) -> None:
    """Raise WrongMachineError naming every difference of the guest from the machine asked for.

    *dwarf* holds what the module's DWARF says; None for a module that was not built for this run.
    """
    compiled = layout_contradictions(dwarf, layout, facts) if dwarf else ()
    wrong = (*_differences(kernel, shape, layout, facts), *compiled)
    if wrong:
        raise WrongMachineError(
            "the guest is not the machine that was asked for: " + "; ".join(wrong),
            hint="see the console log for what the kernel made of its command line",
        )


def _differences(kernel: Kernel, shape: Shape, layout: Layout, facts: GuestFacts) -> Iterator[str]:
    for what, wanted, found in _comparisons(kernel, shape, layout, facts):
        if wanted != found:
            yield f"{what} is {found}, not {wanted}"
    if not kernel.config.enabled("CONFIG_HIGHMEM"):
        yield "the kernel has no CONFIG_HIGHMEM"
    elif not (facts.highmem_pages or _ram_above(kernel, shape, layout)):
        yield f"there are no highmem pages ({shape.memory} MiB, highmem={shape.highmem})"
    if kernel.system_map:
        yield from _symbols(kernel.system_map, shape, facts)


def _ram_above(kernel: Kernel, shape: Shape, layout: Layout) -> bool:
    """Tell whether much RAM lies above lowmem: a kernel that counts none as highmem is wrong."""
    lowmem, ram = layout.high_memory - layout.page_offset, shape.ram
    return any(
        end > lowmem + _MUCH and (kernel.uses_high_frames or start < ram.above_hole)
        for start, end in ram.ranges(shape.memory << 20)
    )


def _comparisons(
    kernel: Kernel, shape: Shape, layout: Layout, facts: GuestFacts
) -> tuple[tuple[str, object, object], ...]:
    """Each thing that is compared, as it should be, as it is."""
    pae = kernel.pae
    smp = shape.smp if kernel.config.enabled("CONFIG_SMP") else 1
    return (
        ("release", kernel.release, facts.release),
        ("PAE", pae, layout.pae),
        ("LAST_PKMAP", kernel.architecture.paging.pkmap_slots[pae], layout.last_pkmap),
        ("CPUs", smp, layout.online_cpus),
        ("PREEMPT_RT", kernel.config.enabled("CONFIG_PREEMPT_RT"), layout.rt),
        (
            "DEBUG_KMAP_LOCAL",
            kernel.config.enabled("CONFIG_DEBUG_KMAP_LOCAL"),
            layout.debug_kmap_local,
        ),
    )


def _symbols(system_map: Path, shape: Shape, facts: GuestFacts) -> Iterator[str]:
    """KASLR may move a kernel by nothing, so that only a move that was not asked for is wrong."""
    symbols = read_symbols(system_map)
    yield from symbol_contradictions(symbols, facts)
    moved = kaslr_offset(symbols, facts)
    if moved and not shape.kaslr:
        yield f"the kernel was moved by {moved:#x} without KASLR"
