from dataclasses import replace

from harness.compare.criteria import standard_contract
from harness.compare.divergence import Layer, Verdict
from harness.compare.evidence_mask import evidence_mask
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import judge_records
from harness.compare.trace_diff import compare_traces
from harness.scenario.program import BOOT, boot
from harness.trace.trace_file import TraceReader, TraceWriter
from harness.trace.trace_records import Begin, End, Header
from tests.compare.model_guest import (
    FULL,
    LOCAL,
    RELEASES,
    STACK,
    ModelGuest,
    no_contract,
    pages_of,
    program,
)

TEXT = """tasks: a@0 b@1
pages: high 4, low 1
a: m0 = kmap h0
a: m1 = kmap_local_page h1
a: kmap_to_page m1
a: write m1 77
a: read m1
a: kunmap_local m1
a: m2 = kmap l0
a: kunmap h0
"""
HEADER = Header(RELEASES[LOCAL.generation], "", "", LOCAL, FULL, 0)


def records(shift=0):
    guest = ModelGuest(LOCAL, program(TEXT))
    if shift:
        pages = tuple(
            page._replace(pfn=page.pfn + shift) for page in pages_of(guest.program.pools)
        )
        guest.machine = guest.machine.with_pages(pages)
        guest.start = guest.start._replace(page_addresses=(0, 0, 0, 0, guest.machine.direct[4]))
    steps = list(guest.steps())
    return [Begin(guest.program, guest.machine.pages, guest.start), *steps, End(len(steps))]


def judged(found):
    return judge_records(HEADER, found, our_known_bugs(), standard_contract(evidence_mask(FULL)))


def test_a_stored_trace_is_judged_again_to_the_same_result(tmp_path):
    path = tmp_path / "run.trace"
    with TraceWriter(path, HEADER) as writer:
        for record in records():
            writer.write(record)
    result = judged(TraceReader(path).records())
    assert (result.verdict, result.steps) == (Verdict.AGREE, 8)
    assert result.total("known") == {"kmap_to_page-slot0": 1}
    assert result.coverage.operations["kmap"] == 2


def test_an_empty_trace_is_an_error():
    assert judged([]).verdict is Verdict.ERROR
    assert judged([records()[0], End(0)]).verdict is Verdict.ERROR


def test_a_program_without_its_end_is_an_error():
    assert judged(records()[:-1]).verdict is Verdict.ERROR


def test_traces_of_guests_with_other_frames_do_not_differ():
    here, there = records(), records(shift=16)
    assert here[1].observation.pte != there[1].observation.pte
    found = compare_traces((HEADER, here), (HEADER, there))
    assert (found.steps, found.compared, found.equal) == ((), 8, True)


def test_a_step_that_differs_is_named():
    other = records()
    other[3] = other[3]._replace(observation=other[3].observation._replace(warns=7))
    found = compare_traces((HEADER, records()), (HEADER, other[:-3]))
    assert [(one.number, one.fields) for one in found.steps] == [
        (2, ("warns",)),
        (6, ("missing",)),
        (7, ("missing",)),
    ]
    assert not found.equal
    assert compare_traces((HEADER, records()), (HEADER, records())).equal


def flushed(step, invlpgs):
    """The records with another number of INVLPGs in *step*."""
    other = records()
    seen = other[step + 1].observation._replace(invlpgs=invlpgs, invlpg_address=0xFFFB9000)
    other[step + 1] = other[step + 1]._replace(observation=seen)
    return compare_traces((HEADER, records()), (HEADER, other))


def test_flushes_of_an_involuntary_switch_are_told_and_are_no_difference():
    found = flushed(step=3, invlpgs=1)
    assert found.equal
    assert [one.number for one in found.switched] == [3]


def test_a_flush_without_a_mapping_and_a_missing_flush_are_differences():
    assert [one.number for one in flushed(step=7, invlpgs=1).steps] == [7]
    assert [one.number for one in flushed(step=5, invlpgs=0).steps] == [5]
    assert flushed(step=5, invlpgs=2).equal


def test_two_empty_traces_are_not_equal():
    assert not compare_traces((HEADER, []), (HEADER, [])).equal


def test_programs_that_only_one_trace_has_are_named():
    renamed = records()
    renamed[0] = renamed[0]._replace(program=replace(renamed[0].program, name="other"))
    found = compare_traces((HEADER, records()), (HEADER, renamed))
    assert (found.only_left, found.only_right) == (("<text>",), ("other",))


def left_over(*depths):
    """Reports on programs of a stack kernel whose CPUs have *depths* mappings of nobody before."""
    found = []
    for cpus in depths:
        guest = ModelGuest(
            STACK, program("tasks: a@0 b@1\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n", STACK)
        )
        steps = list(guest.steps())
        start = guest.start._replace(cpu_depths=cpus)
        found += [Begin(guest.program, guest.machine.pages, start), *steps, End(len(steps))]
    header = Header(RELEASES[STACK.generation], "", "", STACK, FULL, 0)
    result = judge_records(header, found, our_known_bugs(), no_contract)
    return [one for one in result.divergences if one.operation is None]


def test_a_mapping_of_nobody_that_stays_is_a_broken_promise():
    assert not left_over((0, 0), (0, 0))
    assert not left_over((1, 0), (0, 1), (1, 0))
    (found,) = left_over((1, 0), (1, 1), (0, 0))
    assert (found.layer, found.step) == (Layer.CONTRACT, 0)
    assert found.reasons == ("left-over: CPU 0 has 1 mappings of nobody, at rest",)


def spoilt_boot(count_of):
    """Divergences of a boot that finds a page in use at two slots, and of the program after it.

    *count_of* makes of a count what the kernel's variable shows.
    """
    guest = ModelGuest(LOCAL, program(TEXT))
    pte = 0x7777_7163
    start = guest.start._replace(
        counts=(0, 0, 0, 2, 0, 2, *guest.start.counts[6:]),
        ptes=(0, 0, 0, pte, 0, pte, *guest.start.ptes[6:]),
    )
    steps = [
        one._replace(
            observation=one.observation._replace(
                slots=tuple(
                    change._replace(count=count_of(change.count))
                    for change in one.observation.slots
                )
            )
        )
        for one in guest.steps()
    ]
    boots = [Begin(boot(), (), start), End(0)]
    found = [*boots, Begin(guest.program, guest.machine.pages, guest.start), *steps, End(8)]
    return [(one.program, one.reasons) for one in judged(found).divergences]


def test_a_boot_that_leaves_a_page_at_two_addresses_is_told_once_counts_are_known_to_be_counts():
    assert spoilt_boot(lambda count: count) == [
        (BOOT, ("two-slots: slots 3 and 5 map the same page for users, at rest",))
    ]


def test_a_boot_is_not_judged_by_counts_that_are_none():
    assert spoilt_boot(lambda count: max(count - 1, 0)) == []
