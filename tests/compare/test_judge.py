"""Every class of divergence, once: the model is the guest, and tests falsify its answers."""

from dataclasses import replace

import pytest

from harness.compare.criteria import standard_contract
from harness.compare.divergence import Layer, Verdict
from harness.compare.evidence_mask import evidence_mask
from harness.compare.known_bugs import KnownBugs
from harness.compare.picture import picture
from harness.compare.witness_comparison import windows_at_rest
from harness.model.fast.fast_path import allowed
from harness.model.records import vector
from harness.model.records.observation import SlotChange, Status, WindowChange
from harness.model.records.operation import OpCode
from harness.scenario.program import Assertion
from harness.trace.trace_records import End, Step, Sync, Trouble, WitnessView
from tests.compare.model_guest import FULL, LOCAL, SMALL, ModelGuest, program

HEAD = "tasks: a@0 b@1\npages: high 12, low 1\n"
TURN = (
    HEAD
    + "for i in 0..9 { a: m[i] = kmap h[i]; a: kunmap h[i] }\na: m0 = kmap h11\na: kunmap h11\n"
)
LOCALS = (
    HEAD
    + "a: m0 = kmap_local_page h0\na: m1 = kmap_local_page h1\n"
    + "a: kunmap_local m1\na: kunmap_local m0\n"
)
FILL = (
    HEAD + "for i in 0..7 { a: m[i] = kmap h[i] }\nb: m9 = kmap h9\na: kunmap h3\nb: kunmap h9\n"
)
CONTRACT = standard_contract(evidence_mask(FULL))


def judged(text, falsify=lambda step: step, *, layout=SMALL, evidence=FULL, known=None):
    guest = ModelGuest(layout, program(text, layout))
    judge = guest.judge(evidence=evidence, contract=CONTRACT, known=known)
    for step in guest.steps():
        judge.step(falsify(step))
    return judge.end(End(len(guest.program.operations))), judge, guest


def at(number, **changes):
    """Falsify step *number*; a change is a value or a function of the old one."""

    def falsify(step):
        if step.number != number:
            return step
        seen = step.observation
        new = {name: v(getattr(seen, name)) if callable(v) else v for name, v in changes.items()}
        return step._replace(observation=seen._replace(**new))

    return falsify


@pytest.mark.parametrize("text", [TURN, LOCALS, FILL])
def test_the_model_agrees_with_itself(text):
    result, _, guest = judged(text)
    assert result.verdict is Verdict.AGREE
    assert result.judged == len(guest.program.operations)
    assert (result.unjudged, result.divergences) == (0, [])


def user(pte):
    """A bit that no kernel mapping has."""
    return pte | 4


def slots(**changes):
    return lambda old: (
        old[0]._replace(**{name: value(getattr(old[0], name)) for name, value in changes.items()}),
    )


@pytest.mark.parametrize(
    ("text", "falsify", "layer", "fields"),
    [
        (TURN, at(0, pte=user, slots=slots(pte=user)), Layer.CONTRACT, ("pte", "slots")),
        (TURN, at(0, cursor=2), Layer.BEHAVIOUR, ("cursor",)),
        (
            TURN,
            at(14, flush_ranges=0, flush_cpus=0),
            Layer.BEHAVIOUR,
            ("flush_ranges", "flush_cpus"),
        ),
        (
            TURN,
            at(0, page_address=0, slots=slots(address=lambda _: 0)),
            Layer.CONTRACT,
            ("page_address", "slots"),
        ),
        (TURN, at(0, slots=()), Layer.CONTRACT, ("slots",)),
        (LOCALS, at(1, depth=1), Layer.CONTRACT, ("depth",)),
        (LOCALS, at(2, windows=()), Layer.CONTRACT, ("windows",)),
        (
            LOCALS,
            at(2, invlpgs=0, invlpg_address=0),
            Layer.BEHAVIOUR,
            ("invlpgs", "invlpg_address"),
        ),
        (LOCALS, at(3, migrate=1), Layer.CONTRACT, ("migrate",)),
        (FILL, at(9, wakes=0, done=(), waiters=1), Layer.CONTRACT, ("waiters", "wakes", "done")),
        (
            FILL,
            at(0, status=Status.BLOCKED, slots=(), waiters=1),
            Layer.CONTRACT,
            ("status", "waiters", "slots"),
        ),
        (FILL, at(8, status=Status.STUCK), Layer.CONTRACT, ("status",)),
        (LOCALS, at(0, warns=1), Layer.BEHAVIOUR, ("warns",)),
    ],
    ids=lambda value: "" if callable(value) or isinstance(value, str) else str(value),
)
def test_a_falsified_observation_is_a_divergence(text, falsify, layer, fields):
    result, _, _ = judged(text, falsify)
    first = result.divergences[0]
    assert set(fields) <= set(first.fields)
    assert first.layer is layer, first.reasons
    assert first.program == "<text>"
    assert first.line == {TURN: 3, FILL: 3, LOCALS: 3 + first.step}[text] or first.step >= 8
    assert result.verdict is Verdict.DIVERGE


