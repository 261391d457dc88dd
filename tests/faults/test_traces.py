"""A trace that was damaged is refused with file and line, or judged: never agreed with blindly."""

import gzip
import json
import random

import pytest

from harness.compare.divergence import Verdict
from harness.model.records.operation import OpCode
from harness.run.replay import replay
from harness.trace import trace_lines
from harness.trace.trace_error import TraceError

from .traces import altered, places, store, write_trace

STRANGE = (
    None, True, -1, 0, 1, 255, 65536, 1 << 32, 1 << 64, -(1 << 63), 1.5, float("nan"),
    float("inf"), "", "x", [], [0], [[]], {}, {"a": 1}, 10**400, "\ud800",
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.trace"


def number_of(lines, tag, which=0):
    """Index of the line of the *which*-th record with *tag*."""
    return [n for n, line in enumerate(lines) if isinstance(line, list) and line[0] == tag][which]


def test_the_trace_that_the_others_damage_agrees(path):
    write_trace(path)
    assert replay(path).verdict is Verdict.AGREE


# -- records that are missing, stand twice or stand elsewhere


@pytest.mark.parametrize(
    ("tag", "which", "words"),
    [
        ("begin", 0, "the record of its beginning is missing"),
        ("begin", 1, "the record of its beginning is missing"),
        ("s", 0, "step 1 stands where step 0 belongs"),
        ("s", 3, "step 4 stands where step 3 belongs"),
        ("s", -1, "a synchronisation point after step 8 stands after 7 steps"),
        ("sync", 0, "and the last line counts 8 and 15"),
        ("sync", -1, "and the last line counts 8 and 15"),
        ("end", 0, "a program begins before the end of 'the boot'"),
        ("end", -1, "the record of a program's end is missing"),
        ("finished", 0, "the trace is cut off after 8 steps"),
    ],
)
def test_a_record_that_was_removed(command, tmp_path, path, tag, which, words):
    lines = write_trace(path)
    del lines[number_of(lines, tag, which)]
    store(path, lines)
    end = command("diff", path).ended()
    assert (end.code, end.out) == (2, "")
    assert f"{path}:" in end.err
    assert words in end.err
    assert "hint: " in end.err


def test_every_record_is_missed_and_every_second_one_noticed(path):
    """Whatever it is, also after its neighbour."""
    lines = write_trace(path)
    for number in range(1, len(lines)):
        for changed in (
            lines[:number] + lines[number + 1 :],
            lines[: number + 1] + lines[number:],
            [*lines[: number - 1], lines[number], lines[number - 1], *lines[number + 1 :]],
        ):
            store(path, changed)
            with pytest.raises(TraceError, match=r"run\.trace"):
                replay(path)


def test_a_whole_program_that_was_removed(path):
    lines = write_trace(path)
    store(path, [lines[0], *lines[4:]])
    with pytest.raises(TraceError, match="8 steps read in 12 records"):
        replay(path)


def test_a_trace_from_before_records_were_counted(path):
    """Its synchronisation points are missed all the same."""
    lines = write_trace(path)
    lines[-1] = lines[-1][:2]
    store(path, lines)
    assert replay(path).verdict is Verdict.AGREE
    del lines[-3]
    store(path, lines)
    with pytest.raises(TraceError, match="synchronisation point at the end of a program"):
        replay(path)


# -- values


@pytest.mark.parametrize(
    ("tag", "place", "new", "words"),
    [
        ("s", (1,), 7, "step 7 stands where step 0 belongs"),
        ("s", (2, 0), 99, f"operation is 99, which is no number from 0 to {max(OpCode)}"),
        ("s", (2, 1), 2, "task is 2, which is no number from 0 to 1"),
        ("s", (2, 2), 4, "an operation of page 4, and the program has 4"),
        ("s", (2, 3), 4096, "an operation of register 4096, and there are 4096"),
        ("s", (3, 0), 77, "status is 77"),
        ("s", (3, 1), 32, "cpu is 32, which is no number from 0 to 31"),
        ("s", (3, 2), -1, "value is -1"),
        ("s", (3, 23), [[8, 1, 1, 1]], "slot is 8, which is no number from 0 to 7"),
        ("s", (3, 23), [[1, 1, 1]], "which is no list of 4 values"),
        ("s", (3, 5), "x", "cursor is 'x'"),
        ("end", (1,), 1, "1 steps were written, and 0 are there"),
        ("sync", (1,), 3, "a synchronisation point after step 3 stands after 0 steps"),
        ("sync", (2, 2), [1], "counts has 1 values, not 8"),
        ("begin", (2,), [[1, 1, 1]], "pages has 1 values, not 0"),
        ("begin", (1, "throwaway"), 1, "throwaway is 1, which is neither true nor false"),
        ("begin", (1, "tasks"), [2], "tasks is 2, which is no number from 0 to 1"),
        ("finished", (1,), 3, "and the last line counts 3 and 15"),
    ],
)
def test_a_value_that_no_run_writes(path, tag, place, new, words):
    lines = write_trace(path)
    number = number_of(lines, tag)
    lines[number] = altered(lines[number], place, new)
    store(path, lines)
    with pytest.raises(TraceError) as raised:
        replay(path)
    assert words in raised.value.message
    assert f"{path}:{number + 1 if tag != 'begin' else 2}: " in raised.value.message


@pytest.mark.parametrize(
    ("name", "new", "words"),
    [
        ("generation", "vector", "layout.generation is 'vector'"),
        ("window", 0, "layout.window is 0, which is no number from 1"),
        ("window", 1000, "layout.fix_kmap_end is before the end of the windows"),
        ("last_pkmap", 1 << 40, "layout.last_pkmap is 1099511627776"),
        ("online_cpus", 33, "layout.online_cpus is 33"),
        ("pae", 1, "layout.pae is 1, which is neither true nor false"),
        ("prots", [1], "layout.prots has 1 values, not 5"),
        ("colour", 1, "layout has 'colour', which this version does not know"),
    ],
)
def test_a_layout_that_no_kernel_has(path, name, new, words):
    lines = write_trace(path)
    lines[0]["layout"][name] = new
    store(path, lines)
    with pytest.raises(TraceError) as raised:
        replay(path)
    assert f"{path}:1: {words}" in raised.value.message


@pytest.mark.parametrize("seed", range(3))
def test_any_value_altered_is_refused_or_judged(path, seed):
    """It ended as an internal error for every fifth value."""
    lines, rng = write_trace(path), random.Random(seed)
    everywhere = [(n, place) for n, line in enumerate(lines) for place in places(line)]
    for number, place in rng.sample(everywhere, 150):
        changed = [*lines]
        changed[number] = altered(lines[number], place, rng.choice(STRANGE))
        store(path, changed)
        try:
            assert replay(path).verdict in Verdict
        except TraceError as error:
            assert str(path) in error.message  # noqa: PT017 - any verdict will do, too


# -- whole files


def test_a_bomb_of_one_line_is_refused_by_its_size(command, path):
    with gzip.open(path, "wb", 9) as file:
        for _ in range(64):
            file.write(b"[" * (1 << 20))
    end = command("diff", path).ended()
    assert (end.code, end.out) == (2, "")
    assert f"{path}:1: a line of more than 16 MiB" in end.err


def test_a_line_that_is_too_long_within_a_trace(path, monkeypatch):
    lines = write_trace(path)
    monkeypatch.setattr(trace_lines, "LINE_MOST", max(len(json.dumps(one)) for one in lines[1:]))
    store(path, [*lines[:6], lines[6] + [0] * 10_000, *lines[7:]])
    with pytest.raises(TraceError, match=r"run\.trace:[17]: a line of more than"):
        replay(path)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000 + b"\n", b"7\n", b"{}\n", b"[]\n", b"nonsense\n", b"\xff\xfe\n", b"\n"]
)
def test_a_line_that_is_no_record(path, line):
    write_trace(path)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([*lines[:4], line, *lines[4:]])))
    with pytest.raises(TraceError, match=r"run\.trace:5: "):
        replay(path)


