"""Bugs for the stock kernel of 5.10 (stack generation), as edits of its code."""

from .local_bugs import A7, A26, P6, P7, P10, P20, P21, P26, P29
from .patched import Bug, Edit

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
