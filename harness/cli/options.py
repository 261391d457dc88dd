"""Options that several commands have, each with the same words and the same meaning."""

from pathlib import Path
from typing import Annotated

import typer

from harness.guest.shape_words import SHAPE_WORDS

Machine = Annotated[str, typer.Option(help=f"Machine as words joined by commas: {SHAPE_WORDS}.")]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        help="Scenario file or folder; may be repeated. Default: all conformance scenarios."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the generated programs.")]
Throwaway = Annotated[
    bool,
    typer.Option(
        "--throwaway", help="Also run what wrecks a kernel, each scenario in a guest of its own."
    ),
]
KnownBugsFile = Annotated[
    Path | None,
    typer.Option(
        "--known-bugs",
        help="Your own list of known bugs, added to ours (docs/scenarios.md).",
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show the exact command lines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
