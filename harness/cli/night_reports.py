"""The report files of a night, and where each is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.cli.output import write_json
from harness.report.junit import write_junit
from harness.report.nightly_report import nightly_value
from harness.store.night_view import NightView


@dataclass(frozen=True, slots=True)
class ReportPlaces:
    """Where reports go; one without a place is not written."""

    json: tuple[Path, ...] = ()
    junit: Path | None = None

    @classmethod
    def of_folder(cls, folder: Path, json: Path | None = None) -> Self:
        """Each report as a file in *folder*; the JSON a second time, if *json* is named."""
        return cls(
            (folder / "nightly.json", *([json] if json else [])),
            folder / "junit.xml",
        )


def write_reports(view: NightView, places: ReportPlaces) -> None:
    """Write every report that has a place.  Raises UnwritableError."""
    for path in places.json:
        write_json(path, nightly_value(view))
    if places.junit:
        write_junit(view, places.junit)
