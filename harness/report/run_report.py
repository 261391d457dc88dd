"""The summary of a run that a person understands at a glance."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from harness.compare.divergence import Divergence, Layer, SilentInterrupt, Verdict
from harness.compare.divergence_words import difference_lines, picture_lines, summary
from harness.compare.missing_evidence import blindness_words
from harness.model.records.layout import Generation, Layout
from harness.report.coverage_report import coverage_lines
from harness.report.run_counts import counts_words, number_of, transition_lines, work_lines
from harness.run.run_result import Confirmation, GuestMemory, RunResult

_VERDICTS = {
    Verdict.AGREE: "AGREE: the kernel did at every step what the model allows",
    Verdict.DIVERGE: "DIVERGE: the kernel did what the model does not allow",
    Verdict.UNMET: "UNMET: an expectation of a scenario failed; the model allows what was seen",
    Verdict.UNKNOWN: "UNKNOWN: not every step could be judged",
    Verdict.ERROR: "ERROR: no verdict on the kernel",
}
_DIVERGENCES_SHOWN = 10
_MESSAGE_LINES = 12
"""Lines of the kernel's first message: they name its place and what called it."""


def run_lines(result: RunResult, *, verbose: bool = False, repeat: str = "") -> Iterator[str]:
    """The whole summary, line by line; *verbose* lists what else is only counted.

    *repeat* is the command line that runs a scenario on this kernel and machine, up to the
    scenario.
    """
    yield from _head(result)
    yield from work_lines(result, verbose=verbose)
    if result.transitions and result.steps:
        yield from transition_lines(result.transitions, verbose=verbose)
    if result.coverage:
        yield from coverage_lines(result.coverage)
    yield from _findings(result)
    yield from _saved(result, repeat)
    yield from (f"note        {note}" for note in result.notes)
    yield f"verdict     {_verdict(result)}"


def _verdict(result: RunResult) -> str:
    """The verdict; of a diverging kernel the worst that it did."""
    if result.verdict is not Verdict.DIVERGE:
        return _VERDICTS[result.verdict]
    if result.divergences or result.failed_assertions:
        return _VERDICTS[Verdict.DIVERGE]
    return (
        "DIVERGE: the kernel crashed or hung" if result.crash else "DIVERGE: the kernel complained"
    )


def _head(result: RunResult) -> Iterator[str]:
    kernel = result.kernel
    yield f"kernel      {kernel.release} ({kernel.name}; config {kernel.config_hash[:12]})"
    yield f"machine     {result.machine}"
    if result.memory:
        yield f"memory      {_memory(result.memory)}"
    if result.layout:
        yield f"layout      {_layout(result.layout)}"
    if result.missing_evidence:
        yield f"no evidence {', '.join(result.missing_evidence).lower()}"
        yield from (f"    {line}" for line in result.lost_because)
        yield from (f"    {line}" for line in blindness_words(result.missing_evidence))
    for place in result.unwatched_flushes:
        yield f"unwatched   {place}"


def _memory(memory: GuestMemory) -> str:
    """The parts of memory that matter to mappings, in MiB."""
    above = f", {memory.above_4g} MiB of it above 4 GiB" if memory.above_4g else ""
    if memory.left_alone:
        above += f"; {memory.left_alone} MiB above 4 GiB, which it must leave alone"
    return f"{memory.low} MiB low, {memory.high} MiB high{above}"


def _layout(layout: Layout) -> str:
    words = [
        f"{layout.generation.value} generation",
        "PAE" if layout.pae else "no PAE",
        f"pkmap {layout.pkmap_base:#x} with {layout.last_pkmap} slots",
        _windows(layout),
    ]
    if layout.generation is Generation.LOCAL and layout.debug_kmap_local:
        words.append("guard slots")
    if layout.rt:
        words.append("RT")
    return ", ".join(words)


def _windows(layout: Layout) -> str:
    words = f"windows of {layout.window} from {layout.fixaddr(layout.fix_kmap_begin):#x} down"
    if not layout.windows:
        return words
    first, entry, cpu = layout.windows
    return f"{words}, entry n of CPU c at fixmap index {first} + n * {entry} + c * {cpu}"


def _findings(result: RunResult) -> Iterator[str]:
    yield from _explained(result)
    yield from _divergences(result)
    for program, trouble in result.placed_troubles:
        place = f"{program} step {trouble.step}" if trouble.step >= 0 else program
        yield f"kernel said {place}: {trouble.kind}: {trouble.title}"
    for _, trouble in result.placed_troubles[:1]:
        yield from (f"    {line}" for line in trouble.lines[:_MESSAGE_LINES])
    for label, text in (
        ("crash", result.crash),
        ("not again", result.unconfirmed),
        ("error", result.error),
    ):
        if text:
            yield f"{label:12}{text}"
    if result.confirmation:
        yield from _confirmation(result, result.confirmation)


