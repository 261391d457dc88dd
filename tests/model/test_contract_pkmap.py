"""The contract of the persistent map, rule by rule: what breaks it, and what only seems to."""

import pytest

from harness.model.contract import contract_pkmap
from harness.model.records.observation import Completion, SlotChange, Status
from tests.model.judged import check, detail, found, run
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("contract")

MACHINE = of_kind("local")
PTE = MACHINE.ptes
BASE = MACHINE.layout.pkmap_address(0)
FOREIGN = 0x7_7000_0163

IDLE = "0 NOP"
KMAP = "0 KMAP page=0 reg=1"
KUNMAP = f"{KMAP}; 0 KUNMAP page=0"
REMAP = f"{KUNMAP}; {KMAP}"
TWO_USERS = f"{KMAP}; 0 KMAP page=0 reg=2"
FULL = "0 KMAP page=0 reg=1; 0 KMAP page=1 reg=2; 0 KMAP page=2 reg=3"
BLOCKED = f"{FULL}; 1 KMAP page=3 reg=4"
WAKE = f"{BLOCKED}; 0 KUNMAP page=0"
BY_HAND = "0 SET_PTE page=3 base=PKMAP reg=2"
LOWMEM = "0 KMAP page=4 reg=1"
READ = f"{KMAP}; 0 WRITE reg=1 value=7; 0 READ reg=1"
FLUSH = f"{KUNMAP}; 0 FLUSH_UNUSED"
FLUSH_FOR = f"{FULL}; 0 KUNMAP page=1; 0 KMAP page=3 reg=4"
"""The slots are used up, one is unused: it is flushed for the page that comes."""


def slot(number, count, pte, address=None):
    own = BASE + (number << 12)
    return SlotChange(number, count, pte, own if pte and address is None else address or 0)


def done(result, task=1):
    return (Completion(task, result, result),)


AGREED = (
    IDLE, KMAP, KUNMAP, REMAP, TWO_USERS, FULL, BLOCKED, WAKE, BY_HAND, LOWMEM, READ, FLUSH,
    FLUSH_FOR,
    f"{BY_HAND}; {KMAP}", f"{TWO_USERS}; 0 KUNMAP page=0", f"{LOWMEM}; 0 KUNMAP page=4",
    "0 NOP page=5",
    f"{KMAP}; 0 PAGE_ADDRESS page=0", "0 PAGE_ADDRESS page=0", "0 PAGE_ADDRESS page=4",
    "0 KUNMAP page=0",
    f"{KMAP}; 0 KMAP_TO_PAGE reg=1", "0 READ base=PKMAP reg=1", f"{KMAP}; 0 READ reg=1",
    "0 IRQ_OFF; 0 KMAP page=0 reg=1",
    f"{KMAP}; 0 HARDIRQ value=1; 0 KUNMAP page=0", f"{BLOCKED}; 0 PREEMPT_OFF; 0 KUNMAP page=0",
    f"{KMAP}; 0 SET_PTE page=3 base=PKMAP reg=1; 0 READ reg=1",
)  # fmt: skip
"""What the model says of these keeps the contract."""


@pytest.mark.parametrize("program", AGREED)
def test_what_the_model_says_keeps_every_rule(program):
    seen = run("local", program)
    assert check(*seen) == ()


USERS = [
    (KMAP, {}, []),
    (KMAP, {"slots": ()}, ["users"]),
    (KMAP, {"slots": (slot(1, 1, PTE[0]),)}, ["users"]),
    (KMAP, {"slots": (slot(1, 3, PTE[0]),)}, []),
    (KMAP, {"slots": (slot(1, 2, PTE[0]), slot(2, 2, PTE[3]))}, ["users"]),
    (KMAP, {"slots": (slot(1, 2, FOREIGN),)}, ["users"]),
    (KMAP, {"status": Status.BUG}, ["users"]),
    (KMAP, {"status": Status.DIED, "slots": (slot(1, 3, PTE[0]),)}, []),
    (KMAP, {"status": Status.STUCK, "slots": (slot(1, 3, PTE[0]),)}, []),
    (f"{BY_HAND}; {KMAP}", {"slots": (slot(1, 3, PTE[0]),)}, []),
    (REMAP, {}, []),
    (TWO_USERS, {}, []),
    (KUNMAP, {}, []),
    (KUNMAP, {"slots": ()}, ["users"]),
    (KUNMAP, {"status": Status.REFUSED, "slots": ()}, []),
    (f"{TWO_USERS}; 0 KUNMAP page=0", {"slots": (slot(1, 1, PTE[0]),)}, ["users"]),
    (f"{KUNMAP}; 0 KUNMAP page=0", {"status": Status.OK}, ["unbalanced-kunmap"]),
    (f"{KMAP}; 0 NOP", {"slots": (slot(1, 3, PTE[0]),)}, []),
    (f"{KMAP}; 0 NOP", {"slots": (slot(1, 0, 0),)}, ["users"]),
    (BLOCKED, {}, []),
    (WAKE, {}, []),
    (WAKE, {"done": ()}, ["users"]),
    (WAKE, {"slots": ()}, ["users", "users"]),
    (LOWMEM, {}, []),
    (FLUSH_FOR, {}, []),
]


