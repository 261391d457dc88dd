"""The contract beyond pkmap and the windows: which rules hold where, what an operation tells of
itself, interrupts.
"""

import pytest

from harness.model.contract import contract_instant, contract_outside, contract_own
from harness.model.records import vector
from harness.model.records.interrupt import HARD, IN_USE, OWN, Armed
from harness.model.records.observation import (
    Interrupt,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.state import Phase
from tests.model.judged import check, detail, found, run, view
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("contract", "violation")

MACHINE = of_kind("local")
LAYOUT = MACHINE.layout
BASE, HIGH = LAYOUT.pkmap_address(0), LAYOUT.fixaddr(68)
PTE = tuple(MACHINE.pte(page, 0) for page in range(5))

IDLE, KMAP = "0 NOP", "0 KMAP page=0 reg=1"
MAP = "0 KMAP_LOCAL page=0 reg=1"
ATOMIC = "0 KMAP_ATOMIC page=0 reg=1"
UNMAP = f"{ATOMIC}; 0 KUNMAP_ATOMIC reg=1"
TYPED = "0 TYPED_MAP page=0 reg=1 value=3"


def rules(seen, *blind):
    return [one.rule for one in check(*seen, blind=frozenset(blind))]


# -- which rules hold where --------------------------------------------------------------


def test_an_operation_that_makes_no_sense_is_turned_down():
    seen = run("local", "0 KMAP page=9 reg=1")
    assert rules(seen) == []
    assert rules(seen.but(status=Status.NOT_APPLICABLE)) == []
    assert rules(seen.but(status=Status.OK)) == ["ending"]
    assert detail(contract_check, seen.but(status=Status.OK)) == [
        "KMAP with operands that are not there ended OK"
    ]


def contract_check(looked):
    return check(looked.machine, looked.before, looked.op, looked.seen)


@pytest.mark.parametrize(("cpu", "names"), [(-1, ["cpu"]), (0, []), (1, []), (2, ["cpu"])])
def test_an_operation_runs_on_a_cpu_that_is_there(cpu, names):
    assert rules(run("local", "3 NOP").but(cpu=cpu)) == names


DUE = f"0 INTERRUPT page=1 reg=16 offset=10 value=1; {IDLE}"


HELD = {
    "local": [
        (KMAP, {"slots": (SlotChange(1, 1, PTE[0], BASE + 0x1000),)}, "users"),
        (KMAP, {"page_address": 0}, "page-address"),
        (ATOMIC, {"pagefault": 0}, "pagefault"),
        (TYPED, {"windows": ()}, "typed-pte"),
        ("0 FORK", {"value": 1}, "inherited"),
        (DUE, {"interrupts": (Interrupt(HARD | OWN, 0, 0, 0, 0),) * 2}, "interrupt-pte"),
    ],
    "typed": [
        (KMAP, {"slots": (SlotChange(1, 1, PTE[0], BASE + 0x1000),)}, "users"),
        (KMAP, {"page_address": 0}, "page-address"),
        ("0 KMAP_ATOMIC page=0 reg=1 value=3", {"value": HIGH - 0x5000}, "window"),
        ("0 KMAP_ATOMIC page=0 reg=1 value=3", {"pte": PTE[1]}, "window-pte"),
        ("0 KMAP_ATOMIC page=0 reg=1 value=3", {"value": HIGH}, "typed-place"),
        (TYPED, {"windows": ()}, "typed-pte"),
    ],
}  # fmt: skip
HELD["stack"] = HELD["local"]


@pytest.mark.parametrize(
    ("kind", "case"), [(kind, case) for kind, cases in HELD.items() for case in cases]
)
def test_every_room_of_the_contract_is_asked(kind, case):
    program, changes, name = case
    seen = run(kind, program)
    assert rules(seen) == []
    assert name in rules(seen.but(**changes))


TWO = f"{MAP}; 0 KMAP_LOCAL page=1 reg=2"
LOCAL_UNMAP = f"{MAP}; 0 KUNMAP_LOCAL reg=1"
FULL = "0 KMAP page=0 reg=1; 0 KMAP page=1 reg=2; 0 KMAP page=2 reg=3; 1 KMAP page=3 reg=4"
CLEAN = SlotChange(1, 0, 0, 0)
ASKED = {
    "users": (KMAP, {"slots": ()}),
    "moved-in-use": (
        f"{KMAP}; {KMAP}",
        {"slots": (CLEAN, SlotChange(2, 2, PTE[0], BASE + 0x2000))},
    ),
    "asleep": (FULL, {"slots": (CLEAN,)}),
    "kmap-area": (KMAP, {"value": HIGH}),
    "unused-left": (f"{KMAP}; 0 KUNMAP page=0; 0 FLUSH_UNUSED", {"slots": ()}),
    "ending": (IDLE, {"status": Status.STUCK}),
    "data": (f"{KMAP}; 0 READ reg=1", {"value": 7}),
    "own-pte": ("0 READ base=FIXMAP reg=68", {"pte": 5}),
    "page-address": (KMAP, {"page_address": 5}),
    "pkmap-pte": (f"{KMAP}; {IDLE}", {"slots": (SlotChange(1, 2, PTE[0] ^ 0x10, BASE + 0x1000),)}),
    "window": (MAP, {"value": HIGH - 0x3000}),
    "own-entry": (f"{MAP}; {IDLE}", {"windows": (WindowChange(68, 0),)}),
    "depth": (IDLE, {"depth": 1}),
    "order": (f"{TWO}; 0 KUNMAP_LOCAL reg=1", {"warns": 0}),
    "pagefault": (IDLE, {"pagefault": 1}),
    "typed-place": (TYPED, {"value": HIGH}),
    "typed-mapped": (f"{TYPED}; 0 TYPED_UNMAP reg=1 value=3", {"windows": ()}),
    "typed-bug": (TYPED, {"status": Status.BUG}),
}


@pytest.mark.parametrize("name", ASKED)
def test_every_rule_of_pkmap_and_the_windows_is_asked(name):
    program, changes = ASKED[name]
    seen = run("local", program)
    assert rules(seen) == []
    assert name in rules(seen.but(**changes))


MAPS = [
    *("KMAP_ATOMIC page=0", "KMAP_ATOMIC_PROT page=0 prot=RO", "KMAP_ATOMIC_PFN page=4"),
    *(
        "KMAP_LOCAL page=0",
        "KMAP_LOCAL_PROT page=0 prot=RO",
        "KMAP_LOCAL_PFN page=4",
        "IOMAP page=4",
    ),
]


@pytest.mark.parametrize(
    "kind", ["local", "local-debug", "local-rt", "stack", "stack-counted", "stack-debug"]
)
@pytest.mark.parametrize("operation", MAPS)
def test_every_way_to_map_and_to_unmap_keeps_the_contract(kind, operation):
    undo = {"KMAP_A": "KUNMAP_ATOMIC", "KMAP_L": "KUNMAP_LOCAL", "IOMAP ": "IOUNMAP"}[
        operation[:6]
    ]
    assert rules(run(kind, f"0 {operation} reg=1")) == []
    assert rules(run(kind, f"0 {operation} reg=1; 0 {undo} reg=1")) == []
    mapped = run(kind, f"0 {operation} reg=1")
    if mapped.seen.status is Status.OK:
        assert "window" in rules(mapped.but(value=0))


def test_the_typed_generation_has_no_stack_and_no_books():
    seen = run("typed", "0 KMAP_ATOMIC page=0 reg=1 value=3")
    assert rules(seen.but(depth=1, pagefault=7)) == []


def test_what_a_guest_cannot_tell_is_not_judged():
    seen = run("local", f"{MAP}; {IDLE}").but(migrate=0, dead=(1,))
    assert rules(seen) == ["dead", "pinned"]
    assert rules(seen, "migrate") == ["dead"]


# -- what an operation tells of its own page and address ----------------------------------

HIDDEN = [
    ("local-rt", IDLE, {}, False),
    ("local-rt", "0 PREEMPT_OFF; 0 NOP", {}, True),
    ("local-rt", "0 IRQ_OFF", {"preempt": 0}, True),
    ("local-rt", "0 HARDIRQ value=1; 0 NOP", {"preempt": 0}, True),
    ("local-rt", IDLE, {"preempt": 0x8000_0000}, True),
    ("local", "0 PREEMPT_OFF; 0 NOP", {}, False),
]


@pytest.mark.parametrize(("kind", "program", "changes", "hidden"), HIDDEN)
def test_on_rt_page_address_cannot_be_asked_for_in_an_atomic_section(
    kind, program, changes, hidden
):
    assert view(*run(kind, program).but(**changes)).address_hidden is hidden


OWN_PTE = [
    (KMAP, {}, []),
    (KMAP, {"pte": PTE[1]}, ["own-pte"]),
    (KMAP, {"pte": PTE[1], "status": Status.BUG}, []),
    (f"{KMAP}; 0 KUNMAP page=0", {}, []),
    (f"{KMAP}; 0 KUNMAP page=0", {"pte": 0}, ["own-pte"]),
    (f"{KMAP}; 0 READ reg=1", {"pte": 0}, ["own-pte"]),
    (f"{KMAP}; 0 READ reg=1 offset=8", {"pte": 0}, ["own-pte"]),
    (f"{KMAP}; 0 PAGE_ADDRESS page=0", {"pte": 0}, ["own-pte"]),
    ("0 READ base=PKMAP reg=1", {}, []),
    ("0 READ base=PKMAP reg=1", {"pte": PTE[1]}, ["own-pte"]),
    ("0 READ base=FIXMAP reg=68", {}, []),
    ("0 READ base=FIXMAP reg=68", {"pte": PTE[1]}, ["own-pte"]),
    ("0 READ base=FIXMAP reg=77", {"pte": PTE[1]}, []),
    (MAP, {"pte": 0}, ["own-pte"]),
    (TYPED, {"pte": 0}, ["own-pte"]),
    (IDLE, {"pte": 5}, []),
    ("0 NOP page=0", {"pte": 5}, []),
    ("0 READ base=DIRECT page=4", {"pte": 5}, []),
]


@pytest.mark.parametrize(("program", "changes", "names"), OWN_PTE)
def test_the_pte_told_is_that_of_the_table(program, changes, names):
    assert found(contract_own.pte, run("local", program).but(**changes)) == names


def test_a_hidden_address_names_no_pte():
    kunmap = f"{KMAP}; 0 PREEMPT_OFF; 0 KUNMAP page=0"
    for kind, names in (("local", ["own-pte"]), ("local-rt", [])):
        assert found(contract_own.pte, run(kind, kunmap).but(pte=5)) == names


PAGE_ADDRESS = [
    ("local", KMAP, {}, []),
    ("local", KMAP, {"page_address": 0}, ["page-address"]),
    ("local", KMAP, {"page_address": BASE}, ["page-address"]),
    ("local", IDLE, {"page_address": 5}, []),
    ("local", "0 NOP page=5", {"page_address": 5}, []),
    ("local", "0 NOP page=0", {}, []),
    ("local", "0 NOP page=0", {"page_address": 5}, []),
    ("local", "0 NOP page=4", {}, []),
    ("local", "0 NOP page=4", {"page_address": 0}, ["page-address"]),
    ("local", "0 EXIT; 0 NOP page=0", {"page_address": 5}, []),
    ("local-rt", f"{KMAP}; 0 PREEMPT_OFF; 0 NOP page=0", {"page_address": 0}, []),
    ("local-rt", f"{KMAP}; 0 PREEMPT_OFF; 0 NOP page=0", {"page_address": BASE}, ["page-address"]),
    ("local-rt", f"{KMAP}; 0 PREEMPT_OFF; 0 NOP page=0", {"page_address": BASE + 0x1000}, []),
    ("local", f"{KMAP}; 0 PREEMPT_OFF; 0 NOP page=0", {"page_address": 0}, ["page-address"]),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), PAGE_ADDRESS)
