"""The rate that guests are told of their TSC."""

import pytest

from harness.architecture.i386_clock import UNKNOWN, host_tsc_khz, tsc_khz
from harness.guest.qemu import QemuMachine, command_line
from harness.guest.shape import Shape


@pytest.mark.parametrize(
    ("bogomips", "khz"), [("5192.27", 2_600_000), ("4600.00", 2_300_000), ("7984.81", 4_000_000)]
)
def test_bogomips_of_an_x86_are_two_cycles_of_its_tsc(bogomips, khz):
    assert tsc_khz(f"cpu MHz\t\t: 3700.012\nbogomips\t: {bogomips}\n") == khz


def test_an_unknown_rate_is_not_told(tmp_path):
    assert tsc_khz("Processor\t: something else\n") == UNKNOWN
    words = command_line(
        QemuMachine(Shape(tsc_khz=UNKNOWN), tmp_path / "kernel", tmp_path / "initrd")
    )
    assert "tsc_early_khz" not in words
    assert "lpj" not in words


def test_another_processor_counts_something_else(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert host_tsc_khz.__wrapped__() == UNKNOWN


def test_guests_are_told_the_hosts_rate(tmp_path):
    words = command_line(
        QemuMachine(Shape(tsc_khz=2_600_000), tmp_path / "kernel", tmp_path / "initrd")
    )
    assert "tsc_early_khz=2600000" in words
    assert "lpj=10400000" in words
