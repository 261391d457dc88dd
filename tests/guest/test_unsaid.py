"""The log of a kernel that gave up before it had a console, as it lies in memory."""

from harness.guest.unsaid import log_buffer, unsaid

LOG = (
    b"\x00\xf0\xff?------------[ cut here ]------------\n\x00\x00\x00"
    b"\x01\xf0\xff?CPU: 0 PID: 0 Comm: swapper\n\x00"
    b"\x02\xf0\xff?EIP: page_address_init+0x0/0x2\n\x00"
)


class Memory:
    def read(self, address, length):
        return bytes(address) and (LOG + bytes(length))[:length]


def test_each_record_is_a_line():
    assert unsaid(Memory(), 0x1000) == (
        "------------[ cut here ]------------",
        "CPU: 0 PID: 0 Comm: swapper",
        "EIP: page_address_init+0x0/0x2",
    )


def test_the_map_says_where_the_log_is(tmp_path):
    path = tmp_path / "System.map"
    path.write_text("c13b89c8 b __log_buf_len\nc13b89cc b __log_buf\n")
    assert log_buffer(path) == 0x13B89CC
    path.write_text("c13b89c8 b other\n")
    assert log_buffer(path) is None
    assert log_buffer(None) is None
