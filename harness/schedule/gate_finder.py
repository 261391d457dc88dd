"""Finds the gates of a kernel: its own text says where the mapping code calls what.

A schedule is decided at calls: before a lock is taken, after it is released, around schedule(),
before a flush.  A thread that waited for a lock at any other place would wait for ever, so that
every acquisition must be known, or there is no run.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from harness.architecture.call_site import CallScan, CallSite
from harness.errors import UsageError
from harness.guest.gate_wire import CODE, GATES, Gate, GateFlag, GateKind, GatePart
from harness.kernel.kernel_record import Kernel
from harness.kernel.kernel_text import KernelText, read_kernel_text

ANCHOR: Final = "kunmap_high"
"""The function from which the module counts addresses."""
LOCK: Final = "kmap_lock"
_FUNCTIONS: Final = {
    **dict.fromkeys(
        (
            "kmap_high",
            "kunmap_high",
            "kmap_flush_unused",
            "__kmap_flush_unused",
            "flush_all_zero_pkmaps",
            "map_new_virtual",
        ),
        GatePart.PKMAP,
    ),
    **dict.fromkeys(("page_address", "set_page_address"), GatePart.HASH),
    **dict.fromkeys(
        ("__kmap_local_page_prot", "__kmap_local_pfn_prot", "kunmap_local_indexed"),
        GatePart.LOCAL,
    ),
}
_GATES: Final = {
    **dict.fromkeys(
        ("_raw_spin_lock", "_raw_spin_lock_irq", "_raw_spin_lock_irqsave", "_raw_spin_lock_bh"),
        (GateKind.ACQUIRE, GateFlag.BEFORE),
    ),
    **dict.fromkeys(
        (
            "_raw_spin_unlock",
            "_raw_spin_unlock_irq",
            "_raw_spin_unlock_irqrestore",
            "_raw_spin_unlock_bh",
        ),
        (GateKind.RELEASE, GateFlag.AFTER),
    ),
    **dict.fromkeys(
        ("schedule", "io_schedule", "schedule_timeout"),
        (GateKind.SCHEDULE, GateFlag.BEFORE | GateFlag.AFTER),
    ),
}
"""The functions that a thread waits in, or that let another go on."""
_FLUSH: Final = re.compile(r"flush_tlb_(kernel_range|all)|(on_each_cpu|smp_call_function)\w*")
_UNKNOWN: Final = re.compile(
    r".*(?<!un)lock(?!ed|dep)(?!.*(waitqueue|debug)).*|mutex_\w+|down(_\w+)?|wait_for_\w+"
    r"|\w*sleep\w*|synchronize_\w+|schedule_\w+"
)
"""Functions that may wait for another thread, in ways for which there is no gate."""
_HARMLESS: Final = re.compile(
    r"__fentry__|mcount|__stack_chk_fail|__list_\w+|__SC[TK]_\w+|panic|_?printk|__?warn\w*"
    r"|dump_\w+|\w*unlock\w*|__rcu_read_lock"
)
"""Functions before which no gate is wanted; none of them waits for another thread."""
_POINTERS: Final = "pv_ops"
_POINTERS_SIZE: Final = 0x400
_SUFFIX: Final = re.compile(r"\.(isra|constprop|part|cold)\b.*")


class GateLevel(StrEnum):
    """Which calls are gates."""

    LOCK = "lock"
    """Locks, schedule() and flushes."""
    CALL = "call"
    """Every call."""
    MEMORY = "memory"
    """Those of the level lock, and every access to memory that threads may share."""


class NoGatesError(UsageError):
    """The schedules of a kernel cannot be decided."""


@dataclass(frozen=True, slots=True)
class FoundGates:
    """The gates of a kernel by rising address, and what has none."""

    gates: tuple[Gate, ...]
    ungated: tuple[str, ...]

    def armed(self, parts: Set[GatePart], *, interrupts: bool = False) -> tuple[Gate, ...]:
        """Return the gates of *parts*; an interrupt also comes after a lock is taken."""
        chosen = (one for one in self.gates if one.part in parts)
        return tuple(map(_after, chosen) if interrupts else chosen)


def _after(gate: Gate) -> Gate:
    """*gate*, with one behind it if a lock is taken there."""
    taken = gate.kind is GateKind.ACQUIRE
    return replace(gate, flags=gate.flags | GateFlag.AFTER) if taken else gate


def find_gates(kernel: Kernel, level: GateLevel = GateLevel.LOCK) -> FoundGates:
    """Find the gates of *kernel*; raises NoGatesError with the reason where that cannot be."""
    text = read_kernel_text(kernel)
    if text is None:
        raise NoGatesError(
            f"{kernel.release} has no ELF image or no System.map",
            hint="give a kernel that was built from source, with its build folder",
        )
    if not kernel.config.enabled("CONFIG_SMP"):
        raise NoGatesError(
            f"{kernel.release} is built without CONFIG_SMP: it takes no locks",
            hint="use a kernel for several CPUs",
        )
    return gates_of(kernel, text, level)


def gates_of(kernel: Kernel, text: KernelText, level: GateLevel) -> FoundGates:
    """Find the gates in the *text* of *kernel*; raises NoGatesError."""
    found = _Finder(kernel, text, level).find()
    if len(found.gates) > GATES:
        raise NoGatesError(
            f"{kernel.release}: {len(found.gates)} gates, and the module has room for {GATES}",
            hint="use the level lock",
        )
    return found


class _Finder:
    """Decodes the functions that map pages, and sorts their calls."""

    def __init__(self, kernel: Kernel, text: KernelText, level: GateLevel) -> None:
        self.kernel, self.text, self.level = kernel, text, level
        self.anchor = text.symbols.get(ANCHOR, 0)
        self.names = {address: name for name, address in text.symbols.items()}
        self.starts = sorted(self.names)
        self.parts: dict[str, GatePart] = {}
        self.refused: list[str] = []
        self.ungated: list[str] = []

    def find(self) -> FoundGates:
        scans = self._scans()
        for name in ("kmap_high", ANCHOR):
            if name not in scans:
                self.refused.append(f"there is no {name} in its text")
        gates = [gate for scan in scans.values() for gate in self._gates(scan)]
        gates += [gate for scan in scans.values() for gate in self._access_gates(scan)]
        self.refused += self._elsewhere(scans)
        if self.refused:
            raise NoGatesError(
                f"{self.kernel.release}: the schedule cannot be decided: "
                + "; ".join(self.refused),
                hint="every place at which a thread may wait must have a gate",
            )
        ordered = tuple(sorted(gates, key=lambda one: one.offset))
        return FoundGates(ordered, tuple(self.ungated))

    def _scans(self) -> Mapping[str, CallScan]:
        """Decode the functions, and those of the same file that they call."""
        known = [name for name in self.text.symbols if _plain(name) in _FUNCTIONS]
        places = [self.text.symbols[name] for name in known]
        self.parts = {name: _FUNCTIONS[_plain(name)] for name in known}
        scans: dict[str, CallScan] = {}
        while known:
            name = known.pop()
            scans[name] = scan = self._scan(name)
            for call in scan.calls:
                callee = self._callee(call)
                near = min(places) <= call.target <= max(places)
                if near and not call.indirect and callee not in (*scans, *known):
                    known.append(callee)
                    self.parts[callee] = self.parts[name]
        return scans

    def _scan(self, name: str) -> CallScan:
        scan = self._decoded(name)
        if not scan.whole:
            self.refused.append(f"{name} cannot be decoded")
        self.ungated += [f"{place}: an atomic instruction" for place in scan.atomic]
        return scan

    def _callee(self, call: CallSite) -> str:
        """Return the name of the function that is called, or the place of its pointer."""
        number = bisect_right(self.starts, call.target) - 1
        if call.indirect or number < 0:
            return f"*{call.target:#x}"
        start = self.starts[number]
        name = self.names[start]
        return name if start == call.target else f"{name}+{call.target - start:#x}"

    def _gates(self, scan: CallScan) -> Iterator[Gate]:
        for call in scan.calls:
            gate = self._gate(call)
            if gate is not None:
                yield gate

    def _access_gates(self, scan: CallScan) -> Iterator[Gate]:
        """The accesses of a function; a breakpoint takes the place of the first byte."""
        for one in scan.accesses if self.level is GateLevel.MEMORY else ():
            if len(one.code) > CODE:
                self.ungated.append(f"{one}: {one.words}")
                continue
            yield Gate(
                place=str(one),
                callee=one.words,
                offset=one.address - self.anchor,
                kind=GateKind.ACCESS,
                flags=GateFlag.BEFORE,
                code=one.code,
                part=self.parts[one.function],
                address=one.operand,
            )

    def _gate(self, call: CallSite) -> Gate | None:
        callee = self._callee(call)
        kind, flags = self._kind(call, callee)
        part = self.parts[call.function]
        plain = self.level is not GateLevel.CALL and part is not GatePart.LOCAL
        if kind is None or (kind is GateKind.CALL and plain):
            return None
        if call.tail:
            self._tail(call, callee, kind)
            return None
        if kind is GateKind.ACQUIRE and self._is_kmap_lock(call, part):
            flags |= GateFlag.SECTION
        offset = call.address - self.anchor
        return Gate(str(call), callee, offset, kind, flags, call.code, part)

    def _kind(self, call: CallSite, callee: str) -> tuple[GateKind | None, GateFlag]:
        if callee in _GATES:
            return _GATES[callee]
        if _FLUSH.fullmatch(callee):
            return GateKind.FLUSH, GateFlag.BEFORE
        if call.indirect:
            return self._indirect(call)
        if _plain(callee) in _FUNCTIONS or not _UNKNOWN.fullmatch(callee):
            harmless = _HARMLESS.fullmatch(callee)
            return (None if harmless else GateKind.CALL), GateFlag.BEFORE
        if not _HARMLESS.fullmatch(callee):
            self.refused.append(f"{call} calls {callee}, for which there is no gate")
        return None, GateFlag(0)

    def _indirect(self, call: CallSite) -> tuple[GateKind | None, GateFlag]:
        """An unlock that a hypervisor may replace is the only call by pointer that is known."""
        pointers = self.text.data.get(_POINTERS, 0)
        if pointers and 0 <= call.target - pointers < _POINTERS_SIZE:
            return GateKind.RELEASE, GateFlag.AFTER | GateFlag.INLINE
        self.ungated.append(f"{call}: a call by pointer")
        return None, GateFlag(0)

    def _tail(self, call: CallSite, callee: str, kind: GateKind) -> None:
        """A jump has no return address by which the gate could be known."""
        if kind in (GateKind.ACQUIRE, GateKind.SCHEDULE):
            self.refused.append(f"{call} jumps to {callee}")
        else:
            self.ungated.append(f"{call}: a jump to {callee}")

    def _is_kmap_lock(self, call: CallSite, part: GatePart) -> bool:
        lock = self.text.data.get(LOCK)
        if lock is None or call.argument is None:
            return part is GatePart.PKMAP
        return call.argument == lock

    def _elsewhere(self, scans: Mapping[str, CallScan]) -> Iterator[str]:
        """Each place outside of the functions known that takes kmap_lock."""
        lock = self.text.data.get(LOCK)
        for address in self.text.constants(lock) if lock else ():
            number = bisect_right(self.starts, address) - 1
            name = self.names[self.starts[number]] if number >= 0 else ""
            if not name or name in scans:
                continue
            for call in self._decoded(name).calls:
                if call.argument == lock and self._acquires(call):
                    yield f"{call} takes {LOCK}, too"

    def _acquires(self, call: CallSite) -> bool:
        kind, _ = _GATES.get(self._callee(call), (None, None))
        return kind is GateKind.ACQUIRE

    def _decoded(self, name: str) -> CallScan:
        start = self.text.symbols[name]
        following = bisect_right(self.starts, start)
        end = self.starts[following] if following < len(self.starts) else start
        return self.kernel.architecture.find_calls(self.text.read(start, end), start, name)


def _plain(name: str) -> str:
    """Return the name of a function without what the compiler adds to its copies and parts."""
    return _SUFFIX.sub("", name)
