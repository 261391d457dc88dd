"""A campaign over guests that fail as they are made to: what is found, counted, repeated."""

from itertools import count

import pytest

from harness.base.progress import Quiet
from harness.check.checked_program import CRASH, CheckedKind, CheckedProgram, Finding
from harness.errors import InfrastructureError
from harness.fuzz.campaign import Budget, Campaign
from harness.fuzz.found_failure import REPEATS, FailureStudy
from harness.fuzz.fuzzed_guest import FailureKind, FuzzedRun
from harness.fuzz.program_source import ProgramSource
from harness.model.records.operation import OpCode
from harness.report.fuzz_report import fuzz_lines, fuzz_value
from harness.scenario.facts import Facts
from tests.compare.model_guest import LOCAL


class FakeGuest:
    """Fails by a function of the program."""

    layout = LOCAL

    def __init__(self, failing):
        self.failing = failing

    def __enter__(self):
        return self

    def __exit__(self, *ended):
        pass

    def run(self, program):
        kind = self.failing(program)
        finding = () if kind is None else (Finding(kind.what, "step 1", 1, ("seen, allowed",)),)
        broken, changed = (finding, ()) if kind and kind.layer == "contract" else ((), finding)
        judged = CheckedProgram(
            program.name,
            CheckedKind.CONTRACT if kind else CheckedKind.AGREE,
            steps=len(program.operations),
            broken=broken,
            changed=changed,
        )
        kinds, end = ((kind,) if kind else ()), len(program.operations)
        return FuzzedRun(program, judged, kinds, frozenset(), bool(kind), end=end)


def campaign(failing, steps=4000, seed=3, jobs=1):
    ticks = count()
    return Campaign(
        lambda: FakeGuest(failing),
        lambda guest: ProgramSource(Facts(guest.layout), seed),
        Budget(0, steps),
        Quiet(),
        jobs=jobs,
        clock=lambda: next(ticks) / 1000,
    ).run()


FLUSH, LOOK = FailureKind("contract", "flushed"), FailureKind("behaviour", "looked")


def two_bugs(program):
    codes = {one.code for one in program.operations}
    if OpCode.FLUSH_UNUSED in codes:
        return FLUSH
    return LOOK if OpCode.KMAP_TO_PAGE in codes else None


def test_each_kind_of_failure_is_found_once_and_shrunk():
    result = campaign(two_bugs, steps=20_000)
    assert {one.kind for one in result.found} == {FLUSH, LOOK}
    for one in result.found:
        assert len(one.program.operations) == 1
        assert (one.failed, one.repeats) == (REPEATS, REPEATS)
        assert one.found_steps > 1
    assert sum(one.also for one in result.found) > 0
    lines = list(fuzz_lines("6.1", 3, result, ("a.kmap", "b.kmap"), "kmap-harness run"))
    assert lines[-1].startswith("verdict     DIVERGE: 2 kinds of failure")
    assert any(line.endswith("run it: kmap-harness run --scenario a.kmap") for line in lines)
    assert max(map(len, lines)) <= 100
    value = fuzz_value("6.1", 3, result, ("a.kmap", "b.kmap"))
    assert value["verdict"] == "diverge"
    assert [one["operations"] for one in value["found"]] == [1, 1]


def test_a_correct_kernel_agrees():
    result = campaign(lambda program: None)
    assert result.found == ()
    assert result.steps >= 4000
    assert list(fuzz_lines("6.1", 3, result, (), ""))[-1].startswith("verdict     AGREE")


@pytest.mark.parametrize(("what", "found"), [(CRASH, 0), ("typed-other", 1)])
def test_what_does_not_come_again(what, found):
    """The end of a guest that was seen once is no failure; a divergence is, and has its rate."""
    seen = []

    def once(program):
        seen.append(program)
        return FailureKind("contract", what) if len(seen) == 1 else None

    result = campaign(once)
    assert len(result.found) == found
    assert [one.failed for one in result.found] == [0] * found
    assert len(result.unjudged) == 1 - found


def test_several_guests_find_what_one_finds_and_group_it():
    alone, together = (campaign(two_bugs, steps=30_000, jobs=jobs) for jobs in (1, 4))
    assert {one.kind for one in together.found} == {one.kind for one in alone.found}
    assert sorted(one.program.name for one in together.found) == ["found-1", "found-2"]
    assert {one.failed for one in together.found} == {REPEATS}
    assert sum(one.also for one in together.found) > 0


def test_what_one_guest_cannot_judge_ends_all():
    def broken(program):
        raise InfrastructureError("the host is full")

    with pytest.raises(InfrastructureError, match="full"):
        campaign(broken, jobs=3)


def test_a_broken_promise_is_not_shrunk_to_a_changed_behaviour():
    """A long program shows both; what shows the change alone is no smaller form of it."""

    class Both(FakeGuest):
        def run(self, program):
            run = super().run(program)
            changed = any(one.code is OpCode.SLEEP for one in program.operations)
            return run._replace(kinds=(*run.kinds, *((LOOK,) if changed else ())))

    def broken(program):
        codes = [one.code for one in program.operations]
        return FLUSH if OpCode.FLUSH_UNUSED in codes and OpCode.SIGNAL in codes else None

    source = ProgramSource(Facts(LOCAL), 3)
    runs = [Both(broken).run(source.next().program) for _ in range(12)]
    both = [run for run in runs if run.kinds == (FLUSH, LOOK)]
    study = FailureStudy(lambda: Both(broken), Quiet())
    assert {study.of(run, "found-1", 0.0).kind for run in both} == {FLUSH}
