"""Puts bugs into the code of stock kernels, as edits of bytes that must occur exactly once.

An edit changes a private copy of a template's memory, which is restored in a tenth of a second and
also shows bugs that would not survive a boot; or a private copy of the vmlinux, which is booted.
It never changes the code of a running guest, of which the emulator would keep its translation.
"""

import hashlib
import mmap
import os
import re
import subprocess
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import NamedTuple

from elftools.elf.elffile import ELFFile

from harness.guest.template import obtain_template

PAGE_OFFSET = 0xC000_0000
CAVE = "do_con_write"
"""A long function that no guest without a virtual console calls: its place takes new code."""


class Edit(NamedTuple):
    """Replaces the bytes *old*, which occur once in *symbol*, by *new*; both in hex.

    In *old*, ``??`` stands for any byte.  In *new*, ``??`` keeps the byte, ``=7`` takes byte 7 of
    *old*, and ``@name`` is the displacement (4 bytes) of a call or jump to the symbol; ``@cave``
    is the bug's own code.
    """

    symbol: str
    old: str
    new: str


class Reorder(NamedTuple):
    """Puts *pieces*, which follow each other in *symbol*, in another order; calls still work."""

    symbol: str
    pieces: tuple[str, ...]
    order: tuple[int, ...]

    @property
    def old(self):
        """The bytes before the edit."""
        return " ".join(self.pieces)


class Bug(NamedTuple):
    """A bug to put into a kernel; ``what`` describes it.

    ``cave`` holds instructions (GNU as, Intel syntax) that an edit jumps to or calls.  They may
    use the kernel's symbols, and ``here``, the address just after the place of the first edit.
    """

    what: str
    edits: tuple[Edit | Reorder, ...]
    cave: str = ""


@dataclass(frozen=True)
class Symbols:
    """The functions and variables of a kernel, from its System.map."""

    entries: tuple[tuple[int, str], ...]

    @cached_property
    def addresses(self) -> Mapping[str, int]:
        """Addresses by name."""
        return {name: address for address, name in self.entries}

    def extent(self, name):
        """The start and the end of a function."""
        (start,) = [address for address, one in self.entries if one == name]
        return start, self.entries[bisect_right(self.entries, (start, "\uffff"))][0]


@cache
def symbols_of(system_map):
    """The symbols of a System.map; ``extent`` refuses a name that two functions have."""
    lines = (line.split() for line in system_map.read_text().splitlines())
    return Symbols(tuple(sorted((int(address, 16), name) for address, _, name in lines)))


def seed(image, offset, symbols, bug):
    """Put *bug* into *image*; *offset* maps a virtual address to its place in the image."""
    places = [_find(image, offset, symbols, edit) for edit in bug.edits]
    if bug.cave:
        start, end = symbols.extent(CAVE)
        here = places[0] + len(bug.edits[0].old.split())
        code = _assemble(bug.cave, start, {**symbols.addresses, "here": here})
        assert len(code) <= end - start, f"the cave holds {end - start} bytes, not {len(code)}"
        image[offset(start) : offset(start) + len(code)] = code
    for edit, place in zip(bug.edits, places, strict=True):
        at, length = offset(place), len(edit.old.split())
        old = bytes(image[at : at + length])
        new = (
            _reordered(edit, old)
            if isinstance(edit, Reorder)
            else _new_bytes(edit, old, place, symbols)
        )
        assert len(new) == length, f"{edit} changes the length by {len(new) - length}"
        image[at : at + length] = new


def _find(image, offset, symbols, edit):
    start, end = symbols.extent(edit.symbol)
    tokens = edit.old.split()
    pattern = b"".join(b"." if one == "??" else re.escape(bytes.fromhex(one)) for one in tokens)
    text = bytes(image[offset(start) : offset(start) + end - start])
    found = list(re.finditer(pattern, text, re.DOTALL))
    assert len(found) == 1, f"{edit.symbol}: {edit.old} is found {len(found)} times"
    return start + found[0].start()


def _new_bytes(edit, old, place, symbols):
    new = bytearray()
    for token in edit.new.split():
        if token == "??":
            new.append(old[len(new)])
        elif token.startswith("="):
            new.append(old[int(token[1:])])
        elif token.startswith("@"):
            target = symbols.addresses[CAVE if token == "@cave" else token[1:]]
            new += (target - place - len(new) - 4 & 0xFFFF_FFFF).to_bytes(4, "little")
        else:
            new += bytes.fromhex(token)
    return bytes(new)


def _reordered(edit, old):
    starts = [0]
    for piece in edit.pieces:
        starts.append(starts[-1] + len(piece.split()))
    new = b""
    for number in edit.order:
        new += _moved(old[starts[number] : starts[number + 1]], starts[number] - len(new))
    return new


def _moved(code, by):
    """*code*, moved down by *by* bytes; a near call still calls the same function."""
    if code[0] != 0xE8:
        return code
    return code[:1] + (int.from_bytes(code[1:5], "little") + by & 0xFFFF_FFFF).to_bytes(
        4, "little"
    )


def _assemble(text, start, symbols):
    """The machine code of *text* at address *start*."""
    used = {
        word: symbols[word] for word in re.findall(r"[A-Za-z_][\w.]*", text) if word in symbols
    }
    sets = "".join(f".set {name}, {address:#x}\n" for name, address in used.items())
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    stem = folder / f"kmh-cave-{os.getpid()}"
    source, plain, code = (stem.with_suffix(end) for end in (".s", ".o", ".bin"))
    source.write_text(f".intel_syntax noprefix\n{sets}{text}\n")
    try:
        subprocess.run(["as", "--32", source, "-o", plain], check=True)
        layout = ("-m", "elf_i386", "--oformat", "binary", f"-Ttext={start:#x}", "-e", "0")
        subprocess.run(["ld", *layout, plain, "-o", code], check=True)
        return code.read_bytes()
    finally:
        for path in (source, plain, code):
            path.unlink(missing_ok=True)


def restored(template, kernel, bug, folder):
    """A copy of *template* with *bug* in its memory, whose guests never ran the old code."""
    copy = template.copied(Path(mkdtemp(prefix="broken-", dir=folder)))
    with (copy.folder / "memory").open("r+b") as memory, mmap.mmap(memory.fileno(), 0) as image:
        seed(image, lambda address: address - PAGE_OFFSET, symbols_of(kernel.system_map), bug)
    return copy


def with_bug(kernel, bug):
    """A function that restores a guest of *kernel* with *bug* in its memory.

    A guest that runs has the files of its template open, so that their folder can go at once.
    """

    def launch(parts, out):
        copy = restored(obtain_template(parts, out), kernel, bug, out)
        try:
            return copy.restore(out)
        finally:
            rmtree(copy.folder)

    return launch


def patched(kernel, bug, folder):
    """*kernel* with a vmlinux in *folder* that has *bug*; it must be booted."""
    image = bytearray(kernel.vmlinux.read_bytes())
    seed(image, _segments(kernel.vmlinux), symbols_of(kernel.system_map), bug)
    copy = folder / "vmlinux"
    copy.write_bytes(image)
    content = hashlib.sha256(image).hexdigest()
    return replace(
        kernel, name=f"{kernel.name} with {bug.what}", vmlinux=copy, content_hash=content
    )


def _segments(vmlinux):
    with vmlinux.open("rb") as file:
        parts = [
            (s["p_vaddr"], s["p_filesz"], s["p_offset"])
            for s in ELFFile(file).iter_segments("PT_LOAD")
        ]

    def offset(address):
        (shift,) = [at - base for base, size, at in parts if base <= address < base + size]
        return address + shift

    return offset
