"""``kmap-harness scenarios``: list the scenarios of the harness; look through some of yours."""

from pathlib import Path
from typing import Annotated

import typer

from harness.base import project
from harness.cli.command_group import FullHelpGroup
from harness.cli.options import Debug, Expression, Json, Silence
from harness.cli.output import CommandOutput, write_json
from harness.report.scenarios_report import lint_lines, lint_value, listing_lines, listing_value
from harness.run.scenario_files import scenario_files
from harness.run.scenario_lint import lint
from harness.scenario.scenario_parser import read_scenario

scenarios = typer.Typer(cls=FullHelpGroup, rich_markup_mode=None, no_args_is_help=True)
"""The command, which has only commands of its own."""

Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Files, folders, or names of ours. Default: all of ours, without the sweeps."
    ),
]
Files = Annotated[list[Path], typer.Argument(help="Files, folders, or names of ours.")]


@scenarios.callback()
def about() -> None:
    """List scenarios, or look for mistakes in them; neither boots a guest."""


@scenarios.command(name="list")
def listing(
    places: Folders = None,
    expression: Expression = "",
    json: Json = None,
    debug: Debug = False,
) -> None:
    """List scenarios with their titles and what they require of a guest."""
    del debug
    output = CommandOutput(json)
    files = scenario_files(places or [], project.SCENARIOS, expression)
    found = [(path.stem, read_scenario(path)) for path in files]
    output.report(listing_lines(found))
    write_json(json, listing_value(found))


@scenarios.command(name="lint")
def look_through(
    places: Files,
    json: Json = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Look for mistakes in scenarios: parse them, and lower them for every kind of kernel.

    Exit 0 no mistake, 2 a mistake.
    """
    del debug
    output = CommandOutput(json, quiet=quiet)
    found = [lint(path) for path in scenario_files(places, project.SCENARIOS)]
    output.report(lint_lines(found))
    write_json(json, lint_value(found))
    raise typer.Exit(2 if any(one.error for one in found) else 0)
