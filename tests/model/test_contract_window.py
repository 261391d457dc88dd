"""The contract of the windows, rule by rule: what breaks it, and what looks as if it did."""

import pytest

from harness.model.contract import contract_window
from harness.model.records.observation import SavedChange, Status, WindowChange
from harness.model.records.state import Phase
from tests.model.judged import check, detail, found, run, view
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("contract")

MACHINE = of_kind("local")
LAYOUT = MACHINE.layout
BASE, HIGH = LAYOUT.pkmap_address(0), LAYOUT.fixaddr(68)
PTE = tuple(MACHINE.pte(page, 0) for page in range(5))
OTHER = 0x7_7000_0163

IDLE = "0 NOP"
MAP, MAP_TOO, MAP_THIRD = (f"0 KMAP_LOCAL page={n} reg={n + 1}" for n in range(3))
UNMAP = f"{MAP}; 0 KUNMAP_LOCAL reg=1"
TWO = f"{MAP}; {MAP_TOO}"
LOW = "0 KMAP_LOCAL page=4 reg=1"
PFN = "0 KMAP_LOCAL_PFN page=4 reg=1"
ATOMIC = "0 KMAP_ATOMIC page=0 reg=1"
ATOMIC_TOO = f"{ATOMIC}; 0 KMAP_ATOMIC page=1 reg=2"
ATOMIC_UNMAP = f"{ATOMIC}; 0 KUNMAP_ATOMIC reg=1"
DISORDER = f"{TWO}; 0 KUNMAP_LOCAL reg=1"
ATOMIC_DISORDER = f"{ATOMIC_TOO}; 0 KUNMAP_ATOMIC reg=1"
OUTSIDE = "0 KUNMAP_LOCAL base=PKMAP reg=1"
UNDERFLOW = "2 KUNMAP_ATOMIC base=FIXMAP reg=71"
BY_HAND = "0 SET_PTE page=3 base=FIXMAP reg=68"
SLEEP = f"{TWO}; 0 SLEEP value=1000"


def at(index, cpu=0):
    """Address of an entry of a CPU's window."""
    return LAYOUT.fixaddr(68 + 3 * cpu + index)


def entry(index, pte=0):
    return (WindowChange(68 + index, pte),)


def kept(index, pte=0):
    return (SavedChange(index, pte),)


AGREED = {
    "local": (
        IDLE,
        MAP,
        UNMAP,
        TWO,
        LOW,
        PFN,
        DISORDER,
        OUTSIDE,
        BY_HAND,
        SLEEP,
        ATOMIC,
        ATOMIC_UNMAP,
        f"{DISORDER}; 0 KUNMAP_LOCAL reg=2",
        f"{MAP}; 1 KMAP_LOCAL page=1 reg=2",
        f"{MAP}; 1 NOP; {IDLE}",
        f"{MAP}; 0 KUNMAP_LOCAL reg=1 offset=8",
        f"{TWO}; {MAP_THIRD}",
        "0 KUNMAP_LOCAL base=FIXMAP reg=68",
        f"{MAP}; {BY_HAND}",
        f"{MAP}; {BY_HAND}; {IDLE}",
        f"{MAP}; 0 YIELD",
        f"{BY_HAND}; {MAP}",
        "0 PREEMPT_OFF",
        "0 PREEMPT_OFF; 0 PREEMPT_ON",
        "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1",
        f"{MAP}; 1 NOP; {MAP_TOO}",
        "0 MIGRATE value=1",
        f"{MAP}; 0 MIGRATE value=1",
        f"{MAP}; 0 EXIT",
        "3 MIGRATE value=1",
        "0 READ",
    ),
    "local-debug": (
        MAP,
        UNMAP,
        TWO,
        LOW,
        DISORDER,
        SLEEP,
        "2 KMAP_LOCAL page=0 reg=1",
        ATOMIC_UNMAP,
        f"{TWO}; {MAP_THIRD}",
    ),
    "local-rt": (
        ATOMIC,
        ATOMIC_UNMAP,
        MAP,
        UNMAP,
        "0 KMAP_ATOMIC page=4 reg=1",
        "0 KMAP_ATOMIC page=4 reg=1; 0 KUNMAP_ATOMIC reg=1",
    ),
    "stack": (
        ATOMIC,
        ATOMIC_UNMAP,
        ATOMIC_TOO,
        ATOMIC_DISORDER,
        f"{ATOMIC_UNMAP}; {ATOMIC}",
        "0 IOMAP page=0 reg=1",
        "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1",
        "0 KUNMAP_ATOMIC base=FIXMAP reg=68",
        f"{ATOMIC_TOO}; 0 KMAP_ATOMIC page=2 reg=3; 0 KMAP_ATOMIC page=3 reg=4",
        "3 MIGRATE value=1",
        f"{ATOMIC}; 0 KMAP_ATOMIC page=4 reg=2",
    ),
    "stack-counted": (
        ATOMIC,
        ATOMIC_UNMAP,
        "0 IOMAP page=0 reg=1",
        "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1",
        "0 PREEMPT_OFF",
    ),
    "stack-debug": (
        ATOMIC,
        ATOMIC_UNMAP,
        ATOMIC_TOO,
        f"{ATOMIC_TOO}; 0 KMAP_ATOMIC page=2 reg=3; 0 KMAP_ATOMIC page=3 reg=4",
        f"{UNDERFLOW}; 3 MIGRATE value=1; 3 IOMAP page=1 reg=2",
    ),
}


