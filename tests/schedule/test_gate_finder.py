"""Gates are found in any text; a place without a gate where a thread may wait is refused."""

from types import SimpleNamespace

import pytest

pytest.importorskip("capstone")

from harness.architecture.i386 import I386
from harness.guest.gate_wire import GateFlag, GateKind, GatePart
from harness.kernel.kernel_text import CodeSection, KernelText
from harness.schedule.gate_finder import GateLevel, NoGatesError, gates_of

START = 0xC100_0000
LOCK = 0xC180_0000
PV_OPS = 0xC190_0000
SIZE = 0x40
KERNEL = SimpleNamespace(release="1.0", architecture=I386)
CALLEES = (
    "_raw_spin_lock",
    "_raw_spin_unlock",
    "schedule",
    "flush_tlb_kernel_range",
    "add_wait_queue",
    "mutex_lock",
    "rt_spin_lock",
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "synchronize_rcu",
    "elsewhere",
)
CALL, JUMP = 0xE8, 0xE9
PLAIN = {
    "kmap_high": ("lock", "_raw_spin_lock", "add_wait_queue", "_raw_spin_unlock", "schedule"),
    "kunmap_high": ("lock", "_raw_spin_lock", "lock", "_raw_spin_unlock"),
    "page_address": ("_raw_spin_lock", "_raw_spin_unlock"),
}


def text(functions):
    """A kernel's text: each function is a list of what it calls; "lock" sets the argument."""
    names = (*functions, *(name for name in CALLEES if name not in functions))
    symbols = {name: START + SIZE * number for number, name in enumerate(names)}
    code = b"".join(
        assembled(functions.get(name, ()), symbols, symbols[name]).ljust(SIZE, b"\x90")
        for name in names
    )
    data = {"kmap_lock": LOCK, "pv_ops": PV_OPS}
    return KernelText((CodeSection(START, code),), {**symbols, "_etext": START + len(code)}, data)


def assembled(words, symbols, address):
    code = b""
    for word in words:
        if isinstance(word, bytes):
            code += word
        elif word == "lock":
            code += b"\xb8" + LOCK.to_bytes(4, "little")
        elif word == "by pointer":
            code += b"\xff\x15" + (PV_OPS + 8).to_bytes(4, "little")
        else:
            jump = word.startswith("jump ")
            target = symbols[word.removeprefix("jump ")]
            distance = (target - address - len(code) - 5) & 0xFFFF_FFFF
            code += bytes([JUMP if jump else CALL]) + distance.to_bytes(4, "little")
    return code + b"\xc3"


def found(level=GateLevel.LOCK, **changes):
    return gates_of(KERNEL, text({**PLAIN, **changes}), level)


def test_locks_sleeps_and_releases_are_gates():
    gates = found().gates
    assert [(one.place, one.kind) for one in gates if one.place.startswith("kmap_high")] == [
        ("kmap_high+0x5", GateKind.ACQUIRE),
        ("kmap_high+0xf", GateKind.RELEASE),
        ("kmap_high+0x14", GateKind.SCHEDULE),
    ]
    assert [one.offset for one in gates] == sorted(one.offset for one in gates)


def test_only_what_takes_kmap_lock_is_a_section():
    marked = {one.place for one in found().gates if one.flags & GateFlag.SECTION}
    assert marked == {"kmap_high+0x5", "kunmap_high+0x5"}


def test_the_table_of_page_address_has_gates_that_can_be_left_out():
    gates, pkmap = found(), {GatePart.PKMAP}
    assert {one.place for one in gates.gates} - {one.place for one in gates.armed(pkmap)}
    assert all("page_address" not in one.place for one in gates.armed(pkmap))


def test_an_interrupt_also_comes_between_a_lock_and_its_release():
    plain = found().armed({GatePart.PKMAP})
    for before, after in zip(plain, found().armed({GatePart.PKMAP}, interrupts=True), strict=True):
        taken = before.kind is GateKind.ACQUIRE
        assert after.flags == before.flags | (GateFlag.AFTER if taken else 0)


def test_what_maps_in_windows_has_a_gate_at_each_call():
    gates = found(kunmap_local_indexed=("elsewhere", "flush_tlb_kernel_range")).gates
    local = [one for one in gates if one.part is GatePart.LOCAL]
    assert [one.kind for one in local] == [GateKind.CALL, GateKind.FLUSH]


def test_every_call_is_a_gate_at_that_level():
    callees = {one.callee for one in found(GateLevel.CALL).gates}
    assert "add_wait_queue" in callees
    assert "add_wait_queue" not in {one.callee for one in found().gates}


def test_an_unlock_that_a_hypervisor_may_replace_is_a_release():
    gates = found(kunmap_high=("lock", "_raw_spin_lock", "by pointer")).gates
    (one,) = (gate for gate in gates if gate.flags & GateFlag.INLINE)
    assert (one.kind, len(one.code)) == (GateKind.RELEASE, 6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"page_address": ("mutex_lock",)}, "page_address+0x0 calls mutex_lock"),
        ({"kunmap_high": ("rt_spin_lock",)}, "kunmap_high+0x0 calls rt_spin_lock"),
        ({"page_address": ("synchronize_rcu",)}, "page_address+0x0 calls synchronize_rcu"),
        ({"page_address": ("jump _raw_spin_lock",)}, "page_address+0x0 jumps to _raw_spin_lock"),
        ({"elsewhere": ("lock", "_raw_spin_lock")}, "elsewhere+0x5 takes kmap_lock, too"),
    ],
)
def test_a_place_where_threads_wait_without_a_gate_is_refused(changes, words):
    with pytest.raises(NoGatesError) as refused:
        found(**changes)
    assert words in refused.value.message


def test_a_reader_of_rcu_waits_for_nobody():
    gates = found(page_address=("__rcu_read_lock", "__rcu_read_unlock")).gates
    assert not [one for one in gates if one.place.startswith("page_address")]


def test_a_function_that_is_not_there_is_refused():
    functions = {name: calls for name, calls in PLAIN.items() if name != "kmap_high"}
    with pytest.raises(NoGatesError, match="no kmap_high"):
        gates_of(KERNEL, text(functions), GateLevel.LOCK)


def test_a_release_by_a_jump_has_no_gate_and_is_named():
    ungated = found(page_address=("_raw_spin_lock", "jump _raw_spin_unlock")).ungated
    assert ungated == ("page_address+0x5: a jump to _raw_spin_unlock",)


def test_a_helper_of_the_same_file_is_followed():
    """A patch may move the lock into a new function between those that are known."""
    functions = {
        "kmap_high": ("helper",),
        "helper": ("lock", "_raw_spin_lock", "_raw_spin_unlock"),
        "kunmap_high": PLAIN["kunmap_high"],
    }
    gates = gates_of(KERNEL, text(functions), GateLevel.LOCK).gates
    assert "helper+0x5" in {one.place for one in gates}
