"""Stock kernels with a seeded bug: each must be found, at its step, as a breach of the contract."""

import pytest

from .bench import judged, summary_of, written
from .patched import Bug, Edit, patched

pytestmark = pytest.mark.guest

NO_FLUSH = Bug(
    "no TLB flush of pkmaps (P6)",
    (Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 08", "85 c0 66 90 83 c4 08"),),
)
NO_COUNT = Bug(
    "a re-kmap that is not counted (P17)",
    (
        Edit("kmap_high", "83 c0 01 89 04 95", "83 c0 00 89 04 95"),
        Edit("kmap_high", "c7 04 9d ?? ?? ?? ?? 01 00 00 00", "c7 04 9d ?? ?? ?? ?? 02 00 00 00"),
    ),
)
NARROW_CURSOR = Bug(
    "a cursor mask of half the slots (P12)", (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 00 00 00"),)
)
WIDE_CURSOR = Bug(
    "a cursor mask of twice the slots (P12)", (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 03 00 00"),)
)
NO_INVLPG = Bug(
    "no INVLPG at kunmap_local (A7)",
    (
        Edit(
            "kunmap_local_indexed",
            "c7 40 04 00 00 00 00 89 d8 e8 ?? ?? ?? ??",
            "c7 40 04 00 00 00 00 89 d8 0f 1f 44 00 00",
        ),
    ),
)
NO_RESTORE = Bug(
    "windows not restored at switch-in (A20)", (Edit("__kmap_local_sched_in", "85 c0 7e ??", "85 c0 eb ??"),)
)
NO_WAKE = Bug("no wake-up of waiters (P20)", (Edit("kunmap_high", "83 fa 01 75 ??", "83 fa 01 eb ??"),))


REUSE = """title: every slot twice
tasks: a@0
pages: high N+2
for i in 0..N+1 { a: m0 = kmap h[i]; a: kunmap h[i] }
"""
RE_KMAP = """title: a second user
tasks: a@0
pages: high 1
a: m0 = kmap h0
a: m0 = kmap h0
a: kunmap h0
a: kunmap h0
"""
HOLD = """title: more than half of the slots held
tasks: a@0
pages: high N/2+2
for i in 0..N/2+1 { a: m[i] = kmap h[i] }
for i in 0..N/2+1 { a: kunmap h[i] }
"""


@pytest.mark.parametrize(
    "bug,scenario,step,rule",
    [
        (NO_FLUSH, REUSE, None, "reuse-unflushed"),
        (NO_COUNT, RE_KMAP, 1, "users"),
        (NARROW_CURSOR, HOLD, None, "asleep"),
        (WIDE_CURSOR, REUSE, None, "kmap-area"),
        (NO_INVLPG, "atomic-stale-read", None, "data"),
        (NO_RESTORE, "local-sleep", None, ""),
        (NO_WAKE, "pkmap-wait", None, "asleep"),
    ],
    ids=lambda value: value.what if isinstance(value, Bug) else "",
)
def test_a_seeded_bug_is_found(stock, tmp_path, bug, scenario, step, rule):
    path = written(tmp_path, scenario) if "\n" in scenario else scenario
    result = judged(
        stock._replace(kernel=patched(stock.kernel, bug, tmp_path))
        if hasattr(stock, "_replace")
        else __import__("dataclasses").replace(stock, kernel=patched(stock.kernel, bug, tmp_path)),
        tmp_path / "out",
        path,
    )
    print(summary_of(result))
    assert 0
