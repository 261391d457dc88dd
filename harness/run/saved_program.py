"""A generated program that failed, kept as a scenario beside the report: it can be run alone."""

from pathlib import Path

from harness.base.output_files import UnwritableError, write_whole
from harness.compare.divergence import ProgramResult, Verdict
from harness.errors import HarnessError, KernelError
from harness.scenario.program import BOOT, Program
from harness.scenario.program_text import program_text


def worth_saving(
    program: Program, result: ProgramResult | None, failure: HarnessError | None
) -> bool:
    """Tell whether *program* has no file, and the kernel did in it what it should not."""
    if any(program.lines) or program.name == BOOT:
        return False
    if isinstance(failure, KernelError):
        return True
    bad = (Verdict.DIVERGE, Verdict.UNMET)
    return result is not None and (result.verdict in bad or bool(result.unexplained))


def save_program(program: Program, folder: Path) -> str:
    """Write *program* to a file in *folder*; returns its path, or nothing where it cannot be."""
    path = folder / f"{program.name}.kmap"
    try:
        write_whole(path, program_text(program))
    except UnwritableError:
        return ""
    return str(path)
