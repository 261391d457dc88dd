"""Listings for the book: the standard machines, the walks of reach, and small explorations, as
text.
"""

from harness.model.records import vector
from harness.model.records.layout import Layout
from harness.model.records.operation import Base, OpCode, Operation
from harness.model.search import reach
from harness.model.search.explorer import explore
from harness.model.search.nodes import Limits, key
from harness.model.search.standard_machines import KINDS, MACHINES
from tests.model import render
from tests.model.kinds import of_kind
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE, small
from tests.model.test_typed import TYPED

WALKED = ("local", "local-one-cpu", "local-old-rt", "local-debug", "stack", "stack-debug", "typed")
_LOCALS = (OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC)
_ASLEEP = (OpCode.SLEEP,)
_PFNS = (OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP, OpCode.KMAP_ATOMIC_PFN)


def _layout(layout: Layout) -> str:
    return " ".join(f"{name}={render.number(value)}" for name, value in layout._asdict().items())


def _machine(machine) -> list[str]:
    pages = " ".join(f"{page.kind.name}:{page.pfn:#x}:{page.bucket}" for page in machine.pages)
    return [f"  {_layout(machine.layout)}", f"  pages {pages}; tasks {machine.tasks}"]


def standard() -> str:
    """The standard machines with their limits, and the kinds whose branches are recorded."""
    lines = []
    for one in MACHINES:
        lines += [f"{one.name}: {one.what}", *_machine(one.machine), f"  {one.limits}"]
    return "\n".join((*lines, *(_layout(kind) for kind in KINDS)))


def tried(kind: str, walk: reach.Walk) -> list[str]:
    """A walk before it is gone: its machine, what is tried."""
    ops = "; ".join(render.operation(op) for op in walk.alphabet)
    return [f"{kind} {walk.name} {walk.states}", *_machine(walk.machine), f"  tries {ops}"]


def walks() -> str:
    """The walks of some kinds: their machines, what is tried, which branches the first states
    have.
    """
    lines = []
    for kind in WALKED:
        for walk in reach.walks(of_kind(kind)):
            met = " ".join(sorted(reach.taken(walk._replace(states=12))))
            lines += [*tried(kind, walk), f"  meets {met}"]
    return "\n".join(lines)


SEARCHES = {
    "pkmap": (small(slots=2, high=3, low=1, tasks=(0, 0, 1)), Limits(kmaps=1, states=60)),
    "twice": (small(slots=1, high=2, low=0, tasks=(0, 0)), Limits(kmaps=2)),
    "waiters": (small(slots=1, high=2, low=0, tasks=(0, 0, 1)), Limits(kmaps=1, others=())),
    "local": (
        small(LOCAL_PAE, slots=1, high=1, low=1, tasks=(0, 1)),
        Limits(0, 2, maps=_LOCALS, states=50, others=_ASLEEP),
    ),
    "pfn": (small(LOCAL_PAE, slots=1, high=2, low=0, tasks=(0, 0)),
            Limits(0, 1, maps=_PFNS, others=_ASLEEP)),
    "debug": (small(LOCAL_DEBUG, slots=1, high=1, low=1, tasks=(0, 0)),
              Limits(0, 2, maps=_LOCALS[:1], others=_ASLEEP)),
    "rt": (small(LOCAL_RT, slots=1, high=2, low=0, tasks=(0,)), Limits(1, 2, maps=_LOCALS)),
    "stack": (small(STACK_PAE, slots=1, high=2, low=1, tasks=(0, 1)),
              Limits(0, 2, maps=_LOCALS[1:], states=80)),
    "typed": (small(TYPED, slots=1, high=1, low=1, tasks=(0, 0)),
              Limits(0, 2, 3, maps=_LOCALS[1:])),
}  # fmt: skip


CORNERS = {
    "sections": (small(slots=1, high=2, low=0, tasks=(1, 1, 0)),
                 Limits(kmaps=1, others=(), sections=True, states=120)),
    "sections apart": (small(slots=1, high=1, low=0, tasks=(0, 1)),
                       Limits(kmaps=1, others=(), sections=True)),
    "kmap and kmap_atomic": (small(STACK_PAE, slots=1, high=2, low=0, tasks=(0,)),
                             Limits(1, 1, maps=_LOCALS[1:])),
    "misuse": (
        small(slots=1, high=1, low=0, tasks=(0, 1)),
        Limits(1, 1, maps=_LOCALS[:1], others=(),
               also=(Operation(OpCode.YIELD), Operation(OpCode.KMAP_LOCAL, 0, 7))),
    ),
    "unmap beside": (
        small(LOCAL_DEBUG, slots=1, high=1, low=1, tasks=(0,)),
        Limits(0, 2, maps=_LOCALS[:1], others=(),
               also=(Operation(OpCode.KUNMAP_LOCAL, 0, 1, base=Base.DIRECT),)),
    ),
}  # fmt: skip


def searches() -> str:
    """Small explorations: sizes, branches and edges."""
    return "\n".join(
        line for name, search in SEARCHES.items() for line in _search(name, *search, every=5)
    )


def corners() -> str:
    """Smaller ones, with every edge: sections, misuse, kmap beside kmap_atomic."""
    return "\n".join(
        line for name, search in CORNERS.items() for line in _search(name, *search, every=1)
    )


def _search(name: str, machine, limits: Limits, *, every: int) -> list[str]:
    found = explore(machine, limits, keep_edges=True)
    last = found.nodes[-1]
    counts = [slot.count for slot in vector.items(last.state.slots)]
    return [
        f"{name}: {found.states} states, {found.steps} steps, "
        f"complete {found.complete}, {found.failure}",
        *(f"  {rule} {count}" for rule, count in found.rules.items()),
        *(
            f"  {edge.source} -> {edge.target} {edge.rule}: {render.operation(edge.operation)}"
            for edge in found.edges[::every]
        ),
        f"  {len(found.nodes)} nodes; last {counts} {last.holdings} {key(machine, last)}",
    ]


LISTINGS = {"standard": standard, "walks": walks, "searches": searches, "corners": corners}
