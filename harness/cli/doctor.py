"""``kmap-harness doctor``: what this host has for the harness, and what it lacks."""

import json as json_text
import sys

import typer
from rich.console import Console

from harness.base.cache import Cache
from harness.base.output_files import write_whole
from harness.cli.options import Debug, Json
from harness.cli.progress_bar import progress_for
from harness.report.doctor_report import doctor_lines, doctor_value
from harness.run.host_health import examine


def doctor(json: Json = None, debug: Debug = False) -> None:
    """Say what is installed, which accelerators really boot a guest, and what to install.

    Exit 0 the harness can work here, 2 something that it needs is missing.
    """
    del debug
    with progress_for(Console(stderr=True)) as progress:
        health = examine(Cache.default(), progress)
    sys.stdout.write("\n".join(doctor_lines(health)) + "\n")
    if json:
        write_whole(json, json_text.dumps(doctor_value(health), indent=1) + "\n")
    raise typer.Exit(0 if health.fit else 2)
