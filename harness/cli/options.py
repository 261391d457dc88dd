"""Options that several commands have: each has one meaning, and the same words everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from harness.guest.shape_words import SHAPE_WORDS

DEFAULT_KERNEL = "debian-6.1-686-pae"

KernelName = Annotated[
    str,
    typer.Option(
        "--kernel",
        help="A kernel that `kernels` lists (6.1-pae is built from source), "
        "or the file of a bzImage or vmlinux.",
    ),
]
BuildDir = Annotated[
    Path | None, typer.Option(help="The folder in which your own kernel was built.")
]
Machine = Annotated[str, typer.Option(help=f"Machine as words joined by commas: {SHAPE_WORDS}.")]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        help="Scenario file or folder; may be repeated. Default: all conformance scenarios."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all programs that are generated.")]
Steps = Annotated[int, typer.Option(min=0, help="Number of generated steps.")]
Abstract = Annotated[
    int,
    typer.Option(
        min=0,
        help="Steps of the abstract programs, which are the same for every kernel. Each is run in "
        "all its lowerings: to the kernel's own generation, and to the module's typed window with "
        "the types of 2.6.24 and of 2.6.32.",
    ),
]
Throwaway = Annotated[
    bool,
    typer.Option(
        "--throwaway",
        help="Also run the scenarios that wreck a kernel, each in a guest of its own.",
    ),
]
Template = Annotated[
    bool,
    typer.Option(
        "--template/--no-template", help="Restore a guest that was booted before, or boot one."
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Count a change of behaviour as a failure, too.")
]
KnownBugsFile = Annotated[
    Path | None,
    typer.Option(
        "--known-bugs",
        help="Your own list of known bugs, added to ours (docs/scenarios.md).",
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON to a file.")]
Out = Annotated[
    Path, typer.Option(help="Folder for logs and for the other files that the command leaves.")
]
NewOut = Annotated[
    Path | None,
    typer.Option(
        help="Folder for logs and for the other files that the command leaves "
        "\\[default: a new one below out; out/latest leads to it]."
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("-v", "--verbose", help="Show every program and the exact command lines."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
