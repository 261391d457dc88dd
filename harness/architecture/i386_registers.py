"""Registers of an i386 CPU, as QEMU's monitor prints them."""

import re
from collections.abc import Sequence

from harness.architecture.address_space import CpuState
from harness.architecture.i386_page_tables import I386PageTables

INTERRUPTS_ON = 0x200
"""EFLAGS.IF."""
CR4_PAE = 0x20
"""Page tables have three levels."""
LOOKS_OFF = 4
LOOKS_REAL = 10
"""Looks at a booting guest that must agree: SeaBIOS, too, halts for moments in real mode."""

_CPU = re.compile(r"CPU#(\d+)(.*?)(?=CPU#|\Z)", re.DOTALL)
_REGISTER = re.compile(r"\b(EIP|EFL|CR3|CR4|HLT)=\s*([0-9a-f]+)", re.IGNORECASE)


def read_registers(text: str) -> tuple[CpuState, ...]:
    """Return the state of every CPU in the output of ``info registers -a``."""
    return tuple(_state(int(number), block) for number, block in _CPU.findall(text))


def _state(number: int, block: str) -> CpuState:
    values = {name.upper(): int(value, 16) for name, value in _REGISTER.findall(block)}
    return CpuState(
        cpu=number,
        instruction=values["EIP"],
        interrupts=bool(values["EFL"] & INTERRUPTS_ON),
        halted=bool(values.get("HLT")),
        translating=bool(values["CR3"]),
        tables=I386PageTables(values["CR3"], bool(values["CR4"] & CR4_PAE)),
    )


def why_boot_stopped(looks: Sequence[CpuState]) -> str:
    """Return why a booting kernel will never come up, or nothing.

    *looks* are states of the first CPU, in order of time.  Nothing wakes a CPU after ``cli; hlt``
    (arch/x86/kernel/head_32.S, kernel/panic.c).  In real mode only die() of arch/x86/boot/boot.h
    halts at one place for good, after it has printed the reason on a screen that no guest has.
    """
    off = looks[-LOOKS_OFF:]
    if len(off) == LOOKS_OFF and all(one.halted and not one.interrupts for one in off):
        return f"its first CPU is halted with interrupts off at {off[-1].instruction:#x}"
    real = looks[-LOOKS_REAL:]
    if len(real) == LOOKS_REAL and _halted_in_real_mode(real):
        return f"its set-up code is halted in real mode at {real[-1].instruction:#x}"
    return ""


def _halted_in_real_mode(looks: Sequence[CpuState]) -> bool:
    """Tell whether the CPU was halted at one and the same place each time, without paging."""
    halted = all(one.halted and not one.translating for one in looks)
    return halted and len({one.instruction for one in looks}) == 1
