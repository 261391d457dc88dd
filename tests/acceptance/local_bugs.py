"""Bugs for the stock kernel of 6.1 (local generation), as edits of its code."""

from .patched import Bug, Edit

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
    "a waiter that finds its page mapped is not counted",
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
            "89 e5 29 ca c7 02 00 00 00 00 c7 42 04 00 00 00 00 e8 ?? ?? ?? ??"
            " 5d 64 ff 0d ?? ?? ?? ?? c3",
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
