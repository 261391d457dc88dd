"""Shrinking: small, legal, and still failing."""

from random import Random

import pytest

from harness.fuzz.acts import ACTS
from harness.fuzz.fuzz_programs import fuzzed
from harness.fuzz.legal_part import legal_part, without
from harness.fuzz.shrinker import shrunk
from harness.model.records.operation import OPERATIONS, OpCode
from harness.scenario.facts import Facts
from harness.scenario.program_rules import check_rules
from harness.scenario.program_text import program_text
from tests.compare.model_guest import LOCAL, program

FACTS = Facts(LOCAL)


def drawn(seed):
    return fuzzed(FACTS, Random(seed), dict.fromkeys(ACTS, 1.0), "drawn")


def whole(failing):
    """Fails as *failing* says, and nobody knows where."""
    return lambda candidate: len(candidate.operations) * failing(candidate)


def offset_in_window(candidate):
    """A bug of ``kmap_to_page()`` with an offset in a page that a window maps."""
    live = set()
    for one in candidate.operations:
        if OPERATIONS[one.code].unmap in (OpCode.KUNMAP_LOCAL, OpCode.KUNMAP_ATOMIC):
            live.add(one.reg)
        if one.code is OpCode.KMAP_TO_PAGE and one.reg in live and 0 < one.offset < 4096:
            return True
    return False


def flushed_with_users(candidate):
    """A bug of a flush while a page has two users."""
    users = {}
    for one in candidate.operations:
        if one.code is OpCode.KMAP:
            users[one.page] = users.get(one.page, 0) + 1
        if one.code is OpCode.KUNMAP:
            users[one.page] -= 1
        if one.code is OpCode.FLUSH_UNUSED and 2 in users.values():
            return True
    return False


def in_a_hardirq(candidate):
    end = -1
    for step, one in enumerate(candidate.operations):
        if one.code is OpCode.HARDIRQ:
            end = step + one.value
        if one.code is OpCode.READ and step <= end:
            return True
    return False


@pytest.mark.parametrize(
    ("fails", "most"), [(offset_in_window, 3), (flushed_with_users, 3), (in_a_hardirq, 4)]
)
def test_the_smallest_program(fails, most):
    # The first has an atomic section, which a legal program must leave.
    big = next(one for seed in range(200) if fails(one := drawn(seed)))
    small = shrunk(big, LOCAL, whole(fails))
    assert fails(small)
    check_rules(small, LOCAL)
    assert len(small.operations) <= most, program_text(small)
    assert len(small.tasks) == 1
    assert sum(count for _, count in small.pools) == 1


def test_attempts_are_limited():
    big, tried = next(one for seed in range(99) if offset_in_window(one := drawn(seed))), []

    def fails(candidate):
        tried.append(candidate)
        return whole(offset_in_window)(candidate)

    shrunk(big, LOCAL, fails, attempts=7)
    assert len(tried) == 7


def test_a_block_shrinks_with_its_content():
    whole = program(
        "title: t\ntasks: a@0\npages: high 2\n"
        "a: hardirq { m0 = kmap_atomic h0; read m0; kunmap_atomic m0 }\na: nop\n"
    )
    assert without(whole, {2}).operations[0].value == 2
    assert legal_part(without(whole, {1, 2, 3}), LOCAL).operations == whole.operations[-1:]


def test_what_is_no_longer_legal_goes():
    whole = program(
        "title: t\ntasks: a@0\npages: high 2\n"
        "a: m0 = kmap h0\na: read m0\na: kunmap h0\na: irq_off\na: irq_on\n"
    )
    assert not legal_part(without(whole, {0, 4}), LOCAL).operations


def test_pages_of_helpers_and_interrupts_keep_their_operands():
    whole = program(
        "title: t\ntasks: a@0\npages: high 9, low 3\n"
        "a: copy_highpage h7 h3\na: memcpy_to_page h5 0 l2 0 8\n"
        "a: interrupt ipi+500 hardirq h6 2\n"
    )
    small = shrunk(whole, LOCAL, lambda one: len(one.operations) == 3)
    assert sum(count for _, count in small.pools) <= 4
    assert program(program_text(small)).operations == small.operations


def test_what_comes_after_the_failure_goes_at_once():
    big = max((drawn(seed) for seed in range(9)), key=lambda one: len(one.operations))
    where = next(
        number for number, one in enumerate(big.operations) if one.code is OpCode.FLUSH_UNUSED
    )
    tried = []

    def fails(candidate):
        tried.append(len(candidate.operations))
        codes = [one.code for one in candidate.operations]
        return codes.index(OpCode.FLUSH_UNUSED) + 1 if OpCode.FLUSH_UNUSED in codes else 0

    small = shrunk(big, LOCAL, fails, end=where + 1)
    assert [one.code for one in small.operations] == [OpCode.FLUSH_UNUSED]
    assert tried[0] <= where + 1