@pytest.mark.parametrize("what", ["folder", "missing", "lines-after", "no-trailer"])
def test_a_file_that_is_no_whole_trace(command, tmp_path, path, what):
    write_trace(path)
    if what == "folder":
        path.unlink()
        path.mkdir()
    elif what == "missing":
        path.unlink()
    elif what == "lines-after":
        path.write_bytes(path.read_bytes() + gzip.compress(b'["s"]\n'))
    else:
        path.write_bytes(path.read_bytes()[:-4])
    end = command("diff", path).ended()
    assert (end.code, end.out) == (2, "")
    assert str(path) in end.err
    assert "hint: " in end.err


# -- a part of a trace


def test_what_is_there_of_a_trace_that_was_cut_off(command, path):
    lines = write_trace(path)
    store(path, lines[:-4])
    end = command("diff", path).ended()
    assert end.code == 2
    assert "judge the part with --partial" in end.err
    end = command("diff", path, "--partial").ended()
    assert end.code == 3
    assert "the trace is cut off after 7 steps: only these were judged" in end.out
    end = command("diff", path, path, "--partial").ended()
    assert end.code == 2


def test_a_divergence_before_the_cut_counts(path):
    lines = write_trace(path)
    lines[6] = altered(lines[6], (3, 2), 0x1234)
    store(path, lines[:-4])
    result = replay(path, partial=True)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
