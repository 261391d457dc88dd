"""The memory that a kernel is judged with where the user asks for none."""

from dataclasses import replace
from typing import Final

from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.kernel.kernel_record import Kernel

ABOVE_4G: Final = 128
"""MiB above 4 GiB."""
BELOW_WITH_HIGHMEM_ABOVE: Final = 192
"""MiB below 4 GiB, all of them lowmem.  A kernel without SPARSEMEM has a ``struct page`` for each
frame of the hole between both: some 40 MiB that nothing else can have.
"""
BELOW_WITH_HIGHMEM_BELOW: Final = 1024
"""MiB below 4 GiB.  They end above lowmem, since ``highmem=`` counts from 4 GiB down here."""


def usual_machine(shape: Shape, kernel: Kernel) -> Shape:
    """Return *shape* with memory above 4 GiB, if *kernel* has wide page-table entries.

    A kernel that uses such memory gets all its highmem there: the number of a frame then has more
    than 20 bits, so that a truncated one shows.  A newer one has to leave it alone, and gets
    none where its split of the address space would make all the rest lowmem.  What the user
    has chosen stays, and a QEMU of the user's gets no such memory: not every QEMU emulates it (see
    ``LargeMemory``), and all shall have the same machine.  Raises UsageError for page table
    isolation that *kernel* does not have.
    """
    if shape.pti and not kernel.isolates:
        raise UsageError(
            f"{kernel.name} has no page table isolation, so pti would change nothing",
            hint=f"it needs {' or '.join(kernel.architecture.paging.isolation_options)}; "
            "check --configs takes the fragment pti",
        )
    if shape.memory_chosen or shape.qemu or not kernel.pae:
        return shape
    if not (kernel.uses_high_frames or kernel.splits_as_usual):
        return shape
    below = BELOW_WITH_HIGHMEM_ABOVE if kernel.uses_high_frames else BELOW_WITH_HIGHMEM_BELOW
    return replace(shape, memory=below + ABOVE_4G, highmem=None, below=below, memory_chosen=True)
