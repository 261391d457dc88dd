"""Schedules: all of them and no others, the same each time; seeded races are found by them."""

from dataclasses import replace

import pytest

from harness.base.progress import Quiet
from harness.compare.divergence import Verdict
from harness.guest.gate_wire import GateKind
from harness.guest.schedule_wire import NO_THREAD, SearchDecision, SearchStatus
from harness.guest.shape import Shape
from harness.guest.shape_words import describe_shape
from harness.history.explanation import HistoryRule
from harness.report.schedules_report import schedules_lines
from harness.schedule.gate_finder import GateLevel, find_gates
from harness.schedule.guest_supply import GuestStart, GuestSupply
from harness.schedule.program_search import ProgramSearch, SearchSpace
from harness.schedule.random_programs import random_programs
from harness.schedule.random_sample import RandomChoice
from harness.schedule.schedule_runner import SchedulesRequest, run_schedules
from harness.schedule.search_log import LoggedSearch, SearchLog
from harness.schedule.thread_program import parse_program
from tests.schedule.every_order import orders
from tests.schedule.micro_steps import orders_of

from .history_bugs import (
    IRQS_ON,
    LATE_QUEUE,
    LOCKLESS,
    NO_FLUSH,
    NO_RECHECK,
    NO_SWITCH_IN,
    NO_WAKE,
)
from .patched import patched

pytestmark = [pytest.mark.guest, pytest.mark.thirds]

SHAPE = Shape(smp=4)
WAKE = "kmap a || kunmap x"
REUSE = "kmap b, read b, kunmap b, kmap c, read c, kunmap c || kmap a, kunmap a"
RECHECK = "kmap a || kunmap x, kmap a"
INTERRUPTED = "page_address x || hardirq 0: page_address x"
SWITCHED = (
    "kmap_local a, sleep, read_local a, kunmap_local a || "
    "kmap_local b, sleep, read_local b, kunmap_local b; cpus 0,0"
)
DEATH = "kmap a, kunmap a || kunmap x, kunmap y, kmap a, kunmap a; slots 2"


@pytest.fixture(scope="module")
def supply(stock, tmp_path_factory):
    found = find_gates(stock.kernel)
    start = GuestStart(stock, SHAPE, tmp_path_factory.mktemp("schedules"), template=True)
    with GuestSupply(start, found.gates) as guests:
        yield guests, found


