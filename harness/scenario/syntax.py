"""The records of a parsed scenario: what the text says, before any guest is known."""

from dataclasses import dataclass, field
from typing import TypeAlias

from harness.model.records.operation import Base, OperationKind, Prot
from harness.model.records.page import PageKind
from harness.scenario.expression import ZERO, Expression
from harness.scenario.scenario_error import SourcePlace


@dataclass(frozen=True, slots=True)
class Requirement:
    """A fact that the guest must have: ``smp>=2`` is name, relation, value; ``!rt`` is negated."""

    name: str
    relation: str
    value: str
    negated: bool
    where: SourcePlace

    def __str__(self) -> str:
        glue = " " if self.name == "op" else self.relation
        return f"{'!' * self.negated}{self.name}{glue}{self.value}"


@dataclass(frozen=True, slots=True)
class TaskDecl:
    """``name@cpu``, or ``name[count]@cpu`` for name0, name1, ...; ``i`` counts; no CPU: any."""

    name: str
    count: Expression | None
    cpu: Expression | None
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class PoolDecl:
    """Pages of one kind."""

    kind: PageKind
    count: Expression
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class PageRef:
    """``h0`` or ``h[i]``: a page by kind and number within its pool."""

    kind: PageKind
    index: Expression
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class Address:
    """An address: a register, fixmap or pkmap index, lowmem page or number; plus an offset."""

    base: Base
    index: Expression = ZERO
    page: PageRef | None = None
    offset: Expression = ZERO


@dataclass(frozen=True, slots=True)
class Expectation:
    """``-> field value``: what the author expects of one step's observation."""

    field: str
    value: Expression
    relative: bool
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class OpStatement:
    """One operation of one task; which operands are set follows from ``kind``.

    ``word`` is the number of a word: trigger and context of an interrupt, 1 for a CPU that goes
    online, the number of a page helper or of a workload.  ``skip`` is how often an interrupt lets
    its operation pass.  ``arguments`` are the operands of a helper, in the order of its record.
    """

    kind: OperationKind
    where: SourcePlace
    register: Expression | None = None
    page: PageRef | None = None
    prot: Prot = Prot.KERNEL
    address: Address | None = None
    value: Expression = ZERO
    target: "TaskRef | None" = None
    word: int = 0
    skip: Expression = ZERO
    arguments: "tuple[PageRef | Expression, ...]" = ()
    body: tuple["Statement", ...] = ()
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True, slots=True)
class AtomicBlock:
    """``atomic { ... }``: statements that must form one closed atomic section."""

    body: tuple["Statement", ...]
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The task that a line is about: ``a`` or ``w[i]``."""

    name: str
    index: Expression | None
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class TaskLine:
    """``task: statement``."""

    task: TaskRef
    statement: "Statement"


@dataclass(frozen=True, slots=True)
class Loop:
    """``for name in first..last { ... }``, both ends included; counts down with ``down``."""

    variable: str
    first: Expression
    last: Expression
    body: tuple["Statement", ...]
    where: SourcePlace
    down: bool = False


Statement: TypeAlias = OpStatement | AtomicBlock | TaskLine | Loop


@dataclass(frozen=True, slots=True)
class Scenario:
    """A parsed scenario; ``file`` names it in reports, ``text`` are its lines."""

    file: str
    title: str
    requires: tuple[Requirement, ...]
    tasks: tuple[TaskDecl, ...]
    pages: tuple[PoolDecl, ...]
    body: tuple[Statement, ...] = field(default=())
    text: tuple[str, ...] = field(default=(), compare=False, repr=False)
