"""The catalogue of broken kernels: what is wrong, how it is put in, and where it must be found.

Ids are those of the mutations in docs/broken-kernels.md, which lists this catalogue.
"""

from typing import NamedTuple

from harness.compare.divergence import Layer
from harness.guest.protocol import Evidence
from harness.model.records.operation import OpCode

from .patched import Bug, Edit

LOCAL = "debian-6.1-686-pae"
STACK = "debian-5.10-686-pae"


class Case(NamedTuple):
    """A bug in one kernel, the scenario that shows it, and the first divergence of *layer*.

    ``named``: a rule of the contract that one of its reasons begins with, or a field that differs.
    ``step``: several where the emulator decides when it drops what it has kept.
    ``blind``: probes that are not armed, so that content alone must tell.
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

FLUSH_PROBES = int(Evidence.FLUSH_SCAN | Evidence.FLUSH_RANGE | Evidence.FLUSH_CPU)
INVLPG_PROBE = int(Evidence.INVLPG)

P6 = Bug(
    "no TLB flush of pkmaps",
    (Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 08", "85 c0 66 90 83 c4 08"),),
)
P12 = Bug(
    "a cursor that does not wrap at LAST_PKMAP",
    (Edit("kmap_high", "81 e3 ff 01 00 00", "81 e3 ff 03 00 00"),),
)
P17 = Bug(
    "a re-kmap that is not counted",
    (
        Edit("kmap_high", "83 c0 01 89 04 95", "83 c0 00 89 04 95"),
        Edit("kmap_high", "c7 04 9d ?? ?? ?? ?? 01 00 00 00", "c7 04 9d ?? ?? ?? ?? 02 00 00 00"),
    ),
)
P20 = Bug("no wake-up of waiters", (Edit("kunmap_high", "83 fa 01 75 ??", "83 fa 01 eb ??"),))
P7 = Bug(
    "pkmap flushes on the local CPU only",
    (
        Edit(
            "flush_tlb_kernel_range",
            "31 c0 31 c9 ba ?? ?? ?? ?? 6a 01 e8 ?? ?? ?? ?? 5b 58 8b 5d",
            "31 c0 31 c9 ba ?? ?? ?? ?? 6a 01 e8 @do_flush_tlb_all 5b 58 8b 5d",
        ),
    ),
)
P10 = Bug(
    "TLBs flushed before the PTEs are cleared",
    (
        Edit("flush_all_zero_pkmaps", "83 ec 08 eb ?? 8d 74 26 00", "83 ec 08 e9 @cave 90"),
        Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 08", "85 c0 66 90 83 c4 08"),
    ),
    # The probe of the wrong order alone would tell: here it is the scan that comes second.
    """
    mov ecx, 0x200
1:  cmp dword ptr [pkmap_count + ecx*4 - 4], 1
    je 2f
    loop 1b
    jmp 3f
2:  mov eax, 0xff000000
    mov edx, 0xff200000
    call flush_tlb_kernel_range