@pytest.mark.parametrize(
    ("kind", "program"), [(kind, one) for kind, some in AGREED.items() for one in some]
)
def test_what_the_model_says_keeps_every_rule(kind, program):
    assert check(*run(kind, program)) == ()


def operand(program):
    return view(*run("local", program)).operand


def test_the_address_that_an_operation_names():
    assert operand(f"{MAP}; 0 READ reg=1 offset=8") == HIGH + 8
    assert operand("0 READ base=DIRECT page=4 offset=4") == MACHINE.direct[4] + 4
    assert operand("0 READ base=ABSOLUTE reg=3 offset=0xC0000010") == 0xC000_0010
    assert operand("0 READ base=FIXMAP reg=68 offset=4") == HIGH + 4
    assert operand("0 READ base=PKMAP reg=2 offset=4") == BASE + 0x2004
    assert operand("0 READ base=FIXMAP reg=0 offset=4096") == 0


def test_the_windows_have_a_first_and_a_last_byte():
    low = LAYOUT.fixaddr(LAYOUT.fix_kmap_end)
    seen = view(*run("local", IDLE))
    addresses = (low - 1, low, HIGH + 0xFFF, HIGH + 0x1000)
    inside = [seen.machine.in_window(address) for address in addresses]
    assert inside == [False, True, True, False]


