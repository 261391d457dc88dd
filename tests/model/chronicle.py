"""The book: what the model says of programs of every kind of machine, as text under book/.

Each file has the programs of one kind.  A program is a line of an operation, a line for each
outcome allowed (what is seen, how the state changes), and lines of lies: what the contract finds
when one thing of what was seen is another.  The programs were chosen from random ones, for what
they add.

``python -m tests.model.chronicle`` writes the book anew; then read the diff.
"""

import random
import sys
from pathlib import Path

from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation, Prot
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model import render
from tests.model.doctored import BLINDS, lies
from tests.model.judged import check, state_as_seen
from tests.model.kinds import LAYOUTS, of_kind
from tests.model.listing import LISTINGS

BOOK = Path(__file__).parent / "book"
LIES = Path(__file__).parent / "lies"
LISTED = Path(__file__).parent / "listed"
_LIE = "lies:"
_ALWAYS = 20
_MAPS = (
    OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL,
    OpCode.KMAP_LOCAL_PROT,
    OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP,
)  # fmt: skip
_UNMAPS = (OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL, OpCode.IOUNMAP)
_ADDRESSED = (OpCode.READ, OpCode.WRITE, OpCode.KMAP_TO_PAGE, OpCode.INVLPG, OpCode.SET_PTE)
_CONTEXT = (
    OpCode.NOP, OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON, OpCode.IRQ_OFF, OpCode.IRQ_ON, OpCode.SLEEP,
    OpCode.YIELD,
    OpCode.HARDIRQ, OpCode.SOFTIRQ, OpCode.MIGRATE, OpCode.PAGE_ADDRESS, OpCode.FLUSH_UNUSED,
)  # fmt: skip


def steps(machine, ops):
    """(operation, state before, outcomes) of a program, as far as the model says anything."""
    state = initial(machine, empty_snapshot(machine))
    for at, op in enumerate(ops):
        outcomes = step(machine, state, op)
        yield op, state, outcomes
        if outcomes:
            state = outcomes[at % len(outcomes)].state


def lines(machine, ops):
    """Text of a program."""
    for op, state, outcomes in steps(machine, ops):
        yield render.operation(op)
        for outcome in outcomes:
            extra = f" known={outcome.known}" if outcome.known else ""
            extra += f" slack={outcome.slack}" if outcome.slack else ""
            seen, moved = (
                render.observation(outcome.observation),
                render.changes(state, outcome.state),
            )
            yield f"  {outcome.rule}{extra} | {seen} | {moved}"
        if outcomes:
            seen = outcomes[0].observation
            other = render.changes(outcomes[0].state, state_as_seen(machine, state, op, seen))
            if other:
                yield f"  absorbed | {other}"


def lying(machine, ops, told):
    """Text of a program with lies; *told* gives the lines of a step."""
    for at, (op, state, outcomes) in enumerate(steps(machine, ops)):
        yield render.operation(op)
        if outcomes:
            yield from told(at, state, op, outcomes[0].observation)


def lie_lines(machine, state, op, seen, names):
    """Lines of the lies of those *names*: what the contract finds, and what it does not when it
    is blind.
    """
    if not names:
        return
    table = dict(lies(machine))
    found: dict[str, list[str]] = {}
    for name, blinds in names:
        doctored = table[name](seen)
        rules = _rules(machine, state, op, doctored)
        blinded = _blinded(machine, state, op, doctored, rules) if blinds else ""
        found.setdefault(f"{' '.join(rules)}{blinded}", []).append(name)
    for text, group in found.items():
        yield f"  {_LIE} {'; '.join(group)} | {text}"


def _rules(machine, state, op, doctored):
    return sorted({violation.rule for violation in check(machine, state, op, doctored)})


def _blinded(machine, state, op, doctored, rules):
    text = ""
    for blind in BLINDS:
        left = sorted(
            {v.rule for v in check(machine, state, op, doctored, blind=frozenset({blind}))}
        )
        if left != rules:
            text += f" | without {blind}: {' '.join(left)}"
    return text


def programs(text: str):
    """(operations, names of lies by step) of each program of a file."""
    for part in text.split("\n\n"):
        ops, named = [], {}
        for line in part.splitlines():
            if not line.startswith((" ", "#")):
                ops.append(render.read_operation(line))
            elif line.startswith(f"  {_LIE} "):
                names = line.strip().removeprefix(_LIE).partition(" |")[0].split(";")
                lied = ((name.strip(), " | without " in line) for name in names)
                named.setdefault(len(ops) - 1, []).extend(lied)
        if ops:
            yield ops, named