def search_of(supply, text, bound):
    guests, found = supply
    program = parse_program(text)
    gates = found.armed(program.parts, interrupts=program.interrupts)
    return ProgramSearch(guests.guest(), SearchSpace(program, gates, bound))


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("kmap a || kmap a; slots 2", (1, 1)),
        ("kmap a, kunmap a || kmap a, kunmap a", (2, 2)),
        ("kmap a || kmap b || kmap c; slots 3", (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_the_schedules_are_those_of_another_search(supply, text, operations, bound):
    search = search_of(supply, text, bound)
    answers = list(search.answers(float("inf")))
    seen = [
        tuple((one.thread, GateKind(one.kind)) for one in outcome.events)
        for answer in answers
        for outcome in answer.outcomes
    ]
    wanted = list(orders(operations, bound))
    assert search.complete
    assert search.schedules == len(wanted)
    assert sorted(seen) == sorted(wanted)


@pytest.mark.parametrize(
    "text", [WAKE, "kmap a, kunmap a || kmap b, kunmap b", f"{WAKE}; cursor wrap"]
)
@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_the_schedules_with_waits_are_those_of_a_model_of_micro_steps(supply, text, bound):
    """Several schedules may have the same log, which then comes once."""
    search = search_of(supply, text, bound)
    outcomes = [one for answer in search.answers(float("inf")) for one in answer.outcomes]
    seen = {tuple((one.thread, GateKind(one.kind)) for one in each.events) for each in outcomes}
    wanted = list(orders_of(search.space.program, bound))
    assert (search.complete, search.schedules) == (True, len(wanted))
    assert seen <= set(wanted)
    assert {order[-1] for order in wanted} == {order[-1] for order in seen}


def test_a_branch_that_the_search_skips_is_missed(supply):
    """The first decision comes with the mark that its other choice was run."""
    search = search_of(supply, WAKE, 2)
    begun = SearchDecision(enabled=3, current_thread=NO_THREAD, choice=0, done=2, used=0)
    found = search._ask(2_000, 60_000, 0, (begun,))
    wanted = list(orders_of(search.space.program, 2))
    assert 0 < found.head.schedules < len(wanted)


def test_a_schedule_is_the_same_each_time(supply):
    search = search_of(supply, "kmap a || kmap a || kunmap x", 2)
    (found, *_) = search.answers(float("inf"))
    chosen = max(found.outcomes, key=lambda one: len(one.events))
    again = search_of(supply, "kmap a || kmap a || kunmap x", 2)
    answer = again.replay([one.choice for one in chosen.decisions], 300)
    assert (answer.head.schedules, answer.head.departed, len(answer.outcomes)) == (300, 0, 1)
    assert answer.outcomes[0].events == chosen.events
    assert answer.outcomes[0].history.events == chosen.history.events


def test_a_search_that_is_cut_goes_on_where_it_was(supply):
    text = "kmap a, kunmap a || kmap b, kunmap b"
    whole, cut = search_of(supply, text, 2), search_of(supply, text, 2)
    list(whole.answers(float("inf")))
    decisions, count, status = (), 0, SearchStatus.MORE
    while status is SearchStatus.MORE:
        found = cut._ask(7, 60_000, 0, decisions)
        decisions, status = found.decisions, SearchStatus(found.head.status)
        count += found.head.schedules
    assert count == whole.schedules


@pytest.mark.parametrize(("depth", "bound"), [(1, 0), (2, 1)])
def test_random_schedules_switch_at_most_where_a_priority_changes(supply, depth, bound):
    """Of a program in which nobody waits they are, in the end, all with so few preemptions."""
    search = search_of(supply, "kmap a, kunmap a || kmap a, kunmap a", 0)
    answers = list(search.samples(RandomChoice(400, depth, seed=5), float("inf")))
    outcomes = [one for answer in answers for one in answer.outcomes]
    seen = {tuple((one.thread, GateKind(one.kind)) for one in each.events) for each in outcomes}
    assert (search.complete, search.schedules) == (True, 400)
    assert seen == set(orders((2, 2), bound))


def test_a_seed_means_the_same_random_schedules(supply):
    def sampled(seed):
        search = search_of(supply, "kmap a || kmap a || kunmap x", 0)
        answers = search.samples(RandomChoice(60, 3, seed), float("inf"))
        outcomes = [one for answer in answers for one in answer.outcomes]
        return [(one.head.times, one.events) for one in outcomes], search.sample

    found, sample = sampled(1)
    assert sampled(1) == (found, sample)
    assert sampled(2)[0] != found
    assert (sample.threads, sample.length) == (3, max(sample.length, 10))


def run(prepared, folder, *programs, **choices):
    folder.mkdir(exist_ok=True)
    wanted = tuple(map(parse_program, programs))
    request = SchedulesRequest(wanted, SHAPE, folder, **({"template": False} | choices))
    return run_schedules(prepared, request, Quiet())


def test_a_run_goes_on_where_another_has_stopped(stock, supply, tmp_path):
    """Once from the middle of a search, and once from its end, without a guest."""
    text = "kmap a, kunmap a || kmap b, kunmap b; slots 2"
    cut = search_of(supply, text, 2)
    found = cut._ask(7, 60_000, 0, ())
    (fresh,) = run(stock, tmp_path / "fresh", text, template=True).programs
    log = SearchLog(tmp_path, stock.kernel.content_hash, describe_shape(SHAPE), resume=False)
    head = found.head
    begun = LoggedSearch(head.schedules, head.events, 0, decisions=found.decisions)
    log.add(cut.space, begun)
    for guests in (1, 0):
        result = run(stock, tmp_path, text, template=True, resume=True)
        (again,) = result.programs
        assert (again.schedules, again.steps) == (fresh.schedules, fresh.steps)
        assert again.complete
        assert (result.phases["boot"] > 0) is bool(guests)


def test_the_kernel_as_it_is_has_no_violation(stock, tmp_path):
    result = run(stock, tmp_path, WAKE, REUSE, RECHECK, "kmap a || page_address a", template=True)
    said = "\n".join(schedules_lines(result, ""))
    assert result.verdict is Verdict.AGREE, said
    assert all(one.complete and one.schedules > 5 for one in result.programs), said


@pytest.mark.parametrize(
    ("bug", "program", "rule", "preemptions"),
    [
        (NO_WAKE, WAKE, HistoryRule.LOST_WAKEUP, 0),
        (LATE_QUEUE, WAKE, HistoryRule.LOST_WAKEUP, 1),
        (NO_RECHECK, RECHECK, HistoryRule.LEAKED_SLOTS, 0),
        (NO_RECHECK, DEATH, HistoryRule.DIED, 0),
        (NO_FLUSH, REUSE, HistoryRule.DATA, 0),
    ],
    ids=lambda one: getattr(one, "what", None),
)
def test_a_seeded_bug_is_found_with_its_shortest_schedule(
    stock, tmp_path, bug, program, rule, preemptions
):
    buggy = replace(stock, kernel=patched(stock.kernel, bug, tmp_path))
    result = run(buggy, tmp_path, program)
    said = "\n".join(schedules_lines(result, "again"))
    assert result.exit_code == 1, said
    (one,) = result.programs
    assert (one.violations[0].rule, one.violations[0].preemptions) == (rule, preemptions), said
    assert f"again --programs '{one.program}' --replay" in said
    assert "thread 0" in said


def test_random_schedules_of_longer_programs_find_a_seeded_bug(stock, tmp_path):
    """The schedule that they found is replayed by its choices."""
    buggy = replace(stock, kernel=patched(stock.kernel, LATE_QUEUE, tmp_path))
    programs = tuple(map(str, random_programs(12, seed=1)))
    choice = RandomChoice(300, 2, seed=1)
    result = run(buggy, tmp_path, *programs, random=choice, enough=1)
    said = "\n".join(schedules_lines(result, "again"))
    assert result.exit_code == 1, said
    found = result.violating[0]
    assert found.violations[0].rule == HistoryRule.LOST_WAKEUP, said
    assert "a bug of depth 2 shows with probability" in said
    choices = tuple(map(int, found.violations[0].choices))
    (again,) = run(buggy, tmp_path / "again", str(found.program), replay=choices).programs
    assert again.violations[0].rule == HistoryRule.LOST_WAKEUP


def test_the_kernel_as_it_is_has_no_violation_in_random_schedules(stock, tmp_path):
    programs = tuple(map(str, random_programs(6, seed=1)))
    choice = RandomChoice(200, 3, seed=1)
    result = run(stock, tmp_path, *programs, template=True, random=choice)
    said = "\n".join(schedules_lines(result, ""))
    assert result.verdict is Verdict.AGREE, said
    assert {one.schedules for one in result.programs} == {200}


def test_the_kernel_as_it_is_has_no_violation_at_its_accesses(stock, tmp_path):
    programs = (WAKE, INTERRUPTED, SWITCHED, "kmap a, kunmap a || kmap a, kunmap a; cursor wrap")
    result = run(stock, tmp_path, *programs, template=True, level=GateLevel.MEMORY)
    said = "\n".join(schedules_lines(result, ""))
    assert result.verdict is Verdict.AGREE, said
    assert all(one.complete and one.schedules > 3 for one in result.programs), said


@pytest.mark.parametrize(
    ("bug", "program", "level", "rule"),
    [
        (IRQS_ON, INTERRUPTED, GateLevel.LOCK, HistoryRule.DEADLOCK),
        (LOCKLESS, WAKE, GateLevel.MEMORY, HistoryRule.LOST_WAKEUP),
        (NO_SWITCH_IN, SWITCHED, GateLevel.LOCK, HistoryRule.FAULT),
    ],
    ids=lambda one: getattr(one, "what", None),
)
def test_interrupts_accesses_and_switches_find_what_locks_do_not(
    stock, tmp_path, bug, program, level, rule
):
    buggy = replace(stock, kernel=patched(stock.kernel, bug, tmp_path))
    result = run(buggy, tmp_path, program, level=level)
    said = "\n".join(schedules_lines(result, "again"))
    assert result.exit_code == 1, said
    (one,) = result.programs
    assert one.violations[0].rule == rule, said
    if rule is HistoryRule.DEADLOCK:
        assert "thread 0 holds a lock of page_address since step" in said
