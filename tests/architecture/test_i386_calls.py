"""The calls of a function: direct, by pointer, for good; what the first argument is set to."""

import pytest

pytest.importorskip("capstone")

from harness.architecture.i386 import I386

START = 0xC100_0000


def scan(text):
    return I386.find_calls(bytes.fromhex(text), START, "f")


def test_a_call_has_its_target_and_the_constant_before_it():
    (call,) = scan("b8 00 10 00 c0 e8 f6 00 00 00 c3").calls
    assert (call.offset, call.target, call.argument) == (5, START + 0x100, 0xC000_1000)
    assert str(call) == "f+0x5"
    assert call.code == bytes.fromhex("e8 f6 00 00 00")


def test_the_argument_of_a_call_is_not_that_of_the_next():
    first, second = scan("b8 00 10 00 c0 e8 f6 00 00 00 e8 f1 00 00 00 c3").calls
    assert (first.argument, second.argument) == (0xC000_1000, None)


@pytest.mark.parametrize("between", ["89 f8", "31 c0", "8b 03"])
def test_an_argument_that_is_computed_is_no_constant(between):
    (call,) = scan(f"b8 00 10 00 c0 {between} e8 f6 00 00 00 c3").calls
    assert call.argument is None


def test_a_call_by_pointer_has_the_place_of_the_pointer():
    (call,) = scan("ff 15 00 10 00 c0 c3").calls
    assert (call.indirect, call.target, len(call.code)) == (True, 0xC000_1000, 6)


def test_a_jump_out_of_the_function_is_a_call_and_one_inside_is_not():
    (call,) = scan("74 02 eb 00 e9 f7 00 00 00").calls
    assert call.tail
    assert call.target == START + 0x100


def test_atomic_instructions_are_named():
    assert scan("f0 0f b1 19 87 01 90 c3").atomic == ("f+0x0", "f+0x4")


def test_code_that_is_cut_is_not_whole():
    assert scan("90 c3").whole
    assert not scan("90 e8 00").whole
