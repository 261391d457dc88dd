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

from harness.base.system_map import map_symbols
from harness.guest.memory import PhysicalMemory

_RECORDS = 128
_SIZE = 1 << 14
_RECORD = re.compile(rb"[\x00-\xff]{2}\xff\x3f")
_INFO, _LENGTH = 88, Struct("<16xH")


class PrintkLog(NamedTuple):
    """Physical addresses of the texts, and of the array of what is known about each."""

    texts: int
    infos: int


def find_printk_log(system_map: Path | None, entry: tuple[str, str]) -> PrintkLog | None:
    """Return where the log is, or None where *system_map* does not name it.

    *entry* are the symbols of the kernel's entry, by physical address and in the direct map; their
    distance holds where KASLR is off.
    """
    names = ("__log_buf", "_printk_rb_static_infos", *entry)
    found = map_symbols(system_map, names) if system_map else {}
    if len(found) < len(names):
        return None
    texts, infos, physical, direct = (found[name] for name in names)
    return PrintkLog(texts - (direct - physical), infos - (direct - physical))


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
