"""The model, the closed-form oracle and the transcription of the C code say the same of pkmap."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.records import vector
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.literal import BugError, Literal
from tests.model.machines import small
from tests.model.pkmap_oracle import Answer, PkmapOracle
from tests.model.programs import persistent_program

MACHINE = small(slots=4, high=6, low=1, tasks=(0, 0, 1, 1, 1))


def counts(state):
    return tuple(slot.count for slot in vector.items(state.slots))


class Trio:
    def __init__(self, machine):
        self.machine = machine
        self.state = initial(machine, empty_snapshot(machine))
        self.oracle = PkmapOracle(machine.layout.last_pkmap)
        self.literal = Literal(machine.layout.last_pkmap)

    def feed(self, op, pick):
        """One operation through all three; *pick* chooses among outcomes. False where it ends."""
        if not self.machine.pages[op.page].highmem or op.task in self.state.waiting:
            return True
        before = (self.literal.flush_calls, self.literal.tlb_flushes, self.literal.wakes)
        outcomes = step(self.machine, self.state, op)
        outcome = outcomes[pick % len(outcomes)]
        seen, self.state = outcome.observation, outcome.state
        if op.code == OpCode.KMAP:
            self.kmap(op, seen)
        elif op.code == OpCode.KUNMAP and not self.kunmap(op, seen):
            return False
        elif op.code == OpCode.FLUSH_UNUSED:
            self.literal.flush_all_zero_pkmaps()
            answer = self.oracle.flush_unused()
            assert (seen.flush_scans, seen.flush_ranges) == (answer.scans, answer.ranges)
        assert (seen.flush_scans, seen.flush_ranges, seen.wakes) == (
            self.literal.flush_calls - before[0],
            self.literal.tlb_flushes - before[1],
            self.literal.wakes - before[2],
        )
        self.compare()
        return True

    def kmap(self, op, seen):
        slot = self.literal.kmap(op.task, op.page)
        answer = self.oracle.kmap(op.page)
        assert answer.slot == (-1 if slot is None else slot)
        assert (seen.flush_scans, seen.flush_ranges) == (answer.scans, answer.ranges)
        if slot is None:
            assert seen.status is Status.BLOCKED
            self.oracle.sleepers += 1
        else:
            assert seen.value == self.machine.layout.pkmap_address(slot)

    def kunmap(self, op, seen):
        answer = self.oracle.kunmap(op.page)
        winners = [entry.task for entry in seen.done]
        try:
            done = self.literal.kunmap(op.page, lambda woken: self.winners_first(woken, winners))
        except BugError:
            assert answer.bug
            assert seen.status is Status.DIED
            return False
        assert not answer.bug
        assert answer.wakes == seen.wakes
        assert [
            (task, self.machine.layout.pkmap_address(slot)) for task, slot in sorted(done)
        ] == [(entry.task, entry.result) for entry in seen.done]
        self.follow(winners, seen)
        return True

    def winners_first(self, woken, winners):
        return sorted(woken, key=lambda entry: entry[0] not in winners)

    def follow(self, winners, seen):
        """The oracle hears who won: each of the woken scans or follows."""
        if not seen.wakes:
            return
        woken = self.oracle.sleepers
        for task in winners:
            page = next(entry for entry in self.pages_of if entry[0] == task)[1]
            assert self.oracle.kmap(page).slot >= 0
            self.oracle.sleepers -= 1
        if woken > len(winners):
            self.oracle.cursor = self.oracle.size - 1

    @property
    def pages_of(self):
        return self.waited

    def compare(self):
        self.waited = list(self.literal.waiters)
        assert counts(self.state) == tuple(self.literal.pkmap_count) == self.oracle.counts()
        assert self.state.cursor == self.literal.last_pkmap_nr == self.oracle.cursor
        assert set(self.state.waiting) == {task for task, _ in self.literal.waiters}


def random_program(rng):
    for _ in range(60):
        code = rng.choices((OpCode.KMAP, OpCode.KUNMAP, OpCode.FLUSH_UNUSED), (5, 4, 1))[0]
        yield Operation(code, rng.randrange(5), rng.randrange(7))


def test_all_three_agree_on_some_programs():
    rng = Random(3)
    for pick in range(60):
        trio = Trio(MACHINE)
        for op in random_program(rng):
            if not trio.feed(op, pick % 8):
                break


def careful(rng, mapped):
    """An operation of a program that fills the map again and again: hardly ever a kunmap of what
    is not *mapped*.
    """
    code = rng.choices((OpCode.KMAP, OpCode.KUNMAP, OpCode.FLUSH_UNUSED), (14, 10, 1))[0]
    wild = code != OpCode.KUNMAP or not mapped or rng.random() < 0.02
    return Operation(code, rng.randrange(5), rng.randrange(7) if wild else rng.choice(mapped))


def test_all_three_agree_on_programs_that_fill_the_map():
    rng = Random(4)
    slept = 0
    for pick in range(40):
        trio = Trio(MACHINE)
        for _ in range(60):
            mapped = [
                page for page in range(6) if trio.oracle.users.get(trio.oracle.slot_of(page))
            ]
            if not trio.feed(careful(rng, mapped), pick % 8):
                break
            slept = max(slept, len(trio.state.waiting))
    assert slept > 1


def test_the_oracle_by_hand():
    oracle = PkmapOracle(3)
    assert (oracle.cursor, oracle.counts()) == (0, (0, 0, 0))
    assert oracle.slot_of(7) == -1
    assert oracle.kunmap(7) == Answer(-1, bug=True)
    assert [oracle.kmap(page) for page in (7, 8, 7)] == [Answer(1), Answer(2), Answer(1)]
    assert (oracle.cursor, oracle.counts()) == (2, (0, 3, 2))
    assert oracle.flush_unused() == Answer(-1, scans=1)
    assert oracle.kunmap(8) == Answer(2)
    assert (oracle.slot_of(8), oracle.kunmap(8)) == (2, Answer(2, bug=True))
    assert oracle.kmap(9) == Answer(0, scans=1, ranges=1)
    assert (oracle.slot_of(8), oracle.cursor, oracle.counts()) == (-1, 0, (2, 3, 0))
    assert oracle.kmap(6) == Answer(2)
    assert (oracle.kunmap(9), oracle.kmap(9)) == (Answer(0), Answer(0))
    oracle.cursor = 0
    assert oracle.kmap(5) == Answer(-1, scans=1)
    assert oracle.cursor == 2
    oracle.sleepers = 1
    assert [oracle.kunmap(7) for _ in range(2)] == [Answer(1), Answer(1, wakes=1)]
    assert oracle.flush_unused() == Answer(-1, scans=1, ranges=1)
    assert (oracle.slot_of(7), oracle.counts()) == (-1, (2, 0, 2))


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(persistent_program(MACHINE), st.integers(0, 7))
def test_all_three_agree(program, pick):
    trio = Trio(MACHINE)
    for op in program:
        if not trio.feed(op, pick):
            break


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(persistent_program(MACHINE), st.randoms(use_true_random=False))
def test_every_order_of_the_woken_is_among_the_outcomes(program, random):
    state = initial(MACHINE, empty_snapshot(MACHINE))
    literal = Literal(MACHINE.layout.last_pkmap)
    for op in program:
        if not MACHINE.pages[op.page].highmem or op.task in state.waiting:
            continue
        outcomes = step(MACHINE, state, op)
        if op.code == OpCode.KMAP:
            literal.kmap(op.task, op.page)
        elif op.code == OpCode.FLUSH_UNUSED:
            literal.flush_all_zero_pkmaps()
        else:
            try:
                literal.kunmap(op.page, lambda woken: random.sample(woken, len(woken)))
            except BugError:
                return
        match = [
            o.state
            for o in outcomes
            if counts(o.state) == tuple(literal.pkmap_count)
            and o.state.cursor == literal.last_pkmap_nr
            and set(o.state.waiting) == {task for task, _ in literal.waiters}
        ]
        assert match, (op, outcomes)
        state = match[0]
