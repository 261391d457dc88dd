"""The log's bytes, whole and cut short; what is asked for."""

import pytest

from harness.guest.failure import WireError
from harness.guest.history_wire import (
    LOG,
    RECORD,
    REQUEST,
    SLOT,
    THREAD,
    HistoryCode,
    HistoryOutcome,
    HistoryRequest,
    ThreadState,
    decode_history,
    encode_request,
)
from harness.history.history import history_of
from tests.history.small import LAYOUT

SLOTS = LAYOUT.last_pkmap
HEAD = (HistoryOutcome.ASLEEP, 2, 3, SLOTS, 40, 1, 0, 2, 1, 1, 0, 2, 40, 17)


def log():
    threads = (
        THREAD.pack(1, 9, 8, 5, 0, 0, ThreadState.ENDED),
        THREAD.pack(2, 30, 31, 6, HistoryCode.KMAP, 255, ThreadState.SLEPT),
    )
    before = [SLOT.pack(2, 700), SLOT.pack(1, 999), SLOT.pack(0, 0)]
    after = [SLOT.pack(2, 700), SLOT.pack(1, 999), SLOT.pack(1, 701)]
    records = [RECORD.pack(1, 2, 3, 0x1000 + n, 5, HistoryCode.KMAP, 1, n & 1) for n in range(6)]
    return b"".join((LOG.pack(*HEAD), *threads, *before, *after, *records))


def test_a_log_becomes_a_history():
    one = history_of(decode_history(log()), LAYOUT, {700: 5, 701: 6})
    assert [len(events) for events in one.events] == [1, 2]
    assert [event.value for event in one.events[1]] == [0x1003, 0x1004]
    assert one.before == ((2, 5), (1, -999), (0, None))
    assert one.after[2] == (1, 6)
    assert (one.cursors, one.clock, one.free, one.foreign) == ((2, 1), 40, (0, 2), 1)
    (pending,) = one.pending
    assert (pending.thread, pending.page, pending.section, pending.state) == (
        1,
        6,
        31,
        ThreadState.SLEPT,
    )
    assert list(one.pinned()) == [(5, 0, 1)]


@pytest.mark.parametrize("length", [0, LOG.size - 1, LOG.size + 4, -1])
def test_a_log_cut_short_is_damage(length):
    with pytest.raises(WireError):
        decode_history(log()[:length])


def test_a_request_has_its_threads():
    request = HistoryRequest(7, 100, 8000, 0, 500, 512, 20, 2, 3, 64, (0, 1, None))
    body = encode_request(request)
    assert REQUEST.unpack_from(body) == (7, 100, 8000, 0, 500, 512, 20, 2, 3, 64)
    assert body[REQUEST.size :] == bytes((0, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0, 0))
