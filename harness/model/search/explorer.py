"""All reachable states of a small machine, by breadth-first search, with what holds in each.

Holdings are limited so that the space is finite.  What is checked in every step: the contract
(which has the invariants and the must-never outcomes), that tasks hold what they have mapped,
and, if asked for, that the fast path says the same as the rules.  A violation comes with the
shortest program that leads to it.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.model.contract.contract import check
from harness.model.contract.users import users
from harness.model.contract.view import Violation
from harness.model.records.machine import Machine
from harness.model.records.operation import Operation
from harness.model.records.outcome import Outcome
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Phase, State, TaskState
from harness.model.rules.step import step
from harness.model.search.nodes import USUAL_LIMITS, Holding, Limits, Node, follow, key, operations

Step = Callable[[Machine, State, Operation], tuple[Outcome, ...]]
FastPath = Callable[[Machine, State, Operation], Outcome | None]


class Failure(NamedTuple):
    """A broken rule and the shortest program that breaks it."""

    program: tuple[Operation, ...]
    violations: tuple[Violation, ...]


class Edge(NamedTuple):
    """A transition of the graph: numbers of its states, and the rule branch taken."""

    source: int
    target: int
    operation: Operation
    rule: str


@dataclass(slots=True)
class Exploration:
    """The result of a search; ``rules`` counts rule branches, ``complete`` if it saw all."""

    states: int = 0
    steps: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    failure: Failure | None = None
    complete: bool = True
    edges: list[Edge] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


def unheld(machine: Machine, node: Node) -> tuple[Violation, ...]:
    """Tasks and pages that hold something else than what was mapped and not unmapped."""
    return (*_unheld_stacks(machine, node), *_unheld_pages(machine, node))


def _unheld_stacks(machine: Machine, node: Node) -> tuple[Violation, ...]:
    if not machine.local:
        return ()
    pairs = enumerate(zip(node.state.tasks, node.holdings, strict=True))
    return tuple(
        Violation("unheld", f"task {number} is {task.depth} deep and holds {holding.stack}")
        for number, (task, holding) in pairs
        if task.phase is Phase.READY and not _holds(machine, task, holding)
    )


def _holds(machine: Machine, task: TaskState, holding: Holding) -> bool:
    """Tell whether the stack is as deep as it should be, with a mapping on each of its places."""
    held = sum(one.slot for one in holding.stack)
    _, ptes = task.live_entries(machine.layout, machine.increment)
    return task.depth == machine.increment * held and (len(ptes) < held or all(ptes))


def _unheld_pages(machine: Machine, node: Node) -> tuple[Violation, ...]:
    """If a dead task has left the lock held, nobody undoes anything more."""
    if node.state.locked or node.state.tampered:
        return ()
    held = Counter(page for holding in node.holdings for page in holding.kmaps)
    pairs = ((page, users(machine, node.state, page)) for page in range(len(machine.pages)))
    return tuple(
        Violation("unheld", f"page {page} has {found} users, and {held[page]} hold it")
        for page, found in pairs
        if machine.pages[page].highmem and found != held[page]
    )


class _Search:
    """A search in progress: the nodes met, how each was reached, and those still to visit."""

    def __init__(
        self, machine: Machine, limits: Limits, steps: Step, fast: FastPath | None
    ) -> None:
        self.blind: frozenset[str] = frozenset()
        self.machine = machine
        self.limits = limits
        self.steps = steps
        self.fast = fast
        self.keep_edges = False
        root = Node(initial(machine, empty_snapshot(machine)), (Holding(),) * len(machine.tasks))
        self.seen = {key(machine, root): 0}
        self.parents: list[tuple[int, Operation | None]] = [(0, None)]
        self.queue = deque([(0, root)])
        self.result = Exploration()

    def visit(self, number: int, node: Node) -> bool:
        """Try every operation in *node*; false where one breaks a rule."""
        for op in operations(self.machine, node, self.limits):
            outcomes = self.steps(self.machine, node.state, op)
            self.result.steps += 1
            violations = self._judge(node, op, outcomes)
            if violations:
                self.result.failure = Failure((*self._path(number), op), violations)
                return False
            for outcome in outcomes:
                self._note(number, node, op, outcome)
        return True

    def _note(self, number: int, node: Node, op: Operation, outcome: Outcome) -> None:
        result = self.result
        result.rules[outcome.rule] = result.rules.get(outcome.rule, 0) + 1
        if outcome.state.lost or outcome.state.locked:
            return
        target = self._enlist(follow(node, op, outcome))
        if target == len(self.parents):
            self.parents.append((number, op))
        if target < 0:
            result.complete = False
        elif self.keep_edges:
            result.edges.append(Edge(number, target, op, outcome.rule))

    def _enlist(self, node: Node) -> int:
        """Number of the node, new or known; -1 where the limit of states is reached."""
        name = key(self.machine, node)
        known = self.seen.get(name)
        if known is not None:
            return known
        if len(self.seen) >= self.limits.states:
            return -1
        number = self.seen[name] = len(self.seen)
        self.queue.append((number, node))
        return number

    def _judge(
        self, node: Node, op: Operation, outcomes: tuple[Outcome, ...]
    ) -> tuple[Violation, ...]:
        machine, state = self.machine, node.state
        expected = outcomes if self.steps is step else step(machine, state, op)
        for outcome in outcomes:
            seen = outcome.observation
            found = check(machine, state, op, seen, expected, blind=self.blind)
            found = found or unheld(machine, follow(node, op, outcome))
            if found:
                return found
        return self._other_fast_path(state, op, outcomes)

    def _other_fast_path(
        self, state: State, op: Operation, outcomes: tuple[Outcome, ...]
    ) -> tuple[Violation, ...]:
        one = self.fast(self.machine, state, op) if self.fast else None
        if one is None or outcomes == (one,):
            return ()
        return (Violation("fast-path", f"{op.code.name}: {one} where step allows {outcomes}"),)

    def _path(self, number: int) -> tuple[Operation, ...]:
        program: list[Operation] = []
        while number:
            number, op = self.parents[number]
            assert op is not None
            program.append(op)
        return tuple(reversed(program))


def explore(
    machine: Machine,
    limits: Limits = USUAL_LIMITS,
    *,
    steps: Step = step,
    keep_edges: bool = False,
    fast_path: FastPath | None = None,
    blind: frozenset[str] = frozenset(),
) -> Exploration:
    """Search from the untouched machine; *steps* may be a broken model, to see it found.

    *fast_path*: what it says of each step is compared with the rules.  *blind*: evidence that
    the kernel modelled does not give.
    """
    search = _Search(machine, limits, steps, fast_path)
    search.blind = blind
    search.keep_edges = keep_edges
    result = search.result
    while search.queue:
        number, node = search.queue.popleft()
        if keep_edges:
            result.nodes.append(node)
        if not search.visit(number, node):
            break
    result.states = len(search.seen)
    return result
