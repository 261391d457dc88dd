"""The contract of one entry for each type, rule by rule: of the typed generation and of the
module's window.
"""

import pytest

from harness.model.contract import contract_pkmap, contract_typed
from harness.model.records.observation import Status, WindowChange
from tests.model.judged import check, found, run
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("contract")

MACHINE = of_kind("local")
LAYOUT = MACHINE.layout
PTE = tuple(MACHINE.pte(page, 0) for page in range(5))
FIRST = 0x8000
"""The module's window: 13 types for each of two CPUs, then 19 (``model.km_type``)."""

PUT = "0 TYPED_MAP page=0 reg=1 value=3"
TAKE = f"{PUT}; 0 TYPED_UNMAP reg=1 value=3"
MAP = "0 KMAP_ATOMIC page=0 reg=1 value=3"
UNMAP = f"{MAP}; 0 KUNMAP_ATOMIC reg=1 value=3"
WRONG = f"{MAP}; 0 KUNMAP_ATOMIC reg=1 value=2"
LATER = "2 TYPED_MAP page=0 reg=1 value=0x112"


def entry(index, pte=0):
    return (WindowChange(index, pte),)


AGREED = {
    "local": (
        PUT,
        TAKE,
        f"{PUT}; 0 TYPED_UNMAP reg=1 value=2",
        f"{PUT}; {PUT}",
        "2 TYPED_MAP page=0 reg=1 value=3",
        LATER,
        f"{LATER}; 2 TYPED_UNMAP reg=1 value=0x112",
        "0 TYPED_MAP page=4 reg=1 value=3",
        "0 KMAP_LOCAL page=0 reg=1",
        f"{PUT}; 0 TYPED_UNMAP reg=1 offset=8 value=3",
        "0 KMAP_LOCAL page=0 reg=1; 0 KUNMAP_LOCAL reg=1",
    ),
    "stack": (PUT, TAKE, MAP, UNMAP),
    "typed": (
        PUT,
        TAKE,
        MAP,
        UNMAP,
        WRONG,
        f"{MAP}; {MAP}",
        "0 KMAP_ATOMIC page=4 reg=1 value=3",
        f"{UNMAP}; {MAP}",
        "0 KMAP_ATOMIC_PFN page=4 reg=1 value=3",
        f"{MAP}; 0 KMAP_ATOMIC_PFN page=1 reg=1 value=3",
        "0 KMAP_ATOMIC_PROT page=0 reg=1 value=3 prot=RO",
        "2 KMAP_ATOMIC page=0 reg=1 value=3",
    ),
    "typed-debug": (MAP, UNMAP, WRONG, "2 KMAP_ATOMIC page=0 reg=1 value=3"),
}


@pytest.mark.parametrize(
    ("kind", "program"), [(kind, one) for kind, some in AGREED.items() for one in some]
)
def test_what_the_model_says_keeps_every_rule(kind, program):
    assert check(*run(kind, program)) == ()


PLACES = [
    ("local", PUT, {"value": LAYOUT.fixaddr(FIRST + 4)}, ["typed-place"]),
    ("local", PUT, {"value": 0, "status": Status.FAULT}, []),
    ("local", PUT, {"windows": ()}, ["typed-pte"]),
    ("local", PUT, {"windows": entry(FIRST + 3, PTE[1])}, ["typed-pte"]),
    ("local", f"{PUT}; {PUT}", {"status": Status.OK}, ["typed-place", "typed-in-use"]),
    (
        "local",
        f"{PUT}; {PUT}",
        {"status": Status.OK, "value": LAYOUT.fixaddr(FIRST + 3)},
        ["typed-in-use"],
    ),
    ("local", "0 TYPED_MAP page=4 reg=1 value=3", {"value": 0}, []),
    (
        "local",
        "2 TYPED_MAP page=0 reg=1 value=3",
        {"value": LAYOUT.fixaddr(FIRST + 3)},
        ["typed-place"],
    ),
    ("local", LATER, {"value": LAYOUT.fixaddr(FIRST + 18)}, ["typed-place"]),
    ("local", "0 KMAP_ATOMIC page=0 reg=1", {"value": 0}, []),
    ("stack", MAP, {"value": 0}, []),
    ("typed", "0 NOP page=0", {"value": 5}, []),
    ("typed", MAP, {"value": LAYOUT.fixaddr(70)}, ["typed-place"]),
    ("typed-debug", MAP, {"value": LAYOUT.fixaddr(71)}, ["typed-place"]),
    ("typed", MAP, {"value": 0, "status": Status.DIED}, []),
    ("typed", f"{MAP}; 0 KMAP_ATOMIC_PFN page=1 reg=1 value=3", {}, []),
    ("typed", "0 KMAP_ATOMIC_PFN page=4 reg=1 value=3", {"value": 0}, ["typed-place"]),
    ("typed", "0 KMAP_ATOMIC_PROT page=0 reg=1 value=3 prot=RO", {"value": 0}, ["typed-place"]),
    ("typed", UNMAP, {"value": 5}, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), PLACES)
