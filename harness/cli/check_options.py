"""Options that only ``kmap-harness check`` has."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import HISTORIES_HELP, KERNEL_HELP, QUICK_HELP, STEPS_HELP, TREE_HELP

STEPS = 4_000
"""Generated steps of a check: one program from the seed, beside all scenarios."""

Tree = Annotated[
    Path | None,
    typer.Option(help=f"{TREE_HELP} A git repository or a plain folder. [default: this folder]"),
]
Patches = Annotated[
    list[str] | None,
    typer.Option(
        "--patch",
        help="A diff, mail, mbox, folder or quilt series; - is standard input; may be repeated. "
        "Default: the changes of the tree since the base.",
    ),
]
CatalogueKernel = Annotated[
    str,
    typer.Option(
        "--kernel",
        help=f"{KERNEL_HELP} Instead of --tree: a kernel that the harness builds from source, for "
        "users who have no tree.",
    ),
]
BaseRevision = Annotated[
    str, typer.Option("--base", help="The revision to apply the patch to. [default: HEAD]")
]
Configs = Annotated[
    str,
    typer.Option(
        help="Configurations, separated by commas: a name, names joined by +, or a .config file."
    ),
]
Machines = Annotated[
    str,
    typer.Option(
        help="Machines, separated by commas: words of --shape joined by +, or usual. "
        "[default: usual, and what the patch can break]"
    ),
]
Quick = Annotated[
    bool,
    typer.Option("--quick", help=f"{QUICK_HELP} One configuration, the usual machine."),
]
Thorough = Annotated[
    bool,
    typer.Option(
        "--thorough", help="Judge on every machine and configuration of the table (docs/check.md)."
    ),
]
Histories = Annotated[
    int,
    typer.Option(
        min=0, help=f"{HISTORIES_HELP} They and the standard schedules run instead of scenarios."
    ),
]
First = Annotated[
    bool,
    typer.Option("--first", help="End with the first program that is newly failing."),
]
Prepare = Annotated[
    bool,
    typer.Option(
        "--prepare", help="Only build and judge the bases, all that a patch could ask for."
    ),
]
CheckSteps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        min=0,
        help=f"{STEPS_HELP} [default: {STEPS}, or none with --scenario or -k]",
    ),
]
Sweeps = Annotated[
    str,
    typer.Option(
        help="Sweeps, which interrupt a function at every instruction: touched (of the functions "
        "that the patch touches), all or none. "
        "[default: touched, or none with --scenario or -k]"
    ),
]
Each = Annotated[
    bool,
    typer.Option("--each", help="Judge a series patch by patch, each against those before it."),
]
Mail = Annotated[
    Path | None,
    typer.Option(help="Write a reply to the patch as a mail; - is standard output."),
]
B4 = Annotated[
    bool,
    typer.Option(
        "--b4", help="Answer as a check command of `b4 review`: one patch on stdin, JSON out."
    ),
]