3:  xor eax, eax
    xor edi, edi
    jmp flush_all_zero_pkmaps + 0x6a
    """,
)
P21 = Bug("wakes at every kunmap", (Edit("kunmap_high", "83 fa 01 75 ??", "83 fa 01 66 90"),))
P25 = Bug(
    "no second look at the page's address after the sleep",
    (
        Edit(
            "kmap_high",
            "85 c0 0f 85 ?? ?? ?? ?? b8 00 02 00 00",
            "85 c0 66 0f 1f 44 00 00 b8 00 02 00 00",
        ),
    ),
)
P26 = Bug(
    "who finds its page mapped after the sleep is not counted",
    (Edit("kmap_high", "89 c6 e9 da fd ff ff", "89 c6 e9 0f fe ff ff"),),
)
P29 = Bug(
    "waiters sleep interruptibly",
    (Edit("kmap_high", "c7 46 10 02 00 00 00", "c7 46 10 01 00 00 00"),),
)
A7 = Bug(
    "no INVLPG at unmap",
    (Edit("kunmap_local_indexed", "89 d8 e8 ?? ?? ?? ?? 64 a1", "89 d8 0f 1f 44 00 00 64 a1"),),
)
A8 = Bug(
    "INVLPG of the next page at unmap",
    (Edit("kunmap_local_indexed", "89 d8 e8 ?? ?? ?? ?? 64 a1", "e9 @cave 90 90 64 a1"),),
    "lea eax, [ebx + 0x1000]\ncall flush_tlb_one_kernel\njmp here - 2",
)
A5 = Bug(
    "popped before the PTE is cleared",
    (
        Edit(
            "kunmap_atomic_high",
            "89 e5 29 ca c7 02 00 00 00 00 c7 42 04 00 00 00 00 e8 ?? ?? ?? ?? 5d 64 ff 0d ?? ?? ?? ?? c3",
            "89 e5 29 ca 64 ff 0d =26 =27 =28 =29 c7 02 00 00 00 00 c7 42 04 00 00 00 00"
            " e8 @flush_tlb_one_kernel 5d c3",
        ),
    ),
)
A5_LOCAL = Bug(
    "popped before the PTE is cleared",
    (
        Edit("kunmap_local_indexed", "89 c8 e8 ?? ?? ?? ?? c7 00", "e9 @cave 90 90 c7 00"),
        Edit("kunmap_local_indexed", "83 a8 ?? ?? 00 00 01 8b 80", "83 a8 ?? ?? 00 00 00 8b 80"),
    ),
    """
    mov edx, fs:[current_task]
    sub dword ptr [edx + 0x7c4], 1
    mov eax, ecx
    call kmap_get_pte.constprop.0
    jmp here - 2
    """,
)
A18 = Bug(
    "mapped tasks can be moved to other CPUs",
    (
        Edit("__kmap_local_pfn_prot", "e8 ?? ?? ?? ?? 64 ff 05", "0f 1f 44 00 00 64 ff 05"),
        Edit(
            "kunmap_local_indexed",
            "74 ?? e8 ?? ?? ?? ?? 8b 5d fc c9 c3",
            "74 ?? 0f 1f 44 00 00 8b 5d fc c9 c3",
        ),
    ),
)
A19 = Bug(
    "windows not cleared at switch-out",
    (Edit("__kmap_local_sched_out", "85 c0 7e ??", "85 c0 eb ??"),),
)
A20 = Bug(
    "windows not restored at switch-in",
    (Edit("__kmap_local_sched_in", "85 c0 7e ??", "85 c0 eb ??"),),
)
A21 = Bug(
    "every entry restored with the first one's page",
    (Edit("__kmap_local_sched_in", "83 c7 08", "83 c7 00"),),
)
A22 = Bug(
    "no INVLPG at switch-out",
    (Edit("__kmap_local_sched_out", "89 f0 e8 ?? ?? ?? ??", "89 f0 0f 1f 44 00 00"),),
)
A23 = Bug(
    "switch-out forgets the first saved PTE",
    (
        Edit(
            "__kmap_local_sched_out",
            "39 9f ?? ?? 00 00 7f ?? 5b 5e 5f 5d c3 ?? ?? ?? ?? ?? ?? ??",
            "39 9f ?? ?? 00 00 7f ?? 83 a7 c8 07 00 00 00 5b 5e 5f 5d c3",
        ),
    ),
)
A24 = Bug(
    "saved PTE not cleared at unmap",
    (
        Edit(
            "kunmap_local_indexed",
            "c7 84 d0 ?? ?? 00 00 00 00 00 00 c7 84 d0 ?? ?? 00 00 00 00 00 00",
            "66 66 2e 0f 1f 84 00 00 00 00 00 66 66 2e 0f 1f 84 00 00 00 00 00",
        ),
    ),
)
A26 = Bug(
    "a mapping in an interrupt does not leave the stack",
    (Edit("kunmap_local_indexed", "83 a8 ?? ?? 00 00 01 8b 80", "e9 @cave 90 90 8b 80"),),
    """
    test dword ptr fs:[__preempt_count], 0xf0000
    jnz 1f
    sub dword ptr [eax + 0x7c4], 1
1:  jmp here - 2
    """,
)

STACK_P6 = Bug(
    P6.what, (Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 10", "85 c0 66 90 83 c4 10"),)
)
STACK_P7 = Bug(
    P7.what,
    (
        Edit(
            "flush_tlb_kernel_range",
            "31 d2 b8 ?? ?? ?? ?? e8 ?? ?? ?? ?? 8b 5d",
            "31 d2 b8 ?? ?? ?? ?? e8 @do_flush_tlb_all 8b 5d",
        ),
    ),
)
STACK_P10 = Bug(
    P10.what,
    (
        Edit("flush_all_zero_pkmaps", "83 ec 10 eb ?? 8d 74 26 00", "83 ec 10 e9 @cave 90"),
        Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 10", "85 c0 66 90 83 c4 10"),
    ),
    P10.cave.replace("xor edi, edi", "xor ebx, ebx").replace("+ 0x6a", "+ 0x7c"),
)
STACK_P20 = Bug(P20.what, (Edit("kunmap_high", "83 fa 01 74 ??", "83 fa 01 66 90"),))
STACK_P21 = Bug(P21.what, (Edit("kunmap_high", "83 fa 01 74 ??", "83 fa 01 eb ??"),))
STACK_P26 = Bug(P26.what, (Edit("kmap_high", "89 c3 e9 da fd ff ff", "89 c3 e9 0f fe ff ff"),))
STACK_P29 = Bug(P29.what, (Edit("kmap_high", "c7 43 08 02 00 00 00", "c7 43 08 01 00 00 00"),))
STACK_A7 = Bug(
    A7.what,
    (Edit("kunmap_atomic_high", "e8 ?? ?? ?? ?? 5d 64 ff 0d", "0f 1f 44 00 00 5d 64 ff 0d"),),
)
STACK_A26 = Bug(
    A26.what,
    (Edit("kunmap_atomic_high", "5d 64 ff 0d ?? ?? ?? ?? c3", "5d e9 @cave 90 90 c3"),),
    """
    test dword ptr fs:[__preempt_count], 0xf0000
    jnz 1f
    dec dword ptr fs:[__kmap_atomic_idx]
