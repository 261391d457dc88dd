"""Transition coverage: the rule branches of the model that a run took, of those it could take.

What can be taken is found by exploration (``harness.model.search.reach``) and recorded in
``transitions.toml`` for the kinds of kernel there are, since it takes seconds; a test explores
again and compares.  A kind that is not recorded is explored when it is met.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.base.toml_file import entries_of, read_toml
from harness.model.records.layout import Generation, Layout
from harness.model.records.machine import Machine, machine
from harness.model.search.reach import reachable

RECORDED = Path(__file__).with_name("transitions.toml")
UNREACHABLE = Path(__file__).with_name("unreachable.toml")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A branch that exploration takes and a real kernel cannot, and why not."""

    rule: str
    kinds: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Transitions:
    """Rule branches of one run: taken, not taken, excluded, and taken against expectation."""

    reached: frozenset[str]
    missing: frozenset[str]
    excluded: tuple[Exclusion, ...]
    unforeseen: frozenset[str]

    @property
    def possible(self) -> int:
        """How many can be taken."""
        return len(self.reached) + len(self.missing)


def kind_of(subject: Machine) -> str:
    """The kind of kernel as far as its branches go: ``local rt``, ``stack debug``."""
    layout = subject.layout
    words = [layout.generation.value]
    flags = {
        "rt": layout.rt,
        "guards": layout.debug_kmap_local,
        "debug": layout.debug_highmem,
        "force-map": layout.force_map,
        "one-cpu": layout.online_cpus == 1,
        "typed-window": layout.typed_count > 0,
        "old-to-page": layout.generation is Generation.LOCAL and not subject.to_page_local,
        "few-atomic": layout.generation is Generation.LOCAL and not layout.kmap_atomic_prot,
    }
    return " ".join((*words, *(word for word, on in flags.items() if on)))


@cache
def _recorded() -> Mapping[str, frozenset[str]]:
    with entries_of(RECORDED):
        return {kind: frozenset(rules["rules"]) for kind, rules in read_toml(RECORDED).items()}


@cache
def exclusions() -> tuple[Exclusion, ...]:
    """Every line of ``unreachable.toml``."""
    data = read_toml(UNREACHABLE)
    with entries_of(UNREACHABLE):
        return tuple(
            Exclusion(one["rule"], tuple(one["kinds"]), one["reason"])
            for one in data.get("rule", ())
        )


def possible(subject: Machine) -> frozenset[str]:
    """Branches that a kernel like *subject* can take, exclusions included."""
    return _recorded().get(kind_of(subject)) or reachable(subject)


def transitions(layout: Layout, rules: Mapping[str, int]) -> Transitions:
    """The coverage by *rules*, the branches taken in a run and how often, on this kernel."""
    subject = machine(layout, (), ())
    kind, every = kind_of(subject), possible(subject)
    taken = {rule for rule, count in rules.items() if count} - {"refused", "not-applicable"}
    excluded = tuple(
        one
        for one in exclusions()
        if kind in one.kinds and one.rule in every and one.rule not in taken
    )
    left = every - taken - {one.rule for one in excluded}
    return Transitions(
        frozenset(taken & every), frozenset(left), excluded, frozenset(taken - every)
    )


def record_text(kinds: Mapping[str, frozenset[str]]) -> str:
    """``transitions.toml`` for these kinds."""
    parts = [
        "# Rule branches of the model by kind of kernel, as exploration finds them. Written by",
        "# `kmap-harness explore --transitions`; a test explores again and compares.",
    ]
    for kind, rules in sorted(kinds.items()):
        lines = ",\n".join(f'    "{rule}"' for rule in sorted(rules))
        parts.append(f'\n["{kind}"]\nrules = [\n{lines},\n]')
    return "\n".join(parts) + "\n"
