"""The pure pieces: archives, command lines, batches, page tables, diagnosis, decoding."""

from contextlib import nullcontext
from itertools import pairwise

import pytest

from harness.architecture.address_space import CpuState
from harness.architecture.i386_page_tables import I386PageTables
from harness.errors import UsageError
from harness.guest import accelerate, cpio, protocol, steps
from harness.guest.batch import BATCH_USUAL, batches
from harness.guest.failure import QemuExitedError, WireError
from harness.guest.health import Sample, Silence, judge
from harness.guest.pending_answer import LinkStatistics
from harness.guest.protocol import RequestType
from harness.guest.qemu import Channels, QemuMachine, arguments, command_line
from harness.guest.request_script import (
    RESET,
    STOP,
    OtherPathError,
    ReplayCarrier,
    RequestRecorder,
)
from harness.guest.shape import Accelerator, Shape, Wire
from harness.model.records.observation import Completion, SlotChange
from harness.model.records.operation import OpCode, Operation
from tests.guest.fake_agent import observation


def test_archives_are_sorted_and_reproducible():
    members = [cpio.regular("b/c", b"12345"), cpio.regular("a", b""), cpio.symlink("z", "a")]
    archive = cpio.pack(members)
    assert archive == cpio.pack(reversed(members))
    assert [
        archive.index(name) for name in (b"a\0", b"b\0", b"b/c\0", b"z\0", b"TRAILER!!!\0")
    ] == sorted(
        archive.index(name) for name in (b"a\0", b"b\0", b"b/c\0", b"z\0", b"TRAILER!!!\0")
    )
    assert len(archive) % 4 == 0


CHANNELS = Channels("socket,fd=3", "socket,fd=4", "socket,fd=5", "/proc/self/fd/6")


def machine(tmp_path, **shape):
    return QemuMachine(Shape(**shape), tmp_path / "vmlinux", tmp_path / "initrd", ("virtio",))


def test_the_command_line_is_a_function_of_its_records(tmp_path):
    first, again = (arguments(machine(tmp_path, smp=3), CHANNELS) for _ in range(2))
    assert first == again
    assert "3,sockets=3,cores=1,threads=1" in first
    serial = arguments(machine(tmp_path, wire=Wire.SERIAL), CHANNELS)
    assert ("-serial", "chardev:wire") in pairwise(serial)


def test_kernel_parameters(tmp_path):
    assert "mitigations=off" in command_line(machine(tmp_path))
    assert "pti=on" in command_line(machine(tmp_path, pti=True))
    assert "acpi=off" in command_line(machine(tmp_path, smp=2))
    assert "acpi=off" not in command_line(machine(tmp_path, accelerator=Accelerator.KVM))
    assert "nokaslr" not in command_line(machine(tmp_path, kaslr=True, highmem=None))


@pytest.mark.parametrize(
    "wrong",
    [{"smp": 0}, {"smp": 33}, {"memory": 8}, {"memory": 256, "highmem": 192}, {"kaslr": True}],
)
def test_impossible_shapes(wrong):
    with pytest.raises(UsageError):
        Shape(**wrong)