def test_page_address_is_where_the_page_is_mapped(kind, program, changes, names):
    assert found(contract_own.page_address, run(kind, program).but(**changes)) == names


# -- what comes from outside --------------------------------------------------------------

SEND, OFFLINE = "1 AFFINITY value=0x100", "0 HOTPLUG value=1"
THERE = "2 KMAP_LOCAL page=0 reg=1"
PINNED = [
    (f"{MAP}; {SEND}", {}, {}, []),
    (f"{MAP}; {SEND}", {"value": 0}, {}, ["sent-away"]),
    (f"{MAP}; {SEND}", {"value": 0, "status": Status.REFUSED}, {}, []),
    (SEND, {}, {}, []),
    ("1 KMAP_LOCAL page=0 reg=1; 1 AFFINITY value=0x100", {}, {}, []),
    (f"{MAP}; 1 NOP", {}, {}, []),
    (f"{THERE}; {OFFLINE}", {}, {}, []),
    (f"{THERE}; {OFFLINE}", {"value": 0}, {}, ["cpu-gone"]),
    (f"{THERE}; {OFFLINE}", {"value": 0}, {"t2": {"phase": Phase.DEAD}}, []),
    (f"1 KMAP_LOCAL page=0 reg=1; {OFFLINE}", {}, {}, []),
    (f"{OFFLINE}; {MAP}; 1 HOTPLUG value=0x101", {}, {}, []),
    (f"{THERE}; 0 NOP value=1", {}, {}, []),
    (OFFLINE, {}, {}, []),
]


