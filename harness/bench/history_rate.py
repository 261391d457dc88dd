"""How fast concurrent histories are made and judged."""

from random import Random

from harness.bench.bench_error import BenchError
from harness.bench.rate import Sample, Timed
from harness.bench.subject import MeasuredGuest, probes_off
from harness.guest.history_wire import HistoryOutcome, HistoryWire, decode_history
from harness.guest.protocol import PROBES, Evidence
from harness.history.explanation import violations
from harness.history.history import history_of
from harness.history.lock_order import replay
from harness.history.overlap import overlap
from harness.history.plan import request_of, wraps
from harness.model.records.page import PageKind

SEED = 1


def concurrent(bench: MeasuredGuest) -> Sample:
    """One history of two threads or more: the guest alone, then decoding and judging alone."""
    guest, slots = bench.guest, bench.layout.last_pkmap
    probes_off(guest)
    pages = guest.pool(PageKind.HIGH, 3 * slots)
    wire = HistoryWire(guest)
    with Timed() as run:
        wire.start(request_of(wraps(Random(SEED), bench.layout.online_cpus), bench.layout, SEED))
        raw = bytes(wire.finish())
    with Timed() as judge:
        numbers = {page.pfn: number for number, page in enumerate(pages)}
        history = history_of(decode_history(raw), bench.layout, numbers)
        wrong = violations(history), replay(history).odd, overlap(history).operations == 0
    guest.reset()
    guest.probes(Evidence(bench.header.evidence) & PROBES)
    if history.outcome is not HistoryOutcome.FINISHED or any(wrong):
        raise BenchError("a concurrent history did not agree", hint="run `kmap-harness histories`")
    return {
        ("concurrent operations, guest and wire alone", "1/s"): history.operations / run.wall,
        ("concurrent operations, judging alone", "1/s"): history.operations / judge.cpu,
    }
