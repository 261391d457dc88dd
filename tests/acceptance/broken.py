"""The catalogue of broken kernels: the bug, the edit that makes it, and where it must be found.

Its ids are those of docs/broken-kernels.md, which lists this catalogue.
"""

from typing import NamedTuple

from harness.compare.divergence import Layer
from harness.guest.protocol import Evidence
from harness.model.records.operation import OpCode

from .local_bugs import (
    A5,
    A5_LOCAL,
    A7,
    A8,
    A18,
    A19,
    A20,
    A21,
    A22,
    A23,
    A26,
    P6,
    P7,
    P10,
    P12,
    P17,
    P20,
    P21,
    P25,
    P26,
    P29,
)
from .patched import Bug
from .stack_bugs import (
    STACK_A7,
    STACK_A26,
    STACK_P6,
    STACK_P7,
    STACK_P10,
    STACK_P20,
    STACK_P21,
    STACK_P26,
    STACK_P29,
)

LOCAL = "debian-6.1-686-pae"
STACK = "debian-5.10-686-pae"


class Case(NamedTuple):
    """A bug in one kernel, the scenario that shows it, and the first divergence of *layer*.

    ``named`` is a rule of the contract with which a reason begins, or a field that differs.
    ``step`` holds several steps if the emulator decides when it drops a TLB entry.  ``blind``
    holds probes that are not armed, so that only the content read can show the bug.
    """

    id: str
    kernel: str
    bug: Bug
    scenario: str
    step: int | tuple[int, ...] | range
    code: OpCode
    named: str
    layer: Layer = Layer.CONTRACT
    smp: int = 1
    blind: int = 0


WAIT_SAME = """title: two tasks wait for one page, one slot is freed
tasks: a@0 b@0 c@CPUS-1
pages: high N+1
for i in 0..N-1 { a: m[i] = kmap h[i] }
b: m[N] = kmap h[N]
c: m[N+1] = kmap h[N]
a: kunmap h0
a: nop
b: kunmap h[N]
c: kunmap h[N]
for i in 1..N-1 { a: kunmap h[i] }
"""
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
WAIT = """title: one waits for a slot
tasks: a@0 b@CPUS-1
pages: high N+1
for i in 0..N-1 { a: m[i] = kmap h[i] }
b: m[N] = kmap h[N]
a: kunmap h[N/2]
b: kunmap h[N]
for i in 0..N/2-1 { a: kunmap h[i] }
for i in N/2+1..N-1 { a: kunmap h[i] }
"""

FLUSH_PROBES = int(
    Evidence.FLUSH_SCAN | Evidence.FLUSH_RANGE | Evidence.FLUSH_CPU | Evidence.FLUSHES
)
INVLPG_PROBE = int(Evidence.INVLPG | Evidence.FLUSHES)

SAME_CPU = range(519, 583)
OTHER_CPU = range(520, 583, 4)
IN_SECTIONS = range(14, 76)
"""Reads in turns of tlb-pkmap (of any task; of the one on the other CPU) and tlb-atomic."""