@pytest.mark.parametrize(("program", "changes", "names"), USERS)
def test_users_of_a_slot_are_the_kmaps_not_undone(program, changes, names):
    assert found(contract_pkmap.users, run("local", program).but(**changes)) == names


MOVED = (slot(1, 0, 0), slot(2, 2, PTE[0]))


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (TWO_USERS, ["moved-in-use"]), (f"{TWO_USERS}; 0 KUNMAP page=0", ["moved-in-use"]),
        (KUNMAP, []), (REMAP, []),
        (f"{KMAP}; 0 NOP page=0", ["moved-in-use"]),
        (f"{BY_HAND}; {TWO_USERS}", []),
    ],
)  # fmt: skip
def test_a_mapping_in_use_does_not_move(program, names):
    seen = run("local", program)
    assert found(contract_pkmap.stays, seen) == []
    assert found(contract_pkmap.stays, seen.but(slots=MOVED)) == names


def test_nobody_sleeps_beside_a_slot_that_is_not_in_use():
    seen = run("local", BLOCKED)
    for bits, names in (
        ((0, 0), []),
        ((1, 0), ["asleep"]),
        ((0, 2), ["asleep"]),
        ((1, 2), ["asleep"]),
    ):
        assert found(contract_pkmap.waiting, seen, zeros=bits[0], ones=bits[1]) == names
    told = seen.but(slots=(slot(1, 0, 0), slot(2, 0, 0)))
    assert detail(contract_pkmap.waiting, told) == ["task 1 sleeps with 2 slots not in use"]


def test_nobody_sleeps_for_a_page_that_is_mapped():
    seen = run("local", f"{BLOCKED}; 0 NOP")
    for page, names in ((0, ["asleep-mapped"]), (2, ["asleep-mapped"]), (3, []), (-1, [])):
        assert found(contract_pkmap.waiting, seen.after(t1={"page": page})) == names


def test_one_that_is_woken_and_has_no_cpu_does_not_sleep():
    held = run("local", f"{BLOCKED}; 0 PREEMPT_OFF; 0 KUNMAP page=0")
    assert found(contract_pkmap.waiting, held) == []
    assert found(contract_pkmap.waiting, held, spinning=()) == ["asleep"]
    assert found(contract_pkmap.waiting, held, spinning=(2,)) == ["asleep"]
    assert found(contract_pkmap.waiting, held, spinning=(2, 0)) == []
    asleep = run("local", f"{BLOCKED}; 0 PREEMPT_OFF; 0 NOP")
    assert found(contract_pkmap.waiting, asleep, ones=1) == ["asleep"]


KMAP_GIVES = [
    (LOWMEM, {}, []),
    (LOWMEM, {"value": MACHINE.direct[4] + 0x1000}, ["lowmem-address"]),
    (KMAP, {"value": MACHINE.layout.fixaddr(68)}, ["kmap-area"]),
    (KMAP, {"value": BASE + 0x3000}, ["kmap-area"]),
    (KMAP, {"value": BASE + 0x1008}, ["kmap-area"]),
    (KMAP, {"value": BASE + 0x2000}, ["kmap-pte", "page-address"]),
    (KMAP, {"slots": ()}, ["kmap-pte", "page-address"]),
    (f"{BY_HAND}; {KMAP}", {"slots": ()}, []),
    (BLOCKED, {}, []),
    (KUNMAP, {"value": 8}, []),
    (WAKE, {}, []),
    (WAKE, {"done": done(BASE + 0x2000)}, ["kmap-pte", "page-address"]),
    (WAKE, {"done": done(0)}, ["kmap-area"]),
]


@pytest.mark.parametrize(("program", "changes", "names"), KMAP_GIVES)
def test_kmap_gives_an_address_that_maps_the_page(program, changes, names):
    assert found(contract_pkmap.kmap, run("local", program).but(**changes)) == names


def test_a_change_of_attributes_leaves_no_unused_slot():
    unseen = run("local", FLUSH).but(slots=())
    assert found(contract_pkmap.unused_flushed, unseen) == ["unused-left"]
    assert found(contract_pkmap.unused_flushed, run("local", FLUSH)) == []
    assert found(contract_pkmap.unused_flushed, unseen.but(status=Status.REFUSED)) == []
    assert found(contract_pkmap.unused_flushed, run("local", KUNMAP)) == []


