"""A second book, of what the first leaves out: errands, interrupts, and lies that are believed.

Three chapters for some kinds of machines, as text under chapters/, written like the book:

* errands: affinity, CPUs that go and come back, children, user mode, signals;
* instants: an interrupt or another task in the middle of an operation;
* absorbed: where the state goes when one thing of what was seen is another.

``python -m tests.model.sequel`` chooses programs and writes them, ``--retell`` writes the present
ones anew; then read the diff.
"""

import random
import sys
from pathlib import Path

from harness.model.records.interrupt import InterruptContext, Trigger
from harness.model.records.machine import REGISTERS
from harness.model.records.operation import OpCode, Operation
from tests.model import chronicle, render
from tests.model.doctored import lies
from tests.model.judged import state_as_seen
from tests.model.kinds import of_kind

FOLDER = Path(__file__).parent / "chapters"
CHAPTERS = {
    "errands": ("local", "local-rt", "stack-counted"),
    "instants": ("local", "local-debug", "stack"),
    "absorbed": ("local", "local-rt", "stack"),
}
_BELIEVED = "believed:"
_ERRANDS = (
    OpCode.AFFINITY, OpCode.AFFINITY, OpCode.AFFINITY, OpCode.HOTPLUG, OpCode.HOTPLUG,
    OpCode.AWAIT, OpCode.AWAIT,
    OpCode.FORK, OpCode.USER, OpCode.SIGNAL,
)  # fmt: skip


def retold(chapter: str, kind: str, ops, names) -> str:
    """A program as the present model tells it; *names* are those of the lies of each step."""
    machine = of_kind(kind)
    told = (
        lines_believed(machine, ops, names)
        if chapter == "absorbed"
        else chronicle.lines(machine, ops)
    )
    return "\n".join(line.rstrip() for line in told)


def lines_believed(machine, ops, names):
    """Text of a program with lies, and how each moves the state that the rules would have come
    to.
    """
    table = dict(lies(machine))
    for at, (op, state, outcomes) in enumerate(chronicle.steps(machine, ops)):
        yield render.operation(op)
        found: dict[str, list[str]] = {}
        for name in names.get(at, ()):
            seen = table[name](outcomes[0].observation)
            moved = render.changes(outcomes[0].state, state_as_seen(machine, state, op, seen))
            found.setdefault(moved, []).append(name)
        yield from (f"  {_BELIEVED} {'; '.join(group)} | {text}" for text, group in found.items())


def programs(text: str):
    """(operations, names of lies by step) of each program of a text."""
    for part in text.rstrip("\n").split("\n\n"):
        ops, names = [], {}
        for line in part.splitlines():
            if not line.startswith(" "):
                ops.append(render.read_operation(line))
            elif line.startswith(f"  {_BELIEVED} "):
                told = line.strip().removeprefix(_BELIEVED).partition(" |")[0].split(";")
                names.setdefault(len(ops) - 1, []).extend(name.strip() for name in told)
        yield ops, names


# -- choosing programs ------------------------------------------------------------------


def _errand(rng, machine):
    code = rng.choice(_ERRANDS)
    cpus, tasks = machine.layout.online_cpus, len(machine.tasks)
    task, number, cpu = rng.randrange(tasks), rng.randrange(tasks), rng.randrange(cpus)
    wild = rng.random() < 0.1
    values = {
        OpCode.AFFINITY: (number + 3 * wild) | (cpu + wild) << 8,
        OpCode.HOTPLUG: cpu + wild | rng.randrange(2) << 8,
        OpCode.SIGNAL: number + wild,
    }
    return Operation(code, task, rng.randrange(5 + wild), value=values.get(code, 0))


