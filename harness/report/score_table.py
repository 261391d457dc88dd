"""Kill scores as the tables of the docs: a function of what ``mutants --json`` has written."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.mutants.mutant_catalogue import MutantKind
from harness.mutants.score import Detection

_SILENT = (Detection.NOTHING.value, Detection.ERROR.value)

_DEAD = re.compile(r"the guest (?:fell silent|\w+ or \w+)")
"""How a guest ended that died or hung."""
_PLACE = re.compile(r" (?:after )?step .*|: .*")
"""The text behind a program's name."""

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By kernel and mutant, what the JSON has of it."""


def read_scores(paths: Sequence[Path]) -> Scores:
    """The scores in the files; of one mutant on one kernel the last counts.  Raises UsageError."""
    scores: dict[str, dict[str, Mapping[str, Any]]] = {}
    for path in paths:
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            scores.setdefault(said["kernel"], {}).update(
                {one["name"]: one for one in said["mutants"]}
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is no kill score: {error}",
                hint="`kmap-harness mutants --json` writes one",
            ) from error
    return scores


def table_lines(scores: Scores) -> Iterator[str]:
    """The sums by kernel and kind, and what has reported each mutant."""
    yield "| kernel | kind | mutants | reported | survivors | false alarms |"
    yield "|---|---|---|---|---|---|"
    for kernel, mutants in scores.items():
        yield from _sums(kernel, mutants.values())
    yield ""
    yield f"| mutant | kind | {' | '.join(scores)} |"
    yield f"|---|---|{'---|' * len(scores)}"
    for name, kind in _names(scores).items():
        cells = (_cell(mutants.get(name)) for mutants in scores.values())
        yield f"| {_escaped(name)} | {kind} | {' | '.join(cells)} |"


def _sums(kernel: str, mutants: Collection[Mapping[str, Any]]) -> Iterator[str]:
    tried = Counter(one["kind"] for one in mutants)
    reported = Counter(one["kind"] for one in mutants if one["found"] not in _SILENT)
    for kind in MutantKind:
        count, killed = tried[kind.value], reported[kind.value]
        if not count:
            continue
        if kind in (MutantKind.HARMLESS, MutantKind.EQUIVALENT):
            wrong = sum(one["kind"] == kind.value and not one["as_wanted"] for one in mutants)
            changed = f"{killed} as changed behaviour"
            yield f"| {kernel} | {kind.value} | {count} | {changed} | | {wrong} |"
        else:
            yield f"| {kernel} | {kind.value} | {count} | {killed} | {count - killed} | |"


def _names(scores: Scores) -> Mapping[str, str]:
    return {name: one["kind"] for mutants in scores.values() for name, one in mutants.items()}


def _cell(one: Mapping[str, Any] | None) -> str:
    """The layer, the rule or field, and the program that was the first to show it."""
    if one is None:
        return ""
    if one["found"] in _SILENT:
        return _escaped(one["found"])
    if one["found"] == Detection.DEAD.value:
        return Detection.DEAD.value
    layer = "" if one["found"] == Detection.CONTRACT.value else f"{one['found']}: "
    dead = _DEAD.search(one["what"])
    rule = dead.group() if dead else one["what"].partition(":")[0][:60]
    program = _PLACE.sub("", one["where"])
    return _escaped(f"{layer}{rule} ({program})")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
