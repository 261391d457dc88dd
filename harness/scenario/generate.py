"""Seeded random programs that keep every rule and reach the situations that matter.

A program is a sequence of episodes (episodes.py): first those that random choice would
hardly meet - every window depth on every CPU, a full pkmap with waiters, turns over
the wrap - then mixed actions of all tasks up to the number of steps asked for, then the
release of everything.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from harness.model.records.operation import OpCode
from harness.model.records.page import FOLIO_PAGES, PageKind
from harness.scenario import episodes, stale_translations
from harness.scenario.facts import Facts
from harness.scenario.ledger import Ledger
from harness.scenario.program import Program

_SPARE_PAGES: Final = 24
_MAX_TASKS: Final = 16


@dataclass(frozen=True, slots=True)
class Wishes:
    """The wishes for a generated program.

    ``steps``: at least so many operations.  ``held_by_others``: pkmap slots that others
    hold in this guest, from its start snapshot.  ``exhaust``: fill pkmap, which takes about
    ``2 * LAST_PKMAP`` steps; without, programs shorter than that stay short.
    """

    steps: int
    exhaust: bool = True
    held_by_others: int = 0


def default_tasks(facts: Facts) -> tuple[int, ...]:
    """Two tasks for each CPU, at least four, at most 16; the first is the one that fills pkmap."""
    count = min(max(4, 2 * facts.layout.online_cpus), _MAX_TASKS)
    return tuple(number % facts.layout.online_cpus for number in range(count))


def default_pools(facts: Facts) -> tuple[tuple[PageKind, int], ...]:
    """More highmem pages than pkmap has slots, and a few of every other kind."""
    pools = [
        (PageKind.HIGH, facts.layout.last_pkmap + _SPARE_PAGES),
        (PageKind.LOW, 4),
        (PageKind.COLLIDING, 6),
    ]
    if facts.layout.folios:
        pools.append((PageKind.FOLIO, 2 * FOLIO_PAGES))
    return (*pools, (PageKind.ABOVE_4G, 4)) if facts.above_4g else tuple(pools)


def generate(facts: Facts, rng: Random, wishes: Wishes, *, name: str = "random") -> Program:
    """A random program for a guest with these *facts*; the state of *rng* decides all of it."""
    cpus, pools = default_tasks(facts), default_pools(facts)
    kinds = tuple(kind for kind, count in pools for _ in range(count))
    ledger = Ledger(facts.layout, cpus, kinds, rng)
    forms = episodes.palette(facts)
    _plan(ledger, forms, wishes)
    slots = facts.layout.last_pkmap - wishes.held_by_others
    while len(ledger) < wishes.steps - len(ledger.held):
        episodes.mixed(ledger, forms, slots * 3 // 4)
    release_all(ledger)
    return Program(name, cpus, pools, tuple(ledger.operations))


def prelude(facts: Facts, rng: Random, *, name: str = "prelude") -> Program:
    """Operations that give a restored guest its own start: a template is always the same machine.

    The cursor stands elsewhere, slots before it are left at 1, windows and TLBs have been used,
    and the pages come back in another order.
    """
    cpus = default_tasks(facts)
    pools = ((PageKind.HIGH, rng.randint(8, 96)), (PageKind.LOW, rng.randint(1, 8)))
    kinds = tuple(kind for kind, count in pools for _ in range(count))
    ledger = Ledger(facts.layout, cpus, kinds, rng)
    forms = episodes.palette(facts)
    for task in rng.sample(range(len(cpus)), rng.randint(1, len(cpus))):
        episodes.full_window(ledger, task, forms)
    episodes.turn(ledger, rng.randrange(len(cpus)), rng.randrange(facts.layout.last_pkmap))
    release_all(ledger)
    return Program(name, cpus, pools, tuple(ledger.operations))


def _plan(ledger: Ledger, forms: episodes.Palette, wishes: Wishes) -> None:
    for task in range(len(ledger.cpus)):
        episodes.full_window(ledger, task, forms)
    stale_translations.same_slot(ledger, forms)
    if wishes.exhaust and ledger.layout.last_pkmap > wishes.held_by_others:
        episodes.exhaustion(ledger, ledger.rng.randint(4, 12), wishes.held_by_others)
        stale_translations.last_slot(ledger, 0)
        episodes.release_most(ledger, 0)
        episodes.turn(
            ledger, ledger.rng.randrange(len(ledger.cpus)), ledger.layout.last_pkmap // 2
        )


def release_all(ledger: Ledger) -> None:
    """Release everything; a NOP last, so that nothing is asleep unseen."""
    for task, stack in enumerate(ledger.stacks):
        while stack:
            ledger.pop(task)
    for cpu, kind in tuple(ledger.typed):
        ledger.typed_unmap(ledger.cpus.index(cpu), kind)
    for page in tuple(ledger.held):
        episodes.release(ledger, ledger.rng.randrange(len(ledger.cpus)), page)
    ledger.add(OpCode.NOP, 0)
