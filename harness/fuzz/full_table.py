"""Acts with every slot of pkmap in use.  They are long, so that a program has few of them."""

from typing import Final

from harness.scenario import episodes, stale_translations
from harness.scenario.episodes import Palette
from harness.scenario.ledger import Ledger

_SELDOM: Final = 0.25
_LONG: Final = 5000
"""Operations after which a program does not fill the table any more."""


def seldom_and_early(ledger: Ledger) -> bool:
    """Tell whether an act of some thousand operations fits here."""
    possible = ledger.layout.last_pkmap > 0 and len(ledger) < _LONG
    return possible and ledger.rng.random() < _SELDOM


def waits(ledger: Ledger, task: int, forms: Palette) -> None:
    """Tasks that wait for a slot, and releases for them."""
    del task, forms
    if len(ledger.cpus) > 1 and seldom_and_early(ledger):
        episodes.exhaustion(ledger, ledger.rng.randint(3, 8), 0)
        episodes.release_most(ledger, 0)


def single_slots(ledger: Ledger, task: int, forms: Palette) -> None:
    """One slot at a time is given back and taken over, at some positions or at all of them.

    Then two CPUs read through the one that is left, while pages take turns in it.

    The order of mapping is that of the slots, with the wrap somewhere: only all positions are
    sure to have the ends of the table among them.
    """
    del forms
    if not seldom_and_early(ledger):
        return
    rng = ledger.rng
    while ledger.slots_held < ledger.layout.last_pkmap:
        ledger.kmap(task, ledger.unheld())
    pages = [page for page in ledger.held if ledger.held[page] == 1 and page in ledger.high_set]
    count = rng.choice((1, 4, 30, len(pages)))
    first = rng.randrange(len(pages) - count + 1)
    for page in pages[first : first + count]:
        ledger.kunmap(task, page)
        ledger.kmap(task, ledger.unheld())
    stale_translations.last_slot(ledger, task)
    episodes.release_most(ledger, task)
