"""QEMU's command line: a pure function of frozen records."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from harness.guest.shape import ICOUNT_SHIFT, Accelerator, Shape, Wire

RTC_BASE = "2024-01-01T00:00:00"
"""The time of a guest that counts instructions: the same in every boot."""
STALL_SECONDS = 600
"""The guest's own stall detectors wait so long: with more CPUs than cores, work looks like a
stall.
"""


@dataclass(frozen=True, slots=True)
class Channels:
    """The four streams of a guest: back ends of chardevs, and the file for its memory."""

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
    """Return the kernel's command line, which turns off slow things that touch no mappings."""
    shape, emulated = machine.shape, machine.shape.architecture.emulated
    return " ".join(
        [
            f"console={emulated.console} panic=-1",
            "loglevel=5 cryptomgr.notests",
            *emulated.kernel_words,
            "ipv6.disable=1",
            f"initcall_blacklist={','.join(emulated.slow_initcalls)}",
            f"rcupdate.rcu_cpu_stall_timeout={STALL_SECONDS // 2}",
            f"sysctl.kernel.hung_task_timeout_secs={STALL_SECONDS}",
            "sysctl.kernel.watchdog_thresh=60",
            "pti=on" if shape.pti else "mitigations=off",
            *([] if shape.kaslr else ["nokaslr"]),
            *_clock(shape),
            *(["random.trust_cpu=off random.trust_bootloader=off"] if shape.icount else []),
            *([] if shape.highmem is None else [f"highmem={shape.highmem}M"]),
            f"kmh.port={agent_port(shape)}",
            *([f"kmh.variant={shape.variant}"] if shape.variant else []),
            *([f"kmh.modules={','.join(machine.modules)}"] if machine.modules else []),
            *shape.extra,
        ]
    )


def agent_port(shape: Shape) -> str:
    """Return the device file that the agent opens for the wire."""
    if shape.wire is Wire.SERIAL:
        return shape.architecture.emulated.second_serial
    return "/dev/vport0p1"


def _clock(shape: Shape) -> tuple[str, ...]:
    """Return what the kernel is told of its clock; KVM's clock is the host's own."""
    if shape.accelerator is not Accelerator.TCG:
        return ()
    clock = shape.architecture.clock
    return clock.words(shape.smp, clock.counted_khz if shape.icount else shape.tsc_khz)


def _accelerator(shape: Shape) -> str:
    """Return the value of ``-accel``; without ``parallel`` one host thread runs all CPUs.

    Steps follow one another, and one thread hands over at once where several wait for the host:
    with a thread for each CPU a change of CPU cost 0.5 to 3 ms, measured on 2 busy cores.
    """
    if shape.accelerator is not Accelerator.TCG:
        return str(shape.accelerator)
    return f"tcg,thread={'multi' if shape.parallel else 'single'}"


def program(shape: Shape) -> str:
    """Return the name of QEMU's program for *shape*."""
    return shape.qemu or shape.architecture.emulated.program_for(above_4g=shape.above_4g)


def arguments(machine: QemuMachine, channels: Channels) -> tuple[str, ...]:
    """Return QEMU's command line for *machine*; boot and restore differ at its end only.

    ``-no-shutdown`` lets a restored guest's memory, which only QEMU has, be read after a panic.
    """
    shape, emulated = machine.shape, machine.shape.architecture.emulated
    return (
        program(shape),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-accel", _accelerator(shape)),
        *("-cpu", emulated.cpu_for(shape.cpu, above_4g=shape.above_4g)),
        *(_counted(emulated.stop_device) if shape.icount else ()),
        *("-smp", f"{shape.smp},sockets={shape.smp},cores=1,threads=1"),
        *("-m", str(shape.memory), "-machine", _layout(shape)),
        *("-object", _memory(machine, channels)),
        *("-chardev", f"{channels.monitor},id=monitor", "-mon", "chardev=monitor,mode=control"),
        *("-chardev", f"{channels.console},id=console", "-serial", "chardev:console"),
        *("-chardev", f"{channels.wire},id=wire", *_wire(shape)),
        *(("-incoming", "defer", "-no-shutdown") if machine.incoming else _boot(machine)),
    )


def _layout(shape: Shape) -> str:
    """Return the value of ``-machine``: the board, and where its memory lies."""
    emulated = shape.architecture.emulated
    split = [] if shape.below is None else [f"{emulated.split_option}={shape.below}M"]
    return ",".join((emulated.machine, "memory-backend=ram", *split))


def _counted(stop_device: str) -> tuple[str, ...]:
    """Return the options that make a count of instructions the time, also of the real-time clock.

    Random numbers of QEMU come from a fixed seed. By *stop_device* the guest stops itself, at an
    instruction of its own choice, so that the harness can look at it.
    """
    return (
        *("-icount", f"shift={ICOUNT_SHIFT},sleep=off"),
        *("-rtc", f"base={RTC_BASE},clock=vm", "-seed", "1"),
        *("-device", stop_device, "-action", "panic=pause"),
    )


def _boot(machine: QemuMachine) -> tuple[str, ...]:
    """Return the options that name what to boot; a restored guest has it in its memory."""
    return (
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initrd)),
        *("-append", command_line(machine)),
    )


def _memory(machine: QemuMachine, channels: Channels) -> str:
    share = "off" if machine.private else "on"
    size, path = machine.shape.memory, channels.memory
    return f"memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}"


def _wire(shape: Shape) -> tuple[str, ...]:
    if shape.wire is Wire.SERIAL:
        return ("-serial", "chardev:wire")
    bus = f"virtio-serial-{shape.architecture.emulated.bus}"
    return ("-device", bus, "-device", "virtserialport,chardev=wire,nr=1,name=kmh")


def by_hand(machine: QemuMachine) -> str:
    """Return a shell line that boots the same guest with its console on the terminal."""
    channels = Channels("null", "stdio", "null", "/dev/shm/kmap-harness.ram")
    return shlex.join(arguments(replace(machine, incoming=False, private=False), channels))
