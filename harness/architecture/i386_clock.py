"""The time stamp counter of a guest, whose rate the kernel learns from its command line.

Under TCG it counts the host's (QEMU, cpu_get_host_ticks(), include/qemu/timer.h).
"""

import platform
import re
from functools import cache
from pathlib import Path

STEP_KHZ = 50_000
"""Rates are rounded to this: the host's kernel measures a little differently at each boot."""

UNKNOWN = 0
"""The guest's kernel then measures for itself."""

COUNTED_KHZ = 1_000_000
"""With ``-icount`` the TSC counts nanoseconds of the guest's time (QEMU, cpu_get_ticks())."""

HZ = 250
"""Debian's; where it is another, delays are longer or shorter, which no emulated device minds."""

PM_TIMER = 0x608
"""The port of PIIX4's PM timer as SeaBIOS sets it (PORT_ACPI_PM_BASE + 8).

The kernel would find it by ACPI, which is off. It calibrates the local APIC's timer by it; without
it, by its own ticks, and where the host withholds some of those it gives the timer up.
"""

MP_TABLE_CPUS = 16
"""The most CPUs for which SeaBIOS (QEMU 7.2) makes an MP table: seen with 16, not with 32."""

_BOGOMIPS = re.compile(r"^bogomips\s*:\s*([\d.]+)$", re.MULTILINE)


@cache
def host_tsc_khz() -> int:
    """Return the host's rate in kHz; UNKNOWN on a host that is no x86.

    There TCG's counter has another rate.
    """
    if platform.machine() not in {"x86_64", "i686"}:
        return UNKNOWN
    return tsc_khz(Path("/proc/cpuinfo").read_text(encoding="utf-8"))


def tsc_khz(cpuinfo: str) -> int:
    """Return the rate that the text of /proc/cpuinfo gives, to the nearest STEP_KHZ.

    x86 does not measure its delay loop but sets it to the TSC's rate (tsc_init(),
    arch/x86/kernel/tsc.c, 2.6.28 to 7.3), and BogoMIPS are two loops a microsecond
    (show_cpuinfo()); "cpu MHz" may be the momentary clock.
    """
    found = _BOGOMIPS.search(cpuinfo)
    if found is None:
        return UNKNOWN
    return round(float(found[1]) * 500 / STEP_KHZ) * STEP_KHZ


def clock_words(cpus: int, khz: int) -> tuple[str, ...]:
    """Return words for the kernel's command line: no ACPI, which saves 0.25 s, and known rates.

    A rate that is 8 % wrong costs the local APIC's timer: without a PM timer the kernel measures
    it by the TSC and verifies it by the PIT (calibrate_APIC_clock(), arch/x86/kernel/apic/apic.c,
    5.10 to 7.3). SeaBIOS's MP table names every CPU, as each has a socket of its own; with very
    many CPUs there is no such table, and the kernel needs ACPI.
    """
    return (
        *(("acpi=off", "pnpbios=off") if cpus <= MP_TABLE_CPUS else ()),
        f"pmtmr={PM_TIMER:#x}",
        *((f"tsc_early_khz={khz}", f"lpj={khz * 1000 // HZ}") if khz else ()),
    )
