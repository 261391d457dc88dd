"""Kernel images: the ELF file in a compressed image, and what an ELF image says of itself.

Compression: scripts/Makefile.lib (5.10 to 7.3); behind the compressed data stands the size of what
it holds, 32 bits.
"""

import bz2
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from harness.architecture.architecture import Architecture
from harness.base.child import Wait, run_child
from harness.base.host_programs import find_program
from harness.errors import UsageError

_ELF = b"\x7fELF"
_BANNER = re.compile(rb"Linux version (\S+) \([ -~]*")


class Decompressor(Protocol):
    """The common interface of the standard library's decompressors."""

    @property
    def eof(self) -> bool:
        """Tell whether the end of the stream was reached."""

    def decompress(self, data: bytes, /) -> bytes:
        """Decompress *data*."""


class ImageError(UsageError):
    """A file is not a kernel image that can be used."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts that a kernel's ELF image states of itself."""

    release: str
    banner: str
    vermagic: str
    pvh: bool


def is_elf(path: Path) -> bool:
    """Tell whether the file begins as an ELF file does."""
    with path.open("rb") as file:
        return file.read(4) == _ELF


def image_release(path: Path, architecture: Architecture) -> str:
    """Return the release that a compressed image's header names; raises :class:`ImageError`."""
    with _named(path, architecture):
        return architecture.image.release(path.read_bytes())


def extract_vmlinux(path: Path, architecture: Architecture) -> bytes:
    """Return the ELF image inside a compressed image; raises :class:`ImageError`."""
    with _named(path, architecture):
        payload = architecture.image.payload(path.read_bytes())
    elf = _decompress(payload, path)
    if not elf.startswith(_ELF):
        raise ImageError(f"{path}: its payload is no ELF file (starts {elf[:4].hex()})")
    return elf


@contextmanager
def _named(path: Path, architecture: Architecture) -> Iterator[None]:
    """Turn the ValueError of a format into an error that names the file."""
    try:
        yield
    except (ValueError, IndexError, struct.error) as error:
        name = architecture.image.name
        raise ImageError(
            f"{path} is neither an ELF file nor a {name}: {error}",
            hint=f"give a {name} or a vmlinux",
        ) from error


def read_facts(vmlinux: Path, architecture: Architecture) -> ImageFacts:
    """Return what an ELF image says of itself; raises :class:`ImageError`."""
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
        pvh=boots_directly(vmlinux, architecture),
    )


def boots_directly(vmlinux: Path, architecture: Architecture) -> bool:
    """Tell whether an ELF image has the note by which QEMU boots it.

    Raises :class:`ImageError` for an image of another architecture.
    """
    owner, types = architecture.image.direct_boot_note
    try:
        with vmlinux.open("rb") as file:
            elf = ELFFile(file)
            _require_machine(elf, vmlinux, architecture)
            _require_whole(elf, vmlinux)
            notes = (seg for seg in elf.iter_segments() if isinstance(seg, NoteSegment))
            return any(
                note["n_name"] == owner and note["n_type"] in types
                for seg in notes
                for note in seg.iter_notes()
            )
    except (ELFError, ValueError, struct.error) as error:
        raise _cut(vmlinux, str(error)) from error


def _require_machine(elf: ELFFile, vmlinux: Path, architecture: Architecture) -> None:
    if elf["e_machine"] != architecture.image.elf_machine:
        raise ImageError(
            f"{vmlinux} is for {elf['e_machine']}",
            hint=f"a kernel for {architecture.name} is needed",
        )


def _require_whole(elf: ELFFile, vmlinux: Path) -> None:
    """Raise :class:`ImageError` for a file that ends before its last section and segment do."""
    ends = [segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments()]
    size = vmlinux.stat().st_size
    last = max(*ends, elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"], 0)
    if size < last:
        raise _cut(vmlinux, f"it has {size} bytes of {last}")


def _cut(vmlinux: Path, why: str) -> ImageError:
    return ImageError(
        f"{vmlinux} is no whole ELF image: {why}", hint="copy it again, or build it again"
    )


def _whole(payload: bytes, decompressor: Decompressor) -> bytes:
    """The contents of *payload*.  Raises OSError where its end is missing."""
    plain = decompressor.decompress(payload)
    if not decompressor.eof:
        raise OSError("its end is missing")
    return plain


def _xz(payload: bytes) -> bytes:
    # The size follows the stream, at whose end a decompressor object stops; lzma.decompress()
    # would not.
    return _whole(payload, lzma.LZMADecompressor())


def _gzip(payload: bytes) -> bytes:
    return _whole(payload, zlib.decompressobj(wbits=31))


def _bzip2(payload: bytes) -> bytes:
    return _whole(payload, bz2.BZ2Decompressor())


def _through(*command: str) -> Callable[[bytes], bytes]:
    def decompress(payload: bytes) -> bytes:
        program = find_program(command[0])
        # Without the size that follows the stream, which these programs take for garbage.
        done = run_child([program, *command[1:]], Wait(command[0]), text=payload[:-4])
        if done.returncode:
            raise OSError(done.stderr.decode(errors="replace").strip())
        return done.stdout

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
