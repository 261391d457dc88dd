"""The record of an architecture: every fact and every routine that a second one would replace.

A second architecture is a module beside ``i386.py`` that fills this record, and its line in
``known.py``.  The other rooms reach the record through the shape of a machine
(``Shape.architecture``) or through a kernel (``Kernel.architecture``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.architecture.address_space import AddressSpace, CpuState
from harness.architecture.call_site import CallScan
from harness.architecture.flush_site import FlushScan, FunctionTable


@dataclass(frozen=True, slots=True)
class CrossCompiler:
    """The compiler that kernels, modules and the agent are built with."""

    prefix: str
    """The prefix of the name of each of its programs: the value of CROSS_COMPILE."""
    package: str
    """The Debian package that brings it."""
    make_architecture: str
    """The value of ARCH in the kernel's makefiles."""
    program_flags: tuple[str, ...]
    """Compiler options of a static program that runs in any guest."""

    @property
    def gcc(self) -> str:
        """The name of the C compiler."""
        return f"{self.prefix}gcc"


@dataclass(frozen=True, slots=True)
class SourceLayout:
    """The folder of the architecture in a kernel's source."""

    folder: str
    """The folder of the architecture, as ``arch/x86``."""
    image: str
    """The compressed image, relative to the object folder."""
    mapping_files: tuple[str, ...]
    """The files that take part in mapping highmem pages."""
    flush_files: tuple[str, ...]
    """The files that flush translations."""
    memory_files: tuple[str, ...]
    """The files that decide at boot which memory there is, and hand it to the page allocator."""


@dataclass(frozen=True, slots=True)
class KernelImageFormat:
    """The compressed kernel image, and the ELF file that it holds.

    The two routines get all bytes of an image and raise ValueError where it is of another format.
    """

    name: str
    release: Callable[[bytes], str]
    """Returns the release that the image's header names."""
    payload: Callable[[bytes], bytes]
    """Returns the compressed ELF file; a kernel's decompressor finds its end by itself."""
    elf_machine: str
    elf_class: int
    direct_boot_note: tuple[str, tuple[int | str, ...]]
    """Owner and types of the ELF note by which QEMU can boot the ELF file itself."""


@dataclass(frozen=True, slots=True)
class PhysicalRam:
    """The places of the guest's RAM in its physical address space; all values are bytes."""

    base: int
    largest_below_hole: int
    """RAM of at least this size is split around the hole for devices."""
    split: int
    """How much RAM then stays below the hole."""
    above_hole: int
    """The physical address at which the rest begins."""

    def with_below(self, size: int) -> "PhysicalRam":
        """Return the layout in which at most *size* bytes of RAM lie below the hole."""
        return replace(self, largest_below_hole=size + 1, split=size)

    def below(self, size: int) -> int:
        """Return how many of *size* bytes of RAM lie below the hole."""
        return size if size < self.largest_below_hole else self.split

    def ranges(self, size: int) -> tuple[tuple[int, int], ...]:
        """Return the ranges of physical addresses at which *size* bytes of RAM lie."""
        below = self.below(size)
        rest = size - below
        above = ((self.above_hole, self.above_hole + rest),) if rest else ()
        return ((self.base, self.base + below), *above)

    def offset(self, address: int, size: int) -> int | None:
        """Return where in *size* bytes of RAM *address* is, or None where no RAM is."""
        below = self.below(size)
        if self.base <= address < self.base + below:
            return address - self.base
        offset = address - self.above_hole + below
        return offset if address >= self.above_hole and offset < size else None


@dataclass(frozen=True, slots=True)
class PagingFacts:
    """Page tables, and the addresses that every kernel of this architecture maps alike."""

    tables: Callable[[int, bool], AddressSpace]
    """Makes an address space from the physical address of its root; True: wide entries."""
    entry_symbols: tuple[str, str]
    """Symbols of the kernel's entry: its physical address, and the address in the direct map."""
    direct_map_probes: tuple[int, ...]
    """Physical addresses that every kernel has in its direct map."""
    wide_entries_option: str
    """The kernel's configuration option for page-table entries of 64 bits."""
    usual_split_option: str
    """The option for the split of the address space that kernels have by default."""
    wide_entries_file: str
    """The Kconfig file that defines it."""
    high_frames_option: str
    """The option of kernels that use memory above 4 GiB."""
    isolation_options: tuple[str, ...]
    """The option of kernels with page table isolation: one name for each age of kernel."""
    pkmap_slots: tuple[int, int]
    """LAST_PKMAP with entries of 32 bits and of 64 bits."""


