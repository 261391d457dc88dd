"""The source of programs: a seed decides them, and so does what programs reach; guests do not."""

from threading import Thread

from harness.fuzz.program_source import ROUND, ProgramSource
from harness.scenario.facts import Facts
from tests.compare.model_guest import LOCAL

FACTS = Facts(LOCAL)


def taken(source, count, features=lambda program: frozenset()):
    """The next programs of *source*, each done before the next is taken."""
    found = []
    for _ in range(count):
        program = source.next()
        source.done(program, features(program))
        found.append(program)
    return found


def words(program):
    """Features that depend on the program alone."""
    return frozenset(str(one.code) for one in program.program.operations)


def test_the_same_seed_gives_the_same_programs():
    first, again, other = (taken(ProgramSource(FACTS, seed), 3) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]


def test_what_reached_something_new_comes_again():
    first = frozenset({"new"})

    def near(*, guided):
        source = ProgramSource(FACTS, 5, guided=guided)
        programs = taken(source, 10 * ROUND, lambda one: first if not one.number else frozenset())
        wanted = set(programs[0].mix)
        return [one.number for one in programs if len(set(one.mix) ^ wanted) <= 1]

    found = near(guided=True)
    assert 20 < len(found) < 60
    assert found[1] >= 2 * ROUND, "a round learns from the rounds before the last one"
    assert near(guided=False) == [0]


def test_several_guests_take_the_same_programs_as_one():
    count = 6 * ROUND
    source, found = ProgramSource(FACTS, 8), {}

    def work():
        while len(found) < count:
            program = source.next()
            found[program.number] = program
            source.done(program, words(program))

    threads = [Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    alone = taken(ProgramSource(FACTS, 8), count, words)
    assert [found[number] for number in range(count)] == alone


def test_a_program_that_is_never_done_holds_nobody_up_for_ever():
    source = ProgramSource(FACTS, 1)
    for _ in range(2 * ROUND):
        source.next()
    waiting = Thread(target=source.next)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    source.stop()
    waiting.join(20)
    assert not waiting.is_alive()


def test_replayed_programs_come_first_and_change_nothing_else():
    drawn = taken(ProgramSource(FACTS, 3), 2)
    replayed = [one.program for one in taken(ProgramSource(FACTS, 4), 2)]
    source = ProgramSource(FACTS, 3, replayed=replayed)
    again = taken(source, 4, words)
    assert [one.program for one in again[:2]] == replayed
    assert [one.program for one in again[2:]] == [one.program for one in drawn]
    assert source.reaching[0].program == replayed[0]
