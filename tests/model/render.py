"""Steps as lines of text: an operation, what may be seen, how the state changes.  Only what is
not nothing.
"""

from harness.model.records.observation import Observation
from harness.model.records.operation import Base, OpCode, Operation, Prot
from harness.model.records.state import State, TaskState

_PLAIN = Operation(OpCode.NOP)
_VECTORS = ("slots", "where", "registers", "memory")


def number(value):
    """Small numbers in decimal, addresses and PTEs in hexadecimal."""
    if isinstance(value, bool) or not isinstance(value, int):
        return _nested(value)
    return getattr(value, "name", None) or (f"{value:#x}" if value > 999 else str(int(value)))


def _nested(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{number(k)}: {number(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(str, value))) + "}"
    if isinstance(value, tuple):
        return "(" + " ".join(number(item) for item in value) + ")"
    return str(value)


def operation(op: Operation) -> str:
    """``task CODE field=value ...``."""
    fields = zip(Operation._fields[2:], op[2:], _PLAIN[2:], strict=True)
    words = (f"{name}={number(value)}" for name, value, plain in fields if value != plain)
    return " ".join((str(op.task), op.code.name, *words))


def read_operation(text: str) -> Operation:
    """The operation that such a line names."""
    task, code, *words = text.split()
    fields = dict(word.split("=") for word in words)
    kinds = {"prot": Prot.__getitem__, "base": Base.__getitem__}
    values = {
        name: kinds.get(name, lambda text: int(text, 0))(value) for name, value in fields.items()
    }
    return Operation(OpCode[code], int(task), **values)


def observation(seen: Observation) -> str:
    """Fields that are not 0 and not empty."""
    return " ".join(f"{name}={number(value)}" for name, value in seen._asdict().items() if value)


def changes(old: State, new: State) -> str:
    """Fields of the state that differ, the elements of vectors and tasks one by one."""
    words = []
    for name, was, now in zip(State._fields, old, new, strict=True):
        if name in _VECTORS:
            words += [f"{name}[{at}]={number(item)}" for at, item in _moved(was, now)]
        elif name == "tasks":
            words += [
                word
                for at, (a, b) in enumerate(zip(was, now, strict=True))
                for word in _task(at, a, b)
            ]
        elif was != now:
            words.append(f"{name}={number(now)}")
    return " ".join(words)


def _moved(was, now):
    """(index, item) of what differs in a vector; most leaves are the same object."""
    for leaf, (old, new) in enumerate(zip(was, now, strict=True)):
        if old is not new:
            yield from (
                (leaf * 64 + at, b)
                for at, (a, b) in enumerate(zip(old, new, strict=True))
                if a != b
            )


def _task(at: int, was: TaskState, now: TaskState) -> list[str]:
    fields = zip(TaskState._fields, was, now, strict=True)
    return [] if was == now else [f"t{at}.{name}={number(b)}" for name, a, b in fields if a != b]
