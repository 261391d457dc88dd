"""Kernel images: the ELF payload of a bzImage, and what an ELF image says of itself.

The bzImage's header is that of Documentation/x86/boot.rst (6.1), the compression that of
arch/x86/boot/compressed/Makefile: the payload ends with its uncompressed size, 32 bits.
"""

import bz2
import lzma
import re
import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from harness.base.host_programs import find_program
from harness.errors import UsageError

_ELF = b"\x7fELF"
_PHYS32_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h
_BANNER = re.compile(rb"Linux version (\S+) \([ -~]*")


class ImageError(UsageError):
    """A file is not a kernel image that can be used."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a kernel's ELF image says of itself."""

    release: str
    banner: str
    vermagic: str
    pvh: bool


def is_elf(path: Path) -> bool:
    """Whether the file begins as an ELF file does."""
    with path.open("rb") as file:
        return file.read(4) == _ELF


def bzimage_release(path: Path) -> str:
    """The release that a bzImage's header names (first word of ``kernel_version``)."""
    image = _read_bzimage(path)
    (offset,) = struct.unpack_from("<H", image, 0x20E)
    text = image[offset + 0x200 : offset + 0x400].partition(b"\0")[0]
    return text.decode("ascii", "replace").partition(" ")[0]


def extract_vmlinux(bzimage: Path) -> bytes:
    """The uncompressed ELF image inside a bzImage; raises :class:`ImageError`."""
    image = _read_bzimage(bzimage)
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length]
    elf = _decompress(payload, bzimage)
    if not elf.startswith(_ELF):
        raise ImageError(f"{bzimage}: its payload is no ELF file (starts {elf[:4].hex()})")
    return elf


def read_facts(vmlinux: Path) -> ImageFacts:
    """Release, banner, vermagic and the PVH note of an ELF image; raises :class:`ImageError`."""
    data = vmlinux.read_bytes()
    banner = _BANNER.search(data)
    if banner is None:
        raise ImageError(
            f"{vmlinux}: no 'Linux version' banner in it", hint="is it a Linux kernel image?"
        )
    release = banner.group(1)
    vermagic = re.search(rb"\0(" + re.escape(release) + rb" (?!\()[ -~]*)\0", data)
    return ImageFacts(
        release=release.decode("ascii"),
        banner=banner.group().decode("ascii"),
        vermagic=vermagic.group(1).decode("ascii").strip() if vermagic else "",
        pvh=has_pvh_note(vmlinux),
    )


def has_pvh_note(vmlinux: Path) -> bool:
    """Whether an ELF image can be entered by PVH; raises :class:`ImageError` if it is not for i386."""
    try:
        with vmlinux.open("rb") as file:
            elf = ELFFile(file)
            if elf["e_machine"] != "EM_386":
                raise ImageError(
                    f"{vmlinux} is for {elf['e_machine']}", hint="an i386 kernel is needed"
                )
            notes = (seg for seg in elf.iter_segments() if isinstance(seg, NoteSegment))
            return any(
                note["n_name"] == "Xen" and note["n_type"] in (_PHYS32_ENTRY, "NT_PHYS32_ENTRY")
                for seg in notes
                for note in seg.iter_notes()
            )
    except ELFError as error:
        raise ImageError(f"{vmlinux}: {error}") from error


def _read_bzimage(path: Path) -> bytes:
    image = path.read_bytes()
    if image[0x202:0x206] != b"HdrS":
        raise ImageError(
            f"{path} is neither an ELF file nor a bzImage", hint="give a bzImage or a vmlinux"
        )
    return image


def _xz(payload: bytes) -> bytes:
    # The size follows the stream: a decompressor object stops at its end, lzma.decompress() would not.
    return lzma.LZMADecompressor().decompress(payload)


def _gzip(payload: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(payload)


def _bzip2(payload: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(payload)


def _through(*command: str) -> Callable[[bytes], bytes]:
    def decompress(payload: bytes) -> bytes:
        program = find_program(command[0])
        # Without the size that follows the stream, which these programs take for garbage.
        return subprocess.run(
            [program, *command[1:]], input=payload[:-4], capture_output=True, check=False
        ).stdout

    return decompress


_DECOMPRESSORS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\xfd7zXZ\0", _xz),
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\x5d\0\0", _xz),
    (b"\x02\x21\x4c\x18", _through("lz4", "-dc")),
    (b"\x28\xb5\x2f\xfd", _through("zstd", "-dc")),
)


def _decompress(payload: bytes, path: Path) -> bytes:
    for magic, decompress in _DECOMPRESSORS:
        if payload.startswith(magic):
            try:
                return decompress(payload)
            except (lzma.LZMAError, zlib.error, OSError) as error:
                raise ImageError(f"{path}: its payload cannot be decompressed: {error}") from error
    if payload.startswith(_ELF):
        return payload
    raise ImageError(
        f"{path}: its payload is compressed in an unknown way (starts {payload[:6].hex()})"
    )
