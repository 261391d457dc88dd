import gzip
import json
from contextlib import suppress

import pytest

from harness.model.records.observation import Completion, SavedChange, Snapshot, Status, TaskView
from harness.model.records.operation import OpCode
from harness.trace.trace_error import TraceError, TruncatedTraceError
from harness.trace.trace_file import TraceReader, TraceWriter
from harness.trace.trace_records import Begin, End, Header, Step, Sync, Trouble, WitnessView
from tests.compare.model_guest import FULL, SMALL, ModelGuest, program

TEXT = """tasks: a@0 b@1
pages: high 3, low 1
a: m0 = kmap h0 -> slot start+1
b: m1 = kmap_local_page h1
a: hardirq { m2 = kmap_atomic h2; kunmap_atomic m2+5 }
b: kunmap_local m1
"""
HEADER = Header(
    "6.1.0-50-686-pae", "#1 SMP", "c0ffee", SMALL, FULL, 17, ("p",), ("qemu", "-m", "512")
)


def sample():
    source = program(TEXT, SMALL)
    guest = ModelGuest(SMALL, source)
    steps = list(guest.steps())
    odd = steps[0].observation._replace(
        done=(Completion(1, 2, 3),), saved=(SavedChange(0, 9),), dead=(1,)
    )
    steps.append(Step(len(steps), steps[0].operation, odd, cycles=123, messages=2))
    bare = source.__class__(
        **{f: getattr(source, f) for f in source.__slots__} | {"operations": (), "lines": ()}
    )
    snapshot = Snapshot(
        1,
        0,
        (0, 2, *(0,) * 6),
        (0, 5, *(0,) * 6),
        ((68, 7),),
        (TaskView(Status.OK, 0, 0, (0,)),) * 2,
        (0, 0),
        (0, 4, 0, 0),
    )
    return [
        Begin(bare, guest.machine.pages, guest.start, ("to-page-pkmap",)),
        *steps[:3],
        Sync(3, snapshot, WitnessView((1,) * 8, ((68, 7),), (0,) * 8, "CR3 of CPU 0")),
        Sync(3, None, None),
        *steps[3:],
        Trouble(2, "WARNING", "WARNING: CPU: 0", ("line",)),
        End(len(steps), ""),
    ]


def write(path, records):
    with TraceWriter(path, HEADER) as writer:
        for record in records:
            writer.write(record)


def test_the_reader_gives_the_same_records_back(tmp_path):
    path = tmp_path / "run.trace"
    records = sample()
    write(path, records)
    reader = TraceReader(path)
    assert reader.header == HEADER
    back = list(reader.records())
    assert back == records
    step = back[1]
    assert type(step.operation.code) is OpCode
    assert type(step.observation.status) is Status


def test_others_can_read_it_with_gzip_and_json(tmp_path):
    path = tmp_path / "run.trace"
    write(path, sample())
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert lines[0]["kmap-harness-trace"] == 2
    assert lines[0]["layout"]["last_pkmap"] == SMALL.last_pkmap
    assert {line[0] for line in lines[1:]} == {"begin", "s", "sync", "trouble", "end", "finished"}


@pytest.mark.parametrize("keep", [0.4, 0.7, 0.95])
def test_a_truncated_file_says_after_how_many_steps(tmp_path, keep):
    path = tmp_path / "run.trace"
    steps = [record for record in sample() if isinstance(record, Step)]
    many = [one._replace(number=number) for number, one in enumerate(steps * 200)]
    write(path, [sample()[0], *many])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    read = list(TraceReader(path, partial=True).records())
    count = sum(isinstance(record, Step) for record in read)
    with pytest.raises(TruncatedTraceError, match=f"cut off after {count} steps") as caught:
        list(TraceReader(path).records())
    assert count == caught.value.steps > 0


def test_a_run_that_failed_leaves_a_trace_that_is_cut_off(tmp_path):
    path = tmp_path / "run.trace"
    with suppress(RuntimeError), TraceWriter(path, HEADER) as writer:
        for record in sample()[:3]:
            writer.write(record)
        raise RuntimeError
    with pytest.raises(TruncatedTraceError, match="after 2 steps"):
        list(TraceReader(path).records())


def test_a_flushed_part_can_be_read_while_the_run_goes_on(tmp_path):
    path = tmp_path / "run.trace"
    writer = TraceWriter(path, HEADER)
    for record in sample()[:5]:
        writer.write(record)
    assert list(TraceReader(path, partial=True).records()) == sample()[:5]
    writer.close()


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "run.trace"
    write(path, sample())
    lines = gzip.decompress(path.read_bytes()).replace(
        b'"kmap-harness-trace":2', b'"kmap-harness-trace":99'
    )
    path.write_bytes(gzip.compress(lines))
    with pytest.raises(TraceError, match="trace format 99; this version reads 2"):
        TraceReader(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", gzip.compress(b"hello\n"), gzip.compress(b"[1]\n")],
    ids=["empty", "text", "packed-text", "packed-json"],
)
def test_what_is_no_trace_is_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(TraceError, match="not a trace"):
        TraceReader(path)


def test_lost_lines_are_noticed(tmp_path):
    path = tmp_path / "run.trace"
    write(path, sample())
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    del lines[2]
    path.write_bytes(gzip.compress(b"".join(lines)))
    with pytest.raises(TraceError, match=r"run\.trace:3: step 1 stands where step 0 belongs"):
        list(TraceReader(path).records())
