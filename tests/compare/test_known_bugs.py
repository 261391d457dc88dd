"""A known bug counts on the kernels that its entry names; anywhere else it breaks the contract."""

from dataclasses import replace

import pytest

from harness.compare.criteria import standard_contract
from harness.compare.divergence import Layer, Verdict
from harness.compare.evidence_mask import evidence_mask
from harness.compare.known_bugs import KnownBugs, major_minor
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import judge_records
from harness.errors import UsageError
from harness.model.records.layout import Generation
from harness.trace.trace_records import Begin, End, Header
from tests.compare.model_guest import FULL, LOCAL, STACK, ModelGuest, program

HEAD = "tasks: a@0\npages: high 2\n"
LOCAL_TEXT = HEAD + "a: m0 = kmap_local_page h0\na: kmap_to_page m0\na: kunmap_local m0\n"
STACK_TEXT = HEAD + "a: atomic { m0 = kmap_atomic h0; kmap_to_page m0; kunmap_atomic m0 }\n"
OLD_LOCAL = LOCAL._replace(to_page_local=False)
SHOWS = {
    ("kmap_to_page-slot0", Generation.LOCAL): (LOCAL_TEXT, LOCAL),
    ("kmap_to_page-atomic", Generation.STACK): (STACK_TEXT, STACK),
    ("kmap_to_page-atomic", Generation.LOCAL): (LOCAL_TEXT, OLD_LOCAL),
}
"""For each entry a program, and a layout on which it shows the bug."""

ENTRIES = our_known_bugs().entries
each_entry = pytest.mark.parametrize(
    "bug", ENTRIES, ids=lambda bug: f"{bug.id}-{bug.generation.value}"
)


def header(layout, release, symbols=None):
    return Header(release, "", "", layout, FULL, 0, config_symbols=symbols)


def records(text, layout, right=()):
    """The program on the model; kmap_to_page has the *right* fields as they should be."""
    guest = ModelGuest(layout, program(text, layout))
    steps = list(guest.steps())
    if right:
        wanted = {"value": guest.machine.pages[0].pfn, "warns": 1}
        changes = {name: wanted[name] for name in right}
        steps[1] = steps[1]._replace(observation=steps[1].observation._replace(**changes))
    return [Begin(guest.program, guest.machine.pages, guest.start), *steps, End(len(steps))]


def judged(bug, *, release=None, symbols=None, known=None, right=False):
    """The judgement of a program that shows *bug*, by default on the last kernel that has it."""
    text, layout = SHOWS[bug.id, bug.generation]
    on = header(layout, release or ".".join(map(str, (*bug.last, 4))), symbols)
    contract = standard_contract(evidence_mask(FULL))
    known = KnownBugs((bug,)) if known is None else known
    return judge_records(on, records(text, layout, bug.fields if right else ()), known, contract)


def expired(result):
    """Its one divergence, which must be of the contract."""
    (found,) = result.contract_divergences
    assert (result.verdict, result.total("known"), result.steps) == (Verdict.DIVERGE, {}, 3)
    assert (found.step, found.fields) == (1, ("value",))
    return found.reasons[0]


@each_entry
def test_an_entry_counts_on_the_first_and_the_last_of_its_releases(bug):
    for end in (bug.first, bug.last):
        result = judged(bug, release=".".join(map(str, end)))
        assert (result.verdict, result.total("known")) == (Verdict.AGREE, {bug.id: 1})


@each_entry
def test_an_entry_expires_with_its_releases(bug):
    assert f"listed for {bug.releases}, and this kernel is 9.9.0" in expired(
        judged(bug, release="9.9.0")
    )
    assert "this kernel is 2.6.37" in expired(judged(bug, release="2.6.37"))


@each_entry
def test_an_entry_counts_in_its_generation_only(bug):
    other = KnownBugs((replace(bug, generation=Generation.TYPED),))
    assert "listed for the typed generation" in expired(judged(bug, known=other))


