"""What a kernel has told its log and nobody else, read from its memory: it gave up before it had a console.

``kernel/printk/printk_ringbuffer.h`` (5.10 to 7.3): texts stand one behind the other from the buffer's beginning,
each after the number of its record (30 bits).  They begin below zero, and a kernel gives up long before they are there.
"""

import re
from pathlib import Path

from harness.guest.memory import PhysicalMemory

LINES = 24
_SIZE = 1 << 14
_LOWMEM = 0xC000_0000
"""Where physical address 0 is in the kernel's own, unless it was moved."""
_RECORD = re.compile(rb"[\x00-\xff]{2}\xff\x3f")


def log_buffer(system_map: Path | None) -> int | None:
    """The physical address of the log, where the map names it."""
    found = (
        re.search(r"^([0-9a-f]{8}) \w __log_buf$", system_map.read_text(), re.MULTILINE)
        if system_map
        else None
    )
    return int(found[1], 16) - _LOWMEM if found else None


def unsaid(memory: PhysicalMemory, address: int) -> tuple[str, ...]:
    """The last lines of the log at *address*."""
    texts = _RECORD.split(memory.read(address, _SIZE))[1:]
    lines = [line for text in texts for line in text.strip(b"\0").decode("ascii", "replace").splitlines()]
    return tuple(line for line in lines if line.strip() and line.isprintable())[-LINES:]