def test_batches_do_not_cut_atomic_sections():
    section = [
        Operation(OpCode.KMAP_ATOMIC),
        *[Operation(OpCode.NOP)] * 6,
        Operation(OpCode.KUNMAP_ATOMIC),
    ]
    program = section * 200
    parts = list(batches(program))
    assert [operation for part in parts for operation in part] == program
    assert all(len(part) % len(section) == 0 for part in parts)
    assert len(parts) == -(-len(program) // BATCH_USUAL)


def test_an_endless_atomic_section_is_refused():
    with pytest.raises(UsageError):
        list(
            batches(
                [
                    Operation(OpCode.IRQ_OFF),
                    *[Operation(OpCode.NOP)] * 5000,
                    Operation(OpCode.IRQ_ON),
                ]
            )
        )


def sample(at, cpu, *registers, stolen=0.0):
    return Sample(at, cpu, stolen, tuple(registers))


TABLES = I386PageTables(0x1000, True)


def cpu(number=0, instruction=0xC1000000, interrupts=True, halted=False):
    return CpuState(number, instruction, interrupts, halted, True, TABLES)


@pytest.mark.parametrize(
    ("used", "register", "expected"),
    [
        (1.0, cpu(interrupts=False), Silence.LOOPING),
        (1.0, cpu(), Silence.BUSY),
        (0.05, cpu(), Silence.STARVED),
        (0.05, cpu(interrupts=False), Silence.STARVED),
        (0.02, cpu(halted=True), Silence.IDLE),
        (0.02, cpu(halted=True, interrupts=False), Silence.LOOPING),
    ],
)
def test_silences_are_told_apart(used, register, expected):
    samples = [sample(at / 10, used * at / 10, register, cpu(1, halted=True)) for at in range(11)]
    assert judge(samples).silence is expected


def test_deltas_are_sorted_into_kinds():
    deltas = [
        (steps.DELTA_PKMAP, 0, 9, 2, 0x8000000000000163, 0xFF009000),
        (steps.DELTA_PKMAP, 0, 3, 1, 0x163, 0xFF003000),
        (steps.DELTA_WINDOW, 0, 70, 0, 0x163, 0),
        (steps.DELTA_PTEVAL, 0, 2, 0, 0, 0),
        (steps.DELTA_DONE, 4, 0, 17, 0xFF001000, 0xFF001000),
        (steps.DELTA_DEAD, 5, 0, 0, 0, 0),
    ]
    data, chain = observation(steps.Chain(0, 0), code=1, task=2, value=3, deltas=deltas)
    (record,), after = steps.decode_steps(data, steps.Chain(0, 0))
    seen = record.observation
    assert after == chain
    assert seen.slots == (
        SlotChange(3, 1, 0x163, 0xFF003000),
        SlotChange(9, 2, 0x8000000000000163, 0xFF009000),
    )
    assert (seen.windows, seen.saved, seen.dead) == (((70, 0x163),), ((2, 0),), (5,))
    assert seen.done == (Completion(4, 0xFF001000, 0xFF001000),)
    assert record.done_steps == (17,)


@pytest.mark.parametrize("at", [0, 5, 8, 30, 55, 59, 61, 66, 83])
def test_any_changed_byte_is_noticed(at):
    data, _ = observation(
        steps.Chain(0, 0), code=1, deltas=[(steps.DELTA_PKMAP, 0, 3, 1, 0x163, 0)]
    )
    wrong = bytearray(data)
    wrong[at] ^= 1
    with pytest.raises(WireError):
        steps.decode_steps(bytes(wrong), steps.Chain(0, 0))


def test_a_lost_or_repeated_step_is_noticed():
    first, chain = observation(steps.Chain(0, 0))
    second, _ = observation(chain)
    for body in (second, first + first, first[:40]):
        with pytest.raises(WireError):
            steps.decode_steps(body, steps.Chain(0, 0))


def test_kvm_needs_a_probe_that_boots(tmp_path, monkeypatch):
    def never(shape):
        raise QemuExitedError("no")

    wanted = Shape(accelerator=Accelerator.KVM)
    monkeypatch.setattr(accelerate, "DEVICE", tmp_path)
    shape, told = accelerate.usable(wanted, never)
    assert shape.accelerator is Accelerator.TCG
    assert "probe guest" in told
    assert accelerate.usable(wanted, lambda _: nullcontext()) == (wanted, "")
    monkeypatch.setattr(accelerate, "DEVICE", tmp_path / "kvm")
    assert "no " in accelerate.usable(wanted, never)[1]


def test_memory_above_4_gib_gets_the_address_lines_and_the_emulator_for_it(tmp_path):
    large = arguments(machine(tmp_path, memory=5120, highmem=None), CHANNELS)
    assert any(word.endswith(",+pse36") for word in large)
    assert "qemu-system-x86_64" in large
    assert "qemu-system-i386" in arguments(machine(tmp_path), CHANNELS)


class Nowhere:
    """A carrier that takes everything and answers nothing."""

    statistics = LinkStatistics()

    def submit(self, payload):
        return len(payload)


def test_a_script_is_played_in_its_order_only():
    played = ReplayCarrier(Nowhere(), (b"first", b"second"))
    assert played.submit(b"first")
    with pytest.raises(OtherPathError, match="request 1 of 2"):
        played.submit(b"third")
    with pytest.raises(OtherPathError, match="request 2 of 2"):
        played.submit(b"second")


def recorded(*programs):
    """A recorder that has seen *programs*, each followed by a look from outside and a reset."""
    recorder = RequestRecorder(Nowhere())
    for operations in programs:
        recorder.submit(protocol.request(RequestType.RUN, protocol.encode_operations(operations)))
        recorder.stop()
        recorder.submit(RESET)
    return recorder.script()


def test_a_script_stops_once_where_it_was_looked_at_last():
    plain = [Operation(OpCode.KMAP, page=1)]
    script = recorded(plain, plain)
    assert [one == STOP for one in script] == [False, False, False, True, False]
    played = ReplayCarrier(Nowhere(), script)
    assert not played.stops_next
    for one in script[:3]:
        played.submit(one)
    assert played.stops_next


def test_a_typed_window_at_the_end_is_not_looked_at():
    """Its address is each guest's own."""
    plain, typed = [Operation(OpCode.KMAP, page=1)], [Operation(OpCode.TYPED_MAP, page=1)]
    assert STOP in recorded(typed, plain)
    assert STOP not in recorded(plain, typed)
