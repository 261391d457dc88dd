"""All orders of the steps of programs in which threads wait for slots, found by running a model.

The model knows slots, counts, the cursor, the lock and the queue, step by step between two gates.
It shares nothing with the module's search: each order is run again from the beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.guest.gate_wire import GateKind
from harness.guest.schedule_wire import ScheduleCode

SLEEPS = "sleeps"
"""What a thread waits for that nobody has woken."""


@dataclass
class World:
    """What the threads share; slots are those of the program, all others stay in use."""

    slots: list[int]
    """The counts."""
    pages: dict[str, int]
    """The slot of each page that has an address."""
    cursor: int
    """The slot that the search looked at last; len(slots) is behind them all, -1 before."""
    lock: int | None = None
    queue: list[int] = field(default_factory=list)
    woken: set[int] = field(default_factory=set)
    events: list[tuple[int, GateKind]] = field(default_factory=list)


def flush(world, me):
    """Drop the unused mappings; a flush of the TLB only if there was one."""
    unused = [slot for slot, count in enumerate(world.slots) if count == 1]
    for slot in unused:
        world.slots[slot] = 0
        world.pages = {page: at for page, at in world.pages.items() if at != slot}
    if unused:
        yield GateKind.FLUSH
        world.events.append((me, GateKind.FLUSH))


def find_slot(world, me):
    """Search from the cursor on, then flush and search once more from the beginning."""
    for slot in range(world.cursor + 1, len(world.slots)):
        if not world.slots[slot]:
            world.cursor = slot
            return slot
    yield from flush(world, me)
    free = [slot for slot, count in enumerate(world.slots) if not count]
    world.cursor = free[0] if free else len(world.slots)
    return free[0] if free else None


def take(world, me):
    yield GateKind.ACQUIRE
    world.events.append((me, GateKind.ACQUIRE))
    world.lock = me


def release(world, me):
    world.lock = None
    world.events.append((me, GateKind.RELEASE))
    yield GateKind.RELEASE


def sleep(world, me):
    """Queue up, drop the lock, sleep unless woken before, and take the lock again."""
    world.queue.append(me)
    world.woken.discard(me)
    yield from release(world, me)
    yield GateKind.SCHEDULE
    world.events.append((me, GateKind.SCHEDULE))
    if me in world.woken:
        world.events.append((me, GateKind.SCHEDULE))
        yield GateKind.SCHEDULE
    else:
        world.events.append((me, GateKind.SLEEP))
        yield SLEEPS
        world.events.append((me, GateKind.SCHEDULE))
    world.queue.remove(me)
    yield from take(world, me)


def kmap(world, me, page):
    yield from take(world, me)
    while page not in world.pages:
        slot = yield from find_slot(world, me)
        if slot is None:
            yield from sleep(world, me)
        else:
            world.pages[page] = slot
            world.slots[slot] = 1
    world.slots[world.pages[page]] += 1
    yield from release(world, me)


def kunmap(world, me, page):
    yield from take(world, me)
    slot = world.pages[page]
    world.slots[slot] -= 1
    wakes = world.slots[slot] == 1 and bool(world.queue)
    yield from release(world, me)
    if wakes:
        world.woken |= set(world.queue)


def thread(world, me, steps):
    yield GateKind.START
    world.events.append((me, GateKind.START))
    for step in steps:
        world.events.append((me, GateKind.OPERATION))
        what = kmap if step.code is ScheduleCode.KMAP else kunmap
        yield from what(world, me, step.page)


def begin(program):
    pages = {page: slot for slot, page in enumerate(sorted(program.initial))}
    counts = [program.initial[page] + 1 for page in pages]
    counts += [0] * (program.slots - len(counts))
    return World(counts, pages, program.slots - 1 if program.wrap else -1)


def one_order(program, choices):
    """Run with these choices, then without a switch; return events, and where one could choose."""
    world = begin(program)
    threads = [thread(world, n, steps) for n, steps in enumerate(program.threads)]
    at = [next(each) for each in threads]
    places, running = [], None
    while able := [n for n, gate in enumerate(at) if can_go_on(world, n, gate)]:
        usual = running if running in able else able[0]
        if len(able) > 1:
            chosen = choices[len(places)] if len(places) < len(choices) else usual
            places.append((tuple(able), running if running in able else None, chosen))
            usual = chosen
        at[usual] = next(threads[usual], None)
        running = None if at[usual] in (SLEEPS, None) else usual
    return tuple(world.events), places


def can_go_on(world, me, gate):
    if gate is GateKind.ACQUIRE:
        return world.lock is None
    return me in world.woken if gate is SLEEPS else gate is not None


def orders_of(program, bound) -> Iterator[tuple[tuple[int, GateKind], ...]]:
    """The events of each order with at most *bound* preemptions."""
    open_prefixes = [()]
    while open_prefixes:
        prefix = open_prefixes.pop()
        events, places = one_order(program, prefix)
        yield events
        for number in range(len(prefix), len(places)):
            able, _, chosen = places[number]
            before = [choice for _, _, choice in places[:number]]
            for other in able:
                wanted = (*before, other)
                if other != chosen and preemptions(places, wanted) <= bound:
                    open_prefixes.append(wanted)


def preemptions(places, choices):
    pairs = zip(places, choices, strict=False)
    return sum(running not in (None, choice) for (_, running, _), choice in pairs)
