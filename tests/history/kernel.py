"""A correct kernel with a pkmap that threads share: draws histories by a random schedule."""

from random import Random

from harness.guest.history_wire import HistoryCode
from harness.history.history import SlotState
from harness.history.lock_order import Pkmap
from tests.history.small import FREE, LAYOUT, event, history


def run(seed, threads=3, pages=4, operations=60):
    """Draw a history; a thread that finds no slot waits until another has unmapped."""
    random, pkmap = Random(seed), Pkmap(FREE, 0)
    world = _World(random, pkmap, pages)
    for _ in range(operations):
        world.step(random.randrange(threads))
    world.end(threads)
    after = tuple(
        SlotState(count, page if count else None)
        for count, page in zip(pkmap.counts, pkmap.page_at, strict=True)
    )
    events = [world.events.get(n, []) for n in range(threads)]
    return history(
        *events, after=after, cursors=(0, pkmap.cursor), clock=world.clock, witnessed=True
    )


class _World:
    def __init__(self, random, pkmap, pages):
        self.random, self.pkmap, self.pages = random, pkmap, pages
        self.clock = 0
        self.events, self.held, self.wants = {}, {}, {}

    def now(self):
        self.clock += 1
        return self.clock

    def step(self, thread):
        """Begin an operation, or do its critical section and return."""
        if thread not in self.wants:
            held = self.held.setdefault(thread, [])
            unmap = held and (len(held) == 1 or self.random.random() < 0.5)
            page = held.pop() if unmap else (self.random.randrange(self.pages), 0)
            self.wants[thread] = (
                HistoryCode.KUNMAP if unmap else HistoryCode.KMAP,
                *page,
                self.now(),
            )
            return
        code, page, value, invoked = self.wants[thread]
        ordered = self.now()
        if code == HistoryCode.KMAP:
            slot = self.pkmap.map(page)
            if slot is None:
                self._add(thread, event(HistoryCode.SECTION, page, 0, 0, ordered=ordered))
                return
            value = LAYOUT.pkmap_address(slot)
            self.held[thread].append((page, value))
        else:
            assert self.pkmap.unmap(page)
        del self.wants[thread]
        self._add(thread, event(code, page, invoked, self.now(), value, ordered))

    def _add(self, thread, one):
        self.events.setdefault(thread, []).append(one)

    def end(self, threads):
        """End all open operations; each thread holds at most one mapping, so slots suffice."""
        while self.wants:
            for thread in range(threads):
                if thread in self.wants:
                    self.step(thread)
