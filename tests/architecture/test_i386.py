"""i386 page tables in a guest's memory, and what its registers say."""

import struct

import pytest

from harness.architecture.address_space import CpuState
from harness.architecture.i386_page_tables import I386PageTables
from harness.architecture.i386_registers import read_registers, why_boot_stopped

TABLES = I386PageTables(0x1000, True)


class Ram:
    """Physical memory of 64 KiB for tests of page tables."""

    def __init__(self):
        self.data = bytearray(1 << 16)

    def put(self, address, layout, value):
        struct.pack_into(layout, self.data, address, value)

    def read(self, address, length):
        if address + length > len(self.data):
            raise LookupError(hex(address))
        return bytes(self.data[address : address + length])

    def word(self, address, layout):
        return layout.unpack(self.read(address, layout.size))[0]


def test_two_levels():
    ram, tables = Ram(), I386PageTables(0x1000, False)
    ram.put(0x1000 + (0xFEC00000 >> 22) * 4, "<I", 0x2063)
    ram.put(0x2000 + 5 * 4, "<I", 0x5163)
    ram.put(0x1000 + (0xC0000000 >> 22) * 4, "<I", 0x1E3)
    assert tables.entries(ram, 0xFEC04000, 3) == (0, 0x5163, 0)
    assert tables.translate(ram, 0xFEC05123) == 0x5123
    assert tables.translate(ram, 0xC0100010) == 0x100010
    assert tables.translate(ram, 0xFEC06000) is None
    with pytest.raises(LookupError):
        tables.read(ram, 0xFEC05FFE, 4)


def test_three_levels_and_entries_over_two_tables():
    ram, tables = Ram(), I386PageTables(0x1020, True)
    ram.put(0x1020 + 3 * 8, "<Q", 0x2001)
    for table in (0, 1):
        ram.put(0x2000 + ((0xFF000000 >> 21 & 511) + table) * 8, "<Q", 0x3063 + table * 0x1000)
    ram.put(0x3000 + 511 * 8, "<Q", 0x8000000123456163)
    ram.put(0x4000, "<Q", 0x7163)
    assert tables.entries(ram, 0xFF1FF000, 2) == (0x8000000123456163, 0x7163)
    assert tables.translate(ram, 0xFF1FF00C) == 0x12345600C


def test_registers_are_read():
    text = "\nCPU#0\nEIP=c192fcf3 EFL=00200202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\n" + (
        "CR0=80050033 CR2=0 CR3=02c94ce0 CR4=000006a0\n\n"
        "CPU#1\nEIP=1 EFL=46 HLT=0\nCR3=2000 CR4=680\n"
    )
    first, second = read_registers(text)
    assert first == (0, 0xC192FCF3, True, True, True, I386PageTables(0x2C94CE0, True))
    assert second == (1, 1, False, False, True, I386PageTables(0x2000, False))


def looks(count, **registers):
    one = CpuState(0, 0x1000, True, True, True, TABLES)._replace(**registers)
    return [one] * count


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (looks(4, interrupts=False), "interrupts off"),
        (looks(3, interrupts=False), ""),
        (looks(3, interrupts=False) + looks(1), ""),
        (looks(10, translating=False), "real mode"),
        (looks(9, translating=False), ""),
        (looks(9, translating=False) + looks(1, translating=False, instruction=1), ""),
        (looks(20), ""),
        (looks(20, interrupts=False, halted=False), ""),
        ([], ""),
    ],
)
def test_a_kernel_that_gave_up_is_told_from_one_that_waits(seen, why):
    assert why in why_boot_stopped(seen)
    assert bool(why_boot_stopped(seen)) == bool(why)
