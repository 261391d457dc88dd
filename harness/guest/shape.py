"""The machine that a guest runs on: CPUs, memory, CPU model, accelerator, wire."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.architecture.architecture import Architecture, PhysicalRam
from harness.architecture.i386 import I386
from harness.errors import UsageError


class Accelerator(StrEnum):
    """How QEMU executes the guest's instructions."""

    TCG = "tcg"
    KVM = "kvm"


class Wire(StrEnum):
    """The carrier of the frames between harness and agent."""

    VIRTIO = "virtio"
    SERIAL = "serial"


CPUS_MOST = I386.limits.cpus
"""CPUs of a machine of the default architecture, for help texts."""
VARIANTS_MOST = 1000
"""Starts of one machine that can be told apart; each that is used costs a template."""

ICOUNT_SHIFT = 3
"""With ``icount`` an instruction takes 2**3 ns of the guest's time, and its TSC counts these."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One machine; equal shapes give equal command lines.

    ``memory`` and ``highmem`` are MiB; ``highmem=None`` leaves the split to the kernel. ``pti``
    turns page table isolation on (PAE kernels only); otherwise all mitigations are off. With PTI
    every system call empties the TLB, so that stale translations cannot be seen. ``parallel``
    gives each CPU a host thread of its own: they then really run at once. ``icount`` makes a count
    of instructions the time, the same in every run; it needs a single CPU.

    With ``below`` only so many MiB of the memory lie below 4 GiB; the kernel takes the rest for
    highmem: frames whose numbers need more than 20 bits (PAE kernels up to 6.14 address them).
    ``memory_chosen``: nobody but the user says how much memory there is, and where.

    ``variant`` other than 0 is another start of the same machine: the agent keeps as many pages
    for good as this number says, so that the pools get other frames; with KASLR each variant has
    addresses of its own. ``qemu`` is the QEMU program to use, a path or a name in PATH; empty: the
    usual one. ``tsc_khz`` is the rate of its clock that the kernel reads on its command
    line: the host's; with 0 the kernel measures.
    """

    smp: int = 2
    memory: int = 256
    highmem: int | None = 128
    below: int | None = None
    memory_chosen: bool = False
    cpu: str = I386.emulated.cpu
    pti: bool = False
    accelerator: Accelerator = Accelerator.TCG
    wire: Wire = Wire.VIRTIO
    kaslr: bool = False
    parallel: bool = False
    icount: bool = False
    variant: int = 0
    qemu: str = ""
    extra: tuple[str, ...] = ()
    tsc_khz: int = field(default_factory=I386.clock.host_khz)
    architecture: Architecture = I386

    def __post_init__(self) -> None:
        for what, hint in (*self._wrong_cpus(), *self._wrong_memory()):
            raise UsageError(what, hint=hint)

    @property
    def ram(self) -> PhysicalRam:
        """The places of the guest's RAM."""
        ram = self.architecture.ram
        return ram if self.below is None else ram.with_below(self.below << 20)

    @property
    def above_4g(self) -> bool:
        """Tell whether some of the memory lies above 4 GiB."""
        if self.below is not None:
            return self.below < self.memory
        return self.memory > self.architecture.emulated.large_memory.more_than_mib

    def _wrong_cpus(self) -> Iterator[tuple[str, str]]:
        """Yield what cannot be of the CPUs and the variant, with a hint."""
        most = self.architecture.limits.cpus
        if not 1 <= self.smp <= most:
            yield f"{self.smp} CPUs asked for", f"a guest has 1 to {most} CPUs"
        if self.icount and (self.smp > 1 or self.accelerator is not Accelerator.TCG):
            what = "instructions can be counted on one emulated CPU only"
            yield what, "icount goes with smp=1, accel=tcg"
        if not 0 <= self.variant < VARIANTS_MOST:
            yield f"variant {self.variant}", f"variants are 0 to {VARIANTS_MOST - 1}"

    def _wrong_memory(self) -> Iterator[tuple[str, str]]:
        """Yield what cannot be of the memory, with a hint."""
        limits, highmem = self.architecture.limits, self.highmem or 0
        asked = f"{highmem} MiB of highmem in {self.memory} MiB of memory"
        if not 64 <= self.memory <= 16384:
            yield f"{self.memory} MiB of memory asked for", "64 to 16384 MiB are possible"
        if self.kaslr and highmem and self.memory - highmem < limits.kaslr_mib:
            least = f"leave {limits.kaslr_mib} MiB of lowmem, or highmem=auto"
            yield f"KASLR with {asked}", f"the kernel may land in highmem and die: {least}"
        if self.below is not None and not limits.lowmem_mib <= self.below < self.memory:
            least = f"a number from {limits.lowmem_mib} to less than {self.memory} is possible"
            yield f"{self.below} of {self.memory} MiB of memory below 4 GiB", least
        if self.highmem is not None and self.memory - highmem < limits.lowmem_mib:
            yield asked, f"the kernel ignores highmem= unless {limits.lowmem_mib} MiB are left"


def pti_shape(smp: int = 2) -> Shape:
    """Return the shape that runs a PAE kernel with page table isolation."""
    return isolating(Shape(smp=smp))


def isolating(shape: Shape) -> Shape:
    """Return *shape* with page table isolation, on a CPU that needs it."""
    return replace(shape, pti=True, cpu=shape.architecture.emulated.isolating_cpu)
