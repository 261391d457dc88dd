"""The 32-bit x86: the record of everything that depends on it."""

from typing import Final

from harness.architecture import bzimage
from harness.architecture.architecture import (
    Architecture,
    CpuInspection,
    CrossCompiler,
    EmulatedMachine,
    GuestClock,
    KernelImageFormat,
    LargeMemory,
    MachineLimits,
    PagingFacts,
    PhysicalRam,
    SourceLayout,
)
from harness.architecture.call_site import CallScan
from harness.architecture.flush_site import FlushScan, FunctionTable
from harness.architecture.i386_clock import COUNTED_KHZ, clock_words, host_tsc_khz
from harness.architecture.i386_page_tables import I386PageTables
from harness.architecture.i386_registers import read_registers, why_boot_stopped


def _find_flushes(text: bytes, address: int, functions: FunctionTable) -> FlushScan:
    """Import the decoder where it is first needed: few commands do, and it takes 60 ms."""
    from harness.architecture.i386_flushes import find_flushes  # noqa: PLC0415

    return find_flushes(text, address, functions)


def _find_calls(code: bytes, start: int, function: str) -> CallScan:
    """Import the decoder where it is first needed, as above."""
    from harness.architecture.i386_calls import find_calls  # noqa: PLC0415

    return find_calls(code, start, function)


_PHYS32_ENTRY = 18
"""XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h: QEMU enters such an image by PVH."""

_COMPILER = CrossCompiler(
    prefix="i686-linux-gnu-",
    package="gcc-i686-linux-gnu",
    make_architecture="i386",
    program_flags=("-march=i686",),
)

_SOURCE = SourceLayout(
    folder="arch/x86",
    image="arch/x86/boot/bzImage",
    mapping_files=("arch/x86/mm/highmem_32.c", "arch/x86/mm/iomap_32.c"),
    flush_files=("arch/x86/mm/tlb.c",),
    memory_files=(
        "arch/x86/kernel/e820.c",
        "arch/x86/kernel/setup.c",
        "arch/x86/mm/init.c",
        "arch/x86/mm/init_32.c",
        "mm/memblock.c",
        "mm/mm_init.c",
        "mm/page_alloc.c",
    ),
)

_IMAGE = KernelImageFormat(
    name="bzImage",
    release=bzimage.release,
    payload=bzimage.payload,
    elf_machine="EM_386",
    elf_class=32,
    direct_boot_note=("Xen", (_PHYS32_ENTRY, "NT_PHYS32_ENTRY")),
)

# Less RAM than 3.5 GiB lies below 4 GiB as a whole (hw/i386/pc_piix.c of QEMU, 2.x to 11).
_RAM = PhysicalRam(
    base=0, largest_below_hole=0xE000_0000, split=0xC000_0000, above_hole=0x1_0000_0000
)

_PAGING = PagingFacts(
    tables=I386PageTables,
    # arch/x86/kernel/vmlinux.lds.S, 5.10 to 7.3: they are PAGE_OFFSET apart.
    entry_symbols=("phys_startup_32", "startup_32"),
    direct_map_probes=(0x0010_0000, 0x0100_0000, 0x0200_0000),
    wide_entries_option="CONFIG_X86_PAE",
    usual_split_option="CONFIG_VMSPLIT_3G",
    wide_entries_file="arch/x86/Kconfig",
    # To 6.14: bbeb69ce3013 ("x86/mm: Remove CONFIG_HIGHMEM64G support", 6.15).
    high_frames_option="CONFIG_HIGHMEM64G",
    # The second name is that of Linux 6.9 and later (arch/x86/Kconfig).
    isolation_options=(
        "CONFIG_PAGE_TABLE_ISOLATION",
        "CONFIG_MITIGATION_PAGE_TABLE_ISOLATION",
    ),
    pkmap_slots=(1024, 512),
)

# CPUs: NR_CPUS of Debian's kernels, 5.10 and 6.1.
# KASLR: KERNEL_IMAGE_SIZE of asm/page_32_types.h (6.1); the decompressor does not know
# ``highmem=``, and a kernel that lands above lowmem dies at once.
# Lowmem: find_low_pfn_range() of arch/x86/mm/init_32.c (5.10 to 6.12) ignores ``highmem=``
# unless a little more than 64 MiB are left.
_LIMITS = MachineLimits(cpus=32, kaslr_mib=512, lowmem_mib=72)

# QEMU 7.2's i386 program faults for ever on PTEs of frames above 4 GiB; the x86_64 program
# runs the same 32-bit CPUs.  qemu32 has 32 address lines without PSE-36.
_LARGE_MEMORY = LargeMemory(more_than_mib=3584, program="qemu-system-x86_64", cpu_feature="pse36")

# The usual CPU has PAE, PGE and NX but no large pages: with those a stray INVLPG of TCG drops
# every translation.  The isolating one is a CPU that Meltdown concerns.
_EMULATED = EmulatedMachine(
    package="qemu-system-x86",
    program="qemu-system-i386",
    machine="pc",
    split_option="max-ram-below-4g",
    large_memory=_LARGE_MEMORY,
    cpu="qemu32,-pse,+nx",
    isolating_cpu="Nehalem,-pse,-pcid",
    bus="pci",
    console="ttyS0",
    second_serial="/dev/ttyS1",
    stop_device="pvpanic",
    kernel_words=("noisapnp", "no_timer_check", "tsc=reliable"),
    slow_initcalls=(
        "load_system_certificate_list",
        "crypto_kdf108_init",
        "init_encrypted",
        "init_zswap",
        "init_kprobe_trace",
        "ftrace_check_for_weak_functions",
        "trace_eval_init",
        "trace_eval_sync",
        "init_acpi_pm_clocksource",
    ),
)

I386: Final = Architecture(
    name="i386",
    package_architecture="i386",
    compiler=_COMPILER,
    source=_SOURCE,
    image=_IMAGE,
    emulated=_EMULATED,
    ram=_RAM,
    paging=_PAGING,
    cpu=CpuInspection(read_registers, "CR3", why_boot_stopped),
    clock=GuestClock(host_tsc_khz, COUNTED_KHZ, clock_words),
    limits=_LIMITS,
    find_flushes=_find_flushes,
    find_calls=_find_calls,
)