@pytest.mark.parametrize(("program", "changes", "after", "names"), PINNED)
def test_a_mapping_keeps_its_task_and_its_cpu(program, changes, after, names):
    seen = run("local", program).after(**after).but(**changes)
    assert found(contract_outside.pinned, seen) == names
    assert found(contract_outside.pinned, seen, "migrate") == []


def test_a_child_inherits_nothing():
    seen = run("local", "0 FORK").but(value=0x03_02_01)
    assert found(contract_outside.inherited, seen.but(value=0)) == []
    assert found(contract_outside.inherited, seen.but(status=Status.REFUSED)) == []
    assert found(contract_outside.inherited, run("local", IDLE).but(value=1)) == []
    assert detail(contract_outside.inherited, seen) == ["a child starts with depth 1"]
    assert found(contract_outside.inherited, seen.but(value=0x03_02_00)) == []


def test_the_first_return_to_user_mode_with_a_mapping_is_told():
    silent = run("local", IDLE).after(user=True)
    assert found(contract_outside.user_mode, silent) == ["return-to-user"]
    assert found(contract_outside.user_mode, silent, "warns") == []
    assert found(contract_outside.user_mode, silent.but(warns=1)) == []
    assert (
        found(contract_outside.user_mode, silent.after(warned=frozenset({"return-to-user"}))) == []
    )
    assert found(contract_outside.user_mode, run("local", IDLE)) == []


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (run("local", f"{MAP}; {SEND}").but(value=0), "sent-away"),
        (run("local", "0 FORK").but(value=1), "inherited"),
        (run("local", IDLE).after(user=True), "return-to-user"),
    ],
)  # fmt: skip
def test_what_comes_from_outside_is_judged(seen, name):
    assert rules(seen) == [name]


