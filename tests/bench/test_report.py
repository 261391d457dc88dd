"""Figures, what is said of them, and the tools that stand beside them."""

import json

import pytest

from harness.bench import peer
from harness.bench.figure import Calibration, Figure, interleaved
from harness.bench.peer import (
    CHECK_EDIT,
    DEFAULT_EDIT,
    KUNIT,
    KUNIT_EDIT,
    Peer,
    PeerArguments,
    find_peers,
    measure_peers,
)
from harness.bench.scale import falls_below_one
from harness.errors import UsageError
from harness.report.bench_report import bench_lines, bench_value, ratios, read_figures


def figure(name, *samples, unit="s", cpu=0.01, wall=0.02):
    return Figure(name, unit, samples, (Calibration(cpu, wall),) * len(samples))


FIGURES = (
    figure("boot plain", 4.0, 6.0, 5.0),
    figure("boot ours", 1.0, 2.0),
    figure("rate", 30.0, unit="1/s"),
)


def test_measurements_take_turns():
    order = []

    def one(name):
        order.append(name)
        return {(name, "s"): float(len(order))}

    found = interleaved([lambda: one("a"), lambda: one("b")], 2)
    assert order == ["a", "b", "a", "b"]
    assert [each.samples for each in found] == [(1.0, 3.0), (2.0, 4.0)]
    assert all(0 < loop.share <= 1 for each in found for loop in each.calibrations)


def test_the_table_fits_a_terminal():
    wide = [figure("n" * 40, 283_100.0, 999_999.0, unit="us/step")]
    lines = list(bench_lines(wide, {"n" * 40: (283_100.0, 0.01)}, {}))
    assert max(map(len, lines)) <= 99
    assert lines[0].split()[-2:] == ["share", "baseline"]


def test_the_table_says_median_range_loop_and_what_is_missing():
    lines = list(bench_lines(FIGURES, {}, {"other": "not installed"}))
    assert lines[1].split() == ["boot", "plain", "5.000", "4.000", "6.000", "s", "10.0", "50", "%"]
    assert lines[-2].split() == ["boot", "ours", "/", "plain", "0.30"]
    assert lines[-1].split() == ["other", "-", "not", "installed"]


def test_a_baseline_is_compared_at_equal_speed_of_the_host(tmp_path):
    path = tmp_path / "before.json"
    path.write_text(json.dumps(bench_value(FIGURES, {}, {})))
    twice_as_slow = (
        figure("boot plain", 10.0, cpu=0.02),
        figure("rate", 30.0, unit="1/s", cpu=0.02),
    )
    lines = list(bench_lines(twice_as_slow, read_figures(path), {}))
    assert lines[1].endswith("+0 %")
    assert lines[2].endswith("+100 %")


def test_a_baseline_that_is_none(tmp_path):
    path = tmp_path / "before.json"
    path.write_text("{}")
    with pytest.raises(UsageError, match="no figures"):
        read_figures(path)


def test_guests_that_are_slower_together_than_one_are_told():
    rates = [("judged steps, 1 guest", 20.0, 24.0), ("judged steps, 2 guests", 21.0, 23.0)]
    figures = [figure(name, *samples, unit="1/s") for name, *samples in rates]
    assert falls_below_one(figures, (1, 2, 4)) == ()
    assert falls_below_one([figures[0], figure("judged steps, 2 guests", 21.0)], (1, 2)) == (2,)


def test_a_peer_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(peer.shutil, "which", lambda _: None)
    found = find_peers(PeerArguments(kunit=tmp_path), None, has_check=False)
    figures, missing = measure_peers(found, 1, lambda _: None)
    assert figures == ()
    assert len(missing) == len(found) == 3
    assert all(why.startswith("not installed") for why in missing.values())


def test_a_peer_that_is_there_is_measured(monkeypatch, tmp_path):
    program = tmp_path / KUNIT
    program.parent.mkdir(parents=True)
    program.write_text("import sys; assert sys.argv[1:3] == ['run', '--arch=i386'], sys.argv\n")
    monkeypatch.setattr(peer.shutil, "which", lambda _: "/bin/true")
    found = find_peers(PeerArguments(tmp_path, ("x",)), tmp_path / "bzImage", has_check=False)
    figures, missing = measure_peers(found, 2, lambda _: None)
    assert [(each.name.endswith(", CPU"), len(each.samples)) for each in figures] == [
        (False, 2),
        (True, 2),
    ] * 2
    assert list(missing) == ["check, warm"]


def test_a_peer_that_fails_does_not_end_the_measurement():
    broken = Peer("broken", ("sh", "-c", "echo no kernel; exit 3"))
    figures, missing = measure_peers([broken, Peer("works", ("true",))], 1, lambda _: None)
    assert [each.name for each in figures] == ["works", "works, CPU"]
    assert missing == {"broken": "failed: exit code 3: no kernel"}


def test_a_peer_that_fails_later_is_left_out_once(tmp_path):
    """The first time is no sample, and what is done before a run happens each time."""
    runs = []
    once = ("sh", "-c", f"test $(ls {tmp_path} | wc -l) -ne 2")
    (peer,) = [
        Peer("often", once, before=lambda: runs.append((tmp_path / f"{len(runs)}").touch()))
    ]
    figures, missing = measure_peers([peer], 2, lambda _: None)
    assert len(runs) == 3
    assert [len(each.samples) for each in figures] == [1, 1]
    assert missing == {"often": "failed once: exit code 1: "}


def test_check_stands_beside_kunit():
    found = dict(ratios([figure(KUNIT_EDIT, 20.0), figure(CHECK_EDIT, 10.0, 9.0, 8.0)]))
    assert found == {"check / kunit.py": 0.45}


def test_the_default_stands_beside_the_quick_check():
    figures = [figure(DEFAULT_EDIT, 30.0), figure(CHECK_EDIT, 12.0)]
    assert dict(ratios(figures)) == {"check by default / --quick": 2.5}