def test_comparison_goes_on_after_a_divergence_of_behaviour():
    result, judge, guest = judged(LOCALS, at(0, warns=1))
    assert len(result.divergences) == 1
    assert result.judged == len(guest.program.operations)
    assert not judge.lost


def test_a_bug_that_is_due_only_because_the_kernel_went_wrong_breaks_the_contract():
    """The flush leaves page_address() as it was; the next kmap of the page finds a count of 0."""
    text = HEAD + "a: m0 = kmap h0\na: kunmap h0\na: flush_unused\na: m0 = kmap h0\n"
    guest = ModelGuest(SMALL, program(text, SMALL))
    judge = guest.judge(evidence=FULL, contract=CONTRACT, known=None)
    mapped, unmapped, flushed, again = guest.steps()
    kept = at(flushed.number, slots=slots(address=lambda _: mapped.observation.value))(flushed)
    assert [judge.step(mapped), judge.step(unmapped)] == [None, None]
    assert judge.step(kept).layer is Layer.BEHAVIOUR
    (due,) = allowed(judge.machine, judge.state, again.operation)
    assert (due.rule, due.observation.status) == ("kmap.bug-count", Status.DIED)
    found = judge.step(again._replace(observation=due.observation))
    assert (found.layer, found.reasons[0]) == (Layer.CONTRACT, "ending: KMAP ended DIED")


def test_reuse_of_a_slot_without_a_flush_breaks_the_contract_where_it_happens():
    result, _, _ = judged(TURN, at(16, stale_reused=1, stale_address=0xFF001000))
    assert [(one.step, one.layer) for one in result.divergences] == [(16, Layer.CONTRACT)]
    assert "reuse-unflushed" in " ".join(result.divergences[0].reasons)


def test_comparison_ends_after_a_broken_contract_until_the_state_is_read_again():
    guest = ModelGuest(SMALL, program(TURN, SMALL))
    judge = guest.judge(contract=CONTRACT)
    for step in guest.steps():
        judge.step(at(0, pte=user, slots=slots(pte=user))(step))
        if step.number == 3:
            assert judge.lost
            judge.sync(sync_of(guest, 4))
            assert not judge.lost
    result = judge.end(End(len(guest.program.operations)))
    assert (len(result.divergences), result.unjudged) == (1, 3)
    assert result.judged == len(guest.program.operations) - 3


def sync_of(guest, step, **falsified):
    state, size = guest.state, guest.machine.layout.last_pkmap
    slots = [vector.get(state.slots, slot) for slot in range(size)]
    windows = tuple(sorted(windows_at_rest(guest.machine, state).items()))
    snapshot = guest.start._replace(
        cursor=state.cursor,
        waiters=len(state.waiting),
        counts=tuple(slot.count for slot in slots),
        ptes=tuple(slot.pte for slot in slots),
        windows=windows,
        page_addresses=tuple(
            vector.get(state.where, page) or guest.machine.direct[page]
            for page in range(len(guest.machine.pages))
        ),
    )
    witness = WitnessView(snapshot.ptes, windows, snapshot.counts, "CR3")
    snapshot = snapshot._replace(**falsified.get("snapshot", {}))
    return Sync(step, snapshot, witness._replace(**falsified.get("witness", {})))


def stopped_after(text, steps, layout=SMALL):
    guest = ModelGuest(layout, program(text, layout))
    judge = guest.judge(contract=CONTRACT)
    for operation in guest.program.operations[:steps]:
        judge.step(Step(judge.result.judged, operation, guest.execute(operation)))
    return guest, judge


def test_three_witnesses_agree_at_rest():
    for steps in range(5):
        guest, judge = stopped_after(LOCALS, steps)
        assert judge.sync(sync_of(guest, steps)) is None


def test_the_witness_that_stands_alone_is_named():
    guest, judge = stopped_after(TURN, 1)
    ptes = sync_of(guest, 1).witness.ptes
    wrong = (*ptes[:1], ptes[1] | 4, *ptes[2:])
    by_module = judge.sync(sync_of(guest, 1, snapshot={"ptes": wrong}))
    assert [(one.what, one.index, one.odd) for one in by_module.witnesses] == [
        ("slot", 1, "module")
    ]
    assert by_module.layer is Layer.CONTRACT
    assert judge.lost  # inside and outside contradict each other: nothing to go on from
    _, judge = stopped_after(TURN, 1)
    by_both = judge.sync(sync_of(guest, 1, snapshot={"ptes": wrong}, witness={"ptes": wrong}))
    assert by_both.witnesses[0].odd == "model"
    assert not judge.lost
    _, judge = stopped_after(TURN, 1)
    assert judge.sync(sync_of(guest, 1, witness={"ptes": wrong})).witnesses[0].odd == "outside"


