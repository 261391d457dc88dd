"""mm/highmem.c (6.1), the pkmap half, statement by statement: slow, and nothing to argue about."""


class BugError(Exception):
    pass


class SleepError(Exception):
    pass


class Literal:
    def __init__(self, last_pkmap):
        self.n = last_pkmap
        self.pkmap_count = [0] * last_pkmap
        self.page_table = [None] * last_pkmap
        self.address = {}
        self.last_pkmap_nr = 0
        self.waiters = []
        self.flush_calls = self.tlb_flushes = self.wakes = 0

    def flush_all_zero_pkmaps(self):
        self.flush_calls += 1
        need_flush = 0
        for i in range(self.n):
            if self.pkmap_count[i] != 1:
                continue
            self.pkmap_count[i] = 0
            page = self.page_table[i]
            self.page_table[i] = None
            self.address.pop(page)
            need_flush = 1
        if need_flush:
            self.tlb_flushes += 1

    def map_new_virtual(self, page):
        count = self.n
        while True:
            self.last_pkmap_nr = (self.last_pkmap_nr + 1) & (self.n - 1)
            if self.last_pkmap_nr == 0:
                self.flush_all_zero_pkmaps()
                count = self.n
            if not self.pkmap_count[self.last_pkmap_nr]:
                break
            count -= 1
            if count:
                continue
            raise SleepError
        slot = self.last_pkmap_nr
        self.page_table[slot] = page
        self.pkmap_count[slot] = 1
        self.address[page] = slot
        return slot

    def kmap_high(self, page):
        slot = self.address.get(page)
        if slot is None:
            slot = self.map_new_virtual(page)
        self.pkmap_count[slot] += 1
        if self.pkmap_count[slot] < 2:
            raise BugError
        return slot

    def kunmap_high(self, page):
        if page not in self.address:
            raise BugError
        slot = self.address[page]
        self.pkmap_count[slot] -= 1
        if self.pkmap_count[slot] == 0:
            raise BugError
        if self.pkmap_count[slot] == 1 and self.waiters:
            self.wakes += 1
            return True
        return False

    def kmap(self, task, page):
        try:
            return self.kmap_high(page)
        except SleepError:
            self.waiters.append((task, page))
            return None

    def kunmap(self, page, order=lambda waiters: waiters):
        """With *order* the sequence in which woken tasks get the lock."""
        done = []
        if self.kunmap_high(page):
            woken, self.waiters = self.waiters, []
            for task, wanted in order(woken):
                slot = self.kmap(task, wanted)
                if slot is not None:
                    done.append((task, slot))
        return done
