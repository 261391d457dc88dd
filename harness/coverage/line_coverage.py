"""Makes the coverage report of a run: executed lines and branches of all its guests."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.base.host import run
from harness.base.toml_file import read_toml
from harness.coverage.gcov_counts import OBJECTS
from harness.errors import InfrastructureError
from harness.kernel.cross_compiler import find_tool
from harness.kernel.kernel_record import Kernel

UNREACHABLE = Path(__file__).with_name("unreachable.toml")
HTML = "index.html"
TEXT = "coverage.txt"
_JSON = "coverage.json"
_FILTER = rf".*/({'|'.join(OBJECTS)})\.c$"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of the judged code; ``branches`` are the counts of each way out of it."""

    file: str
    number: int
    text: str
    function: str
    count: int
    branches: tuple[int, ...] = ()
    unreachable: str = ""
    """Why no run on this kernel executes the whole line, if that is so."""

    @property
    def whole(self) -> bool:
        """Tell whether the line was executed, with all its branches."""
        return self.count > 0 and all(self.branches)


@dataclass(frozen=True, slots=True)
class LineCoverage:
    """The lines of a run, and the folder with the reports on them."""

    lines: tuple[SourceLine, ...]
    folder: Path
    reached: tuple[SourceLine, ...] = field(init=False)
    """Lines that were executed with all their branches."""
    missed: tuple[SourceLine, ...] = field(init=False)
    """Lines that were not, and are not known to be unreachable."""

    def __post_init__(self) -> None:
        """Sort the lines once."""
        object.__setattr__(self, "reached", tuple(one for one in self.lines if one.whole))
        missed = tuple(one for one in self.lines if not one.whole and not one.unreachable)
        object.__setattr__(self, "missed", missed)


def report(folder: Path, kernel: Kernel) -> LineCoverage:
    """Make HTML, text and JSON reports of the counts below *folder* with gcovr.

    Raises InfrastructureError if gcovr fails.
    """
    command = _command(folder, kernel)
    done = run(command)
    if done.returncode:
        raise InfrastructureError(
            f"gcovr failed with status {done.returncode}: {done.stderr.strip()[-400:]}",
            hint="the counts are kept in that folder; the command was: " + " ".join(command),
        )
    source = kernel.build_dir.parent
    document = json.loads((folder / _JSON).read_text(encoding="utf-8"))
    return LineCoverage(tuple(_lines(document, source, _reasons(kernel))), folder)


def _command(folder: Path, kernel: Kernel) -> list[str]:
    gcov = str(find_tool(kernel.architecture.compiler, "gcov"))
    html, text, values = (str(folder / name) for name in (HTML, TEXT, _JSON))
    return [
        *(sys.executable, "-m", "gcovr", "--gcov-executable", gcov),
        *("--root", str(kernel.build_dir.parent)),
        *("--gcov-object-directory", str(kernel.build_dir)),
        *("--merge-mode-functions", "separate", "--gcov-ignore-errors", "source_not_found"),
        *("--txt", text, "--html-details", html, "--json", values),
        *("--filter", _FILTER, str(folder)),
    ]


def _lines(
    document: dict[str, Any], source: Path, reasons: Mapping[str, str]
) -> Iterator[SourceLine]:
    for file in document["files"]:
        text = (source / file["file"]).read_text(encoding="utf-8").splitlines()
        for line in file["lines"]:
            words = text[line["line_number"] - 1].strip()
            yield SourceLine(
                file["file"],
                line["line_number"],
                words,
                line.get("function_name", ""),
                line["count"],
                tuple(branch["count"] for branch in line.get("branches", ())),
                reasons.get(words, "") or reasons.get(line.get("function_name", ""), ""),
            )


def _reasons(kernel: Kernel) -> dict[str, str]:
    """The reasons why lines (by text) and functions (by name) are unreachable on *kernel*."""
    entries = read_toml(UNREACHABLE).get("unreachable", [])
    return {
        what: entry["reason"]
        for entry in entries
        if not (setting := entry.get("unless")) or not kernel.config.enabled(setting)
        for what in (*entry.get("lines", ()), *entry.get("functions", ()))
    }
