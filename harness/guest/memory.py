"""The guest's physical memory, seen from the host through the file that backs it."""

import mmap
import os
from struct import Struct

from harness.errors import UsageError

FOUR_GIB = 1 << 32
LOW_MOST = 0xE000_0000
"""Less RAM than this lies below 4 GiB whole on QEMU's "pc" machine (hw/i386/pc_piix.c, 2.x to 11)."""
LOW_SPLIT = 0xC000_0000
"""... and where it ends when the rest must go above 4 GiB."""


class PhysicalMemory:
    """Read access by guest physical address.  Consistent only while the machine is stopped."""

    def __init__(self, fd: int, mebibytes: int) -> None:
        self._size = mebibytes << 20
        self._map = mmap.mmap(fd, self._size, prot=mmap.PROT_READ)
        self._below = self._size if self._size < LOW_MOST else LOW_SPLIT

    def _offset(self, address: int, length: int) -> int:
        offset = address if address < self._below else address - FOUR_GIB + self._below
        inside = address < self._below or address >= FOUR_GIB
        if not inside or offset + length > self._size:
            raise LookupError(f"no memory at physical address {address:#x}")
        return offset

    def read(self, address: int, length: int) -> bytes:
        """*length* bytes.  Raises LookupError outside of RAM."""
        offset = self._offset(address, length)
        return self._map[offset : offset + length]

    def word(self, address: int, layout: Struct) -> int:
        """One number of *layout*.  Raises LookupError outside of RAM."""
        value: int = layout.unpack_from(self._map, self._offset(address, layout.size))[0]
        return value

    def pages(self) -> range:
        """Physical addresses of all pages below 4 GiB, for a scan."""
        return range(0, self._below, 1 << 12)

    def close(self) -> None:
        """Unmap."""
        self._map.close()


def new_memory_file(mebibytes: int) -> int:
    """An anonymous file for a guest's memory; gone with its last user.

    A memfd rather than a file in /dev/shm: containers make that one small.
    """
    fd = os.memfd_create("kmap-harness-guest", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, mebibytes << 20)
    except OSError as error:
        os.close(fd)
        raise UsageError(
            f"{mebibytes} MiB for a guest: {error}", hint="give the guest less memory"
        ) from error
    return fd
