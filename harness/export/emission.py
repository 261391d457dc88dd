"""Turns the findings of a fuzzer into a kernel module of their own, or into a KUnit suite."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from harness.base.output_files import write_whole
from harness.errors import KernelError
from harness.export.expressible import Era
from harness.export.kernel_source import (
    KUNIT_FILE,
    Exported,
    exported,
    kunit_source,
    module_source,
)
from harness.export.trial import tried, write_module
from harness.fuzz.simpler_operands import without_unused_pages
from harness.guest.shape import Shape
from harness.kernel.build import BuildError
from harness.run.prepare import Prepared
from harness.scenario.program import Assertion, Program
from harness.scenario.program_text import program_text
from harness.scenario.scenario_parser import parse_scenario


class EmitAs(StrEnum):
    """The forms in which C can be had."""

    MODULE = "module"
    KUNIT = "kunit"


@dataclass(frozen=True, slots=True)
class Emitted:
    """The C of one finding: its file, and what came of it; or why there is none."""

    path: Path | None
    says: str


def exported_program(program: Program, expected: tuple[Assertion, ...], era: Era) -> Exported:
    """*program* as a case for kernels of *era*, with what is *expected* of its steps."""
    text = program_text(replace(without_unused_pages(program), assertions=expected))
    return exported(program.name, parse_scenario(text, program.name), era)


def emitted(found: Exported, form: EmitAs, prepared: Prepared, shape: Shape, out: Path) -> Emitted:
    """Write the C of *found* below *out*.  A module is also loaded, to see whether it fails."""
    era = Era.only(prepared.kernel.version)
    if found.reason:
        return Emitted(None, f"there is no C of it: {found.reason}")
    if form is EmitAs.KUNIT:
        path = out / f"{found.name}_{KUNIT_FILE}"
        write_whole(path, kunit_source([found], era))
        return Emitted(path, "")
    folder = out / f"{found.name}-module"
    path = write_module(folder, module_source([found], era))
    try:
        return Emitted(path, tried(prepared.kernel, prepared.parts(shape), folder))
    except (BuildError, KernelError) as error:
        return Emitted(path, error.message)
