"""The machine that a guest runs on: CPUs, memory, CPU model, accelerator, wire."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.errors import UsageError
from harness.guest.tsc import host_tsc_khz

CPUS_MOST = 32
"""NR_CPUS of Debian's i386 kernels, 5.10 and 6.1."""

KASLR_REACH = 512
"""MiB of physical memory in which KASLR places a kernel (KERNEL_IMAGE_SIZE, asm/page_32_types.h of 6.1).

The decompressor does not know ``highmem=``: a kernel that lands above lowmem dies at once.
"""

LOWMEM_LEAST = 72
"""MiB of lowmem that ``highmem=`` must leave.

find_low_pfn_range() of arch/x86/mm/init_32.c (5.10 to 6.12) ignores ``highmem=`` unless
64 MiB and something are left.
"""


class Accelerator(StrEnum):
    """How QEMU executes the guest's instructions."""

    TCG = "tcg"
    KVM = "kvm"


class Wire(StrEnum):
    """What carries the frames between harness and agent."""

    VIRTIO = "virtio"
    SERIAL = "serial"


VARIANTS_MOST = 1000
"""Starts of one machine that can be told apart; each that is used costs a template."""

ICOUNT_SHIFT = 3
"""With ``icount`` an instruction takes 2**3 ns of the guest's time, and its TSC counts these."""

CPU_PLAIN = "qemu32,-pse,+nx"
"""PAE, PGE and NX, no large pages: with those a stray INVLPG of TCG drops every translation."""

CPU_PTI = "Nehalem,-pse,-pcid"
"""A CPU that Meltdown concerns, for kernels run with page table isolation."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One machine; equal shapes give equal command lines.

    ``memory`` and ``highmem`` are MiB; ``highmem=None`` leaves the split to the kernel.
    ``pti`` turns page table isolation on (PAE kernels only), else all mitigations are off:
    with PTI every system call empties the TLB and stale translations cannot be seen.
    ``parallel`` gives each CPU a host thread of its own: they then really run at once.
    ``icount`` makes time a count of instructions, the same in every run: for one CPU.
    ``variant`` other than 0 names another start of the same machine: the agent takes pages for good, as many
    as this number says, so that the pools have other frames; with KASLR a template of its own has addresses
    of its own.
    ``tsc_khz`` is the rate that the kernel is told of its TSC, which is the host's; 0 lets it measure.
    """

    smp: int = 2
    memory: int = 256
    highmem: int | None = 128
    cpu: str = CPU_PLAIN
    pti: bool = False
    accelerator: Accelerator = Accelerator.TCG
    wire: Wire = Wire.VIRTIO
    kaslr: bool = False
    parallel: bool = False
    icount: bool = False
    variant: int = 0
    extra: tuple[str, ...] = ()
    tsc_khz: int = field(default_factory=host_tsc_khz)

    def __post_init__(self) -> None:
        if not 1 <= self.smp <= CPUS_MOST:
            raise UsageError(
                f"{self.smp} CPUs asked for", hint=f"a guest has 1 to {CPUS_MOST} CPUs"
            )
        if self.icount and (self.smp > 1 or self.accelerator is not Accelerator.TCG):
            raise UsageError(
                "instructions can be counted on one emulated CPU only",
                hint="icount goes with smp=1, accel=tcg",
            )
        if not 0 <= self.variant < VARIANTS_MOST:
            raise UsageError(
                f"variant {self.variant}", hint=f"variants are 0 to {VARIANTS_MOST - 1}"
            )
        if not 64 <= self.memory <= 16384:
            raise UsageError(
                f"{self.memory} MiB of memory asked for", hint="64 to 16384 MiB are possible"
            )
        if self.kaslr and self.highmem and self.memory - self.highmem < KASLR_REACH:
            raise UsageError(
                f"KASLR with {self.highmem} MiB of highmem in {self.memory} MiB of memory",
                hint=f"the kernel may land in highmem and die: leave {KASLR_REACH} MiB of lowmem, or highmem=auto",
            )
        if self.highmem is not None and self.memory - self.highmem < LOWMEM_LEAST:
            raise UsageError(
                f"{self.highmem} MiB of highmem in {self.memory} MiB of memory",
                hint=f"the kernel ignores highmem= unless {LOWMEM_LEAST} MiB are left",
            )


def pti_shape(smp: int = 2) -> Shape:
    """The shape that runs a PAE kernel with page table isolation."""
    return Shape(smp=smp, cpu=CPU_PTI, pti=True)