# -- interrupts ---------------------------------------------------------------------------


def interrupted(kind, *records, program=f"{MAP}; {IDLE}", page=1):
    """The last step of *program*, with an interrupt in the middle that mapped pages from *page*
    on.
    """
    armed = Armed(0, 1, page, len(records) - 1, 0)
    return run(kind, program).after(t0={"armed": armed}).but(interrupts=records)


def level(index, *, pte, flags=HARD | OWN, depth=None, value=0):
    return Interrupt(flags, index if depth is None else depth, HIGH - (index << 12), pte, value)


def end(depth):
    return Interrupt(HARD | OWN, depth, 0, 0, 0)


INTERRUPTS = [
    ("local", (end(1),), []),
    ("local", (level(1, pte=PTE[1]), end(1)), []),
    ("local", (level(1, pte=PTE[1]), level(2, pte=PTE[2]), end(1)), []),
    ("local", (level(0, pte=PTE[1]), end(0)), []),
    ("local", (level(1, pte=PTE[1]), end(2)), ["interrupt-depth"]),
    ("local", (level(1, pte=PTE[1]), end(0)), ["interrupt-depth"]),
    ("local", (level(1, pte=PTE[2]), end(1)), ["interrupt-pte"]),
    ("local", (level(1, pte=PTE[1]), level(2, pte=PTE[1]), end(1)), ["interrupt-pte"]),
    ("local", (level(1, pte=PTE[1], value=7), end(1)), ["interrupt-data"]),
    ("local", (level(1, pte=PTE[1]), level(1, pte=PTE[2]), end(1)), ["interrupt-nesting"]),
    (
        "local",
        (level(1, pte=PTE[1]), level(1, pte=PTE[2], depth=2), end(1)),
        ["interrupt-nesting"],
    ),
    ("local", (level(0, pte=PTE[1], depth=1), end(1)), ["interrupt-nesting"]),
    ("local", (level(1, pte=5, flags=HARD | OWN | IN_USE, value=7), end(1)), ["interrupt-slot"]),
    ("stack", (level(1, pte=PTE[1]), level(2, pte=PTE[2]), end(1)), []),
    ("local-debug", (level(3, pte=PTE[1], depth=2), end(2)), []),
    ("local-debug", (level(1, pte=PTE[1], depth=0), level(3, pte=PTE[2], depth=2), end(0)), []),
    ("local-debug", (level(2, pte=PTE[1], depth=2), end(2)), ["interrupt-nesting"]),
]


