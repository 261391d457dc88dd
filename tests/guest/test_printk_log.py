"""The log of a kernel that gave up before it had a console, as it lies in memory."""

from struct import pack

from harness.architecture.i386 import I386
from harness.guest.printk_log import PrintkLog, find_printk_log, log_lines

TEXTS = (
    b"\x00\xf0\xff?------------[ cut here ]------------\n\x00\x00\x00"
    b"\x01\xf0\xff?kernel BUG at mm/highmem.c:809!9!\n\x00\x00"
    b"\x02\xf0\xff?EIP: page_address_init+0x0/0x2\n\x00"
)
LENGTHS = (36, 31, 30)

ENTRY = I386.paging.entry_symbols


class Memory:
    """What was cut off a text's front stands behind its end once more."""

    def read(self, address, length):
        infos = b"".join(pack("<16xH70x", one) for one in LENGTHS)
        return ({1: TEXTS, 2: infos}[address] + bytes(length))[:length]


def test_each_record_is_a_line_as_long_as_it_is_said_to_be():
    assert log_lines(Memory(), PrintkLog(1, 2)) == (
        "------------[ cut here ]------------",
        "kernel BUG at mm/highmem.c:809!",
        "EIP: page_address_init+0x0/0x2",
    )


def test_the_map_says_where_the_log_is(tmp_path):
    path = tmp_path / "System.map"
    for start in (0xC, 0x4):
        path.write_text(
            f"{start:x}13b89c8 b __log_buf_len\n{start:x}13b89cc b __log_buf\n"
            f"{start:x}13c0000 d _printk_rb_static_infos\n"
            f"01000000 A phys_startup_32\n{start:x}1000000 T startup_32\n"
        )
        assert find_printk_log(path, ENTRY) == PrintkLog(0x13B89CC, 0x13C0000)
    path.write_text("c13b89cc b __log_buf\n")
    assert find_printk_log(path, ENTRY) is None
    assert find_printk_log(None, ENTRY) is None
