"""The calls in the code of a function of a 32-bit x86 kernel."""

from collections.abc import Iterator
from typing import Final

from capstone import CS_ARCH_X86, CS_MODE_32, Cs, CsInsn
from capstone.x86 import (
    X86_OP_IMM,
    X86_OP_MEM,
    X86_OP_REG,
    X86_PREFIX_LOCK,
    X86_PREFIX_REP,
    X86_PREFIX_REPNE,
)

from harness.architecture.call_site import AccessSite, CallScan, CallSite
from harness.architecture.flush_site import place

_FIRST_ARGUMENT: Final = "eax"
_JUMPS: Final = frozenset({"jmp", "je", "jne", "jl", "jle", "jg", "jge", "js", "jns", "jb", "ja"})

_REGISTERS: Final = {
    name: number
    for number, name in enumerate(("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"), 1)
}
"""The numbers by which the module knows registers."""
_NO_ACCESS: Final = frozenset({"lea", "nop", "call", "jmp", "ret", "prefetchnta", "prefetcht0"})
_OWN_STACK: Final = frozenset({"esp"})


def find_calls(code: bytes, start: int, function: str) -> CallScan:
    """Decode *code*, the whole function that begins at *start*."""
    decoder = Cs(CS_ARCH_X86, CS_MODE_32)
    decoder.detail = True
    calls: list[CallSite] = []
    accesses: list[AccessSite] = []
    framed = False
    atomic: list[str] = []
    end, argument = start, None
    one: CsInsn
    for one in decoder.disasm(code, start):
        end = one.address + one.size
        site = _call(one, start, len(code), function, argument)
        if site is not None:
            calls.append(site)
        if site is None and _is_atomic(one):
            atomic.append(place(function, one.address - start))
        framed = framed or _makes_frame(one)
        accesses += _accesses(one, start, function, framed=framed)
        argument = _argument(one, argument)
    return CallScan(tuple(calls), tuple(atomic), end == start + len(code), tuple(accesses))


def _call(
    one: CsInsn, start: int, length: int, function: str, argument: int | None
) -> CallSite | None:
    """Return the call that the instruction makes, if it leaves the function."""
    if one.mnemonic != "call" and one.mnemonic not in _JUMPS:
        return None
    operand = one.operands[0]
    if operand.type == X86_OP_IMM:
        target, indirect = operand.imm & 0xFFFF_FFFF, False
    elif operand.type == X86_OP_MEM and not operand.mem.base and not operand.mem.index:
        target, indirect = operand.mem.disp & 0xFFFF_FFFF, True
    else:
        target, indirect = 0, True
    tail = one.mnemonic != "call"
    if tail and (indirect or start <= target < start + length):
        return None
    offset = one.address - start
    code = bytes(one.bytes)
    return CallSite(function, offset, one.address, code, target, indirect, tail, argument)


def _argument(one: CsInsn, before: int | None) -> int | None:
    """Return the constant in the register of the first argument after the instruction."""
    if one.mnemonic == "mov" and one.operands[0].type == X86_OP_REG:
        if one.reg_name(one.operands[0].reg) != _FIRST_ARGUMENT:
            return before
        constant = one.operands[1].type == X86_OP_IMM
        return one.operands[1].imm & 0xFFFF_FFFF if constant else None
    written = {one.reg_name(register) for register in one.regs_access()[1]}
    return None if _FIRST_ARGUMENT in written or one.mnemonic == "call" else before


def _is_atomic(one: CsInsn) -> bool:
    """Tell whether the instruction reads and writes memory at once, for all CPUs."""
    locked = one.prefix[0] == X86_PREFIX_LOCK
    return locked or (
        one.mnemonic == "xchg" and any(each.type == X86_OP_MEM for each in one.operands)
    )


def _makes_frame(one: CsInsn) -> bool:
    """Tell whether the instruction makes ebp the frame of the function."""
    return f"{one.mnemonic} {one.op_str}" == "mov ebp, esp"


def _accesses(one: CsInsn, start: int, function: str, *, framed: bool) -> Iterator[AccessSite]:
    """The access of the instruction, if it is one to memory that other threads may share."""
    repeated = one.prefix[0] in (X86_PREFIX_REP, X86_PREFIX_REPNE)
    if one.mnemonic in _NO_ACCESS or repeated:
        return
    for operand in one.operands:
        if operand.type != X86_OP_MEM or one.reg_name(operand.mem.segment):
            continue
        base, index = one.reg_name(operand.mem.base), one.reg_name(operand.mem.index)
        if base in _OWN_STACK or (framed and base == "ebp"):
            continue
        numbers = (_REGISTERS.get(base, 0), _REGISTERS.get(index, 0), operand.mem.scale)
        place_of_it = (operand.mem.disp & 0xFFFF_FFFF, *numbers)
        words = f"{one.mnemonic} {one.op_str}"
        code = bytes(one.bytes)
        yield AccessSite(function, one.address - start, one.address, code, words, place_of_it)
        return