DEEP = f"{ATOMIC_TOO}; 0 KMAP_ATOMIC page=2 reg=3"
PLACES = [
    ("local", MAP, {}, {}, []),
    ("local", LOW, {}, {}, []),
    ("local", LOW, {"value": HIGH}, {}, ["lowmem-address"]),
    ("local", LOW, {"value": HIGH, "status": Status.BUG}, {}, []),
    ("local", PFN, {}, {}, []),
    ("local-debug", LOW, {}, {}, []),
    ("local", MAP, {"value": 0, "status": Status.BUG}, {}, []),
    ("local", "0 KMAP page=0 reg=1", {}, {}, []),
    ("local", MAP, {"value": 0}, {}, ["window"]),
    ("local", MAP, {"value": at(-1)}, {}, ["window"]),
    ("local", MAP, {"value": at(0, 1)}, {}, ["window"]),
    ("local", PFN, {"value": at(0, 1)}, {}, ["window"]),
    ("local", MAP, {"value": at(0, 1)}, {"depths": (5, 0)}, ["window"]),
    ("local", "2 KMAP_LOCAL page=1 reg=2", {}, {}, []),
    ("local", f"0 SET_PTE page=3 base=FIXMAP reg=71; {MAP}", {"value": at(0, 1)}, {}, ["window"]),
    ("stack", ATOMIC, {"value": at(0, 1)}, {}, ["window"]),
    ("stack", ATOMIC_TOO, {"value": at(0, 1)}, {}, ["window"]),
    ("stack", f"{ATOMIC_TOO}; 0 KMAP_ATOMIC page=2 reg=3", {"value": at(0, 1)}, {}, ["window"]),
    ("stack", f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4", {}, {}, []),
    ("stack", f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4", {"value": 0}, {}, ["window"]),
    ("stack", "2 KMAP_ATOMIC page=0 reg=1", {"value": at(2)}, {"depths": (0, -1)}, []),
    ("stack-debug", DEEP, {"value": at(0, 1)}, {"depths": (3, 0)}, ["window"]),
    ("stack", ATOMIC_UNMAP.replace("0 KUNMAP", "0 KMAP") + " page=0", {}, {}, []),
    ("stack", f"{ATOMIC}; 0 KMAP_ATOMIC page=1 reg=2", {"value": at(0)}, {}, ["in-use"]),
    ("local-debug", MAP, {"value": at(1)}, {}, []),
    ("local-debug", MAP, {"value": at(0)}, {}, []),
    ("local-debug", MAP, {"value": at(2)}, {}, []),
    ("local-debug", "2 KMAP_LOCAL page=0 reg=1", {"value": at(6)}, {}, []),
    ("local-debug", "2 KMAP_LOCAL page=0 reg=1", {"value": at(5)}, {}, []),
    ("local", f"{MAP}; {MAP_TOO}", {"value": at(0)}, {}, ["in-use"]),
    ("local", f"{MAP}; 1 NOP; {MAP_TOO}", {"value": at(0)}, {}, ["in-use"]),
    ("local", f"{BY_HAND}; {MAP}", {"value": at(0), "status": Status.OK}, {}, ["in-use"]),
    ("local", f"{MAP}; 1 KMAP_LOCAL page=1 reg=2", {}, {}, []),
    ("local", "1 KMAP_LOCAL page=1 reg=2; 0 KMAP_LOCAL page=0 reg=1", {}, {}, []),
    ("local", f"{MAP}; 1 KMAP_LOCAL page=1 reg=2", {}, {"current": 2}, []),
    (
        "local",
        MAP,
        {},
        {"current": -1, "windows": {68: 5}, "t3": {"depth": 1, "saved": (5, 0, 0)}},
        [],
    ),
]


@pytest.mark.parametrize(("kind", "program", "changes", "after", "names"), PLACES)
def test_a_mapping_has_a_free_entry_of_its_own_cpu(kind, program, changes, after, names):
    assert found(contract_window.place, run(kind, program).after(**after).but(**changes)) == names


def test_with_guards_nothing_is_mapped_beside_a_mapping():
    two = run("local-debug", f"{TWO}")
    for index, names in ((0, ["guard"]), (2, ["guard"] * 2), (3, []), (4, ["guard"])):
        assert found(contract_window.guards, two.but(value=at(index))) == names
    assert found(contract_window.guards, run("local", TWO)) == []


def test_nothing_of_a_task_that_has_ended_is_left():
    ended = run("local", f"{MAP}; 0 EXIT; 1 NOP")
    assert found(contract_window.survivors, ended) == []
    gone = ended.but(windows=entry(0, PTE[0]))
    assert found(contract_window.survivors, gone) == ["survived-owner"]
    assert found(contract_window.survivors, gone.but(windows=entry(0, OTHER))) == []
    assert found(contract_window.survivors, gone.but(status=Status.REFUSED)) == []
    asleep = gone.after(t0={"phase": Phase.READY})
    assert found(contract_window.survivors, asleep) == []


PTES = [
    ("local", MAP, {}, []),
    ("local", LOW, {}, []),
    ("local", PFN, {"pte": PTE[0]}, ["window-pte", "window-pte"]),
    ("local", MAP, {"pte": PTE[0] ^ 0x10}, ["window-pte", "window-pte"]),
    ("local", MAP, {"pte": 0, "windows": ()}, ["window-pte"]),
    ("local", MAP, {"saved": ()}, []),
    ("local", MAP, {"windows": ()}, ["window-pte"]),
    ("local", MAP, {"windows": entry(0, OTHER)}, ["window-pte"]),
    ("local", MAP, {"status": Status.BUG, "pte": 0}, []),
    ("local", "0 KMAP_LOCAL_PROT page=0 reg=1 prot=RO", {}, []),
    (
        "local",
        "0 KMAP_LOCAL_PROT page=0 reg=1 prot=RO",
        {"pte": PTE[0]},
        ["window-pte", "window-pte"],
    ),
    ("stack", ATOMIC, {}, []),
    ("stack", ATOMIC, {"windows": ()}, ["window-pte"]),
    ("stack", ATOMIC, {"windows": (), "value": at(9)}, []),
]
"""The last one is beyond the entries whose changes are told."""


@pytest.mark.parametrize(("kind", "program", "changes", "names"), PTES)
def test_a_mapping_shows_its_page_with_the_protection_asked_for(kind, program, changes, names):
    assert found(contract_window.pte, run(kind, program).but(**changes)) == names


MAY_DIE = [
    ("typed", "0 KMAP_ATOMIC page=0 reg=1 value=3", False),
    ("typed", "0 KMAP_ATOMIC page=0 reg=1 value=3; 0 KMAP_ATOMIC page=1 reg=2 value=3", True),
    ("typed", "0 KMAP_ATOMIC page=0 reg=1 value=3; 0 KMAP_ATOMIC page=1 reg=2 value=2", False),
    (
        "typed-debug",
        "0 KMAP_ATOMIC page=0 reg=1 value=3; 0 KMAP_ATOMIC page=1 reg=2 value=3",
        True,
    ),
    (
        "typed-debug",
        "0 KMAP_ATOMIC page=0 reg=1 value=3; 0 KMAP_ATOMIC page=1 reg=2 value=2",
        False,
    ),
    ("typed", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", False),
    ("typed-debug", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", True),
    ("local", IDLE, False),
    ("local-debug", IDLE, False),
    ("local", f"{BY_HAND}; {IDLE}", False),
    ("local", "0 KUNMAP_LOCAL base=FIXMAP reg=68", True),
    ("local", UNMAP, False),
    ("local-debug", UNMAP, True),
    ("stack", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", True),
    ("stack", ATOMIC_UNMAP, False),
    ("stack-debug", ATOMIC_UNMAP, True),
    ("local", MAP, False),
    ("local", TWO, False),
    ("local", f"{TWO}; {MAP_THIRD}", True),
    ("local-debug", TWO, False),
    ("local-debug", f"{TWO}; {MAP_THIRD}", True),
    ("local", f"{BY_HAND}; {MAP}", True),
    ("local", f"{BY_HAND}; {MAP}; {MAP_TOO}", False),
    ("local-debug", f"0 SET_PTE page=3 base=FIXMAP reg=69; {MAP}", True),
    ("local-debug", f"{BY_HAND}; {MAP}", False),
    ("local", f"{MAP}; 1 KMAP_LOCAL page=1 reg=2", False),
    ("local", "0 SET_PTE page=3 base=FIXMAP reg=71; 2 KMAP_LOCAL page=0 reg=1", True),
    ("stack", f"{BY_HAND}; {ATOMIC}", True),
    ("stack", DEEP, False),
    ("stack", f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4", False),
    ("stack-debug", DEEP, False),
    ("stack-debug", f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4", True),
]


@pytest.mark.parametrize(("kind", "program", "may"), MAY_DIE)
def test_what_a_bug_is_for(kind, program, may):
    assert view(*run(kind, program)).window_may_die is may


UNMAPPED = [
    ("local", UNMAP, {}, []),
    ("local", UNMAP, {"windows": ()}, []),
    ("local", UNMAP, {"windows": (), "status": Status.BUG}, []),
    ("local", f"{MAP}; 0 KUNMAP_LOCAL reg=1 offset=8", {"windows": ()}, []),
    ("local", DISORDER, {"windows": ()}, []),
    ("local", OUTSIDE, {}, []),
    ("local", OUTSIDE, {"depth": 1}, ["outside-unmap"]),
    ("local", OUTSIDE, {"saved": kept(0)}, []),
    ("local", OUTSIDE, {"depth": 1, "status": Status.DIED}, []),
    ("local", IDLE, {"depth": 1}, []),
    ("local", MAP, {}, []),
    ("stack", ATOMIC_UNMAP, {}, []),
    ("stack", ATOMIC_UNMAP, {"windows": ()}, []),
    ("stack", "0 KUNMAP_ATOMIC base=PKMAP reg=1", {"depth": 1}, ["outside-unmap"]),
    ("stack", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", {"windows": entry(0, OTHER)}, []),
    ("stack", ATOMIC_DISORDER, {}, []),
    ("stack", ATOMIC_DISORDER, {"windows": ()}, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), UNMAPPED)
def test_an_unmap_takes_its_own_mapping_away_and_nothing_else(kind, program, changes, names):
    assert found(contract_window.unmapped, run(kind, program).but(**changes)) == names


GONE = (WindowChange(68, 0), WindowChange(69, 0))
OWN = [
    (f"{MAP}; {IDLE}", {}, []),
    (f"{MAP}; {IDLE}", {"windows": entry(0)}, ["own-entry"]),
    (f"{MAP}; {IDLE}", {"windows": entry(0, OTHER)}, ["own-entry"]),
    (f"{MAP}; {IDLE}", {"windows": entry(0), "status": Status.REFUSED}, []),
    (f"{MAP}; {IDLE}", {"windows": entry(0), "status": Status.DIED}, []),
    (f"{TWO}; {IDLE}", {"windows": GONE}, ["own-entry", "own-entry"]),
    (f"{MAP}; {BY_HAND}", {}, []),
    (f"{MAP}; {BY_HAND}; {IDLE}", {}, []),
    (f"{MAP}; {BY_HAND}; 1 NOP; {IDLE}", {"windows": ()}, ["own-entry"]),
    (MAP, {"windows": entry(0, OTHER)}, ["own-entry"]),
    (UNMAP, {"saved": ()}, []),
    (f"{MAP}; {IDLE}", {"depth": 9}, []),
    (f"{MAP}; {IDLE}", {"depth": 2, "windows": entry(1, OTHER)}, []),
    (f"{MAP}; {IDLE}", {"depth": -1, "windows": entry(0)}, []),
]


@pytest.mark.parametrize(("program", "changes", "names"), OWN)
def test_a_running_task_finds_its_mappings(program, changes, names):
    assert found(contract_window.own_entries, run("local", program).but(**changes)) == names


def test_a_new_mapping_over_somebody_elses_entry_is_not_found():
    seen = run("local", f"{IDLE}; {MAP}").after(windows={70: OTHER})
    assert found(contract_window.own_entries, seen) == []
    over = seen.but(depth=3, saved=kept(0, PTE[0]) + kept(2, PTE[1]))
    assert found(contract_window.own_entries, over) == ["own-entry"]


def test_an_entry_that_is_not_there_is_told():
    seen = run("local", f"{MAP}; {IDLE}").but(windows=entry(0))
    assert detail(contract_window.own_entries, seen) == [
        f"entry 68 is 0x0, the task mapped {PTE[0]:#x}"
    ]


def test_with_guards_every_other_entry_is_a_mapping():
    two = run("local-debug", f"{TWO}; {IDLE}")
    assert found(contract_window.own_entries, two) == []
    for index, names in ((0, []), (1, ["own-entry"]), (2, []), (3, ["own-entry"]), (4, [])):
        assert found(contract_window.own_entries, two.but(windows=entry(index, OTHER))) == names


"""``kmap_ctrl.pteval`` up to the depth, which is all that a switch puts back."""


STACK = [
    ("local", MAP, {}, []),
    ("local", LOW, {}, []),
    ("local", UNMAP, {}, []),
    ("local", IDLE, {"depth": 1}, ["depth"]),
    ("local", IDLE, {"depth": 1, "status": Status.BUG}, []),
    ("local", "0 READ base=FIXMAP reg=68", {"depth": 1}, ["depth"]),
    ("local", MAP, {"depth": 0}, ["depth"]),
    ("local", MAP, {"depth": 2}, ["depth"]),
    ("local", UNMAP, {"depth": 1}, ["depth"]),
    ("local", OUTSIDE, {"depth": -1}, ["depth"]),
    ("local", "0 MIGRATE value=1", {"depth": 1}, ["depth"]),
    ("local", UNMAP, {"saved": ()}, []),
    ("local", UNMAP, {"saved": (), "depth": 1, "status": Status.FAULT}, []),
    ("local", f"{MAP}; {IDLE}", {"saved": kept(0, OTHER)}, []),
    ("local", f"{TWO}; {IDLE}", {"saved": kept(1, OTHER)}, []),
    ("local", f"{MAP}; {IDLE}", {"saved": kept(1, OTHER)}, []),
    ("local", IDLE, {"saved": kept(2, OTHER), "depth": -1}, ["depth"]),
    ("local", f"{MAP}; {IDLE}", {"saved": kept(2, OTHER), "depth": 9}, ["depth"]),
    ("local", f"{TWO}; {MAP_THIRD}", {"status": Status.OK, "depth": 3}, ["too-deep"]),
    ("local-debug", MAP, {}, []),
    ("local-debug", UNMAP, {}, []),
    ("local-debug", f"{TWO}; {MAP_THIRD}", {"status": Status.OK, "depth": 6}, ["too-deep"]),
    ("local-debug", TWO, {}, []),
    ("stack", ATOMIC, {}, []),
    ("stack", ATOMIC, {"depth": 0}, ["depth"]),
    ("stack", ATOMIC_UNMAP, {}, []),
    ("stack", "3 MIGRATE value=1", {"depth": 1}, []),
    ("stack", IDLE, {"depth": 1}, ["depth"]),
    ("stack", f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4", {}, []),
    ("stack-debug", DEEP, {}, []),
    (
        "stack-debug",
        f"{DEEP}; 0 KMAP_ATOMIC page=3 reg=4",
        {"status": Status.OK, "depth": 4},
        ["too-deep"],
    ),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), STACK)
def test_the_stack_grows_with_a_mapping_and_shrinks_with_an_unmap(kind, program, changes, names):
    seen = run(kind, program).but(**changes)
    assert found(contract_window.stack, seen) == names
    assert found(contract_window.stack, seen, "depth") == []


ORDER = [
    ("local", DISORDER, {}, {}, []),
    ("local", DISORDER, {"warns": 0}, {}, ["order"]),
    ("local", DISORDER, {"warns": 0}, {"warned": frozenset({"unmap-order"})}, []),
    ("local", DISORDER, {"warns": 0}, {"warned": frozenset({"other"})}, ["order"]),
    ("local", DISORDER, {"warns": 0, "status": Status.BUG}, {}, []),
    ("local", UNMAP, {"warns": 0}, {}, []),
    ("local", UNMAP, {"warns": 0, "cpu": 1}, {}, []),
    ("local", f"{MAP}; 0 KUNMAP_LOCAL reg=1 offset=8", {"warns": 0}, {}, []),
    ("local", OUTSIDE, {"warns": 0}, {}, []),
    (
        "local",
        "0 KUNMAP_LOCAL base=FIXMAP reg=68",
        {"status": Status.OK, "warns": 0},
        {},
        ["order"],
    ),
    ("local", "0 KUNMAP_LOCAL base=FIXMAP reg=67", {"status": Status.OK, "warns": 0}, {}, []),
    (
        "local",
        "0 KUNMAP_LOCAL base=FIXMAP reg=67",
        {"status": Status.OK, "warns": 0},
        {"t0": {"depth": -1}},
        [],
    ),
    ("local", MAP, {"warns": 0}, {}, []),
    ("stack", ATOMIC_DISORDER, {"warns": 0}, {}, []),
    ("stack-debug", ATOMIC_DISORDER, {"warns": 0, "status": Status.OK}, {}, ["order"]),
    ("stack-debug", ATOMIC_UNMAP, {"warns": 0}, {}, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "after", "names"), ORDER)
def test_an_unmap_out_of_order_is_told_once(kind, program, changes, after, names):
    seen = run(kind, program).after(**after).but(**changes)
    assert found(contract_window.order, seen) == names
    assert found(contract_window.order, seen, "warns") == []


def test_at_depth_0_every_unmap_is_out_of_order():
    seen = run("stack", "2 KUNMAP_ATOMIC base=FIXMAP reg=70")
    assert view(*seen).disorder


BOOKS = [
    ("local", IDLE, {"pagefault": 1}, ["pagefault"]),
    ("local", IDLE, {"preempt": 1}, ["preempt"]),
    ("local", IDLE, {"migrate": 1}, ["pinned"]),
    ("local", IDLE, {"pagefault": 1, "preempt": 1, "migrate": 1, "status": Status.REFUSED}, []),
    (
        "local",
        f"{MAP}; {IDLE}",
        {"pagefault": 1, "preempt": 1, "migrate": 0, "status": Status.DIED},
        [],
    ),
    ("local", MAP, {}, []),
    ("local", MAP, {"migrate": 0}, ["pinned"]),
    ("local", MAP, {"migrate": 2}, []),
    ("local", f"{MAP}; {IDLE}", {"migrate": 0}, ["pinned"]),
    ("local", f"{MAP}; {IDLE}", {"migrate": 2}, []),
    ("local", UNMAP, {"migrate": 1}, ["pinned"]),
    ("local", TWO, {"migrate": 1}, []),
    ("local", "0 KUNMAP_LOCAL base=FIXMAP reg=68", {"status": Status.OK, "migrate": 0}, []),
    ("local", f"{MAP}; {IDLE}", {"cpu": 1}, ["moved"]),
    ("local", IDLE, {"cpu": 1}, []),
    ("local", UNMAP, {"cpu": 1}, []),  # it was sent away while it was held, and goes now
    ("local", f"{TWO}; 0 KUNMAP_LOCAL reg=2", {"cpu": 1}, ["moved"]),
    ("local", ATOMIC, {}, []),
    ("local", ATOMIC, {"pagefault": 0}, ["pagefault"]),
    ("local", ATOMIC, {"preempt": 0}, ["preempt"]),
    (
        "local",
        ATOMIC,
        {"status": Status.BUG, "pagefault": 0, "preempt": 0, "migrate": 0},
        ["pinned"],
    ),
    ("local", "0 KMAP_ATOMIC page=4 reg=1", {}, []),
    ("local", ATOMIC_UNMAP, {}, []),
    ("local", ATOMIC_UNMAP, {"pagefault": 1}, ["pagefault"]),
    ("local", "0 PREEMPT_OFF", {}, []),
    ("local", "0 PREEMPT_OFF", {"status": Status.BUG}, ["preempt"]),
    ("local", "0 PREEMPT_OFF; 0 PREEMPT_ON", {}, []),
    ("local", "0 PREEMPT_OFF; 0 PREEMPT_ON", {"preempt": 1}, ["preempt"]),
    ("local", "0 IOMAP page=0 reg=1", {}, []),
    ("local", "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1", {}, []),
    ("local", "0 READ base=FIXMAP reg=68", {}, []),
    ("local", "0 READ base=FIXMAP reg=68", {"migrate": 1}, ["pinned"]),
    ("local-rt", "0 KMAP_ATOMIC page=4 reg=1", {}, []),
    ("local-rt", "0 KMAP_ATOMIC page=4 reg=1", {"migrate": 0}, ["pinned"]),
    ("local-rt", "0 KMAP_ATOMIC page=4 reg=1", {"preempt": 1}, ["preempt"]),
    ("local-rt", "0 KMAP_ATOMIC page=4 reg=1; 0 KUNMAP_ATOMIC reg=1", {}, []),
    ("local-rt", LOW, {"migrate": 1}, ["pinned"]),
    ("local-rt", "0 KMAP page=0 reg=0; 0 KUNMAP_ATOMIC reg=0; 0 KMAP page=0 reg=0", {}, []),
    ("local-rt", MAP, {}, []),
    ("stack", ATOMIC, {}, []),
    ("stack", ATOMIC, {"preempt": 7, "migrate": 7}, []),
    ("stack", "0 PREEMPT_OFF", {"preempt": 7}, []),
    ("stack", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", {}, []),
    ("stack", "0 KUNMAP_ATOMIC base=FIXMAP reg=68", {"pagefault": 0}, ["pagefault"]),
    ("stack", "0 IOMAP page=0 reg=1", {"pagefault": 0}, ["pagefault"]),
    ("stack", "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1", {}, []),
    ("stack-counted", "0 IOMAP page=0 reg=1", {"preempt": 0}, ["preempt"]),
    ("stack-counted", "0 IOMAP page=0 reg=1; 0 IOUNMAP reg=1", {"preempt": 1}, ["preempt"]),
    ("stack-counted", ATOMIC, {"migrate": 3}, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), BOOKS)
def test_sections_open_and_close_and_mappings_pin(kind, program, changes, names):
    assert found(contract_window.bookkeeping, run(kind, program).but(**changes)) == names


@pytest.mark.parametrize("phase", [1, 2])
def test_a_task_that_sleeps_or_is_dead_has_no_books(phase):
    ready = run("local", IDLE).but(pagefault=1, preempt=1, migrate=1)
    gone = ready.after(t0={"phase": Phase(phase)})
    assert found(contract_window.bookkeeping, ready) == ["pagefault", "preempt", "pinned"]
    assert found(contract_window.bookkeeping, ready, tasks=gone.before.tasks) == []
    assert found(contract_window.bookkeeping, gone, tasks=ready.before.tasks) == []


def test_what_is_blind_to_pinning_sees_moves():
    seen = run("local", f"{MAP}; {IDLE}").but(cpu=1, migrate=0)
    assert found(contract_window.bookkeeping, seen) == ["moved", "pinned"]
    assert found(contract_window.bookkeeping, seen, "migrate") == ["moved"]


def test_a_task_that_is_not_pinned_need_not_be_let_go():
    unpinned = run("local", UNMAP).after(t0={"migrate": 0})
    assert found(contract_window.bookkeeping, unpinned.but(migrate=0)) == []
    assert found(contract_window.bookkeeping, unpinned.but(migrate=1)) == ["pinned"]