def retold(machine, ops, named) -> str:
    """A program and its lies, if any are named, told by the present model."""

    def told(at, state, op, seen):
        return lie_lines(machine, state, op, seen, named.get(at, ()))

    return _text(lying(machine, ops, told) if named else lines(machine, ops))


def _text(parts) -> str:
    return "\n".join(line.rstrip() for line in parts)


# -- choosing programs ------------------------------------------------------------------


def _address(rng, machine, recent):
    layout = machine.layout
    base = rng.choices(tuple(Base), (12, 4, 3, 2, 1))[0]
    offset = rng.choice((0, 0, 0, 4, 6, 0xFFC, 0xFFD, 0x1000))
    if base == Base.REG:
        return {
            "reg": recent[-1] if recent and rng.random() < 0.7 else rng.randrange(6),
            "offset": offset,
        }
    if base == Base.FIXMAP:
        return {
            "base": base,
            "reg": layout.fix_kmap_begin + rng.randrange(-3, 3 * layout.window),
            "offset": offset,
        }
    if base == Base.PKMAP:
        return {"base": base, "reg": rng.randrange(-1, 4) & 0xFF, "offset": offset}
    if base == Base.DIRECT:
        return {"base": base, "page": rng.choice((0, 4, 4, 4, 5)), "offset": offset}
    return {
        "base": base,
        "offset": rng.choice((0, 0x1000, 0xBFFF_F000, 0xC000_0000, 0xC900_0000, 0xFFFF_F000)),
    }


def _value(rng, code):
    if code in (OpCode.TYPED_MAP, OpCode.TYPED_UNMAP):
        return rng.choice((0, 0, 1, 12, 13, 0x100, 0x112, 0x113, 0x200))
    if code == OpCode.SLEEP:
        return rng.choice((0, 1000, 1_000_000, 1_000_001))
    if code == OpCode.WRITE:
        return rng.choice((1, 0x1122_3344, 0xFFFF_FFFF))
    return rng.choice((0, 0, 1, 1, 2, 3))


def _random_program(rng, machine, size):
    recent: dict[int, list[int]] = {}
    favourite = rng.choice(
        (
            _MAPS,
            _MAPS,
            (OpCode.KMAP,),
            (OpCode.KMAP_LOCAL,),
            (OpCode.KMAP_ATOMIC,),
            (OpCode.TYPED_MAP,),
        )
    )
    wild = rng.random() < 0.5
    undo = {
        OpCode.KMAP_ATOMIC: _UNMAPS[0],
        OpCode.KMAP_ATOMIC_PROT: _UNMAPS[0],
        OpCode.KMAP_ATOMIC_PFN: _UNMAPS[0],
        OpCode.IOMAP: _UNMAPS[2],
    }
    open_maps: list = []
    for _ in range(size):
        task = rng.choices((0, 1, 2, 3, 4), (8, 3, 3, 2, 0.1))[0]
        mine = recent.setdefault(task, [])
        roll = rng.random()
        page = rng.choices((0, 1, 2, 3, 4, 5, NO_PAGE), (6, 5, 4, 3, 3, 0.2, 0.2))[0]
        prot = rng.choice(tuple(Prot))
        if roll < 0.35:
            code = rng.choice(favourite)
            reg = rng.randrange(1, 6) if rng.random() < 0.98 else 4096
            mine.append(reg)
            op = Operation(code, task, page, reg, prot, value=_value(rng, code))
            open_maps.append((task, code, reg, op.value))
            yield op
        elif roll < 0.55 and open_maps:
            task, code, reg, value = open_maps.pop(
                -1 if rng.random() < 0.75 else rng.randrange(len(open_maps))
            )
            if code == OpCode.KMAP:
                yield Operation(OpCode.KUNMAP, task, page)
            elif code == OpCode.TYPED_MAP:
                yield Operation(
                    OpCode.TYPED_UNMAP, task, reg=reg, value=value if rng.random() < 0.8 else 2
                )
            else:
                yield Operation(
                    undo.get(code, OpCode.KUNMAP_LOCAL),
                    task,
                    reg=reg,
                    offset=rng.choice((0, 0, 8)),
                    value=value,
                )
        elif roll < 0.65:
            yield Operation(
                rng.choice((OpCode.KMAP, OpCode.KMAP, OpCode.KUNMAP)), task, page, rng.randrange(6)
            )
        elif roll < 0.80:
            code = rng.choice(_ADDRESSED if wild else _ADDRESSED[:3])
            where = {"page": page, **_address(rng, machine, mine)}
            yield Operation(code, task, prot=prot, value=_value(rng, code), **where)
        elif roll < 0.84 and wild:
            yield Operation(
                rng.choice((*_UNMAPS, OpCode.TYPED_UNMAP)),
                task,
                value=_value(rng, OpCode.NOP),
                **_address(rng, machine, mine),
            )
        elif roll < 0.85 and wild:
            yield Operation(OpCode.EXIT, task)
        else:
            code = rng.choice(_CONTEXT)
            yield Operation(code, task, page, value=_value(rng, code))


