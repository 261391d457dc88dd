"""Numbers of operations and observations are those of kmod/protocol.h; what need not be said has
its default.
"""

import re
from pathlib import Path

import pytest

from harness.model.records.observation import ASLEEP, Observation, Status
from harness.model.records.operation import NO_PAGE, WITH_PROT, Base, OpCode, Operation, Prot
from harness.model.records.page import PageKind

pytestmark = pytest.mark.judges("operation", "observation", "page")

_HEADERS = sorted((Path(__file__).parents[2] / "kmod").glob("protocol*.h"))
HEADER = "".join(path.read_text() for path in _HEADERS)


@pytest.mark.parametrize(
    ("enum", "name", "prefix"),
    [
        (OpCode, "kmh_opcode", "KMH_OP_"), (Base, "kmh_base", "KMH_BASE_"),
        (Prot, "kmh_prot", "KMH_PROT_"),
        (Status, "kmh_status", "KMH_ST_"), (PageKind, "kmh_pool_kind", "KMH_POOL_"),
    ],
)  # fmt: skip
def test_numbers_are_those_of_the_header(enum, name, prefix):
    body = HEADER.partition(f"enum {name} {{")[2].partition("};")[0]
    defined = {word: int(number) for word, number in re.findall(rf"{prefix}(\w+) = (\d+)", body)}
    assert defined
    assert {word: member.value for word, member in enum.__members__.items()} == defined


def test_no_page_is_that_of_the_header():
    assert int(re.search(r"KMH_NO_PAGE\t+(\w+)", HEADER)[1], 0) == NO_PAGE


def test_an_operation_needs_no_operands():
    assert Operation(OpCode.NOP) == (OpCode.NOP, 0, NO_PAGE, 0, Prot.KERNEL, Base.REG, 0, 0)


def test_an_observation_need_not_have_changes():
    changes = {"slots", "windows", "saved", "done", "dead", "interrupts", "checkpoints"}
    assert Observation._field_defaults == dict.fromkeys(changes, ())


def test_which_operations_take_a_protection_and_what_is_sleep():
    assert {code.name for code in WITH_PROT} == {"KMAP_ATOMIC_PROT", "KMAP_LOCAL_PROT", "IOMAP"}
    assert {status.name for status in ASLEEP} == {"BLOCKED", "INTERRUPTIBLE"}
