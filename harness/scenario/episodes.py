"""Stretches of generated programs, each after one situation; what stays open, the ledger knows."""

from typing import Final, NamedTuple

from harness.model.records.km_type import ERA_SHIFT, TYPE_NR
from harness.model.records.layout import Generation
from harness.model.records.operation import (
    ATOMIC_MAPS,
    LOCAL_MAPS,
    NO_PAGE,
    OPENS_CONTEXT,
    OPERATIONS,
    WITH_PROT,
    OpCode,
    Prot,
)
from harness.scenario.facts import Facts
from harness.scenario.helper_episodes import MAPPED_MOST, helper
from harness.scenario.ledger import TYPED_REGISTERS, Ledger

_PROTS: Final = (Prot.KERNEL, Prot.KERNEL, Prot.KERNEL, Prot.RO, Prot.NOCACHE, Prot.WC, Prot.EXEC)


_TYPES: Final = tuple(
    era << ERA_SHIFT | kind for era, count in enumerate(TYPE_NR) for kind in range(count)
)
_SPARE_REGISTER: Final = TYPED_REGISTERS - 1


_CONTEXTS: Final = tuple(code for code in OPERATIONS if code in OPENS_CONTEXT)


class Palette(NamedTuple):
    """The window-mapping operations of a kernel; one that stands twice is taken twice as often."""

    atomic: tuple[OpCode, ...]
    local: tuple[OpCode, ...]
    helpers: int = 0
    """Its page helpers (``Layout.helpers``)."""


def palette(facts: Facts) -> Palette:
    """What a kernel with these *facts* has."""
    layout, missing = facts.layout, facts.missing
    atomic = _forms(OpCode.KMAP_ATOMIC, ATOMIC_MAPS, missing)
    local = _forms(OpCode.KMAP_LOCAL, LOCAL_MAPS, missing)
    local = local if layout.generation is Generation.LOCAL else ()
    return Palette(atomic, local, layout.helpers if facts.has(OpCode.HELPER) else 0)


def _forms(
    plain: OpCode, family: frozenset[OpCode], missing: frozenset[OpCode]
) -> tuple[OpCode, ...]:
    """The family's operations and iomap; *plain* twice, since kernels use that form most."""
    forms = (plain, *(code for code in OPERATIONS if code in family), OpCode.IOMAP)
    return tuple(code for code in forms if code not in missing)


def push_random(ledger: Ledger, task: int, forms: tuple[OpCode, ...]) -> None:
    """Map some page in some form."""
    rng = ledger.rng
    code = rng.choice(forms)
    page = rng.choice(ledger.low) if rng.random() < 0.15 else rng.choice(ledger.high)
    ledger.push(task, code, page, rng.choice(_PROTS) if code in WITH_PROT else Prot.KERNEL)


def atomic_section(ledger: Ledger, task: int, forms: Palette, *, depth: int) -> None:
    """Nested mappings that begin and end without a sleep, on top of what the task has."""
    base = len(ledger.stacks[task])
    ledger.push(task, forms.atomic[0], ledger.rng.choice(ledger.high))
    while len(ledger.stacks[task]) - base < depth and ledger.room(task) > 0:
        push_random(ledger, task, forms.atomic)
        if ledger.rng.random() < 0.3:
            touch_newest(ledger, task)
    if ledger.room(task) > 1 and ledger.rng.random() < 0.3:
        interrupt(ledger, task, forms)
    while len(ledger.stacks[task]) > base:
        touch_newest(ledger, task)
        ledger.pop(task)


def full_window(ledger: Ledger, task: int, forms: Palette) -> None:
    """Every slot of the window, down to the last, by highmem pages."""
    base = len(ledger.stacks[task])
    while ledger.room(task) > 0:
        ledger.push(task, forms.atomic[0], ledger.rng.choice(ledger.high))
    touch_newest(ledger, task)
    while len(ledger.stacks[task]) > base:
        ledger.pop(task)