def test_a_mapping_lies_on_the_entry_of_its_type(kind, program, changes, names):
    assert found(contract_typed.place, run(kind, program).but(**changes)) == names


STAYS = entry(70, PTE[1])
UNMAPPED = [
    ("local", TAKE, {"windows": ()}, ["typed-mapped"]),
    ("local", TAKE, {"windows": (), "status": Status.REFUSED}, []),
    ("local", TAKE, {"windows": entry(FIRST + 3) + STAYS}, []),  # the task's own come back
    (
        "local",
        f"{PUT}; 0 TYPED_UNMAP reg=1 value=2",
        {"windows": entry(FIRST + 3)},
        ["typed-other"],
    ),
    (
        "local",
        f"{PUT}; 0 TYPED_UNMAP reg=1 value=2",
        {"windows": entry(FIRST + 2)},
        ["typed-other"],
    ),
    ("local", f"{PUT}; 0 TYPED_UNMAP reg=1 offset=8 value=3", {"windows": ()}, ["typed-mapped"]),
    ("local", "0 KMAP_LOCAL page=0 reg=1; 0 KUNMAP_LOCAL reg=1", {}, []),
    ("local", PUT, {}, []),
    ("typed", UNMAP, {"windows": ()}, ["typed-mapped"]),
    ("typed", UNMAP, {"windows": (), "status": Status.DIED}, []),
    ("typed", WRONG, {"windows": entry(71)}, ["typed-other"]),
    ("typed", f"{MAP}; 0 KMAP_ATOMIC page=1 reg=2 value=2; 0 KUNMAP_ATOMIC reg=1 value=2", {}, []),
    ("typed", MAP, {"windows": entry(71, PTE[0]) + STAYS}, []),
    ("typed", "0 NOP", {"windows": STAYS}, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), UNMAPPED)
def test_an_unmap_takes_the_entry_of_its_type_only(kind, program, changes, names):
    assert found(contract_typed.unmapped, run(kind, program).but(**changes)) == names


def test_with_debug_an_unmap_may_be_a_bug_and_nothing_else():
    for program, names in (
        (WRONG, []),
        ("0 NOP", ["ending"]),
        ("0 KMAP page=0 reg=1", ["ending"]),
    ):
        seen = run("typed-debug", program).but(status=Status.DIED)
        assert found(contract_pkmap.ending, seen) == names


BUG = {"status": Status.BUG}
BUGS = [
    ("local", f"{PUT}; {PUT}", {}, []),
    ("local", PUT, BUG, ["typed-bug"]),
    ("local", f"{PUT}; 0 TYPED_MAP page=1 reg=2 value=2", BUG, ["typed-bug"]),
    ("local", TAKE, BUG, ["typed-bug"]),
    ("local", PUT, {}, []),
    ("local", "0 NOP", BUG, []),
    ("typed", MAP, BUG, []),
]


@pytest.mark.parametrize(("kind", "program", "changes", "names"), BUGS)
def test_only_a_type_in_use_is_a_bug_of_the_module_s_window(kind, program, changes, names):
    assert found(contract_typed.bug, run(kind, program).but(**changes)) == names