def _saved(result: RunResult, repeat: str) -> Iterator[str]:
    """Generated programs that failed, and how to run the first of them alone."""
    files = [program.file for program in result.programs if program.file]
    if files:
        yield f"kept as     {', '.join(files[:_DIVERGENCES_SHOWN])}"
    if files and repeat:
        yield f"repeat      {repeat} {shlex.quote(files[0])}"


def _confirmation(result: RunResult, found: Confirmation) -> Iterator[str]:
    """How often the failure that ended a guest was seen, and where the logs of each run are."""
    if result.unconfirmed and result.divergences:
        yield "            the divergences were seen once: their witnesses bear them out"
    yield f"seen        {found.words}; logs: {', '.join(found.folders)}"


def _explained(result: RunResult) -> Iterator[str]:
    """Differences from the model that are no divergence, for a reader who knows no ids."""
    known, vanished = result.total("known"), result.total("vanished")
    if known:
        yield f"known bugs  {number_of(len(known), 'bug')} on record; counted, and no divergence"
        yield from _bugs(result, known, "seen")
    if vanished:
        yield f"vanished    {number_of(len(vanished), 'bug')} on record that this kernel lacks"
        yield from _bugs(result, vanished, "not seen where it is expected,")
    if foreign := result.total("foreign"):
        yield f"foreign     other users of the kernel held {counts_words(foreign)}"


def _bugs(result: RunResult, counts: Mapping[str, int], seen: str) -> Iterator[str]:
    for name, count in counts.items():
        times = "once" if count == 1 else f"{count} times"
        yield f"  {name}, {seen} {times}: {result.known_bugs.get(name, 'in a list of your own')}"


def _divergences(result: RunResult) -> Iterator[str]:
    contract = sum(one.layer is Layer.CONTRACT for one in result.divergences)
    of_them = f", {contract} of the contract" if contract else ""
    yield f"divergences {len(result.divergences)}{of_them}"
    for one in result.divergences[:_DIVERGENCES_SHOWN]:
        yield f"  {summary(one)}"
    if len(result.divergences) > _DIVERGENCES_SHOWN:
        yield f"  ... and {len(result.divergences) - _DIVERGENCES_SHOWN} more"
    if result.divergences:
        yield from _first(_telling(result.divergences))
    yield from _assertions(result)
    yield from _silent_interrupts(result)
    for program in result.results:
        if program.unknown_because:
            yield f"unknown     {program.program}: {program.unknown_because}"


def _assertions(result: RunResult) -> Iterator[str]:
    """Failed expectations of scenarios' authors; the model may have agreed with the kernel."""
    if result.failed_assertions:
        count = len(result.failed_assertions)
        yield f"expected    {number_of(count, 'expectation')} not met:"
    for program, failed in result.failed_assertions[:_DIVERGENCES_SHOWN]:
        if failed.line:
            yield f"  {failed.place}: {failed.words}"
            yield from [f"      {failed.text}"] if failed.text else ()
        else:
            yield f"  {program} step {failed.step}: {failed.words}"
    if len(result.failed_assertions) > _DIVERGENCES_SHOWN:
        yield f"  ... and {len(result.failed_assertions) - _DIVERGENCES_SHOWN} more"


def _silent_interrupts(result: RunResult) -> Iterator[str]:
    """Interrupts that never came: their scenarios have not tried what they are about."""
    for one in result.silent_interrupts:
        yield f"warning     {one.place}: this interrupt never came ({_silence(one)}):"
        yield f"      {one.text}"


def _silence(one: SilentInterrupt) -> str:
    times = f"armed {number_of(one.armed, 'time')}"
    if one.refused == one.armed:
        return "refused: the kernel's function has no such instruction"
    return f"{times}, refused {one.refused} of them" if one.refused else times


def _telling(divergences: Sequence[Divergence]) -> Divergence:
    """The one to show: the first of the contract, else the first."""
    return next((one for one in divergences if one.layer is Layer.CONTRACT), divergences[0])


def _first(one: Divergence) -> Iterator[str]:
    yield f"the first {one.layer.value} divergence, step {one.step} of {one.program}:"
    for line in (*one.reasons, *difference_lines(one), *picture_lines(one)):
        yield f"    {line}"
    for trouble in one.trouble:
        yield f"    kernel: {trouble.title}"