CASES = (
    Case("P6", LOCAL, P6, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P6", LOCAL, P6, "tlb-pkmap", SAME_CPU, OpCode.READ, "data", blind=FLUSH_PROBES),
    Case("P7", LOCAL, P7, "pkmap-flush-other-cpu", 1538, OpCode.KMAP, "reuse-unflushed", smp=2),
    Case("P7", LOCAL, P7, "tlb-pkmap", OTHER_CPU, OpCode.READ, "data", smp=2, blind=FLUSH_PROBES),
    Case("P10", LOCAL, P10, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P12", LOCAL, P12, REUSE, 1022, OpCode.KMAP, ""),
    Case("P17", LOCAL, P17, RE_KMAP, 2, OpCode.KUNMAP, "users"),
    Case("P20", LOCAL, P20, WAIT, 513, OpCode.KUNMAP, "asleep"),
    Case("P21", LOCAL, P21, "pkmap-no-early-wake", 515, OpCode.KUNMAP, "wakes", Layer.BEHAVIOUR),
    Case("P25", LOCAL, P25, WAIT_SAME, 514, OpCode.KUNMAP, "asleep-mapped"),
    Case("P26", LOCAL, P26, WAIT_SAME, 516, OpCode.KUNMAP, "users"),
    Case("P29", LOCAL, P29, "pkmap-wait", 513, OpCode.KMAP, "interruptible"),
    Case("A5", STACK, A5, "atomic-hardirq", 10, OpCode.KUNMAP_ATOMIC, "popped-early"),
    Case("A5", LOCAL, A5_LOCAL, "local-nesting", 5, OpCode.KUNMAP_LOCAL, "popped-early"),
    Case("A7", LOCAL, A7, "local-stale-read", 3, OpCode.KMAP_LOCAL, "reuse-unflushed"),
    Case("A7", LOCAL, A7, "local-stale-read", 8, OpCode.READ, "data", blind=INVLPG_PROBE),
    Case("A8", LOCAL, A8, "local-stale-read", 3, OpCode.KMAP_LOCAL, "reuse-unflushed"),
    Case("A8", LOCAL, A8, "local-stale-read", 8, OpCode.READ, "data", blind=INVLPG_PROBE),
    Case("A18", LOCAL, A18, "local-nesting", 0, OpCode.KMAP_LOCAL, "pinned", smp=2),
    Case("A19", LOCAL, A19, "local-sleep", 7, OpCode.KMAP_LOCAL, "ending"),
    Case("A20", LOCAL, A20, "local-sleep", 6, OpCode.SLEEP, "own-entry"),
    Case("A21", LOCAL, A21, "local-sleep", 6, OpCode.SLEEP, "own-entry"),
    Case("A22", LOCAL, A22, "local-sleep", 7, OpCode.KMAP_LOCAL, "reuse-unflushed"),
    Case(
        "A22",
        LOCAL,
        A22,
        "tlb-switch-local",
        (9, 16, 23, 30),
        OpCode.READ,
        "data",
        blind=INVLPG_PROBE,
    ),
    Case("A23", LOCAL, A23, "local-sleep", 6, OpCode.SLEEP, "own-entry"),
    Case("A26", LOCAL, A26, "local-hardirq", 6, OpCode.KUNMAP_LOCAL, "depth"),
    Case("P6", STACK, STACK_P6, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P6", STACK, STACK_P6, "tlb-pkmap", SAME_CPU, OpCode.READ, "data", blind=FLUSH_PROBES),
    Case(
        "P7", STACK, STACK_P7, "pkmap-flush-other-cpu", 1538, OpCode.KMAP, "reuse-unflushed", smp=2
    ),
    Case(
        "P7",
        STACK,
        STACK_P7,
        "tlb-pkmap",
        OTHER_CPU,
        OpCode.READ,
        "data",
        smp=2,
        blind=FLUSH_PROBES,
    ),
    Case("P10", STACK, STACK_P10, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P20", STACK, STACK_P20, WAIT, 513, OpCode.KUNMAP, "asleep"),
    Case(
        "P21",
        STACK,
        STACK_P21,
        "pkmap-no-early-wake",
        515,
        OpCode.KUNMAP,
        "wakes",
        Layer.BEHAVIOUR,
    ),
    Case("P25", STACK, P25, WAIT_SAME, 514, OpCode.KUNMAP, "asleep-mapped"),
    Case("P26", STACK, STACK_P26, WAIT_SAME, 516, OpCode.KUNMAP, "users"),
    Case("P29", STACK, STACK_P29, "pkmap-wait", 513, OpCode.KMAP, "interruptible"),
    Case("A7", STACK, STACK_A7, "atomic-stale-read", 4, OpCode.KMAP_ATOMIC, "reuse-unflushed"),
    Case(
        "A7", STACK, STACK_A7, "tlb-atomic", IN_SECTIONS, OpCode.READ, "data", blind=INVLPG_PROBE
    ),
    Case("A26", STACK, STACK_A26, "atomic-hardirq", 7, OpCode.KUNMAP_ATOMIC, "depth"),
)


def table():
    """The catalogue as Markdown, for docs/broken-kernels.md."""
    yield "| id | kernel | the bug | scenario | named step | layer: rule or field |"
    yield "|---|---|---|---|---|---|"
    for case in CASES:
        scenario = "own text" if "\n" in case.scenario else f"`{case.scenario}`"
        how = " (probes of flushes not armed)" if case.blind else ""
        step = f"{case.step if isinstance(case.step, int) else 'one of several'}: {case.code.name}"
        told = f"{case.layer.value}: {case.named or 'any'}"
        kernel = case.kernel.removeprefix("debian-")
        yield f"| {case.id} | {kernel} | {case.bug.what}{how} | {scenario} | {step} | {told} |"