def touch_newest(ledger: Ledger, task: int) -> None:
    """A word through the newest mapping; a read-only one is written too: it must fault."""
    mapping = ledger.stacks[task][-1]
    ledger.touch(task, mapping.register, writable=mapping.writable or ledger.rng.random() < 0.5)


def interrupt(ledger: Ledger, task: int, forms: Palette) -> None:
    """A hardirq or softirq that maps, touches and unmaps."""
    at = len(ledger)
    ledger.add(ledger.rng.choice(_CONTEXTS), task)
    base = len(ledger.stacks[task])
    for _ in range(ledger.rng.randint(1, min(2, ledger.room(task)))):
        push_random(ledger, task, forms.atomic[:1])
    while len(ledger.stacks[task]) > base:
        touch_newest(ledger, task)
        ledger.pop(task)
    ledger.operations[at] = ledger.operations[at]._replace(value=len(ledger) - at - 1)


def turn(ledger: Ledger, task: int, pages: int) -> None:
    """*pages* mapped and released one by one: the cursor moves on, unused slots stay behind."""
    for _ in range(pages):
        page = ledger.unheld()
        ledger.kmap(task, page)
        if ledger.rng.random() < 0.1:
            ledger.touch(task, page)
        ledger.kunmap(task, page)
        if ledger.rng.random() < 0.1:
            ledger.kmap(task, page)  # its slot stands at 1
            ledger.kunmap(task, page)


def exhaustion(ledger: Ledger, rounds: int, held_by_others: int) -> None:
    """All slots in use by the first task, by rounds: waiters, and releases for them."""
    filler = 0
    capacity = ledger.layout.last_pkmap - held_by_others
    for _ in range(rounds):
        while ledger.slots_held < capacity:
            ledger.kmap(filler, ledger.unheld())
        _wait_round(ledger, filler)
    while ledger.slots_held < capacity:
        ledger.kmap(filler, ledger.unheld())


