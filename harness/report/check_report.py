"""The report of a check for a terminal: the verdict and everything that led to it."""

from collections import Counter
from collections.abc import Iterator

from harness.check.check_result import CheckResult, ConfigResult
from harness.check.checked_program import CheckedProgram, Finding
from harness.check.comparison import ORDER, Comparison, PatchEffect, foremost_first
from harness.compare.missing_evidence import blindness_words
from harness.report.cell_table import table_lines
from harness.report.folding import folded_command

_WORDS = {
    PatchEffect.NEWLY_FAILING: "NEWLY FAILING: the patch breaks what the base keeps",
    PatchEffect.CANNOT_JUDGE: "CANNOT JUDGE: some programs could not be compared",
    PatchEffect.BEHAVIOUR_CHANGED: (
        "BEHAVIOUR CHANGED: another behaviour, all of the contract kept"
    ),
    PatchEffect.STILL_FAILING: "STILL FAILING: the base breaks the same rules; nothing is new",
    PatchEffect.NEWLY_PASSING: "NEWLY PASSING: the patch mends what the base breaks",
    PatchEffect.UNCHANGED: "UNCHANGED: base and patched kernel do the same",
    PatchEffect.NOT_APPLICABLE: "CANNOT JUDGE: no scenario applies to this kernel",
}
_SHOWN = 5
"""Number of failing programs shown with all their lines, unless --verbose asks for all."""
_MESSAGE_LINES = 12
"""Lines of the kernel's first message: they name its place and what called it."""


def check_lines(result: CheckResult, *, verbose: bool = False) -> Iterator[str]:
    """The lines of the whole report; *verbose* shows every program."""
    yield f"tree        {result.tree} at {result.base}"
    for number, title in enumerate(result.patches, 1):
        yield f"{'patch' if number == 1 else '':12}{title}"
    for note in result.notes:
        yield f"note        {note}"
    yield from table_lines(result)
    for config in result.configs:
        if _is_shown(config, result, verbose=verbose):
            yield from config_lines(config, verbose=verbose)
    times = (f"{name} {seconds:.1f} s" for name, seconds in result.phases.items())
    yield f"time        {', '.join(times)}"
    yield f"verdict     {verdict_words(result)}"


def _is_shown(config: ConfigResult, result: CheckResult, *, verbose: bool) -> bool:
    """Tell whether a reader needs more of *config* than its row in the table."""
    quiet = config.change in (PatchEffect.UNCHANGED, PatchEffect.NOT_APPLICABLE)
    return verbose or not quiet or config is result.configs[0]


def verdict_words(result: CheckResult) -> str:
    """The verdict in one sentence."""
    failing = (one for one in result.configs if not one.left_out)
    failure = next((one.failure for one in failing if one.failure), None)
    if failure and result.change is PatchEffect.CANNOT_JUDGE:
        return f"CANNOT JUDGE: {failure.words}"
    words = _WORDS[result.change]
    missing = [set(one.not_compiled) for one in result.configs if not one.left_out]
    if nowhere := sorted(set.intersection(*missing)) if missing else ():
        words += f"; {', '.join(nowhere)} is compiled in none of them"
    changed = result.of(PatchEffect.BEHAVIOUR_CHANGED)
    if changed and result.change is not PatchEffect.BEHAVIOUR_CHANGED:
        words += f"; behaviour changed in {len(changed)} more"
    return f"{words}; with --strict a failure" if changed and result.strict else words


def config_lines(config: ConfigResult, *, verbose: bool) -> Iterator[str]:
    """The lines of one configuration."""
    yield ""
    yield f"config      {config.words}: {_judged(config)}"
    if config.failure:
        yield f"failed      {config.failure.words}:"
        yield from (f"    {line}" for line in config.failure.lines)
        if config.reproduce:
            yield from _by_hand(config)
        return
    yield from _lost(config)
    if config.rebuilt:
        yield f"module      built again, since the patch changes {', '.join(config.rebuilt)}"
    for name in config.not_compiled:
        yield f"not built   {name}: this configuration has no object of it"
    yield f"programs    {counts_words(config)}"
    for change in ORDER:
        found = foremost_first(one for one in config.comparisons if one.change is change)
        yield from _of(change, found, verbose=verbose)
    if config.reproduce and config.change is not PatchEffect.UNCHANGED:
        yield from _by_hand(config)


def _by_hand(config: ConfigResult) -> Iterator[str]:
    """The command that repeats the check, ready to paste."""
    yield "by hand:"
    yield from folded_command(config.reproduce)


def counts_words(config: ConfigResult) -> str:
    """The number of programs for each change, as ``85 unchanged, 2 newly failing``."""
    counts = Counter(one.change for one in config.comparisons)
    return ", ".join(f"{counts[change]} {change.value}" for change in ORDER if counts[change])


LOST = "the patched kernel has no such function or variable any more; no divergence rests on it"


def lost_words(config: ConfigResult) -> Iterator[str]:
    """The reasons why evidence is lost, then for each kind the bugs that could hide."""
    yield from config.lost_because or (LOST,)
    yield from blindness_words(config.lost_evidence)


