"""Stretches of generated programs after translations that outlive their mapping.

Kernel threads, which share their mm, read an address right before it changes and again right
after: that shows a TLB that was not flushed most likely.  The pages are filled before, while each
is mapped for the first time; a store through a stale translation would hide it.
"""

from typing import Final

from harness.model.records.operation import OpCode
from harness.scenario.episodes import Palette
from harness.scenario.ledger import Ledger

_TURNS: Final = 6


def last_slot(ledger: Ledger, filler: int) -> None:
    """Hold all slots but one: two pages get it by turns after a flush each, and two CPUs read."""
    rng = ledger.rng
    ledger.kunmap(
        filler,
        rng.choice([p for p, users in ledger.held.items() if users == 1 and p in ledger.high_set]),
    )
    pages = rng.sample([page for page in ledger.high if page not in ledger.held], 2)
    offset = 4 * rng.randrange(1024)
    for page in pages:
        ledger.kmap(filler, page)
        ledger.add(OpCode.WRITE, filler, reg=page, offset=offset, value=rng.getrandbits(32))
        ledger.kunmap(filler, page)
    others = [task for task, cpu in enumerate(ledger.cpus) if cpu != ledger.cpus[filler]]
    readers = (filler, rng.choice(others or [filler]))
    for turn in range(_TURNS):
        page = pages[turn % 2]
        ledger.kmap(filler, page)
        for reader in readers:
            ledger.add(OpCode.READ, reader, reg=page, offset=offset)
        ledger.kunmap(filler, page)


def same_slot(ledger: Ledger, forms: Palette) -> None:
    """Two tasks of a CPU map different pages in its first slot, each while the other holds one."""
    rng = ledger.rng
    one = rng.randrange(len(ledger.cpus))
    others = [
        task for task, cpu in enumerate(ledger.cpus) if cpu == ledger.cpus[one] and task != one
    ]
    if not forms.local or not others:
        return
    both = dict(zip((one, rng.choice(others)), rng.sample(ledger.high, 2), strict=True))
    for task, page in both.items():
        ledger.push(task, forms.local[0], page)
        register = ledger.stacks[task][-1].register
        ledger.add(OpCode.WRITE, task, reg=register, value=rng.getrandbits(32))
        ledger.pop(task)
    for _ in range(_TURNS // 2):
        for task, page in both.items():
            ledger.push(task, forms.local[0], page)
            ledger.add(OpCode.READ, task, reg=ledger.stacks[task][-1].register)
        for task in reversed(both):
            ledger.add(OpCode.READ, task, reg=ledger.stacks[task][-1].register)
            ledger.pop(task)
