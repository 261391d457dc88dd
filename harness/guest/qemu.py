"""QEMU's command line, a pure function of frozen records."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from harness.guest.shape import ICOUNT_SHIFT, Accelerator, Shape, Wire

PROGRAM = "qemu-system-i386"
PROGRAM_ABOVE_4_GIB = "qemu-system-x86_64"
"""Runs the same 32-bit CPUs; QEMU 7.2's i386 build faults for ever on PTEs of frames above 4 GiB."""

BLACKLIST = (
    "load_system_certificate_list",
    "crypto_kdf108_init",
    "init_encrypted",
    "init_zswap",
    "init_kprobe_trace",
    "ftrace_check_for_weak_functions",
    "trace_eval_init",
    "trace_eval_sync",
    "init_acpi_pm_clocksource",
)
"""Initcalls that take long under emulation and that no mapping needs (docs/performance.md)."""

PM_TIMER = 0x608
"""The port of PIIX4's PM timer as SeaBIOS sets it (PORT_ACPI_PM_BASE + 8).

Told instead of found by ACPI: the kernel calibrates the local APIC's timer by it, else by its own
ticks, and a host that withholds some of those makes it give up the timer.
"""

RTC_BASE = "2024-01-01T00:00:00"
"""Where the clock of a guest stands that counts instructions: the same in every boot."""
ICOUNT_TSC_KHZ = 1_000_000
"""With ``-icount`` the TSC counts nanoseconds of the guest's time (QEMU, cpu_get_ticks())."""
HZ = 250
"""Debian's; where it is another, delays are longer or shorter, which no emulated device minds."""

PORTS = {Wire.VIRTIO: "/dev/vport0p1", Wire.SERIAL: "/dev/ttyS1"}
"""What the agent opens for each wire."""

STALL_SECONDS = 600
"""The guest's own stall detectors wait so long: more CPUs than cores look like stalls to it."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where the four streams of a guest go: each the back end of a chardev, and a file for its memory."""

    monitor: str
    console: str
    wire: str
    memory: str


@dataclass(frozen=True, slots=True)
class QemuMachine:
    """Everything that the command line depends on.

    ``kernel`` is a vmlinux with a PVH note or a bzImage; ``modules`` are loaded by the agent
    in this order.  ``incoming`` makes QEMU wait for the state of a template; ``private``
    maps the memory file copy-on-write.
    """

    shape: Shape
    kernel: Path
    initrd: Path
    modules: tuple[str, ...] = ()
    incoming: bool = False
    private: bool = False


def command_line(machine: QemuMachine) -> str:
    """What the kernel is told: everything that costs time without touching the mappings is off."""
    shape = machine.shape
    return " ".join(
        [
            "console=ttyS0 panic=-1",
            "loglevel=5 cryptomgr.notests noisapnp no_timer_check tsc=reliable ipv6.disable=1",
            f"initcall_blacklist={','.join(BLACKLIST)}",
            f"rcupdate.rcu_cpu_stall_timeout={STALL_SECONDS // 2}",
            f"sysctl.kernel.hung_task_timeout_secs={STALL_SECONDS}",
            "sysctl.kernel.watchdog_thresh=60",
            "pti=on" if shape.pti else "mitigations=off",
            *([] if shape.kaslr else ["nokaslr"]),
            *_clock(shape),
            *(["random.trust_cpu=off random.trust_bootloader=off"] if shape.icount else []),
            *([] if shape.highmem is None else [f"highmem={shape.highmem}M"]),
            f"kmh.port={PORTS[shape.wire]}",
            *([f"kmh.variant={shape.variant}"] if shape.variant else []),
            *([f"kmh.modules={','.join(machine.modules)}"] if machine.modules else []),
            *shape.extra,
        ]
    )


MP_TABLE_CPUS = 16
"""CPUs that SeaBIOS (QEMU 7.2) still makes an MP table of: seen with 16, not with 32."""


