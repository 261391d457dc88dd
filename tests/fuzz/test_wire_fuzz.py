"""What comes from a guest: frames, answers, the console, the kernel's log in memory."""

import socket
import struct
from types import SimpleNamespace

from hypothesis import strategies as st

from harness.guest.console import Console
from harness.guest.frame import Decoder, Frame, FrameType, encode
from harness.guest.info_wire import decode_info
from harness.guest.printk_log import PrintkLog, log_lines
from harness.guest.protocol import (
    INFO,
    VERSION,
    RequestType,
    answer,
    decode_pages,
    section_left_open,
)
from harness.guest.steps import Chain, decode_snapshot, decode_steps
from harness.guest.trouble import Recogniser, recognise
from tests.compare.model_guest import LOCAL

from .fuzzing import clean, fuzz, mutated

frames = st.builds(
    Frame,
    st.sampled_from(FrameType),
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 0x7FFF),
    st.booleans(),
    st.binary(max_size=40),
)


def fed(stream, sizes):
    """The frames of *stream*, which comes in pieces; silence after it."""
    decoder, found, at = Decoder(), [], 0
    for size in sizes:
        found += decoder.feed(stream[at : at + size])
        at += size
    found += decoder.feed(stream[at:])
    for _ in range(len(stream) + 1):
        if not decoder.unfinished:
            break
        found += decoder.give_up()
    return found


def test_frames_in_pieces_are_whole_again():
    def check(drawn):
        sent, sizes = drawn
        assert fed(b"".join(map(encode, sent)), sizes) == sent

    fuzz(check, st.tuples(st.lists(frames), st.lists(st.integers(0, 90))))


def test_of_a_damaged_stream_only_frames_that_were_sent_come_out():
    def check(drawn):
        sent, stream, sizes = drawn
        assert all(one in sent for one in fed(stream, sizes))

    damaged = st.lists(frames, min_size=1, max_size=4).flatmap(
        lambda sent: st.tuples(
            st.just(sent),
            mutated(st.just(b"".join(map(encode, sent)))),
            st.lists(st.integers(0, 90), max_size=8),
        )
    )
    fuzz(check, damaged)
    fuzz(lambda stream: fed(stream, ()) == [], st.binary())


def test_answers_of_any_bytes():
    def check(content):
        clean(lambda: decode_steps(content, Chain(0, 0)), code=3)
        clean(lambda: decode_snapshot(memoryview(content), LOCAL), code=3)
        clean(lambda: decode_pages(memoryview(content)), code=3)
        clean(lambda: decode_info(memoryview(content)), code=3)
        for kind in RequestType:
            clean(lambda kind=kind: answer(kind, content), code=3)
        if len(content) >= 12:
            section_left_open(content)

    lengths = st.sampled_from((16, 80, 96, 172, 188, INFO.size))
    fuzz(
        check,
        st.binary(max_size=400) | lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    )


def test_facts_of_any_numbers():
    numbers = st.lists(st.integers(0, 0xFFFF_FFFF), min_size=54, max_size=54)

    def check(words):
        words = [VERSION, *words][: (INFO.size - 128) // 4]
        content = struct.pack(f"<{len(words)}I", *words) + b"\xff" * 128
        clean(lambda: decode_info(memoryview(content)), code=3)

    fuzz(check, numbers)


LINES = [
    "[    1.234567] BUG: kernel NULL pointer dereference, address: 00000000",
    "[    1.3] #PF: supervisor read access in kernel mode",
    "------------[ cut here ]------------",
    "WARNING: CPU: 0 PID: 1 at mm/highmem.c:364 kmap_high+0x10/0x20",
    "---[ end trace 0000000000000000 ]---",
    "Oops: 0000 [#1] SMP",
    "Kernel panic - not syncing: Attempted to kill init!",
    "INFO: rcu_sched self-detected stall on CPU",
    "BUG: sleeping function called from invalid context at mm/highmem.c:1",
    "kmh: step 17",
    "kmh-step 4294967296",
    "Call Trace:",
    " kmap_high+0x1/0x2",
    "=============================",
    "",
]


def test_consoles_of_any_lines():
    def check(lines):
        recogniser = Recogniser()
        for number, line in enumerate(lines):
            recogniser.feed(line)
            if number % 3 == 0:
                recogniser.take(marked=number % 2 == 0)
        for trouble in (*recogniser.take(whole=True), *recognise(lines)):
            assert trouble.title is not None

    line = st.one_of(st.text(), st.sampled_from(LINES), mutated(st.sampled_from(LINES)))
    fuzz(check, st.lists(line, max_size=30))


def test_consoles_of_any_bytes(tmp_path):
    def check(content):
        ours, guest = socket.socketpair()
        console = Console(ours, tmp_path / "console.log")
        with guest:
            guest.sendall(content)
            console.pump()
        console.pump()
        lines = [*console.fresh(), *console.tail(5)]
        console.close()
        recognise(lines)
        assert not any("\r" in line or "\n" in line for line in lines)

    known = st.sampled_from(["\r\n".join(LINES).encode()])
    fuzz(check, st.binary(max_size=2000) | mutated(known))


def test_a_log_in_memory_of_any_bytes():
    def check(content):
        memory = SimpleNamespace(
            read=lambda place, size: content[place:][:size].ljust(size, b"\0")
        )
        for line in log_lines(memory, PrintkLog(0, len(content) // 2)):
            assert line.strip()

    record = st.tuples(st.binary(min_size=2, max_size=2), st.binary(max_size=30)).map(
        lambda two: two[0] + b"\xff\x3f" + two[1]
    )
    fuzz(check, st.lists(record | st.binary(max_size=90), max_size=40).map(b"".join))
