"""The report files of a night, and where each is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.base.output_files import write_whole
from harness.cli.output import write_json
from harness.report.junit import write_junit
from harness.report.kcidb import kcidb_value
from harness.report.night_ktap import night_ktap_lines
from harness.report.night_mail import night_mail
from harness.report.night_page import write_night_page
from harness.report.nightly_report import nightly_value
from harness.store.night_view import NightView

ORIGIN: Final = "kmap_harness"
"""The name under which a night is submitted to KCIDB, where nobody gives another."""


def write_reports(view: NightView, folder: Path) -> None:
    """Write every report as a file in *folder*.  Raises UnwritableError."""
    for name, write in REPORTS.items():
        write(view, folder / name)


def _json(view: NightView, path: Path) -> None:
    write_json(path, nightly_value(view))


def _ktap(view: NightView, path: Path) -> None:
    write_whole(path, "".join(f"{line}\n" for line in night_ktap_lines(view)))


def _kcidb(view: NightView, path: Path) -> None:
    write_json(path, kcidb_value(view, ORIGIN))


def _mail(view: NightView, path: Path) -> None:
    """Nothing new, no mail; one of an earlier night goes."""
    text = night_mail(view)
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, text)


REPORTS: Final[dict[str, Callable[[NightView, Path], None]]] = {
    "nightly.json": _json,
    "junit.xml": write_junit,
    "night.html": write_night_page,
    "night.ktap": _ktap,
    "kcidb.json": _kcidb,
    "mail.txt": _mail,
}
