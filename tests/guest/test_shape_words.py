"""Machine shapes as words."""

import pytest

from harness.errors import UsageError
from harness.guest.qemu import Channels, QemuMachine, arguments
from harness.guest.shape import Accelerator, Shape, Wire, isolating
from harness.guest.shape_words import describe_shape, parse_shape, with_memory


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", Shape()),
        ("smp=4", Shape(smp=4)),
        ("smp=1, memory=512", Shape(smp=1, memory=512, highmem=256, memory_chosen=True)),
        ("memory=5120", Shape(memory=5120, highmem=None, memory_chosen=True)),
        ("memory=512,highmem=100", Shape(memory=512, highmem=100, memory_chosen=True)),
        ("highmem=auto", Shape(highmem=None, memory_chosen=True)),
        ("pti,kaslr", isolating(Shape(kaslr=True, memory=1536, highmem=None, memory_chosen=True))),
        ("wire=serial,accel=kvm", Shape(wire=Wire.SERIAL, accelerator=Accelerator.KVM)),
        (
            "variant=3,kaslr",
            Shape(variant=3, kaslr=True, memory=1536, highmem=None, memory_chosen=True),
        ),
        ("cpu=486", Shape(cpu="486")),
    ],
)
def test_words_make_a_shape(text, shape):
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text", ["smp", "smp=two", "pti=maybe", "kaslr=0", "cpu=", "speed=3", "=", "wire=", "smp=1,,x"]
)
def test_a_word_that_is_none_is_named(text):
    with pytest.raises(UsageError, match="does not describe a machine") as caught:
        parse_shape(text)
    assert "smp=N" in caught.value.hint


def test_the_rest_comes_from_the_base():
    assert parse_shape("smp=8", Shape(memory=512, highmem=256)) == Shape(
        smp=8, memory=512, highmem=256
    )


def test_a_large_memory_is_split_by_the_kernel():
    assert with_memory(Shape(), 1024).highmem == 512
    assert with_memory(Shape(), 2048).highmem is None


def test_memory_above_4_gib_is_split_off_by_the_machine(tmp_path):
    shape = parse_shape("memory=320,below=192")
    assert (shape.highmem, shape.above_4g, shape.memory_chosen) == (None, True, True)
    assert shape.ram.offset(0x1_0000_0000, 320 << 20) == 192 << 20
    assert shape.ram.offset(192 << 20, 320 << 20) is None
    line = arguments(
        QemuMachine(shape, tmp_path / "vmlinux", tmp_path / "initrd"), Channels("", "", "", "")
    )
    assert "pc,memory-backend=ram,max-ram-below-4g=192M" in line
    assert line[0] == "qemu-system-x86_64"
    assert "320 MiB, 128 of them above 4 GiB" in describe_shape(shape)
    with pytest.raises(UsageError, match="320 of 320 MiB of memory below 4 GiB"):
        parse_shape("memory=320,below=320")