FOREIGN_PTE = (0x7777 << 12) | 0x163 | 1 << 63


def test_another_users_slot_is_followed_and_counted():
    theirs = SlotChange(5, 2, FOREIGN_PTE, 0)
    result, _, _ = judged(
        HEAD + "a: page_address h0\na: page_address h1\na: m0 = kmap h0\n",
        lambda step: (
            at(0, slots=(theirs,), cursor=5)(at(1, cursor=5)(step))
            if step.number < 2
            else step._replace(
                observation=step.observation._replace(
                    value=SMALL.pkmap_address(6),
                    page_address=SMALL.pkmap_address(6),
                    cursor=6,
                    slots=(
                        step.observation.slots[0]._replace(slot=6, address=SMALL.pkmap_address(6)),
                    ),
                )
            )
        ),
    )
    assert result.verdict is Verdict.AGREE
    assert result.foreign == {"pkmap slots": 1, "window entries": 0}


def test_another_users_window_is_allowed_on_other_cpus_only():
    def entry(cpu):
        return at(0, windows=(WindowChange(LOCAL.window_index(cpu, 0), FOREIGN_PTE),))

    text = HEAD + "a: nop\n"
    assert judged(text, entry(1))[0].verdict is Verdict.AGREE
    assert judged(text, entry(1))[0].foreign["window entries"] == 1
    assert judged(text, entry(0))[0].verdict is Verdict.DIVERGE


def test_a_page_of_ours_in_a_foreign_slot_is_no_foreign_user():
    pte = (0x20003 << 12) | SMALL.kmap_prot
    result, _, _ = judged(
        HEAD + "a: nop\n", at(0, slots=(SlotChange(5, 2, pte, SMALL.pkmap_address(5)),))
    )
    assert result.verdict is Verdict.DIVERGE


TO_PAGE = HEAD + "a: m0 = kmap_local_page h0\na: kmap_to_page m0\na: kunmap_local m0\n"


def test_a_known_bug_is_counted_and_no_divergence():
    result, _, _ = judged(TO_PAGE, layout=LOCAL)
    assert result.known == {"kmap_to_page-slot0": 1}
    assert result.verdict is Verdict.AGREE


def test_a_known_bug_that_stops_occurring_is_reported():
    result, _, _ = judged(TO_PAGE, at(1, value=0x20000, warns=1), layout=LOCAL)
    assert result.vanished == {"kmap_to_page-slot0": 1}
    assert (result.known, result.verdict) == ({}, Verdict.AGREE)


def test_a_bug_that_is_not_on_the_list_cannot_vanish():
    result, _, _ = judged(TO_PAGE, at(1, value=0x20000), layout=LOCAL, known=KnownBugs(()))
    assert result.verdict is Verdict.DIVERGE


@pytest.mark.parametrize(
    ("bit", "falsify"),
    [
        (1 << 1, at(0, cursor=7)),
        (1 << 7, at(0, wakes=3)),
        (1 << 10, at(0, depth=9)),
    ],
)
def test_evidence_that_a_guest_lacks_is_not_judged(bit, falsify):
    text = HEAD + "a: m0 = kmap h0\n"
    assert judged(text, falsify)[0].verdict is Verdict.DIVERGE
    assert judged(text, falsify, evidence=FULL & ~bit)[0].verdict is Verdict.AGREE


def test_nothing_executed_is_never_agreement():
    guest = ModelGuest(SMALL, program(TURN, SMALL))
    assert guest.judge().end(End(0)).verdict is Verdict.ERROR
    assert guest.judge().result.verdict is Verdict.ERROR


def test_a_program_cut_short_is_an_error_whatever_was_judged():
    _, judge, _ = judged(TURN)
    assert judge.end(End(5, "the guest fell silent")).verdict is Verdict.ERROR


def test_a_broken_assertion_is_unmet_where_the_model_agrees():
    guest = ModelGuest(SMALL, program(HEAD + "a: m0 = kmap h0 -> slot start+1, count 2\n", SMALL))
    guest.program = replace(
        guest.program, assertions=(Assertion(0, "slot", 2, relative=True, line=3),)
    )
    judge = guest.judge()
    for step in guest.steps():
        judge.step(step)
    result = judge.end(End(1))
    assert [(one.line, one.field, one.wanted, one.seen) for one in result.failed_assertions] == [
        (3, "slot", 2, 1)
    ]
    assert (result.divergences, result.verdict) == ([], Verdict.UNMET)
    generated = replace(result.failed_assertions[0], line=0)
    assert replace(result, failed_assertions=[generated]).verdict is Verdict.DIVERGE


