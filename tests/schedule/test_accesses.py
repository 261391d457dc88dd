"""Gates of the level memory: accesses that other threads may share, and no others."""

import pytest

pytest.importorskip("capstone")

from harness.architecture.i386 import I386
from harness.guest.gate_wire import GATE, GateFlag, GateKind, GatePart, encode_gates
from harness.schedule.gate_finder import GateLevel
from tests.schedule.test_gate_finder import found

TABLE = 0xC1EE_0220
DISPLACEMENT = TABLE.to_bytes(4, "little")
LOAD = b"\x8b\x0c\x85" + DISPLACEMENT  # mov ecx, [eax*4 + TABLE]
STORE = b"\x89\x51\x04"  # mov [ecx + 4], edx
FRAME = b"\x55\x89\xe5"  # push ebp; mov ebp, esp
OF_THE_FRAME = b"\x8b\x45\xfc"  # mov eax, [ebp - 4]


def accesses(code):
    return I386.find_calls(code + b"\xc3", 0xC100_0000, "f").accesses


def test_an_access_is_known_by_its_place_and_its_operand():
    first, second = accesses(LOAD + STORE)
    assert (str(first), first.code, first.operand) == ("f+0x0", LOAD, (TABLE, 0, 1, 4))
    assert (str(second), second.words) == ("f+0x7", "mov dword ptr [ecx + 4], edx")
    assert second.operand == (4, 2, 0, 1)


@pytest.mark.parametrize(
    "code",
    [
        b"\x8b\x44\x24\x04",  # mov eax, [esp + 4]
        b"\x64\xa1" + DISPLACEMENT,  # mov eax, fs:[...]: of the CPU
        b"\x8d\x41\x04",  # lea eax, [ecx + 4]
        b"\x0f\x1f\x40\x00",  # nop [eax]
        b"\xf3\xab",  # rep stosd
        b"\xff\x15" + DISPLACEMENT,  # call [...]
        FRAME + OF_THE_FRAME,
    ],
)
def test_the_stack_and_what_is_the_cpus_own_are_no_accesses(code):
    assert accesses(code) == ()


def test_ebp_is_a_register_like_others_in_a_function_without_a_frame():
    assert [one.operand for one in accesses(OF_THE_FRAME)] == [(0xFFFF_FFFC, 6, 0, 1)]


def test_each_access_is_a_gate_at_that_level_only():
    functions = {"kunmap_high": ("lock", "_raw_spin_lock", LOAD, "_raw_spin_unlock")}
    every = found(GateLevel.MEMORY, **functions).gates
    (gate,) = (one for one in every if one.kind is GateKind.ACCESS)
    assert (gate.place, gate.flags) == ("kunmap_high+0xa", GateFlag.BEFORE)
    assert gate.part is GatePart.PKMAP
    assert gate.address == (TABLE, 0, 1, 4)
    for level in (GateLevel.LOCK, GateLevel.CALL):
        assert all(one.kind is not GateKind.ACCESS for one in found(level, **functions).gates)
    packed = GATE.unpack(encode_gates((gate,)))
    assert packed[3] == len(LOAD)
    assert packed[-4:] == gate.address