def _instant(rng, machine):
    where = rng.choice((*InterruptContext, 3 if rng.random() < 0.1 else 0))
    trigger = rng.choice((*Trigger, rng.choice((Trigger.TIMER, 10))))
    offset = rng.choice(
        (0, 1, 1, 10, 10, 1_000_000, 1_000_001) if trigger < Trigger.MAP else (0, 0, 1, 5)
    )
    levels = rng.choice((0, 1, 1, 2, 2, 3, 8, 9))
    skip = rng.choice((0, 0, 0, 1, 2))
    page = rng.choice((0, 1, 2, 3, 4))
    return Operation(
        OpCode.INTERRUPT,
        rng.randrange(2),
        page,
        where | trigger << 4,
        offset=offset,
        value=levels | skip << 8,
    )


def _mixed(rng, machine, size, special, share):
    """A random program of the first book, with operations of its own."""
    for op in chronicle._random_program(rng, machine, size):
        if rng.random() < share:
            yield special(rng, machine)
        yield op


def _features(op, state, outcomes):
    for outcome in outcomes:
        seen = outcome.observation
        shape = tuple((one.flags, one.depth) for one in seen.interrupts)
        yield (
            op.code in _ERRANDS,
            outcome.rule,
            seen.status,
            seen.value > 0 and op.code in _ERRANDS,
        )
        yield shape, outcome.rule.split(".")[0]
        yield (
            bool(state.errand),
            outcome.state.offline,
            tuple(task.going for task in outcome.state.tasks),
        )
    task = state.tasks[op.task] if op.task < len(state.tasks) else None
    if task is not None and task.armed is not None:
        yield task.armed.where, task.armed.trigger, op.code, len(outcomes)


def _choose(machine, candidates, most):
    known: set = set()
    for ops in candidates:
        new, last = set(), 0
        for at, (op, state, outcomes) in enumerate(chronicle.steps(machine, ops)):
            fresh = {one for one in _features(op, state, outcomes) if one not in known}
            if fresh - new:
                new |= fresh
                last = at + 1
        if len(new) > most:
            known |= new
            yield ops[:last]


def _lies_of(machine, ops, known):
    """Names of lies by step: those that move the state in a way that was not seen before."""
    names: dict[int, list[str]] = {}
    table = lies(machine)
    for at, (op, state, outcomes) in enumerate(chronicle.steps(machine, ops)):
        if not outcomes:
            continue
        for name, lie in table:
            seen = lie(outcomes[0].observation)
            if seen == outcomes[0].observation:
                continue
            rule = outcomes[0].rule.partition(".")[0]
            key = name, rule, _fields(outcomes[0].state, state_as_seen(machine, state, op, seen))
            if key not in known and key[2]:
                known.add(key)
                names.setdefault(at, []).append(name)
    return names


def _fields(old, new):
    return tuple(word.partition("=")[0] for word in render.changes(old, new).split())


def _write(chapter: str, kind: str, known: set) -> None:
    machine, rng, texts = of_kind(kind), random.Random(f"{chapter} {kind} 1"), []
    if chapter == "absorbed":
        for _ in range(25):
            ops = [op for op in chronicle._random_program(rng, machine, 16) if op.reg < REGISTERS]
            names = _lies_of(machine, ops, known)
            if sum(map(len, names.values())) > 8:
                texts.append(retold(chapter, kind, ops[: max(names) + 1], names))
    else:
        special, share = (_errand, 0.8) if chapter == "errands" else (_instant, 0.35)
        candidates = [list(_mixed(rng, machine, 12, special, share)) for _ in range(150)]
        texts = [retold(chapter, kind, ops, {}) for ops in _choose(machine, candidates, 5)]
    path(chapter, kind).write_text("\n\n".join(texts) + "\n")


def path(chapter: str, kind: str) -> Path:
    """The file of a chapter."""
    return FOLDER / f"{chapter}-{kind}.txt"


def main() -> None:
    """Choose and write all, or tell the present programs anew (``--retell``)."""
    known: set = set()
    for chapter, kinds in CHAPTERS.items():
        for kind in kinds:
            if "--retell" in sys.argv:
                old = path(chapter, kind).read_text()
                new = [retold(chapter, kind, ops, names) for ops, names in programs(old)]
                path(chapter, kind).write_text("\n\n".join(new) + "\n")
            else:
                _write(chapter, kind, known)


if __name__ == "__main__":
    main()