def release_most(ledger: Ledger, filler: int) -> None:
    """The slots of seven eighths of the pages are released."""
    pages = [page for page in ledger.held if page in ledger.high_set]
    ledger.rng.shuffle(pages)
    for page in pages[len(pages) // 8 :]:
        release(ledger, filler, page)


def _wait_round(ledger: Ledger, filler: int) -> None:
    """Some tasks wait; then as many slots are released as pages are waited for: all waits end.

    Which waiter gets which slot is the kernel's choice: none is given an operation
    before the last of them must have ended.
    """
    rng = ledger.rng
    waiters = rng.sample(range(1, len(ledger.cpus)), rng.randint(1, min(4, len(ledger.cpus) - 1)))
    wanted = [ledger.unheld() for _ in range(rng.randint(1, len(waiters)))]
    held = [page for page in ledger.held if ledger.held[page] == 1 and page in ledger.high_set]
    released = rng.sample(held, len(set(wanted)))
    got = [rng.choice(wanted) for _ in waiters]
    for waiter, page in zip(waiters, got, strict=True):
        ledger.kmap(waiter, page)
    if rng.random() < 0.5:
        shared = rng.choice(released)
        ledger.kmap(filler, shared)  # 2 to 3 and back wakes nobody
        ledger.kunmap(filler, shared)
    for page in released:
        ledger.kunmap(filler, page)
    ledger.add(OpCode.NOP, filler)
    for waiter, page in zip(waiters, got, strict=True):
        ledger.touch(waiter, page)
    for waiter, page in zip(waiters, got, strict=True):
        if rng.random() < 0.8:
            ledger.kunmap(waiter, page)


def release(ledger: Ledger, task: int, page: int) -> None:
    """All users of *page* leave."""
    while page in ledger.held:
        ledger.kunmap(task, page)


def mixed(ledger: Ledger, forms: Palette, limit: int) -> None:
    """One random action of one random task; at most *limit* slots stay in use."""
    rng = ledger.rng
    task = rng.randrange(len(ledger.cpus))
    dice = rng.random()
    if dice < 0.22 and ledger.slots_held < limit:
        ledger.kmap(
            task, rng.choice(ledger.high) if rng.random() < 0.9 else rng.choice(ledger.low)
        )
    elif dice < 0.40 and ledger.held:
        ledger.kunmap(task, rng.choice(tuple(ledger.held)))
    elif dice < 0.55:
        _window(ledger, task, forms)
    elif dice < 0.68:
        if ledger.room(task) > 0:
            atomic_section(ledger, task, forms, depth=rng.randint(1, 4))
    elif dice < 0.83:
        _look(ledger, task, forms)
    elif dice < 0.88 and ledger.layout.typed_count:
        for _ in range(rng.randint(1, 8)):
            typed(ledger, task)
    else:
        _rare(ledger, task, forms)


def _window(ledger: Ledger, task: int, forms: Palette) -> None:
    stack = ledger.stacks[task]
    if forms.local and ledger.room(task) > 0 and (not stack or ledger.rng.random() < 0.55):
        push_random(ledger, task, forms.local)
    elif stack:
        ledger.pop(task)


def _look(ledger: Ledger, task: int, forms: Palette) -> None:
    rng = ledger.rng
    if forms.helpers and ledger.room(task) >= MAPPED_MOST and rng.random() < 0.4:
        helper(ledger, task, forms.helpers)
    elif ledger.stacks[task] and rng.random() < 0.5:
        mapping = rng.choice(ledger.stacks[task])
        ledger.touch(task, mapping.register, writable=mapping.writable)
    elif ledger.held and rng.random() < 0.7:
        ledger.touch(task, rng.choice(tuple(ledger.held)))
    else:
        ledger.add(OpCode.PAGE_ADDRESS, task, page=rng.choice(ledger.high))


def typed(ledger: Ledger, task: int) -> None:
    """One act in the module's typed window.

    Mappings stay across sleeps, and end in any order.  Sometimes a task maps with a type in use,
    which is a BUG that the module reports, or unmaps with another type than the mapping's.
    """
    rng, cpu = ledger.rng, ledger.cpus[task]
    mine = [kind for owner, kind in ledger.typed if owner == cpu]
    kind, dice = rng.choice(_TYPES), rng.random()
    if kind not in mine and (dice < 0.5 or not mine):
        ledger.typed_map(task, kind, rng.choice(ledger.high))
    elif dice < 0.8 and mine:
        ledger.touch(task, ledger.typed[cpu, rng.choice(mine)])
    elif dice < 0.96 and mine:
        ledger.typed_unmap(task, rng.choice(mine))
    elif mine:
        _typed_misuse(ledger, task, rng.choice(mine))


def _typed_misuse(ledger: Ledger, task: int, held: int) -> None:
    """Map with the type *held* again, or unmap with another: neither changes anything."""
    register = ledger.typed[ledger.cpus[task], held]
    if ledger.rng.random() < 0.5:
        page = ledger.rng.choice(ledger.high)
        ledger.add(OpCode.TYPED_MAP, task, page=page, reg=_SPARE_REGISTER, value=held)
    else:
        other = ledger.rng.choice([kind for kind in _TYPES if kind != held])
        ledger.add(OpCode.TYPED_UNMAP, task, reg=register, value=other)


def _rare(ledger: Ledger, task: int, forms: Palette) -> None:
    dice = ledger.rng.random()
    if dice < 0.35:
        if ledger.room(task) > 1:
            interrupt(ledger, task, forms)
    elif dice < 0.6:
        ledger.add(OpCode.SLEEP, task, page=NO_PAGE, value=ledger.rng.choice((50, 200, 1000)))
    elif dice < 0.75:
        ledger.add(OpCode.YIELD, task)
    elif dice < 0.85:
        ledger.add(OpCode.FLUSH_UNUSED, task)
    elif dice < 0.9 and ledger.held:
        ledger.add(OpCode.KMAP_TO_PAGE, task, reg=ledger.rng.choice(tuple(ledger.held)))
    elif dice < 0.93 and ledger.room(task) > 0:
        full_window(ledger, task, forms)
    else:
        turn(ledger, task, ledger.rng.randint(1, 20))