def _features(machine, op, state, outcomes):
    for outcome in outcomes:
        seen = outcome.observation
        fields = frozenset(
            name for name, value in seen._asdict().items() if value and name in _TELLING
        )
        yield outcome.rule, seen.status, outcome.known, fields
        yield op.code, outcome.rule, seen.status
        yield (
            outcome.rule,
            outcome.state.stale != state.stale,
            outcome.state.lost,
            bool(outcome.state.spinning),
        )
    task = state.tasks[op.task] if op.task < len(state.tasks) else None
    if task is not None:
        status = outcomes[0].observation.status if outcomes else None
        yield op.code, task.phase, task.preempt > 0, len(task.contexts) > 0, task.irqs_off, status
        yield op.code, op.base, op.prot if op.code in _MAPS else 0, status


_TELLING = ("slots", "windows", "done", "warns", "flush_ranges", "invlpgs", "saved", "wakes")


def _choose(machine, candidates, known: set):
    """The first programs, and of the others those that show what none of the generation has shown
    before.
    """
    for number, ops in enumerate(candidates):
        last, new = 0, set()
        for at, (op, state, outcomes) in enumerate(steps(machine, ops)):
            fresh = set(_features(machine, op, state, outcomes)) - known - new
            if fresh:
                new |= fresh
                last = at + 1
        known |= new
        if number < _ALWAYS:
            yield ops
        elif len(new) > 3:
            yield ops[:last]


def _fresh_lies(machine, state, op, seen, known: set):
    """Names of the lies that are worth a line: found otherwise, or for another operation, than
    those before.
    """
    for name, lie in lies(machine):
        doctored = lie(seen)
        rules = tuple(_rules(machine, state, op, doctored)) if doctored != seen else ()
        generation = machine.layout.generation
        new = {(generation, name, rules), (generation, op.code, rules)} - known
        if rules and new:
            known.update(new)
            yield name, True


def _write_lies(kind: str, known: set) -> None:
    machine, texts = of_kind(kind), []
    for ops, _ in programs((BOOK / f"{kind}.txt").read_text()):

        def told(at, state, op, seen):
            return lie_lines(
                machine, state, op, seen, tuple(_fresh_lies(machine, state, op, seen, known))
            )

        text = _text(lying(machine, ops, told))
        if _LIE in text:
            end = text.find("\n", text.rindex(_LIE))
            texts.append(text if end < 0 else text[:end])
    _save(LIES, kind, texts)


def _save(folder: Path, kind: str, parts: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{kind}.txt").write_text("\n\n".join(parts) + "\n")


def main() -> None:
    """Choose and write all, or tell the present programs anew (``--retell``)."""
    for name, listing in LISTINGS.items():
        (LISTED / f"{name}.txt").write_text(listing() + "\n")
    lied: set = set()
    shown: dict[object, set] = {}
    for kind in LAYOUTS:
        if "--retell" in sys.argv:
            for folder in (BOOK, LIES):
                old = (folder / f"{kind}.txt").read_text()
                _save(
                    folder,
                    kind,
                    [retold(of_kind(kind), ops, named) for ops, named in programs(old)],
                )
        else:
            machine, rng = of_kind(kind), random.Random(f"{kind} 1")
            candidates = [list(_random_program(rng, machine, 18)) for _ in range(120)]
            known = shown.setdefault(machine.layout.generation, set())
            _save(
                BOOK,
                kind,
                [_text(lines(machine, ops)) for ops in _choose(machine, candidates, known)],
            )
            _write_lies(kind, lied)


if __name__ == "__main__":
    main()