DIED, NOTHING_SAID = {"status": Status.DIED}, f"{FULL}; 0 PREEMPT_OFF; 0 KMAP page=3 reg=4"
ENDINGS = [
    (IDLE, DIED, ["ending"]),
    (KMAP, DIED, ["ending"]),
    (KUNMAP, DIED, ["ending"]),
    (f"{BY_HAND}; {KMAP}", DIED, []),
    ("0 KUNMAP page=0; 1 KMAP page=4 reg=1", DIED, []),
    ("0 KUNMAP page=0", {}, []),
    ("0 KUNMAP page=0", {"status": Status.OK}, ["survived"]),
    (f"{KUNMAP}; 0 KUNMAP page=0", {}, []),
    ("0 KUNMAP_LOCAL base=FIXMAP reg=68", {}, []),
    (IDLE, {"status": Status.REFUSED}, ["ending"]),
    (IDLE, {"status": Status.NOT_APPLICABLE}, ["ending"]),
    ("0 IRQ_OFF; 0 KMAP page=0 reg=1", {}, []),
    ("0 IRQ_OFF; 0 KMAP page=0 reg=1", {"status": Status.NOT_APPLICABLE}, ["ending"]),
    (NOTHING_SAID, {"status": Status.REFUSED}, []),
    (IDLE, {"status": Status.STUCK}, ["ending"]),
    (NOTHING_SAID, {"status": Status.STUCK}, ["ending"]),
    (IDLE, {"status": Status.FAULT}, []),
    (BLOCKED, {}, []),
    (BLOCKED, {"status": Status.INTERRUPTIBLE}, ["interruptible"]),
    (IDLE, {"dead": (1,)}, ["dead"]),
]


@pytest.mark.parametrize(("program", "changes", "names"), ENDINGS)
def test_how_an_operation_may_end(program, changes, names):
    assert found(contract_pkmap.ending, run("local", program).but(**changes)) == names


def test_the_evidence_of_a_hang_is_told():
    seen = run("local", IDLE).but(status=Status.STUCK, value=1 | 1 << 10)
    words = "task 1 is on a CPU, state running, off the queue"
    assert detail(contract_pkmap.ending, seen) == [f"NOP ended STUCK: {words}"]
    assert detail(contract_pkmap.ending, seen.but(status=Status.REFUSED)) == ["NOP ended REFUSED"]


DATA = [
    (READ, {}, []),
    (READ, {"value": 8}, ["data"]),
    (READ, {"status": Status.FAULT}, ["data"]),
    (f"{KMAP}; 0 WRITE reg=1 value=7", {"status": Status.FAULT}, ["data"]),
    (f"{KMAP}; 0 KMAP_TO_PAGE reg=1", {"value": 1}, ["data"]),
    (f"{KMAP}; 0 PAGE_ADDRESS page=0", {}, []),
    (f"{KMAP}; 0 PAGE_ADDRESS page=0", {"value": BASE}, ["page-address"]),
    (f"{KMAP}; 0 PAGE_ADDRESS page=0", {"value": BASE, "status": Status.REFUSED}, []),
    ("0 PAGE_ADDRESS page=0", {"value": BASE}, []),
    ("0 PAGE_ADDRESS page=4", {}, []),
    ("0 PAGE_ADDRESS page=4", {"value": 0}, ["page-address"]),
    (KMAP, {"value": BASE}, []),
    (f"{KMAP}; 0 READ reg=1 offset=4094", {"value": 5}, []),
    (f"{KMAP}; 0 READ reg=1 offset=4094", {"value": 5, "status": Status.FAULT}, ["data"]),
    (f"{KMAP}; 0 WRITE reg=1 offset=4094", {}, []),
]
"""A load from two pages may give anything; of a store into two pages nothing is said."""


@pytest.mark.parametrize(("program", "changes", "names"), DATA)
def test_data_and_addresses_are_those_of_the_page(program, changes, names):
    seen = run("local", program).but(**changes)
    rules = (contract_pkmap.data, contract_pkmap.page_address_value)
    assert [name for rule in rules for name in found(rule, seen)] == names


def test_page_address_says_nothing_where_no_slot_is_seen():
    assert (
        found(
            contract_pkmap.page_address_value,
            run("local", "0 PAGE_ADDRESS page=0").but(value=BASE),
            "slots",
        )
        == []
    )


def test_one_of_several_values_is_enough():
    stale = run("local", f"{READ}; 0 SET_PTE page=3 base=PKMAP reg=1; 0 READ reg=1")
    assert [found(contract_pkmap.data, stale.but(value=value)) for value in (7, 0, 8)] == [
        [],
        [],
        ["data"],
    ]
