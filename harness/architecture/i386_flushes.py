"""The instructions of a 32-bit x86 kernel that drop translations: found by pattern, then decoded.

Intel's manual, volume 3, "Invalidation of TLBs": INVLPG drops a page, a write to CR3 all but the
global translations, a write to CR4 that changes PGE all of them, INVPCID what its type says.
INVLPGB, which reaches other CPUs, exists in 64-bit kernels only (7.3: BROADCAST_TLB_FLUSH); a
32-bit one that had it would be a place that nobody can watch.

A pattern may also match inside of another instruction or in data.  So the function that holds a
match is decoded from its beginning.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from capstone import CS_ARCH_X86, CS_MODE_32, Cs, CsInsn
from capstone.x86 import X86_OP_MEM, X86_OP_REG

from harness.architecture.flush_site import (
    NO_REGISTER,
    FlushKind,
    FlushScan,
    FlushSite,
    FunctionTable,
    place,
)

_CANDIDATE: Final = re.compile(
    rb"\x0f\x01[\x38-\x3f\x78-\x7f\xb8-\xbf\xfe]"  # INVLPG, INVLPGB
    rb"|\x0f\x22[\x18-\x27\x58-\x67\x98-\xa7\xd8-\xe7]"  # a write to CR3 or CR4
    rb"|\x66\x0f\x38\x82",  # INVPCID
    re.DOTALL,
)
_MOST: Final = 15
"""Bytes of the longest instruction."""
_ENTRY: Final = ("__entry_text_start", "__entry_text_end")
_KINDS: Final = {"invlpg": FlushKind.PAGE, "invpcid": FlushKind.DESCRIBED}
_WRITES: Final = {"cr3": FlushKind.ROOT, "cr4": FlushKind.CONTROL}
_NUMBERS: Final = {
    name: number
    for number, name in enumerate(("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"))
}

WITHOUT_MAPPINGS: Final = frozenset(
    {
        "startup_32_smp",
        "pvh_start_xen",
        "load_trampoline_pgtable",
        "start_secondary",
        "wakeup_pmode_return",
        "restore_processor_state",
        "core_restore_code",
        "restore_registers",
        "relocate_kernel",
        "identity_mapped",
        "virtual_mapped",
    }
)
"""Functions of a CPU that starts, wakes up, or leaves for another kernel.

Its TLB is empty afterwards, or nobody's any more; and it cannot take a probe's exception.
"""


def find_flushes(text: bytes, address: int, functions: FunctionTable) -> FlushScan:
    """Find what drops translations in *text*, which lies at *address*.

    Entries from user mode, interrupts and exceptions are left out, for nothing calls them: a
    kernel cannot flush by way of one, and the kernel allows no probes there.
    """
    entry = _entry_text(functions)
    found = [
        _read(text, address, match.start(), functions)
        for match in _CANDIDATE.finditer(text)
        if address + match.start() not in entry
    ]
    sites = tuple(one for one in found if isinstance(one, FlushSite))
    return FlushScan(sites, tuple(one for one in found if isinstance(one, str)))


def _read(text: bytes, address: int, at: int, functions: FunctionTable) -> FlushSite | str | None:
    """Return the site that byte *at* of the text belongs to, or why that cannot be told."""
    number = bisect_right(functions.addresses, address + at) - 1
    if number < 0:
        return f"{address + at:#x}: no function has it"
    name, start = functions.names[number], functions.addresses[number]
    if name in WITHOUT_MAPPINGS:
        return None
    begin = max(start - address, 0)
    one = _instruction(text[begin : at + _MOST], address + begin, address + at)
    where = place(name, address + at - start)
    if one is None:
        return f"{where}: the function cannot be decoded"
    if not _drops(one):
        return None
    return _site(one, name, start) or f"{where}: {one.mnemonic} {one.op_str}"


def _entry_text(functions: FunctionTable) -> range:
    """Return the addresses of the code that only the processor enters."""
    bounds = dict(zip(functions.names, functions.addresses, strict=True))
    return range(bounds.get(_ENTRY[0], 0), bounds.get(_ENTRY[1], 0))


def _instruction(code: bytes, start: int, wanted: int) -> CsInsn | None:
    """Return the instruction that holds the byte at *wanted*, if the code before it decodes."""
    decoder = Cs(CS_ARCH_X86, CS_MODE_32)
    decoder.detail = True
    one: CsInsn
    for one in decoder.disasm(code, start):
        if one.address + one.size > wanted:
            return one if one.address <= wanted else None
    return None


def _drops(one: CsInsn) -> bool:
    """Tell whether the instruction drops translations."""
    if one.mnemonic in _KINDS or one.mnemonic == "invlpgb":
        return True
    return one.mnemonic == "mov" and _written(one) in _WRITES


def _written(one: CsInsn) -> str:
    """Return the name of the register that the instruction writes, if it writes one."""
    target = one.operands[0] if one.operands else None
    if target is None or target.type != X86_OP_REG:
        return ""
    return str(one.reg_name(target.reg))


def _site(one: CsInsn, function: str, start: int) -> FlushSite | None:
    """Return the site, unless its operands cannot be had at a probe."""
    kind = _KINDS.get(one.mnemonic) or _WRITES.get(_written(one))
    registers = list(_registers(one))
    if kind is None:
        return None
    register = registers[-1] if registers else NO_REGISTER
    site = FlushSite(function, one.address - start, one.address, kind, bytes(one.bytes), register)
    memory = next((each.mem for each in one.operands if each.type == X86_OP_MEM), None)
    if memory is None:
        return site
    if memory.segment or one.addr_size != 4:
        return None
    base, index = _number(one, memory.base), _number(one, memory.index)
    return replace(site, base=base, index=index, scale=memory.scale, displacement=memory.disp)


def _registers(one: CsInsn) -> Iterator[int]:
    """Return the numbers of the general registers among the operands."""
    for operand in one.operands:
        if operand.type == X86_OP_REG and one.reg_name(operand.reg) not in _WRITES:
            yield _number(one, operand.reg)


def _number(one: CsInsn, register: int) -> int:
    return _NUMBERS.get(one.reg_name(register), NO_REGISTER) if register else NO_REGISTER
