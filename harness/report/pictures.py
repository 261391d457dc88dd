"""Pictures of the model, made by asking it: the life cycle of a pkmap slot, the windows by
generation.

They are text, for docs/model.md; a test holds what stands there against what the model gives now.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.model.records import vector
from harness.model.records.km_type import KM_TYPES_2_6_24
from harness.model.records.layout import TYPED_FIRST, Generation, Layout
from harness.model.records.machine import Machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Slot, State
from harness.model.rules.step import step
from harness.model.search.explorer import explore
from harness.model.search.nodes import Limits
from harness.model.search.standard_machines import LOCAL, STACK, TYPED, small_machine

_COLUMN: Final = 18
_COUNTS: Final = (0, 1, 2, 3)
_NAMES: Final = ("free", "unused", "1 user", "2 users")


class Move(NamedTuple):
    """The effect of a step on a slot: its counts before and after; whether its page changes."""

    old: int
    new: int
    other: bool


def slot_life_cycle() -> str:
    """How the count of a pkmap slot moves, in all states of a small machine, by rule branch."""
    moves, looks = _explored()
    lines = [
        _row([f"count {count}" for count in _COUNTS]),
        _row(list(_NAMES)),
        *(_row([_one(looks[count], at) for count in _COUNTS]) for at in range(2)),
        _row(["|"] * len(_COUNTS)),
    ]
    for move in sorted(moves, key=lambda one: (one.other, abs(one.new - one.old), one.old)):
        lines += [_arrow(move), *_labels(move, sorted(moves[move]))]
    return "\n".join(line.rstrip() for line in lines)


def _explored() -> tuple[Mapping[Move, set[str]], Mapping[int, set[tuple[str, str]]]]:
    """Moves with their rules, and how a slot of each count looks: its PTE, its page's address."""
    machine = small_machine(LOCAL, slots=2, high=3, low=0, tasks=(0, 1))
    moves: dict[Move, set[str]] = defaultdict(set)
    looks: dict[int, set[tuple[str, str]]] = defaultdict(set)

    def watched(asked: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
        outcomes = step(asked, state, op)
        for one in outcomes:
            pairs = zip(vector.items(state.slots), vector.items(one.state.slots), strict=True)
            for number, (old, new) in enumerate(pairs):
                looks[new.count].add(_look(asked, one.state, number, new))
                if old != new:
                    moves[
                        Move(old.count, new.count, bool(old.pte) and 0 != new.pte != old.pte)
                    ].add(one.rule)
        return outcomes

    explore(machine, Limits(kmaps=1), steps=watched)
    return moves, looks


def _look(machine: Machine, state: State, number: int, slot: Slot) -> tuple[str, str]:
    known = machine.layout.pkmap_address(number) in vector.items(state.where)
    return "PTE present" if slot.pte else "PTE none", "address known" if known else "no address"


def _one(looks: set[tuple[str, str]], at: int) -> str:
    """The one look that all slots of a count have."""
    return " or ".join(sorted({look[at] for look in looks}))


def _row(cells: list[str]) -> str:
    return "".join(f"{cell:{_COLUMN}}" for cell in cells)


def _arrow(move: Move) -> str:
    """A line from the count before to the count after; past the lifelines of the others."""
    line = list(_row(["|"] * len(_COUNTS)))
    left, right = sorted((move.old * _COLUMN, move.new * _COLUMN))
    if left == right:
        line[left : left + 4] = "|<-+"
    else:
        line[left + 1 : right] = "-" * (right - left - 1)
        line[left + 1 if move.new < move.old else right - 1] = "<" if move.new < move.old else ">"
    return "".join(line)


def _labels(move: Move, rules: list[str]) -> list[str]:
    """The rule branches under an arrow."""
    what = ", ".join(rules) + (" (flushed, then another page)" if move.other else "")
    lines, start = [], min(move.old, move.new) * _COLUMN + 2
    line = list(_row(["|"] * len(_COUNTS)))
    line[start : start + len(what)] = what
    lines.append("".join(line))
    return lines


# -- the windows ------------------------------------------------------------------------


class PicturedMapping(NamedTuple):
    """The place that the model gives a mapping: its fixmap index, or what becomes of it."""

    name: str
    index: int  # type: ignore[assignment] # hides a method of tuple that nobody calls
    end: str = ""


_KINDS: Final = (
    ("local (6.1)", LOCAL),
    ("stack (5.10)", STACK),
    ("typed (2.6.24)", TYPED),
)


def windows() -> str:
    """The window of each CPU by generation: the place of each mapping, and of one too many."""
    blocks = [_window(name, layout) for name, layout in _KINDS]
    height = max(map(len, blocks))
    padded = [block + [""] * (height - len(block)) for block in blocks]
    widths = [max(map(len, block)) + 2 for block in blocks]
    rows = zip(*padded, strict=True)
    return "\n".join(
        "".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _window(name: str, layout: Layout) -> list[str]:
    lines = [name]
    for cpu in range(2):
        places = _nest(layout, cpu)
        shown = [*places[:2], None, *places[-2:]]
        lines += [f"CPU {cpu}", *(" .." if one is None else _line(layout, one) for one in shown)]
    return lines


def _line(layout: Layout, place: PicturedMapping) -> str:
    if place.index < 0:
        return f" --  -------- {place.name}: {place.end}"
    address = f"{layout.fixaddr(place.index):08x}"
    return f" {place.index:<3} {address} {place.name}{': ' + place.end if place.end else ''}"


def _nest(layout: Layout, cpu: int) -> list[PicturedMapping]:
    """Map by kmap_atomic on *cpu* until the mapping leaves the window, or ends in a BUG."""
    machine = small_machine(layout, slots=2, high=1, low=0, tasks=(cpu,))
    state, places = initial(machine, empty_snapshot(machine)), list[PicturedMapping]()
    typed = layout.generation is Generation.TYPED
    while True:
        number = len(places)
        kind = 0 if typed and number == len(KM_TYPES_2_6_24) else number
        value = kind if typed else 0
        operation = Operation(OpCode.KMAP_ATOMIC, page=0, reg=number, value=value)
        (one,) = step(machine, state, operation)
        name = _name(number, typed=typed, kind=kind)
        if one.observation.status is Status.DIED:
            return [*places, PicturedMapping(name, -1, "BUG")]
        index = layout.fixindex(one.observation.value)
        if index >= layout.window_index(cpu + 1, 0):
            return [*places, PicturedMapping(name, index, f"CPU {cpu + 1}'s")]
        places.append(PicturedMapping(name, index))
        state = one.state


def _name(number: int, *, typed: bool, kind: int) -> str:
    if typed:
        return KM_TYPES_2_6_24[kind] + (" again" if number > kind else "")
    return {0: "1st", 1: "2nd", 2: "3rd", 20: "21st"}.get(number, f"{number + 1}th")


def typed_window(cpus: int = 2) -> str:
    """The module's typed window with *cpus* CPUs: entries of each era and CPU."""
    layout = LOCAL._replace(online_cpus=cpus, typed_top=0xF7FF_F000, typed_count=32 * cpus)
    machine = small_machine(layout, slots=2, high=1, low=0, tasks=tuple(range(cpus)))
    lines = []
    for era, (name, count) in enumerate((("2.6.24", 13), ("2.6.32", 19))):
        for cpu in range(cpus):
            ends = [_typed_entry(machine, cpu, era << 8 | kind) for kind in (0, count - 1)]
            lines.append(f"entries {ends[0]:2} .. {ends[1]:2}   CPU {cpu}, types of {name}")
    return "\n".join(lines)


def _typed_entry(machine: Machine, cpu: int, value: int) -> int:
    state = initial(machine, empty_snapshot(machine))
    (one,) = step(machine, state, Operation(OpCode.TYPED_MAP, cpu, page=0, value=value))
    return machine.layout.fixindex(one.observation.value) - TYPED_FIRST


def pictures() -> str:
    """All of them, each under its name."""
    return "\n\n".join(f"{name}\n\n{indented(draw())}" for name, draw in PICTURES.items())


def indented(picture: str) -> str:
    """A picture as Markdown has it: verbatim."""
    return "\n".join(f"    {line}".rstrip() for line in picture.splitlines())


PICTURES: Final = {
    "pkmap slot": slot_life_cycle,
    "windows": windows,
    "typed window": typed_window,
}