def _clock(shape: Shape) -> list[str]:
    """Without ACPI, which saves 0.25 s; the rates of TSC and delay loop are told instead of measured.

    A rate that is 8 % wrong costs the local APIC's timer: without a PM timer the kernel measures it by the
    TSC and verifies it by the PIT (calibrate_APIC_clock(), arch/x86/kernel/apic/apic.c, 5.10 to 7.3).
    SeaBIOS's MP table names every CPU, as each has a socket of its own; of very many it makes none.
    """
    if shape.accelerator is not Accelerator.TCG:
        return []
    khz = ICOUNT_TSC_KHZ if shape.icount else shape.tsc_khz
    return [
        *(["acpi=off", "pnpbios=off"] if shape.smp <= MP_TABLE_CPUS else []),
        f"pmtmr={PM_TIMER:#x}",
        *([f"tsc_early_khz={khz}", f"lpj={khz * 1000 // HZ}"] if khz else []),
    ]


BELOW_4_GIB = 3584
"""MiB of memory from which on QEMU's "pc" puts some above 4 GiB (hw/i386/pc_piix.c)."""


def _accelerator(shape: Shape) -> str:
    """Steps follow one another: one host thread for all CPUs hands over at once, several wait for the host.

    With a thread for each CPU a change of CPU cost 0.5 to 3 ms, measured on 2 busy cores.
    """
    if shape.accelerator is not Accelerator.TCG:
        return str(shape.accelerator)
    return f"tcg,thread={'multi' if shape.parallel else 'single'}"


def program(shape: Shape) -> str:
    """The emulator for *shape*; both are in Debian's qemu-system-x86."""
    return PROGRAM_ABOVE_4_GIB if shape.memory > BELOW_4_GIB else PROGRAM


def _cpu(shape: Shape) -> str:
    """With memory above 4 GiB a CPU must have the address lines for it: qemu32 has 32 without PSE-36."""
    return f"{shape.cpu},+pse36" if shape.memory > BELOW_4_GIB else shape.cpu


def arguments(machine: QemuMachine, channels: Channels) -> tuple[str, ...]:
    """QEMU's command line for *machine*; for a boot and for a restore the same but for its end.

    ``-no-shutdown``: the memory of a restored guest is QEMU's own, and what a panic leaves is to be read.
    """
    shape = machine.shape
    return (
        program(machine.shape),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-accel", _accelerator(shape), "-cpu", _cpu(shape)),
        *(_counted() if shape.icount else ()),
        *("-smp", f"{shape.smp},sockets={shape.smp},cores=1,threads=1"),
        *("-m", str(shape.memory), "-machine", "pc,memory-backend=ram"),
        *("-object", _memory(machine, channels)),
        *("-chardev", f"{channels.monitor},id=monitor", "-mon", "chardev=monitor,mode=control"),
        *("-chardev", f"{channels.console},id=console", "-serial", "chardev:console"),
        *("-chardev", f"{channels.wire},id=wire", *_wire(shape.wire)),
        *(("-incoming", "defer", "-no-shutdown") if machine.incoming else _boot(machine)),
    )


def _counted() -> tuple[str, ...]:
    """Time is a count of instructions, for the RTC too; what QEMU would draw at random comes from a seed.

    By the pvpanic device the guest stops itself, at an instruction of its own choice, to be looked at.
    """
    return (
        *("-icount", f"shift={ICOUNT_SHIFT},sleep=off"),
        *("-rtc", f"base={RTC_BASE},clock=vm", "-seed", "1"),
        *("-device", "pvpanic", "-action", "panic=pause"),
    )


def _boot(machine: QemuMachine) -> tuple[str, ...]:
    """What to boot; a restored guest has it in its memory."""
    return (
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initrd)),
        *("-append", command_line(machine)),
    )


def _memory(machine: QemuMachine, channels: Channels) -> str:
    share = "off" if machine.private else "on"
    return f"memory-backend-file,id=ram,size={machine.shape.memory}M,mem-path={channels.memory},share={share}"


def _wire(wire: Wire) -> tuple[str, ...]:
    if wire is Wire.SERIAL:
        return ("-serial", "chardev:wire")
    return ("-device", "virtio-serial-pci", "-device", "virtserialport,chardev=wire,nr=1,name=kmh")


def by_hand(machine: QemuMachine) -> str:
    """The same guest as a line for a shell, console on the terminal, for people to try."""
    channels = Channels("null", "stdio", "null", "/dev/shm/kmap-harness.ram")
    return shlex.join(arguments(replace(machine, incoming=False, private=False), channels))
