"""``kmap-harness schedules``: run every schedule of small programs within a bound."""

import sys
from dataclasses import replace as replaced
from pathlib import Path
from shlex import join
from typing import Annotated, Final

import typer

from harness.base.duration import parse_duration
from harness.base.held_folders import output_folder
from harness.cli.options import (
    DEFAULT_KERNEL,
    LIST_HELP,
    RESUME_HELP,
    BuildDir,
    Debug,
    Json,
    KernelName,
    Machine,
    NewOut,
    Seed,
    Silence,
    Strict,
    Template,
    TimeLimit,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.kernel.kernel_record import Kernel
from harness.report.log_places import with_logs
from harness.report.schedule_svg import write_schedule_pictures
from harness.report.schedules_report import schedules_lines, schedules_value
from harness.run.prepare import prepare
from harness.schedule.gate_finder import GateLevel
from harness.schedule.program_search import NO_CHOICE
from harness.schedule.random_programs import random_programs
from harness.schedule.random_sample import DEPTH, RandomChoice
from harness.schedule.schedule_runner import SchedulesRequest, run_schedules
from harness.schedule.standard_programs import (
    KMAP_LOCAL,
    possible,
    small_programs,
    standard_programs,
)
from harness.schedule.thread_program import ThreadProgram, parse_program

DEFAULT_SHAPE = "smp=4"
STANDARD = "standard"
_SETS: Final = {STANDARD: standard_programs, "small": small_programs}
RANDOM_PROGRAMS = 10

Programs = Annotated[
    list[str] | None,
    typer.Option(
        help="Program, as 'kmap a, kunmap a || kunmap x; slots 1; cursor wrap', a file with one "
        "a line, 'small' or 'standard'; may be repeated. [default: standard]"
    ),
]
Bound = Annotated[int, typer.Option(min=0, max=8, help="Preemptions of a schedule at most.")]
Gates = Annotated[GateLevel, typer.Option(help="The calls at which threads wait.")]
Replay = Annotated[
    str,
    typer.Option(
        metavar="CHOICES",
        help="Run only this schedule of one program: a digit for each decision, or -.",
    ),
]
Times = Annotated[int, typer.Option(min=1, help="How often to replay.")]
Pct = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Run N random schedules of each program, not all. Without --programs the programs "
        f"are random, too: {RANDOM_PROGRAMS} longer ones.",
    ),
]
Depth = Annotated[
    int, typer.Option(min=1, max=DEPTH, help="With --pct: depth of the bugs that it looks for.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help=f"{RESUME_HELP} They count if kernel, machine and harness are the same."
    ),
]
Listed = Annotated[bool, typer.Option("--list", help=f"{LIST_HELP} The list has all programs.")]


def schedules(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    programs: Programs = None,
    bound: Bound = 2,
    gates: Gates = GateLevel.LOCK,
    time: TimeLimit = "10m",
    shape: Machine = DEFAULT_SHAPE,
    replay: Replay = "",
    times: Times = 1,
    pct: Pct = 0,
    depth: Depth = 3,
    seed: Seed = 1,
    resume: Resume = False,
    strict: Strict = False,
    list_: Listed = False,
    json: Json = None,
    out: NewOut = None,
    template: Template = True,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Run every schedule of small programs, and judge each.

    Stock kernels are judged as with --strict.  Exit 0 every schedule within the bound is
    explained, 1 divergence, 2 wrong use, 3 failure or not all schedules.
    """
    del debug
    random = RandomChoice(pct, depth, seed) if pct else None
    chosen = _wanted(programs, random)
    output = CommandOutput(json, quiet=quiet)
    if list_:
        sys.stdout.writelines(f"{one}\n" for one in chosen)
        return
    machine, seconds = parse_shape(shape), parse_duration(time)
    folder = output_folder(out, "schedules", Path(kernel).name)
    request = SchedulesRequest(chosen, machine, folder, bound, gates, seconds, random=random)
    request = replaced(request, strict=strict or build_dir is None, template=template)
    request = replaced(request, resume=_resumed(resume, out))
    if replay:
        request = replaced(request, replay=_choices(replay, len(chosen)), times=times)
    with shown_progress(quiet=quiet) as progress:
        prepared = prepare(kernel, build_dir, progress)
        request = replaced(request, programs=_possible(chosen, prepared.kernel))
        result = run_schedules(prepared, request, progress)
    lines = schedules_lines(result, _command(kernel, build_dir, gates, shape))
    write_schedule_pictures(result, folder)
    output.report(with_logs(lines, folder))
    write_json(json, schedules_value(result))
    raise typer.Exit(result.exit_code)


def _wanted(names: list[str] | None, random: RandomChoice | None) -> tuple[ThreadProgram, ...]:
    """Return the programs that the user names, or else the standard set or random ones."""
    if random and not names:
        return random_programs(RANDOM_PROGRAMS, random.seed)
    return tuple(_chosen(names or [STANDARD]))


def _chosen(names: list[str]) -> list[ThreadProgram]:
    """Return the programs that the user names."""
    found: list[ThreadProgram] = []
    for name in names:
        if name in _SETS:
            found += _SETS[name]()
        elif Path(name).is_file():
            lines = Path(name).read_text(encoding="utf-8").splitlines()
            found += [parse_program(line) for line in lines if line and not line.startswith("#")]
        else:
            found.append(parse_program(name))
    return found


def _resumed(resume: bool, out: Path | None) -> bool:
    """Return *resume*; raises UsageError without the folder in which the run before was."""
    if resume and out is None:
        raise UsageError("--resume has no --out", hint="give the folder of the run before")
    return resume


def _possible(chosen: tuple[ThreadProgram, ...], kernel: Kernel) -> tuple[ThreadProgram, ...]:
    """Return the programs that *kernel* can run; raises UsageError if it is none."""
    found = possible(chosen, kernel)
    if not found:
        raise UsageError(
            f"kmap_local in a thread needs {KMAP_LOCAL}, which {kernel.release} does not have",
            hint="take a kernel from 5.11 on",
        )
    return found


def _choices(text: str, programs: int) -> tuple[int, ...]:
    """Return the choices of a schedule; raises UsageError."""
    if programs != 1:
        raise UsageError(
            f"--replay is for one program, and {programs} are named", hint="give one --programs"
        )
    digits = text.removeprefix(NO_CHOICE)
    if not set(digits) <= set("0123"):
        raise UsageError(
            f"--replay {text}: a schedule is written with the digits 0 to 3",
            hint="take it from the line 'replay' of a report",
        )
    return tuple(map(int, digits))


def _command(kernel: str, build_dir: Path | None, gates: GateLevel, shape: str) -> str:
    """Return the words that replay a schedule, but for the program and the schedule."""
    words = ["kmap-harness", "schedules", "--kernel", kernel, "--gates", gates.value]
    words += ["--shape", shape] if shape != DEFAULT_SHAPE else []
    words += ["--build-dir", str(build_dir)] if build_dir else []
    return join(words)
