"""The summary of a run that a person understands at a glance."""

from collections.abc import Iterator

from harness.compare.divergence import Divergence, Verdict
from harness.compare.transitions import Transitions
from harness.model.layout import Generation, Layout
from harness.report.words import difference_lines, summary, witness_lines
from harness.run.result import RunResult

_VERDICTS = {
    Verdict.AGREE: "AGREE: the kernel did at every step what the model allows",
    Verdict.DIVERGE: "DIVERGE: the kernel did what the model does not allow",
    Verdict.UNKNOWN: "UNKNOWN: not every step could be judged",
    Verdict.ERROR: "ERROR: no verdict on the kernel",
}
_DIVERGENCES_SHOWN = 10


def run_lines(result: RunResult, *, verbose: bool = False) -> Iterator[str]:
    """The whole summary, line by line; *verbose* names the transitions that were not taken."""
    yield from _head(result)
    yield from _work(result)
    if result.transitions and result.steps:
        yield from _transitions(result.transitions, verbose=verbose)
    yield from _findings(result)
    yield f"verdict     {_VERDICTS[result.verdict]}"


def _head(result: RunResult) -> Iterator[str]:
    kernel = result.kernel
    yield f"kernel      {kernel.release} ({kernel.name}; config {kernel.config_hash[:12]})"
    yield f"machine     {result.machine}"
    if result.layout:
        yield f"layout      {_layout(result.layout)}"
    if result.missing_evidence:
        yield f"no evidence {', '.join(result.missing_evidence).lower()}"


def _layout(layout: Layout) -> str:
    words = [
        f"{layout.generation.value} generation",
        "PAE" if layout.pae else "no PAE",
        f"pkmap {layout.pkmap_base:#x} with {layout.last_pkmap} slots",
        f"windows of {layout.window} from {layout.fixaddr(layout.fix_kmap_begin):#x} down",
    ]
    if layout.generation is Generation.LOCAL and layout.debug_kmap_local:
        words.append("guard slots")
    if layout.rt:
        words.append("RT")
    return ", ".join(words)


def _work(result: RunResult) -> Iterator[str]:
    ran = [program for program in result.programs if program.result]
    yield f"steps       {result.steps} judged in {len(ran)} programs, seed {result.seed}"
    yield f"operations  {_counts(result.operations)}"
    yield f"reached     {_counts(result.situations)}"
    if result.not_applicable:
        names = ", ".join(f"{one.name} ({one.not_applicable})" for one in result.not_applicable)
        yield f"not applicable  {len(result.not_applicable)}: {names}"
    yield f"time        {', '.join(f'{name} {seconds:.1f} s' for name, seconds in result.phases.items())}"
    repaired = {name: count for name, count in result.wire.items() if count and name in _DAMAGE}
    if repaired:
        yield f"wire        damage recovered: {_counts(repaired)}"


def _transitions(found: Transitions, *, verbose: bool) -> Iterator[str]:
    """Coverage of the model's rule branches; what is missing may need `--throwaway`."""
    excluded = f", {len(found.excluded)} excluded" if found.excluded else ""
    yield f"transitions {len(found.reached)} of {found.possible} of the model's{excluded}"
    if found.unforeseen:
        yield f"  not foreseen by exploration: {', '.join(sorted(found.unforeseen))}"
    if verbose and found.missing:
        yield f"  not taken: {', '.join(sorted(found.missing))}"
    if verbose:
        yield from (f"  excluded: {one.rule}: {one.reason}" for one in found.excluded)


_DAMAGE = ("naks", "resends", "repeats", "duplicates", "damaged", "skipped")


def _counts(counts: dict[str, int]) -> str:
    return (
        ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
        or "none"
    )


def _findings(result: RunResult) -> Iterator[str]:
    for label, counter in (("known bugs", "known"), ("vanished", "vanished"), ("foreign", "foreign")):
        counts = result.total(counter)
        if counts:
            yield f"{label:12}{_counts(counts)}"
    yield from _divergences(result)
    for trouble in result.troubles:
        yield f"kernel message  {trouble.kind}: {trouble.title}"
    for label, text in (("crash", result.crash), ("error", result.error)):
        if text:
            yield f"{label:12}{text}"


def _divergences(result: RunResult) -> Iterator[str]:
    yield f"divergences {len(result.divergences)}"
    for one in result.divergences[:_DIVERGENCES_SHOWN]:
        yield f"  {summary(one)}"
    if result.divergences:
        yield from _first(result.divergences[0])
    for program in result.results:
        for failed in program.failed_assertions:
            where = f"{program.program}:{failed.line}"
            yield f"  {where} expected {failed.field} {failed.wanted:#x}, seen {failed.seen}"
        if program.unknown_because:
            yield f"unknown     {program.program}: {program.unknown_because}"


def _first(one: Divergence) -> Iterator[str]:
    yield "the first of them:"
    for line in (*difference_lines(one), *one.reasons, *witness_lines(one)):
        yield f"    {line}"
    for trouble in one.trouble:
        yield f"    kernel: {trouble.title}"
