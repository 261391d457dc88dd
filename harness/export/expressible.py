"""Which scenarios a test within the kernel can express, and for each other one the reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self

from harness.export.c_expressions import KINDS, NUMBERS, PROTECTIONS, names_in
from harness.export.statements import can_say, status_of, word_of
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.scenario.expression import Expression
from harness.scenario.syntax import (
    AtomicBlock,
    Loop,
    OpStatement,
    PageRef,
    Requirement,
    Scenario,
    Statement,
    TaskLine,
)

Version = tuple[int, int]


class Era(NamedTuple):
    """The kernels for which a test is written: all from the oldest to the newest."""

    oldest: Version
    newest: Version

    @classmethod
    def only(cls, version: Sequence[int]) -> Self:
        """The kernels of one release."""
        return cls((version[0], version[1]), (version[0], version[1]))

    def __str__(self) -> str:
        first, last = (".".join(map(str, one)) for one in self)
        return first if first == last else f"{first} to {last}"


LOCAL: Final[Version] = (5, 11)
"""The release that brought kmap_local."""
_NEVER: Final[Version] = (99, 0)
_ALWAYS: Final[Version] = (0, 0)
_HAS: Final[Mapping[str, tuple[Version, Version]]] = {
    "kmap_local_page": (LOCAL, _NEVER),
    "kmap_local_page_prot": (LOCAL, _NEVER),
    "kmap_local_pfn": (LOCAL, _NEVER),
    "kunmap_local": (LOCAL, _NEVER),
    "iomap": (LOCAL, _NEVER),
    "iounmap": (LOCAL, _NEVER),
    "kmap_local_folio": ((5, 16), _NEVER),
    "memcpy_page": ((5, 13), _NEVER),
    "memset_page": ((5, 13), _NEVER),
    "memzero_page": ((5, 13), _NEVER),
    "memcpy_from_page": ((5, 10), _NEVER),
    "memcpy_to_page": ((5, 10), _NEVER),
    "zero_user": (_ALWAYS, (6, 12)),
    "folio_zero_segments": ((5, 16), _NEVER),
    "folio_zero_segment": ((5, 16), _NEVER),
    "folio_zero_range": ((5, 16), _NEVER),
    "memcpy_from_folio": ((6, 12), _NEVER),
    "memcpy_to_folio": ((6, 12), _NEVER),
    "folio_zero_tail": ((6, 12), _NEVER),
    "folio_fill_tail": ((6, 12), _NEVER),
    "memcpy_folio": ((7, 3), _NEVER),
}
"""The first and the last release that has a function, as far as ``kmod/compat.h`` knows."""

CANNOT: Final[Mapping[OpCode, str]] = {
    OpCode.SET_PTE: "it changes page table entries by hand",
    OpCode.EXIT: "a task ends in the middle of it",
    OpCode.SIGNAL: "kernel threads take no signals",
    OpCode.INTERRUPT: "it needs probes to interrupt a function in the middle",
    OpCode.AFFINITY: "it moves a task from outside, and watches it wait",
    OpCode.HOTPLUG: "it takes a CPU offline",
    OpCode.AWAIT: "it waits for what was done from outside",
    OpCode.FORK: "it forks in the middle of a mapping",
    OpCode.USER: "it returns to user mode",
    OpCode.WORKLOAD: "it starts processes that use memory",
    OpCode.TYPED_MAP: "its window is the module's own, not the kernel's",
    OpCode.TYPED_UNMAP: "its window is the module's own, not the kernel's",
}
"""Why C does not have an operation."""
_RESERVED: Final = frozenset(
    (
        *("auto", "break", "case", "char", "const", "continue", "current", "default", "do"),
        *("double", "else", "enum", "extern", "float", "for", "goto", "hm", "if", "inline", "int"),
        *("long", "register", "restrict", "return", "short", "signed", "sizeof", "static"),
        *("struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while"),
    )
)
_FACTS: Final[Mapping[str, str]] = {
    "throwaway": "it breaks rules on purpose, and wrecks the kernel",
    "fresh": "it needs a kernel that has mapped nothing before",
    "above4g": "it needs pages above 4 GiB",
}


def has_function(word: str, era: Era) -> bool:
    """Tell whether every kernel of *era* has the function of *word*."""
    first, last = _HAS.get(word, (_ALWAYS, _NEVER))
    return first <= era.oldest and era.newest <= last


def obstacle(scenario: Scenario, era: Era) -> str:
    """Why a test for *era* cannot express *scenario*; nothing if it can."""
    return next(_obstacles(scenario, era), "")


def omitted(scenario: Scenario) -> tuple[str, ...]:
    """The kinds of expectation that a test cannot see: they need probes or static variables."""
    left = (
        one.field
        for statement in operations(scenario.body)
        for one in statement.expectations
        if not can_say(statement, one)
    )
    return tuple(sorted(set(left)))


def _obstacles(scenario: Scenario, era: Era) -> Iterator[str]:
    for requirement in scenario.requires:
        yield from _of_fact(requirement, era)
    for pool in scenario.pages:
        if pool.kind not in KINDS:
            yield _FACTS["above4g"]
    for statement in operations(scenario.body):
        yield from _of_operation(statement, era)
    named = {task.name for task in scenario.tasks}
    counted = {loop.variable for loop in loops(scenario.body)} | {"i"}
    for name in sorted((named | counted) & _RESERVED | named & counted):
        yield f"C has another meaning for the name {name}"
    known = {*NUMBERS, *counted}
    for name in sorted(_names(scenario) - known):
        yield f"C has no word for the number {name}"


def _of_fact(requirement: Requirement, era: Era) -> Iterator[str]:
    name, value = requirement.name, requirement.value
    if name in _FACTS and not requirement.negated:
        yield _FACTS[name]
    if name == "generation" and (value == "typed" or (value == "stack") is (era.oldest >= LOCAL)):
        yield f"it is for kernels of the {value} generation"
    if name == "op" and has_function(value, era) is requirement.negated:
        yield f"it requires {requirement}, which not all kernels from {era} have"
    if name.startswith("IN_"):
        yield CANNOT[OpCode.INTERRUPT]


def _of_operation(statement: OpStatement, era: Era) -> Iterator[str]:
    code, word = statement.kind.code, word_of(statement)
    if code in CANNOT:
        yield CANNOT[code]
    if not has_function(word, era):
        yield f"not all kernels from {era} have {word}()"
    if statement.prot not in PROTECTIONS:
        yield "it asks the kernel for the protection of a device"
    for one in statement.expectations:
        if one.field == "status" and status_of(one) in (Status.DIED, Status.BUG):
            yield _FACTS["throwaway"]
        if one.field == "status" and status_of(one) is Status.FAULT and not _touches(statement):
            yield "a fault outside of a load or a store ends the test"


def _touches(statement: OpStatement) -> bool:
    return statement.kind.code in (OpCode.READ, OpCode.WRITE)


def operations(body: tuple[Statement, ...]) -> Iterator[OpStatement]:
    """Every operation of *body*, in the order of the text."""
    for statement in body:
        match statement:
            case TaskLine():
                yield from operations((statement.statement,))
            case OpStatement():
                yield statement
                yield from operations(statement.body)
            case AtomicBlock() | Loop():
                yield from operations(statement.body)


def loops(body: tuple[Statement, ...]) -> Iterator[Loop]:
    """Every loop of *body*."""
    for statement in body:
        match statement:
            case TaskLine():
                yield from loops((statement.statement,))
            case Loop():
                yield statement
                yield from loops(statement.body)
            case AtomicBlock() | OpStatement():
                yield from loops(statement.body)


def has_sections(scenario: Scenario) -> bool:
    """Tell whether a task of *scenario* keeps its CPU for more than one operation."""
    return any(statement.kind.enters for statement in operations(scenario.body))


def _names(scenario: Scenario) -> frozenset[str]:
    """The numbers that the expressions of *scenario* name."""
    found: set[str] = set()
    for declared in scenario.pages:
        found |= names_in(declared.count)
    for loop in loops(scenario.body):
        found |= names_in(loop.first) | names_in(loop.last)
    for statement in operations(scenario.body):
        for expression in expressions(statement):
            found |= names_in(expression)
    return frozenset(found)


def expressions(statement: OpStatement) -> Iterator[Expression]:
    """Every expression among the operands and expectations of *statement*."""
    yield statement.value
    if statement.register is not None:
        yield statement.register
    if statement.page is not None:
        yield statement.page.index
    if statement.address is not None:
        yield from (statement.address.index, statement.address.offset)
        if statement.address.page is not None:
            yield statement.address.page.index
    for one in statement.arguments:
        yield one.index if isinstance(one, PageRef) else one
    yield from (one.value for one in statement.expectations if can_say(statement, one))