@each_entry
def test_an_entry_counts_with_its_configuration_only(bug):
    for config, symbols, words in (
        (
            ("!CONFIG_NUMA",),
            ("CONFIG_NUMA", "CONFIG_SMP"),
            "listed for kernels without CONFIG_NUMA",
        ),
        (("CONFIG_NUMA",), ("CONFIG_SMP",), "listed for kernels with CONFIG_NUMA"),
        (("CONFIG_NUMA",), None, "depends on CONFIG_NUMA, and the configuration"),
    ):
        other = KnownBugs((replace(bug, config=config),))
        assert words in expired(judged(bug, symbols=symbols, known=other))
    other = KnownBugs((replace(bug, config=("CONFIG_SMP", "!CONFIG_NUMA")),))
    assert judged(bug, symbols=("CONFIG_SMP",), known=other).verdict is Verdict.AGREE


def test_our_entry_for_slot_0_does_not_count_where_slot_0_is_a_guard():
    bug = ENTRIES[0]
    symbols = ("CONFIG_DEBUG_KMAP_LOCAL", "CONFIG_HIGHMEM")
    assert "without CONFIG_DEBUG_KMAP_LOCAL" in expired(judged(bug, symbols=symbols))
    assert judged(bug, symbols=symbols[1:]).verdict is Verdict.AGREE


def test_without_recorded_symbols_the_layout_tells_those_that_it_knows():
    bug, layout = ENTRIES[0], LOCAL._replace(debug_kmap_local=True)
    assert bug.exclusion(header(LOCAL, "6.1.0")) == ""
    assert "without CONFIG_DEBUG_KMAP_LOCAL" in bug.exclusion(header(layout, "6.1.0"))


@each_entry
def test_an_entry_ends_at_its_date(bug):
    other = KnownBugs((replace(bug, lapsed=True),))
    assert "its entry ended on" in expired(judged(bug, known=other))


@each_entry
def test_a_bug_that_is_on_no_list_breaks_the_contract(bug):
    assert "not on the list" in expired(judged(bug, known=KnownBugs(())))


@each_entry
def test_the_right_answer_is_agreement_and_has_vanished_only_where_the_bug_was_due(bug):
    due = judged(bug, right=True)
    assert (due.verdict, due.total("vanished")) == (Verdict.AGREE, {bug.id: 1})
    cured = judged(bug, right=True, release="9.9.0")
    assert (cured.verdict, cured.total("vanished")) == (Verdict.AGREE, {})


def test_another_wrong_answer_is_no_cure():
    bug = ENTRIES[0]
    found = records(*SHOWS[bug.id, bug.generation])
    found[2] = found[2]._replace(observation=found[2].observation._replace(value=0x77))
    result = judge_records(header(LOCAL, "9.9.0"), found, our_known_bugs())
    assert (result.verdict, result.total("vanished")) == (Verdict.DIVERGE, {})


def test_the_judge_goes_on_after_a_bug_that_does_not_count():
    bug = ENTRIES[0]
    many = HEAD + "a: m0 = kmap_local_page h0\n" + "a: kmap_to_page m0\n" * 120
    result = judge_records(
        header(LOCAL, "9.9.0"), records(many + "a: kunmap_local m0\n", LOCAL), our_known_bugs()
    )
    (program_result,) = result.programs
    assert (result.steps, program_result.unjudged, program_result.unrecorded) == (122, 0, 20)
    assert {one.layer for one in result.divergences} == {Layer.CONTRACT}
    assert bug.what in result.divergences[0].reasons[0]


def test_a_release_is_read_by_its_first_two_numbers():
    assert major_minor("6.1.0-50-686-pae") == (6, 1)
    assert major_minor("7.3.0-rc7") == (7, 3)
    with pytest.raises(UsageError, match="no kernel release"):
        major_minor("unknown")
    assert "this kernel is unknown" in ENTRIES[0].exclusion(header(LOCAL, "unknown"))
