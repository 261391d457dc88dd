"""Adds file and line to addresses in kernel messages, as scripts/decode_stacktrace.sh does.

That script needs a vmlinux with DWARF, which checks do not build since it makes every link slower.
The code does not depend on ``-g``, so only the object that holds the address is compiled again
with ``-g``, by the command that kbuild has stored.
"""

import re
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from harness.architecture.i386 import I386
from harness.base.child import Wait, run_child
from harness.base.host import run
from harness.check.checked_program import CRASH, MESSAGE, CheckedProgram
from harness.kernel.cross_compiler import find_tool

_ADDRESS = re.compile(r"\b([A-Za-z_][\w.]*)\+0x([0-9a-f]+)/0x[0-9a-f]+(?! \[)")
_FUNCTION = re.compile(r"^([0-9a-f]+) .{5}.F (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)
USUAL = (
    "mm/highmem.c",
    *I386.source.mapping_files,
    *I386.source.flush_files,
    "kernel/sched/core.c",
)
"""Sources of the functions that occur in messages, beside the files that a patch changes."""


class _Start(NamedTuple):
    """The place at which a function begins in its object."""

    section: str
    offset: int


class Symboliser:
    """Adds ``(file:line)`` to messages, for functions of USUAL and *changed* files of a build."""

    def __init__(self, objects: Path, changed: Sequence[str] = ()) -> None:
        self._objects = objects
        self._sources = tuple(
            dict.fromkeys(name for name in (*changed, *USUAL) if name.endswith(".c"))
        )
        self._places: dict[tuple[str, int], str] = {}
        self._compiled: dict[str, Path | None] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove the objects that were compiled."""
        if self._folder:
            self._folder.cleanup()

    def lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        """*lines* with ``(file:line)`` behind each address whose place is found."""
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
            compiled = self._object(source)
            start = _functions(compiled).get(function) if compiled else None
            if compiled and start:
                yield self._line_of(compiled, start.section, start.offset + offset)

    def _object(self, source: str) -> Path | None:
        """*source* compiled with line numbers, once: a trace has many functions of one source."""
        if source not in self._compiled:
            self._folder = self._folder or tempfile.TemporaryDirectory("-kmap-harness-dwarf")
            output = Path(self._folder.name) / f"{len(self._compiled)}.o"
            self._compiled[source] = self._with_dwarf(source, output)
        return self._compiled[source]

    def _defining(self, function: str) -> Iterator[str]:
        yield from (source for source, names in self._known.items() if function in names)

    @cached_property
    def _known(self) -> dict[str, dict[str, _Start]]:
        """The functions of each source that was compiled."""
        files = {source: (self._objects / source).with_suffix(".o") for source in self._sources}
        return {source: _functions(file) for source, file in files.items() if file.is_file()}

    def _with_dwarf(self, source: str, output: Path) -> Path | None:
        """Compile *source* with line numbers.

        The result is None if kbuild's command has an unknown form, or fails.
        """
        file = (self._objects / source).with_suffix(".o")
        kept = file.with_name(f".{file.name}.cmd")
        found = _COMMAND.search(kept.read_text(encoding="utf-8")) if kept.is_file() else None
        words = shlex.split(found[1].partition(" ; ")[0]) if found else []
        if "-o" not in words:
            return None
        words[words.index("-o") + 1] = str(output)
        words = ["-Wp,-MMD,/dev/null" if word.startswith("-Wp,-MMD,") else word for word in words]
        done = run_child([*words, "-g"], Wait("a compiler"), cwd=self._objects)
        return None if done.returncode else output

    def _line_of(self, file: Path, section: str, offset: int) -> str:
        """The line of an offset in a section, as ``mm/highmem.c:300``, or an empty text."""
        command: list[str | Path] = [
            find_tool(I386.compiler, "addr2line"),
            "-j",
            section,
            "-e",
            file,
            hex(offset),
        ]
        said = run(command).stdout.strip()
        name, _, number = said.partition(" ")[0].rpartition(":")
        path, top = Path(name).resolve(), self._objects.parent.resolve()
        shown = path.relative_to(top) if path.is_relative_to(top) else name
        return f"{shown}:{number}" if number.isdigit() and number != "0" else ""


def with_source_lines(program: CheckedProgram, symboliser: Symboliser) -> CheckedProgram:
    """*program* with files and lines in all its kernel messages."""
    if not program.messages and not any(one.what == CRASH for one in program.broken):
        return program
    spoken = (CRASH, MESSAGE)
    return replace(
        program,
        broken=tuple(
            replace(one, lines=symboliser.lines(one.lines)) if one.what.startswith(spoken) else one
            for one in program.broken
        ),
        messages=tuple(symboliser.lines(one) for one in program.messages),
    )


def _functions(file: Path) -> dict[str, _Start]:
    """The places of an object's functions; __init functions are in a section of their own."""
    said = run([find_tool(I386.compiler, "objdump"), "--syms", file]).stdout
    return {found[3]: _Start(found[2], int(found[1], 16)) for found in _FUNCTION.finditer(said)}