MIGHT_SLEEP = (
    "requires: throwaway\ntasks: a@0\npages: high 1\na: m0 = kmap h0\n"
    "a: atomic { preempt_off; kunmap h0; m0 = kmap h0; preempt_on }\na: kunmap h0\n"
)


@pytest.mark.parametrize(
    ("debug", "step", "explained"),
    [
        (True, 2, True),  # kunmap
        (True, 3, True),  # kmap
        (False, 3, False),
        (True, 0, False),  # kmap where one may sleep
        (True, 1, False),  # preempt_off
        (True, 5, False),  # the section is over
    ],
)
def test_a_debug_kernel_may_complain_where_kmap_might_sleep_in_an_atomic_section(
    debug, step, explained
):
    layout = SMALL._replace(debug_atomic_sleep=debug)
    guest = ModelGuest(layout, program(MIGHT_SLEEP, layout, throwaway=True))
    judge = guest.judge(contract=CONTRACT)
    for one in guest.steps():
        judge.step(one._replace(messages=one.number == step))
    said = (
        "BUG: sleeping function called from invalid context at include/linux/highmem-internal.h:35"
    )
    judge.trouble(Trouble(step, "sleep or schedule while atomic", said))
    assert judge.result.verdict is not Verdict.DIVERGE
    assert bool(judge.result.unexplained) is not explained


DISORDER = (
    "requires: throwaway\ntasks: a@0\npages: high 2\n"
    "a: m0 = kmap_local_page h0\na: m1 = kmap_local_page h1\n"
    "a: kunmap_local m0\na: kunmap_local m1\n"
)


@pytest.mark.parametrize(
    ("step", "explained"),
    [(2, True), (3, False)],  # out of order; in what is left
)
def test_a_warning_that_is_due_is_explained_also_where_the_behaviour_is_another(step, explained):
    guest = ModelGuest(SMALL, program(DISORDER, SMALL, throwaway=True))
    judge = guest.judge(contract=CONTRACT)
    for one in guest.steps():
        seen = one.observation
        if one.number == step:
            seen = seen._replace(waiters=7, warns=1)
        judge.step(one._replace(observation=seen))
    judge.trouble(Trouble(step, "WARNING", "WARNING: CPU: 0 PID: 1 at mm/highmem.c:611"))
    assert bool(judge.result.unexplained) is not explained
    assert step in [one.step for one in judge.result.divergences]


OCCUPIED = (
    "requires: throwaway\ntasks: a@0\npages: high 2\na: atomic {\n"
    "irq_off; set_pte fixmap(FIX_KMAP_BEGIN) h1 rw; m0 = kmap_atomic h0; kunmap_atomic m0\n"
    "irq_on }\n"
)


@pytest.mark.parametrize(("change", "explained"), [(-1, True), (0, True), (1, False)])
def test_a_death_that_is_due_is_explained_with_fewer_warnings_and_not_with_more(change, explained):
    """A dying task that leaves fewer entries behind warned less: its BUG was newly failing."""
    guest = ModelGuest(SMALL, program(OCCUPIED, SMALL, throwaway=True))
    judge = guest.judge(contract=CONTRACT)
    died = []
    for one in guest.steps():
        seen = one.observation
        if seen.status is Status.DIED:
            died.append(one.number)
            seen = seen._replace(warns=seen.warns + change, waiters=7)
        judge.step(one._replace(observation=seen))
    judge.trouble(Trouble(died[0], "BUG", "kernel BUG at mm/highmem.c:555!"))
    assert bool(judge.result.unexplained) is not explained


def test_trouble_is_attached_to_the_divergence_of_its_step():
    result, judge, _ = judged(LOCALS, at(3, migrate=1))
    judge.trouble(Trouble(3, "WARNING", "WARNING: CPU: 0"))
    assert result.divergences[0].trouble[0].kind == "WARNING"


def test_the_picture_shows_slots_before_seen_and_allowed():
    result, _, guest = judged(TURN, at(0, slots=(), cursor=3))
    text = picture(guest.machine, result.divergences[0])
    assert "cursor 0, seen 3, allowed 1" in text
    (line,) = [line for line in text.splitlines() if line.startswith(" >")]
    assert line.split()[1] == "1"
    assert "page 0 0x163+NX" in line


def test_operations_and_situations_are_counted():
    coverage = judged(FILL)[0].coverage
    assert coverage.operations["kmap"] == 9
    assert (coverage.situations["blocked"], coverage.situations["woken"]) == (1, 1)
    coverage = judged(TURN)[0].coverage
    assert (coverage.situations["wrap"], coverage.situations["flush of translations"]) == (1, 1)
    assert OpCode.KMAP not in coverage.operations
