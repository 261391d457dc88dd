"""A kernel that does not boot, and says that this code is why: the boot is newly failing."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.architecture.i386 import I386
from harness.check.checked_program import (
    CheckedKind,
    CheckedProgram,
    Finding,
    message_name,
)
from harness.check.comparison import Comparison, compare
from harness.check.judging import Judgement
from harness.guest.trouble import recognise
from harness.scenario.program import BOOT

THIS_CODE = (
    "mm/highmem.c",
    *I386.source.mapping_files,
    *I386.source.flush_files,
    *I386.source.memory_files,
)
"""Files whose name in a report makes the boot's failure one of highmem."""


def boot_comparisons(
    config: str, base: Judgement, patched: Judgement, changed: Iterable[str]
) -> tuple[Comparison, ...]:
    """The boot of both kernels, if *patched* died in it with a report that names this code.

    *changed* are the files that the patch changes: they count as this code, too.
    """
    said = report_of(patched.reports, (*THIS_CODE, *changed))
    if not said or not base.programs:
        return ()
    boots = [one for one in base.programs if one.program == BOOT]
    boots = boots or [CheckedProgram(BOOT, CheckedKind.AGREE)]
    dead = CheckedProgram(
        BOOT, CheckedKind.CONTRACT, broken=(_finding(said),), messages=patched.reports
    )
    again = patched.guests - 1
    return tuple(
        replace(one, tried=again, confirmed=again) for one in compare(config, boots, [dead])
    )


def report_of(reports: Sequence[tuple[str, ...]], files: Sequence[str]) -> tuple[str, ...]:
    """The first report that names one of *files*, or nothing."""
    names = re.compile(rf"(?<![\w/])(?:{'|'.join(map(re.escape, files))}):\d")
    return next((one for one in reports if names.search("\n".join(one))), ())


def _finding(lines: tuple[str, ...]) -> Finding:
    title = next((one.title for one in recognise(lines)), lines[0])
    return Finding(message_name(title), BOOT, 1, lines, title)
