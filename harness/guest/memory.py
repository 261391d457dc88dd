"""The guest's physical memory, read through the file that backs it, or through QEMU's process."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Protocol

from harness.architecture.architecture import PhysicalRam
from harness.errors import UsageError
from harness.guest.saved import copy_memory
from harness.model.records.layout import PAGE_SIZE


class PhysicalMemory:
    """The guest's RAM by physical address; only a stopped machine gives consistent content."""

    def __init__(self, store: "MemoryStore", mebibytes: int, ram: PhysicalRam) -> None:
        self.store = store
        self._size = mebibytes << 20
        self._ram = ram

    def _offset(self, address: int, length: int) -> int:
        offset = self._ram.offset(address, self._size)
        if offset is None or offset + length > self._size:
            raise LookupError(f"no memory at physical address {address:#x}")
        return offset

    def read(self, address: int, length: int) -> bytes:
        """Return *length* bytes; raises LookupError outside of RAM."""
        return self.store.read(self._offset(address, length), length)

    def word(self, address: int, layout: Struct) -> int:
        """Return one number of *layout*; raises LookupError outside of RAM."""
        value: int = layout.unpack(self.read(address, layout.size))[0]
        return value

    def pages(self) -> range:
        """Return the physical addresses of all pages below 4 GiB, for a scan."""
        return range(self._ram.base, self._ram.base + self._ram.below(self._size), PAGE_SIZE)

    def close(self) -> None:
        """Give up access."""
        self.store.close()


class MemoryStore(Protocol):
    """Guest memory by offset in the file that backs it."""

    def read(self, offset: int, length: int) -> bytes:
        """*length* bytes from *offset* on."""

    def copy_to(self, path: Path) -> None:
        """Write everything to a new file."""

    def close(self) -> None:
        """Give up access."""


class SharedFile:
    """Memory whose writes reach the file: that of a booted guest."""

    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._map = mmap.mmap(fd, 0, prot=mmap.PROT_READ)

    def read(self, offset: int, length: int) -> bytes:
        """*length* bytes from *offset* on."""
        return self._map[offset : offset + length]

    def copy_to(self, path: Path) -> None:
        """Write everything to a new file."""
        copy_memory(self._fd, path)

    def close(self) -> None:
        """Unmap."""
        self._map.close()
        os.close(self._fd)


class PrivateMapping:
    """Memory whose writes only QEMU has: that of a restored guest, read through /proc/PID/mem.

    This is the fastest way: 1 KiB takes 2 us, by QMP's pmemsave 1 ms. It needs no more rights than
    being the parent of the process (proc(5), ptrace(2)).
    """

    def __init__(self, pid: int, fd: int) -> None:
        self._process = Path(f"/proc/{pid}")
        self._mem = -1
        found = os.fstat(fd)
        self._file = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
        self._areas: tuple[tuple[int, int, int], ...] = ()

    def read(self, offset: int, length: int) -> bytes:
        """*length* bytes from *offset* on.  Raises LookupError where QEMU has them no more."""
        if self._mem < 0:
            self._open()
        parts = bytearray()
        while len(parts) < length:
            address, room = self._find(offset + len(parts))
            found = os.pread(self._mem, min(room, length - len(parts)), address)
            if not found:
                raise LookupError(f"QEMU's memory cannot be read at {address:#x}")
            parts += found
        return bytes(parts)

    def _open(self) -> None:
        """Open the process's memory, not before the first use: until QEMU greets, it is
        ``setpriv``.
        """
        self._mem = os.open(self._process / "mem", os.O_RDONLY | os.O_CLOEXEC)

    def _find(self, offset: int) -> tuple[int, int]:
        """Return the address of *offset* in QEMU's process, and how many bytes follow there."""
        for _ in range(2):
            for start, end, address in self._areas:
                if start <= offset < end:
                    return address + offset - start, end - offset
            self._areas = tuple(self._read_areas())
        raise LookupError(f"QEMU does not map its memory file at {offset:#x}")

    def _read_areas(self) -> Iterator[tuple[int, int, int]]:
        for line in (
            (self._process / "maps").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            addresses, _, offset, device, inode = line.split(None, 5)[:5]
            major, minor = (int(number, 16) for number in device.split(":"))
            if (major, minor, int(inode)) == self._file:
                first, last = (int(address, 16) for address in addresses.split("-"))
                start = int(offset, 16)
                yield start, start + last - first, first

    def copy_to(self, path: Path) -> None:
        """Raise UsageError: what a restored guest started from is a file already."""
        raise UsageError(
            f"{path}: only a booted guest is saved", hint="boot one with --no-template"
        )

    def close(self) -> None:
        """Close the process's memory."""
        if self._mem >= 0:
            os.close(self._mem)
            self._mem = -1


def new_memory_file(mebibytes: int) -> int:
    """Return an anonymous file for a guest's memory; its space is free again after its last user.

    A memfd rather than a file in /dev/shm, which containers make small.
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
