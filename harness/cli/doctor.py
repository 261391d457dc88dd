"""``kmap-harness doctor``: what this host has for the harness, and what it lacks."""

import typer

from harness.base.cache import Cache
from harness.cli.options import Debug, Json, Silence
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.report.doctor_report import doctor_lines, doctor_value
from harness.run.host_health import examine


def doctor(json: Json = None, quiet: Silence = False, debug: Debug = False) -> None:
    """Say what is installed, which accelerators really boot a guest, and what to install.

    Exit 0 the harness can work here, 2 something that it needs is missing.
    """
    del debug
    output = CommandOutput(json, quiet=quiet)
    with shown_progress(quiet=quiet) as progress:
        health = examine(Cache.default(), progress)
    output.report(doctor_lines(health))
    write_json(json, doctor_value(health))
    raise typer.Exit(0 if health.fit else 2)
