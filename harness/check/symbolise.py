"""Addresses in kernel messages, told with file and line: what scripts/decode_stacktrace.sh does with a whole vmlinux.

Kernels for checks have no DWARF, which would make every link slower.  Code does not depend on ``-g``, so that the
one object that an address lies in is compiled again with it, by the command that kbuild has kept.
"""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from harness.base.host_programs import find_program
from harness.check.checked_program import CRASH, MESSAGE, CheckedProgram
from harness.kernel.cross_compiler import CROSS_COMPILE

_ADDRESS = re.compile(r"\b([A-Za-z_][\w.]*)\+0x([0-9a-f]+)/0x[0-9a-f]+(?! \[)")
_FUNCTION = re.compile(r"^([0-9a-f]+) .{5}.F (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)
USUAL = (
    "mm/highmem.c",
    "arch/x86/mm/highmem_32.c",
    "arch/x86/mm/iomap_32.c",
    "arch/x86/mm/tlb.c",
    "kernel/sched/core.c",
)
"""Where the functions of interest are, beside the files that a patch changes."""


class _Start(NamedTuple):
    """Where a function begins in its object."""

    section: str
    offset: int


class Symboliser:
    """Adds ``(file:line)`` to the lines of a message, for functions of a few files of a built tree."""

    def __init__(self, objects: Path, changed: Sequence[str] = ()) -> None:
        self._objects = objects
        self._sources = tuple(
            dict.fromkeys(name for name in (*changed, *USUAL) if name.endswith(".c"))
        )
        self._places: dict[tuple[str, int], str] = {}

    def lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        """*lines*, each address that can be told with its place behind it."""
        return tuple(_ADDRESS.sub(self._with_place, line) for line in lines)

    def _with_place(self, found: re.Match[str]) -> str:
        place = self._place(found[1], int(found[2], 16))
        return f"{found[0]} ({place})" if place else found[0]

    def _place(self, function: str, offset: int) -> str:
        if (function, offset) not in self._places:
            self._places[function, offset] = next(self._looked_up(function, offset), "")
        return self._places[function, offset]

    def _looked_up(self, function: str, offset: int) -> Iterator[str]:
        for source in self._defining(function):
            with tempfile.TemporaryDirectory(prefix="kmap-harness-dwarf-") as folder:
                compiled = self._with_dwarf(source, Path(folder) / "compiled.o")
                start = _functions(compiled).get(function) if compiled else None
                if compiled and start:
                    yield self._line_of(compiled, start.section, start.offset + offset)

    def _defining(self, function: str) -> Iterator[str]:
        yield from (source for source, names in self._known.items() if function in names)

    @cached_property
    def _known(self) -> dict[str, dict[str, _Start]]:
        """Functions of each source that was compiled."""
        files = {source: (self._objects / source).with_suffix(".o") for source in self._sources}
        return {source: _functions(file) for source, file in files.items() if file.is_file()}

    def _with_dwarf(self, source: str, output: Path) -> Path | None:
        """The object of *source* with line numbers, or None where kbuild's command is of another form."""
        file = (self._objects / source).with_suffix(".o")
        kept = file.with_name(f".{file.name}.cmd")
        found = _COMMAND.search(kept.read_text(encoding="utf-8")) if kept.is_file() else None
        words = shlex.split(found[1].partition(" ; ")[0]) if found else []
        if "-o" not in words:
            return None
        words[words.index("-o") + 1] = str(output)
        words = ["-Wp,-MMD,/dev/null" if word.startswith("-Wp,-MMD,") else word for word in words]
        done = subprocess.run([*words, "-g"], cwd=self._objects, capture_output=True, check=False)
        return None if done.returncode else output

    def _line_of(self, file: Path, section: str, offset: int) -> str:
        """``mm/highmem.c:300`` for an offset in a section; empty where there is no line."""
        command: list[str | Path] = [
            find_program(f"{CROSS_COMPILE}addr2line"),
            "-j",
            section,
            "-e",
            file,
            hex(offset),
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        name, _, number = said.partition(" ")[0].rpartition(":")
        path, top = Path(name).resolve(), self._objects.parent.resolve()
        shown = path.relative_to(top) if path.is_relative_to(top) else name
        return f"{shown}:{number}" if number.isdigit() and number != "0" else ""


def with_source_lines(outcome: CheckedProgram, symboliser: Symboliser) -> CheckedProgram:
    """*outcome* with places in everything that the kernel said."""
    if not outcome.messages and not any(one.what == CRASH for one in outcome.broken):
        return outcome
    spoken = (CRASH, MESSAGE)
    return replace(
        outcome,
        broken=tuple(
            replace(one, lines=symboliser.lines(one.lines)) if one.what.startswith(spoken) else one
            for one in outcome.broken
        ),
        messages=tuple(symboliser.lines(one) for one in outcome.messages),
    )


def _functions(file: Path) -> dict[str, _Start]:
    """Where the functions of an object begin: those of booting are in a section of their own."""
    said = subprocess.run(
        [find_program(f"{CROSS_COMPILE}objdump"), "--syms", file],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {found[3]: _Start(found[2], int(found[1], 16)) for found in _FUNCTION.finditer(said)}
