"""``kmap-harness explore``: every state of the standard machines, each held to the contract."""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Debug, Json
from harness.compare.transitions import kind_of, record_text
from harness.errors import UsageError
from harness.model.records.machine import machine
from harness.model.search.explorer import Failure
from harness.model.search.explorer import explore as search
from harness.model.search.reach import reachable
from harness.model.search.standard_machines import KINDS, MACHINES, TINY, Standard
from harness.report.graph import svg
from harness.report.pictures import pictures
from harness.scenario.program import Program
from harness.scenario.program_text import program_text


@dataclass(frozen=True, slots=True)
class Explored:
    """One machine's exploration; ``scenario`` is the shortest program to a broken rule, or empty."""

    name: str
    what: str
    states: int
    steps: int
    rules: int
    complete: bool
    seconds: float
    broken: tuple[str, ...] = ()
    scenario: str = ""

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.broken:
            return "BROKEN"
        return "clean" if self.complete else "clean as far as it goes"


def explore(
    names: Annotated[
        list[str] | None,
        typer.Option("--machine", help="Standard machine; may be repeated. Default: all."),
    ] = None,
    drawing: Annotated[
        Path | None,
        typer.Option("--svg", help="Draw the graph of the one machine named \\[default: tiny]."),
    ] = None,
    report: Json = None,
    transitions: Annotated[
        bool,
        typer.Option(
            "--transitions", help="Print every rule branch by kind of kernel, as recorded."
        ),
    ] = False,
    drawn: Annotated[
        bool,
        typer.Option(
            "--pictures", help="Print the pictures of docs/model.md, made from the model."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Enumerate the model's states on small machines; exit 0 contract kept everywhere, 1 broken, 2 wrong use."""
    del debug
    if transitions:
        sys.stdout.write(record_text(_branches()))
        return
    if drawn:
        sys.stdout.write(pictures() + "\n")
        return
    if drawing:
        _draw(_chosen(names or [TINY.name]), drawing)
        return
    chosen = _chosen(names or [one.name for one in MACHINES])
    width = max(len(one.name) for one in chosen)
    results = []
    with ProcessPoolExecutor(max_workers=2) as pool:
        for result in pool.map(explored, chosen):
            results.append(result)
            sys.stdout.write("\n".join(_lines(result, width)) + "\n")
            sys.stdout.flush()
    broken = any(result.broken for result in results)
    total = sum(result.states for result in results), sum(result.steps for result in results)
    sys.stdout.write(f"{'all':{width}}  {total[0]:7} states  {total[1]:8} steps\n")
    sys.stdout.write(f"verdict  {'BROKEN' if broken else 'the contract holds in every state'}\n")
    if report:
        _write(results, report)
    raise typer.Exit(int(broken))


def _branches() -> dict[str, frozenset[str]]:
    machines = [machine(layout, (), ()) for layout in KINDS]
    with ProcessPoolExecutor(max_workers=2) as pool:
        return dict(zip(map(kind_of, machines), pool.map(reachable, machines), strict=True))


def explored(standard: Standard) -> Explored:
    """Explore one machine."""
    started = time.monotonic()
    found = search(standard.machine, standard.limits, fast_path=True)
    seconds = time.monotonic() - started
    broken: tuple[str, ...] = ()
    scenario = ""
    if found.failure:
        broken = tuple(f"{one.rule}: {one.detail}" for one in found.failure.violations)
        scenario = scenario_of(standard, found.failure)
    return Explored(
        standard.name,
        standard.what,
        found.states,
        found.steps,
        len(found.rules),
        found.complete,
        seconds,
        broken,
        scenario,
    )


def scenario_of(standard: Standard, failure: Failure) -> str:
    """The shortest path to a broken rule as a ``.kmap`` file; slots and types are the small machine's."""
    kinds = [page.kind for page in standard.machine.pages]
    pools = tuple((kind, kinds.count(kind)) for kind in dict.fromkeys(kinds))
    rules = ", ".join(violation.rule for violation in failure.violations)
    program = Program(
        name=f"broken-{standard.name}",
        tasks=standard.machine.tasks,
        pools=pools,
        operations=failure.program,
        title=f"breaks {rules} on {standard.name} ({standard.machine.layout.last_pkmap} pkmap slots)",
        throwaway=True,
    )
    return program_text(program)


def _chosen(names: list[str]) -> list[Standard]:
    by_name = {one.name: one for one in MACHINES}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"there is no standard machine {name!r}", hint=f"there are {', '.join(by_name)}"
            )
    return [by_name[name] for name in names]


def _draw(chosen: list[Standard], path: Path) -> None:
    if len(chosen) != 1:
        raise UsageError("one machine can be drawn at a time", hint="give --machine once")
    one = chosen[0]
    try:
        text = svg(one.machine, search(one.machine, one.limits, keep_edges=True), one.what)
    except ValueError as error:
        raise UsageError(str(error), hint="draw a smaller machine, such as tiny") from error
    _save(path, text)


def _lines(result: Explored, width: int) -> Iterator[str]:
    counts = f"{result.states:7} states  {result.steps:8} steps  {result.rules:2} rules  {result.seconds:5.1f} s"
    yield f"{result.name:{width}}  {counts}  {result.verdict:7}  {result.what}"
    yield from (f"  {one}" for one in result.broken)
    if result.scenario:
        yield "  the shortest way there:"
        yield from (f"    {line}" for line in result.scenario.splitlines())


def _write(results: list[Explored], path: Path) -> None:
    machines = [{**asdict(result), "verdict": result.verdict} for result in results]
    _save(path, json.dumps({"format": 1, "machines": machines}, indent=1) + "\n")


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="choose another place"
        ) from error