def _lost(config: ConfigResult) -> Iterator[str]:
    if config.lost_evidence:
        yield f"no evidence {', '.join(config.lost_evidence).lower()}"
        yield from (f"    {line}" for line in lost_words(config))


def _judged(config: ConfigResult) -> str:
    if config.patched is None:
        return "nothing was judged"
    base = config.base.steps if config.base else 0
    kept = ", kept from before" if config.base_was_kept else ""
    patched = config.patched
    steps = f"{patched.steps} steps judged, base {base}{kept}"
    return f"{patched.release}, {patched.machine}; {steps}"


def _of(change: PatchEffect, found: list[Comparison], *, verbose: bool) -> Iterator[str]:
    """The programs with one change, as far as a reader needs them."""
    if not found or change in (PatchEffect.UNCHANGED, PatchEffect.NOT_APPLICABLE):
        return
    if change is PatchEffect.BEHAVIOUR_CHANGED:
        yield from behaviour_lines(found, verbose=verbose)
        return
    shown = found if verbose else found[:_SHOWN]
    for one in shown:
        yield from comparison_lines(one)
    if len(found) > len(shown):
        yield f"    ... and {len(found) - len(shown)} more {change.value} (-v shows them)"


def comparison_lines(one: Comparison) -> Iterator[str]:
    """One program: its change, the reason, and what the patched kernel did."""
    yield f"{one.change.value.upper()}: {one.program}: {_why(one)}{_seen_again(one)}"
    failing = one.base if one.change is PatchEffect.NEWLY_PASSING else one.patched
    if failing:
        yield from _first_broken(failing, one)
        yield from _first_message(failing)


def _why(one: Comparison) -> str:
    """The reason, with the kernel's own lines: they name file and line of the source."""
    why = one.why
    for side in (one.patched, one.base):
        for finding in side.broken if side else ():
            why = why.replace(finding.what, finding.words)
    return why


def _seen_again(one: Comparison) -> str:
    """The words that tell whether a failure came again, and which state it needs."""
    if not one.tried:
        return ""
    if one.confirmed:
        return "; run again alone: the same"
    if one.after is None:
        return "; not seen when it ran again alone: it may need the state that others leave"
    if one.after:
        return (
            "; run again after the same programs: the same; it needs the state that they leave, "
            "as it did not fail alone"
        )
    return "; seen once: not again alone, and not after the same programs"


def _first_message(outcome: CheckedProgram) -> Iterator[str]:
    """The kernel's first message, unless a broken rule shows it already."""
    shown = {line for finding in outcome.broken[:1] for line in finding.lines}
    for lines in outcome.messages[:1]:
        if not shown.issuperset(lines):
            yield "    the kernel said first:"
            yield from (f"      {line}" for line in lines[:_MESSAGE_LINES])


def _first_broken(outcome: CheckedProgram, one: Comparison) -> Iterator[str]:
    """All lines of the first finding that is new, and one line for each other."""
    old = one.base.rules if one.base and one.base is not outcome else frozenset[str]()
    new = [finding for finding in outcome.broken if finding.what not in old] or list(
        outcome.broken
    )
    for finding in new[:1]:
        yield f"    {finding.place}"
        yield from (f"      {line}" for line in finding.lines)
    for finding in new[1:]:
        yield f"    also {finding.words} ({_times(finding.count)}): {finding.place}"


def behaviour_lines(found: list[Comparison], *, verbose: bool) -> Iterator[str]:
    """Changed behaviours: for each the programs that show it, and one full example."""
    title = PatchEffect.BEHAVIOUR_CHANGED.value.upper()
    yield f"{title}: in {len(found)} programs; all of the contract is kept in them"
    for what, examples in _by_behaviour(found).items():
        programs = [program for program, _ in examples]
        first = examples[0][1]
        total = sum(finding.count for _, finding in examples)
        names = _some(programs, verbose=verbose)
        yield f"  {what}: {_times(total)} in {len(programs)} programs: {names}"
        yield f"    first: {first.place}"
        yield from (f"      {line}" for line in first.lines)
    for one in found if verbose else ():
        yield f"  {one.program}: {one.why}"


def _by_behaviour(found: list[Comparison]) -> dict[str, list[tuple[str, Finding]]]:
    """Programs and examples of each behaviour that the base does not show."""
    groups: dict[str, list[tuple[str, Finding]]] = {}
    for one in found:
        old = one.base.behaviours if one.base else frozenset[str]()
        for finding in (*(one.patched.changed if one.patched else ()), *_facts_changed(one)):
            if finding.what not in old:
                groups.setdefault(finding.what, []).append((one.program, finding))
    return groups


def _facts_changed(one: Comparison) -> Iterator[Finding]:
    """What the boot has made otherwise than on the base, each with what the base made."""
    if one.base and one.patched:
        known = one.base.facts
        for fact in one.patched.facts:
            was = (f"on the base {old}" for old in known if _subject(old) == _subject(fact))
            if fact not in known:
                yield Finding(fact, one.program, 1, tuple(was))


def _subject(fact: str) -> str:
    return fact.partition(" is ")[0].partition(" of ")[0]


def _some(names: list[str], *, verbose: bool, most: int = 6) -> str:
    shown = names if verbose else names[:most]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
