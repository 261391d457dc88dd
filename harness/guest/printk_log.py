"""The kernel's log, read from its memory: a kernel that gave up before it had a console left it.

In ``kernel/printk/printk_ringbuffer.h`` (5.10 to 7.3) the texts follow one another from the
buffer's beginning, each after the number of its record (30 bits). The numbers begin below zero,
and a kernel gives up long before they reach it. Another array has an entry (``struct
printk_info``) for each text, with its length.
"""

import re
from itertools import count
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from harness.guest.memory import PhysicalMemory

_RECORDS = 128
_SIZE = 1 << 14
_RECORD = re.compile(rb"[\x00-\xff]{2}\xff\x3f")
_INFO, _LENGTH = 88, Struct("<16xH")


class PrintkLog(NamedTuple):
    """Physical addresses of the texts, and of the array of what is known about each."""

    texts: int
    infos: int


def find_printk_log(system_map: Path | None, page_offset: int) -> PrintkLog | None:
    """Return where the log is, or None where *system_map* does not name it.

    *page_offset* is the kernel's address of physical address 0; it holds where KASLR is off.
    """
    text = system_map.read_text() if system_map else ""
    names = ("__log_buf", "_printk_rb_static_infos")
    found = [re.search(rf"^([0-9a-f]{{8}}) \w {name}$", text, re.MULTILINE) for name in names]
    places = [int(one[1], 16) - page_offset for one in found if one]
    return PrintkLog(*places) if len(places) == len(names) else None


def log_lines(memory: PhysicalMemory, log: PrintkLog) -> tuple[str, ...]:
    """Return the lines of *log*."""
    texts = _RECORD.split(memory.read(log.texts, _SIZE))[1 : _RECORDS + 1]
    infos = memory.read(log.infos, _RECORDS * _INFO)
    lengths = (_LENGTH.unpack_from(infos, place)[0] for place in count(0, _INFO))
    known = [
        text[:length].decode("ascii", "replace")
        for text, length in zip(texts, lengths, strict=False)
    ]
    return tuple(line for text in known for line in text.splitlines() if line.strip())
