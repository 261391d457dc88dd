"""Options that several commands have: each has one meaning, and the same words everywhere.

The first sentence of a help text is the meaning of an option, the same in every command that has
it; what follows says what the command adds (tests/cli/test_help.py).
"""

from pathlib import Path
from typing import Annotated

import typer

from harness.guest.shape import CPUS_MOST
from harness.guest.shape_words import SHAPE_WORDS

DEFAULT_KERNEL = "debian-6.1-686-pae"

KERNEL_HELP = "The kernel to use."
MACHINE_HELP = f"Machine as words joined by commas: {SHAPE_WORDS}."
SMP_HELP = f"CPUs of the guest, 1 to {CPUS_MOST}."
MEMORY_HELP = "Memory of the guest, MiB."
HISTORIES_HELP = "Operations of concurrent histories on each kernel, 0 for none."
QUICK_HELP = "Do the shortest part of the work only."
STEPS_HELP = "Number of generated steps."
TREE_HELP = "The kernel tree to judge."
BASELINE_HELP = "JSON of an earlier result to compare with."
RESUME_HELP = "Go on after an interruption, with the results in --out."
LIST_HELP = "Print a list, and do nothing else."
JOBS_HELP = "Most runs at once, 0 for as many as cores and memory allow."
JSON_HELP = "Write the result as JSON to a file; - is standard output."
OUT_HELP = "Folder for logs and for the other files that the command leaves."

KernelName = Annotated[
    str,
    typer.Option(
        "--kernel",
        help=f"{KERNEL_HELP} A name that `kernels` lists (6.1-pae is built from source), or the "
        "file of a bzImage or vmlinux.",
    ),
]
BuildDir = Annotated[
    Path | None, typer.Option(help="The folder in which your own kernel was built.")
]
Machine = Annotated[str, typer.Option(help=MACHINE_HELP)]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        help="Scenario to run: a file, a folder, or the name of one of ours; may be repeated. "
        "[default: all of ours, without the sweeps]"
    ),
]
Expression = Annotated[
    str,
    typer.Option(
        "-k",
        metavar="EXPRESSION",
        help="Only scenarios whose names match, as in -k 'pkmap and not wait'.",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all programs that are generated.")]
Steps = Annotated[int, typer.Option(min=0, help=STEPS_HELP)]
Abstract = Annotated[
    int,
    typer.Option(
        min=0,
        help="Steps of the abstract programs, which are the same for every kernel. Each is run in "
        "all its lowerings: to the kernel's own generation, and to the module's typed window with "
        "the types of 2.6.24 and of 2.6.32.",
    ),
]
TimeLimit = Annotated[
    str, typer.Option("--time", help="Longest time that the command works, like 90s, 10m or 1h.")
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
        "--template/--no-template",
        help="Restore a guest that was booted before, or boot a new one.",
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
STORE = Path("out/store.sqlite")
StoreFile = Annotated[
    Path, typer.Option("--store", help="SQLite file that remembers the nights (docs/nightly.md).")
]
MatrixFile = Annotated[
    Path | None,
    typer.Option(
        "--matrix", help="TOML file with sets of runs (docs/nightly.md). [default: our own]"
    ),
]
NightSets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set of runs: usual, contexts, machines, source, or a set of --matrix. "
        "May be repeated.",
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help=JSON_HELP)]
Out = Annotated[Path, typer.Option(help=OUT_HELP)]
NewOut = Annotated[
    Path | None,
    typer.Option(help=f"{OUT_HELP} [default: a new one below out; out/latest leads to it]"),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        help="Show every program, each thing that the report else only counts, and the exact "
        "command lines.",
    ),
]
Silence = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="Print no progress; of a report that ends with a verdict print only the last line.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