1:  jmp here - 1
    """,
)

SAME_CPU = range(519, 583)
OTHER_CPU = range(520, 583, 4)
IN_SECTIONS = range(14, 76)
"""Reads in turns of tlb-pkmap (of any task; of the one on the other CPU) and tlb-atomic."""

CASES = (
    Case("P6", LOCAL, P6, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P6", LOCAL, P6, "tlb-pkmap", SAME_CPU, OpCode.READ, "data", blind=FLUSH_PROBES),
    Case("P7", LOCAL, P7, "pkmap-flush-other-cpu", 1535, OpCode.KMAP, "flush-cpus", smp=2),
    Case("P7", LOCAL, P7, "tlb-pkmap", OTHER_CPU, OpCode.READ, "data", smp=2, blind=FLUSH_PROBES),
    Case("P10", LOCAL, P10, REUSE, 1022, OpCode.KMAP, "flush-early"),
    Case("P12", LOCAL, P12, REUSE, 1022, OpCode.KMAP, ""),
    Case("P17", LOCAL, P17, RE_KMAP, 1, OpCode.KMAP, "users"),
    Case("P20", LOCAL, P20, WAIT, 513, OpCode.KUNMAP, "asleep"),
    Case("P21", LOCAL, P21, "pkmap-no-early-wake", 515, OpCode.KUNMAP, "wakes", Layer.BEHAVIOUR),
    Case("P25", LOCAL, P25, WAIT_SAME, 514, OpCode.KUNMAP, "asleep-mapped"),
    Case("P26", LOCAL, P26, WAIT_SAME, 514, OpCode.KUNMAP, "users"),
    Case("P29", LOCAL, P29, "pkmap-wait", 513, OpCode.KMAP, "interruptible"),
    Case("A5", STACK, A5, "atomic-hardirq", 7, OpCode.KUNMAP_ATOMIC, "flush-early"),
    Case("A5", LOCAL, A5_LOCAL, "local-nesting", 5, OpCode.KUNMAP_LOCAL, "flush-early"),
    Case("A7", LOCAL, A7, "local-stale-read", 2, OpCode.KUNMAP_LOCAL, "unflushed"),
    Case("A7", LOCAL, A7, "local-stale-read", 8, OpCode.READ, "data", blind=INVLPG_PROBE),
    Case("A8", LOCAL, A8, "local-stale-read", 2, OpCode.KUNMAP_LOCAL, "unflushed"),
    Case("A8", LOCAL, A8, "local-stale-read", 8, OpCode.READ, "data", blind=INVLPG_PROBE),
    Case("A18", LOCAL, A18, "local-nesting", 0, OpCode.KMAP_LOCAL, "pinned", smp=2),
    Case("A19", LOCAL, A19, "local-sleep", 6, OpCode.SLEEP, "switch-unflushed"),
    Case("A20", LOCAL, A20, "local-sleep", 6, OpCode.SLEEP, "own-entry"),
    Case("A21", LOCAL, A21, "local-sleep", 6, OpCode.SLEEP, "own-entry"),
    Case("A22", LOCAL, A22, "local-sleep", 6, OpCode.SLEEP, "switch-unflushed"),
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
    Case("A23", LOCAL, A23, "local-sleep", 6, OpCode.SLEEP, "saved-changed"),
    Case("A24", LOCAL, A24, "local-nesting", 5, OpCode.KUNMAP_LOCAL, "saved"),
    Case("A26", LOCAL, A26, "local-hardirq", 6, OpCode.KUNMAP_LOCAL, "depth"),
    Case("P6", STACK, STACK_P6, REUSE, 1024, OpCode.KMAP, "reuse-unflushed"),
    Case("P6", STACK, STACK_P6, "tlb-pkmap", SAME_CPU, OpCode.READ, "data", blind=FLUSH_PROBES),
    Case("P7", STACK, STACK_P7, "pkmap-flush-other-cpu", 1535, OpCode.KMAP, "flush-cpus", smp=2),
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
    Case("P10", STACK, STACK_P10, REUSE, 1022, OpCode.KMAP, "flush-early"),
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
    Case("P26", STACK, STACK_P26, WAIT_SAME, 514, OpCode.KUNMAP, "users"),
    Case("P29", STACK, STACK_P29, "pkmap-wait", 513, OpCode.KMAP, "interruptible"),
    Case("A7", STACK, STACK_A7, "atomic-stale-read", 3, OpCode.KUNMAP_ATOMIC, "unflushed"),
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