@dataclass(frozen=True, slots=True)
class CpuInspection:
    """How the registers of a guest are read, and what they say of a kernel that does not start."""

    read_registers: Callable[[str], tuple[CpuState, ...]]
    """Parses the output of ``info registers -a`` of QEMU's monitor."""
    root_register: str
    """The register that holds the root of the page tables, as in traces."""
    why_boot_stopped: Callable[[Sequence[CpuState]], str]
    """Returns why a booting kernel will never come up, or nothing.

    Its argument are states of the first CPU, in order of time.
    """


@dataclass(frozen=True, slots=True)
class GuestClock:
    """The CPU's clock, whose rate the kernel learns from its command line instead of measuring."""

    host_khz: Callable[[], int]
    """Returns the rate of an emulated CPU's clock on this host in kHz; 0: not known."""
    counted_khz: int
    """The rate in a guest that counts instructions."""
    words: Callable[[int, int], tuple[str, ...]]
    """Returns words for the kernel's command line from the number of CPUs and the rate in kHz."""


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """The limits of kernels and of QEMU's machine."""

    cpus: int
    kaslr_mib: int
    """MiB of physical memory in which KASLR may place a kernel."""
    lowmem_mib: int
    """MiB of lowmem that the kernel needs to obey ``highmem=``."""


@dataclass(frozen=True, slots=True)
class LargeMemory:
    """Another QEMU program, for guests with so much memory that some lies above 4 GiB."""

    more_than_mib: int
    program: str
    cpu_feature: str


@dataclass(frozen=True, slots=True)
class EmulatedMachine:
    """QEMU's program and machine, and the devices that a guest gets."""

    package: str
    program: str
    machine: str
    large_memory: LargeMemory
    cpu: str
    """The usual CPU model with its features."""
    isolating_cpu: str
    """The CPU model for kernels that keep page tables of their own for user mode."""
    bus: str
    """The end of virtio devices' names, as ``pci``."""
    console: str
    """The kernel's name of the first serial port, where it prints its messages."""
    second_serial: str
    """The device file of the second serial port."""
    stop_device: str
    """A device by which a guest stops itself."""
    kernel_words: tuple[str, ...]
    """Words of the kernel's command line that save time on this machine."""
    slow_initcalls: tuple[str, ...]
    """Initcalls that take long under emulation and that no mapping needs."""

    split_option: str
    """The machine's option for the number of bytes of RAM that lie below 4 GiB."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Every program that emulates this machine."""
        return tuple(dict.fromkeys((self.program, self.large_memory.program)))

    def program_for(self, *, above_4g: bool) -> str:
        """Return the program for a guest with or without memory above 4 GiB."""
        return self.large_memory.program if above_4g else self.program

    def cpu_for(self, model: str, *, above_4g: bool) -> str:
        """Return *model* with what it needs to address memory above 4 GiB."""
        return f"{model},+{self.large_memory.cpu_feature}" if above_4g else model


@dataclass(frozen=True, slots=True, repr=False)
class Architecture:
    """One processor architecture for which kernels with highmem are judged."""

    name: str
    package_architecture: str
    """Debian's name, as in the index files of its archive."""
    compiler: CrossCompiler
    source: SourceLayout
    image: KernelImageFormat
    emulated: EmulatedMachine
    ram: PhysicalRam
    paging: PagingFacts
    cpu: CpuInspection
    clock: GuestClock
    limits: MachineLimits
    find_flushes: Callable[[bytes, int, FunctionTable], FlushScan]
    """Finds what drops translations in code, given its address and the kernel's functions."""
    find_calls: Callable[[bytes, int, str], CallScan]
    """Finds the calls in the code of a function, given its address and name."""

    def __repr__(self) -> str:
        """Return the name: keys of caches are made from the text of a shape."""
        return f"Architecture({self.name})"
