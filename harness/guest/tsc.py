"""The rate of a guest's TSC: under TCG it counts the host's (QEMU, cpu_get_host_ticks(), include/qemu/timer.h)."""

import platform
import re
from functools import cache
from pathlib import Path

STEP_KHZ = 50_000
"""Rates are told in such steps: the host's kernel measures its own a little differently each time it boots."""

UNKNOWN = 0
"""The kernel then measures for itself."""

_BOGOMIPS = re.compile(r"^bogomips\s*:\s*([\d.]+)$", re.MULTILINE)


@cache
def host_tsc_khz() -> int:
    """The host's rate in kHz; UNKNOWN where it is no x86, whose emulated TSC counts something else."""
    if platform.machine() not in {"x86_64", "i686"}:
        return UNKNOWN
    return tsc_khz(Path("/proc/cpuinfo").read_text(encoding="utf-8"))


def tsc_khz(cpuinfo: str) -> int:
    """The rate that *cpuinfo* tells, to the nearest STEP_KHZ.

    x86 does not measure its delay loop but sets it to the TSC's rate (tsc_init(), arch/x86/kernel/tsc.c, 2.6.28
    to 7.3), and BogoMIPS are two loops a microsecond (show_cpuinfo()); what is called "cpu MHz" may be the
    momentary clock.
    """
    found = _BOGOMIPS.search(cpuinfo)
    if found is None:
        return UNKNOWN
    return round(float(found[1]) * 500 / STEP_KHZ) * STEP_KHZ