@pytest.mark.parametrize(("kind", "records", "names"), INTERRUPTS)
def test_an_interrupt_nests_and_leaves_no_trace(kind, records, names):
    program = IDLE if kind == "stack" else f"{MAP}; {IDLE}"
    assert (
        found(contract_instant.interrupts, interrupted(kind, *records, program=program)) == names
    )


def test_an_interrupt_reads_what_is_there_before_or_after_the_operation():
    write = f"{KMAP}; 0 WRITE reg=1 value=7; 0 WRITE reg=1 value=9"
    for value, names in ((7, []), (9, []), (0, ["interrupt-data"])):
        seen = interrupted(
            "local", level(0, pte=PTE[0], value=value), end(0), program=write, page=0
        )
        assert found(contract_instant.interrupts, seen) == names
    words = vector.put(run("local", IDLE).before.memory, 1, {4: 7})
    seen = interrupted("local", level(1, pte=PTE[1], value=0), end(1))
    assert found(contract_instant.interrupts, seen.after(memory=words)) == []
    other = seen.after(memory=vector.put(words, 1, {0: 7}))
    assert found(contract_instant.interrupts, other) == ["interrupt-data"]


def test_where_nothing_is_due_nothing_is_judged():
    odd = (level(1, pte=5), end(0))
    assert found(contract_instant.interrupts, run("local", IDLE).but(interrupts=odd)) == []
    assert found(contract_instant.interrupts, interrupted("local", *odd).but(interrupts=())) == []


def test_an_interrupt_maps_in_the_window_of_its_cpu():
    there = interrupted(
        "local", Interrupt(HARD | OWN, 0, HIGH - 0x3000, PTE[1], 0), end(0), program=IDLE
    )
    assert found(contract_instant.interrupts, there) == ["interrupt-nesting"]
    assert found(contract_instant.interrupts, there.but(cpu=1)) == []
