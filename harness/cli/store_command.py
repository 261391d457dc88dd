"""``kmap-harness store``: what the nights have found, asked and merged."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.base.held_folders import output_folder
from harness.base.output_files import require_folder
from harness.cli.command_group import FullHelpGroup
from harness.cli.night_reports import write_reports
from harness.cli.options import STORE, Debug, Json, Out, StoreFile, Verbose
from harness.cli.output import CommandOutput, write_json
from harness.errors import UsageError
from harness.report.nightly_report import nightly_lines, nightly_value
from harness.report.store_report import history_lines, messages_lines, nights_lines
from harness.store.kernel_messages import grouped_messages
from harness.store.merging import merge_stores
from harness.store.night_view import NightView, view_night
from harness.store.store import Store

store = typer.Typer(cls=FullHelpGroup, invoke_without_command=True, rich_markup_mode=None)
"""The command: the list of nights without a further word, or one of its own commands."""

OneNight = Annotated[str, typer.Argument(help="Night to look at. [default: the last]")]


@store.callback()
def listing(
    context: typer.Context, store: StoreFile = STORE, json: Json = None, debug: Debug = False
) -> None:
    """List the nights, and say whether the store is whole."""
    del debug
    if context.invoked_subcommand:
        return
    output = CommandOutput(json)
    with Store(store) as opened:
        nights, runs = opened.nights(), opened.runs()
    output.report(nights_lines(nights, runs, str(store)))
    write_json(json, [asdict(one) for one in nights])


@store.command()
def history(
    job: Annotated[str, typer.Argument(help="Job, as `baseline -v` and reports name it.")],
    store: StoreFile = STORE,
    debug: Debug = False,
) -> None:
    """Print every run of a job, the oldest first."""
    del debug
    with Store(store) as opened:
        runs = opened.runs(job=job)
        known = sorted({run.job for run in opened.runs()})
    if not runs:
        raise UsageError(f"no night has run {job!r}", hint=f"jobs are: {', '.join(known)}")
    CommandOutput().report(history_lines(runs))


@store.command()
def baseline(
    night: OneNight = "",
    store: StoreFile = STORE,
    json: Json = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Hold a night against all nights before it, and print what is new."""
    del debug
    with Store(store) as opened:
        _print(view_night(opened, night), json, verbose=verbose)


@store.command()
def compare(
    first: Annotated[str, typer.Argument(help="The earlier night.")],
    second: Annotated[str, typer.Argument(help="The later night.")],
    store: StoreFile = STORE,
    json: Json = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Hold one night against one other."""
    del debug
    with Store(store) as opened:
        _print(view_night(opened, second, first), json, verbose=verbose)


def _print(view: NightView, json: Path | None, *, verbose: bool) -> None:
    output = CommandOutput(json)
    output.report(nightly_lines(view, verbose=verbose))
    write_json(json, nightly_value(view))


@store.command()
def messages(store: StoreFile = STORE, debug: Debug = False) -> None:
    """Print the kernel messages of all nights; those that differ in numbers only are one."""
    del debug
    with Store(store) as opened:
        groups = grouped_messages(opened.runs())
    CommandOutput().report(messages_lines(groups))


@store.command()
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Stores whose runs are added.")],
    store: StoreFile = STORE,
    debug: Debug = False,
) -> None:
    """Add the runs of other stores: of shards, or of other machines."""
    del debug
    require_folder(store.parent)
    with Store(store, make=True) as opened:
        done = merge_stores(opened, sources)
    CommandOutput().report([f"{done.added} runs added to {store}, {done.there} were there"])


@store.command()
def report(
    night: OneNight = "",
    store: StoreFile = STORE,
    out: Out = Path("out/report"),
    debug: Debug = False,
) -> None:
    """Write the reports of a night: HTML, JSON, JUnit, KTAP, KCIDB, and mail where it has news."""
    del debug
    output_folder(out, "report")
    with Store(store) as opened:
        view = view_night(opened, night)
    write_reports(view, out)
    CommandOutput().report([*nightly_lines(view), f"reports in {out}"])
