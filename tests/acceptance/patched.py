"""Stock kernels with a bug put into their text: a private copy of the vmlinux, patched before it boots.

A running guest's code is never changed: the emulator would keep its translation of the old code.
"""

import hashlib
import re
from bisect import bisect_right
from dataclasses import replace
from typing import NamedTuple

from elftools.elf.elffile import ELFFile


class Edit(NamedTuple):
    """In *symbol*, the one place that reads *old* becomes *new*; both as hex, ``??`` stands for any byte."""

    symbol: str
    old: str
    new: str


class Reorder(NamedTuple):
    """In *symbol*, the one place where *pieces* follow each other, in another order; calls keep their targets."""

    symbol: str
    pieces: tuple[str, ...]
    order: tuple[int, ...]


class Bug(NamedTuple):
    """A seeded bug: what it does to the kernel, for people, and how."""

    what: str
    edits: tuple[Edit | Reorder, ...]


def patched(kernel, bug, folder):
    """*kernel* with a vmlinux in *folder* that has *bug*; every edit must find its old bytes exactly once."""
    image = bytearray(kernel.vmlinux.read_bytes())
    symbols = _text_symbols(kernel.system_map.read_text())
    segments = _segments(kernel.vmlinux)
    for edit in bug.edits:
        apply = _reorder if isinstance(edit, Reorder) else _apply
        apply(image, edit, *_extent(symbols, segments, edit.symbol))
    copy = folder / "vmlinux"
    copy.write_bytes(image)
    content = hashlib.sha256(image).hexdigest()
    return replace(kernel, name=f"{kernel.name} with {bug.what}", vmlinux=copy, content_hash=content)


def _apply(image, edit, start, end):
    old, new = edit.old.split(), edit.new.split()
    assert len(old) == len(new), f"{edit} changes the length"
    at = _only(_pattern(old), image, start, end)
    for number, byte in enumerate(new):
        if byte != "??":
            image[at + number] = int(byte, 16)


def _pattern(words):
    return b"".join(b"." if one == "??" else re.escape(bytes.fromhex(one)) for one in words)


def _only(pattern, image, start, end):
    """Where in the file the one match begins."""
    (found,) = re.finditer(pattern, bytes(image[start:end]), re.DOTALL)
    return start + found.start()


def _reorder(image, edit, start, end):
    at = _only(b"".join(_pattern(piece.split()) for piece in edit.pieces), image, start, end)
    pieces, offset = [], at
    for piece in edit.pieces:
        pieces.append((offset, bytes(image[offset : offset + len(piece.split())])))
        offset += len(piece.split())
    for number in edit.order:
        old, code = pieces[number]
        image[at : at + len(code)] = _moved(code, old - at)
        at += len(code)


def _moved(code, by):
    """A near call that lies *by* bytes lower calls the same function."""
    if code[0] != 0xE8:
        return code
    return code[:1] + (int.from_bytes(code[1:5], "little") + by & 0xFFFF_FFFF).to_bytes(4, "little")


def _text_symbols(system_map):
    lines = (line.split() for line in system_map.splitlines())
    return sorted((int(address, 16), name) for address, kind, name in lines if kind in "tT")


def _segments(vmlinux):
    with vmlinux.open("rb") as file:
        return [(s["p_vaddr"], s["p_filesz"], s["p_offset"]) for s in ELFFile(file).iter_segments("PT_LOAD")]


def _extent(symbols, segments, name):
    """Offsets in the file at which the function begins and ends."""
    (start,) = [address for address, one in symbols if one == name]
    end = symbols[bisect_right(symbols, (start, "\uffff"))][0]
    (shift,) = [offset - base for base, size, offset in segments if base <= start < base + size]
    return start + shift, end + shift
