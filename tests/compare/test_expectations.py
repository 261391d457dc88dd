"""What a scenario expects and is not seen: whose claim failed, and where it stands."""

from dataclasses import replace

import pytest

from harness.compare.divergence import FailedAssertion, Verdict
from harness.compare.divergence_words import difference_lines
from harness.model.records.observation import Interrupt, Status
from harness.report.run_report import run_lines
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import parse_scenario
from harness.trace.trace_records import End

from .model_guest import SMALL, ModelGuest, program

HEAD = "tasks: a@0\npages: high 2\n"
WRONG = HEAD + "a: m0 = kmap h0  -> slot start+1, count 7\na: read m0 -> value 0x1234, blocked\n"
ARMED = HEAD + "for i in 0..2 { a: interrupt map+i hardirq h1 1; a: m0 = kmap h0; a: kunmap h0 }\n"


def judged(text, change=lambda step: step):
    source = lower(parse_scenario(text, "place/wrong.kmap"), Facts(SMALL))
    guest = ModelGuest(SMALL, source)
    judge = guest.judge()
    for step in guest.steps():
        judge.step(change(step))
    return judge.end(End(len(source.operations)))


def report(result):
    outcome = ProgramOutcome(result.program, "", 0.0, result)
    run = RunResult(KernelFacts("k", "6.1", "", "", ""), "", "", 1, SMALL, programs=(outcome,))
    return run, "\n".join(run_lines(run))


def test_the_report_has_the_source_and_its_numbers():
    """It said that the kernel had done what the model does not allow."""
    run, text = report(judged(WRONG))
    assert (run.verdict, run.exit_code) == (Verdict.UNMET, 1)
    assert "place/wrong.kmap:3: count 7 expected, 2 seen" in text
    assert "      a: m0 = kmap h0  -> slot start+1, count 7\n" in text
    assert "place/wrong.kmap:4: value 4660 expected, 0 seen" in text
    assert "place/wrong.kmap:4: status blocked expected, ok seen" in text
    assert "verdict     UNMET: an expectation" in text
    assert "DIVERGE" not in text


@pytest.mark.parametrize(
    ("field", "wanted", "seen", "words"),
    [
        ("status", Status.DIED, Status.BUG, "status died expected, bug seen"),
        ("pte", 1, 0, "pte present expected, none seen"),
        ("count", 10, None, "count 10 expected, nothing seen"),
        ("status", 99, 0, "status 99 expected, ok seen"),
    ],
)
def test_words_of_an_expectation(field, wanted, seen, words):
    assert FailedAssertion(0, 1, field, wanted, seen).words == words


def test_a_divergence_is_worse_than_an_expectation():
    result = judged(
        WRONG,
        lambda one: one._replace(
            observation=one.observation._replace(wakes=one.observation.wakes + (one.number == 1))
        ),
    )
    assert result.failed_assertions
    assert result.verdict is Verdict.DIVERGE


def quiet(step):
    return step._replace(observation=step.observation._replace(interrupts=(), status=Status.OK))


def test_an_interrupt_that_never_came_is_a_warning_with_its_line():
    result = judged(ARMED, quiet)
    assert [(one.place, one.armed, one.refused) for one in result.silent_interrupts] == [
        ("place/wrong.kmap:3", 3, 0)
    ]
    run, text = report(result)
    assert "warning     place/wrong.kmap:3: this interrupt never came (armed 3 times):" in text
    assert "      a: interrupt map+0 hardirq h1 1" in text
    assert run.exit_code == 0 or run.divergences


def test_an_interrupt_that_was_always_refused():
    refuse = Status.REFUSED

    def change(step):
        seen = quiet(step).observation
        return step._replace(
            observation=seen._replace(
                status=refuse if "INT" in step.operation.code.name else seen.status
            )
        )

    result = judged(ARMED, change)
    assert [(one.armed, one.refused) for one in result.silent_interrupts] == [(3, 3)]
    assert "refused: the kernel's function has no such instruction" in report(result)[1]


def test_an_interrupt_that_came_once_is_no_warning():
    came = (Interrupt(1, 0, 0, 0, 0),)

    def change(step):
        seen = quiet(step).observation
        return step._replace(
            observation=seen._replace(interrupts=came if step.number == 4 else ())
        )

    assert judged(ARMED, change).silent_interrupts == []


def test_generated_programs_do_not_warn():
    source = replace(program(ARMED, SMALL), lines=())
    guest = ModelGuest(SMALL, source)
    judge = guest.judge()
    for step in guest.steps():
        judge.step(quiet(step))
    assert judge.end(End(9)).silent_interrupts == []


def test_the_address_of_a_slot_is_shown_where_nothing_else_differs():
    """The picture showed no difference."""

    def change(step):
        slots = tuple(one._replace(address=0) for one in step.observation.slots)
        return step._replace(observation=step.observation._replace(slots=slots))

    (first, *_) = judged(HEAD + "a: m0 = kmap h0\na: kunmap h0\n", change).divergences
    assert "  slot 1          page_address 0x0 seen, 0xff001000 allowed" in list(
        difference_lines(first)
    )
