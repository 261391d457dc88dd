"""Listings for the book: the standard machines, the walks of reach, and small explorations, as text."""

from harness.model import reach, vector
from harness.model.explore import Limits, explore, key
from harness.model.layout import Layout
from harness.model.operation import OpCode
from harness.model.standard import KINDS, MACHINES
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


def walks() -> str:
    """The walks of some kinds: their machines, what is tried, which branches the first states have."""
    lines = []
    for kind in WALKED:
        for walk in reach.walks(of_kind(kind)):
            tried = "; ".join(render.operation(op) for op in walk.alphabet)
            met = " ".join(sorted(reach.taken(walk._replace(states=12))))
            lines += [
                f"{kind} {walk.name} {walk.states}",
                *_machine(walk.machine),
                f"  tries {tried}",
                f"  meets {met}",
            ]
    return "\n".join(lines)


SEARCHES = {
    "pkmap": (small(slots=2, high=3, low=1, tasks=(0, 0, 1)), Limits(kmaps=1, states=60)),
    "twice": (small(slots=1, high=2, low=0, tasks=(0, 0)), Limits(kmaps=2)),
    "waiters": (small(slots=1, high=2, low=0, tasks=(0, 0, 1)), Limits(kmaps=1, others=())),
    "local": (
        small(LOCAL_PAE, slots=1, high=1, low=1, tasks=(0, 1)),
        Limits(0, 2, maps=_LOCALS, states=50, others=_ASLEEP),
    ),
    "pfn": (small(LOCAL_PAE, slots=1, high=2, low=0, tasks=(0, 0)), Limits(0, 1, maps=_PFNS, others=_ASLEEP)),
    "debug": (small(LOCAL_DEBUG, slots=1, high=1, low=1, tasks=(0, 0)), Limits(0, 2, maps=_LOCALS[:1], others=_ASLEEP)),
    "rt": (small(LOCAL_RT, slots=1, high=2, low=0, tasks=(0,)), Limits(1, 2, maps=_LOCALS)),
    "stack": (small(STACK_PAE, slots=1, high=2, low=1, tasks=(0, 1)), Limits(0, 2, maps=_LOCALS[1:], states=80)),
    "typed": (small(TYPED, slots=1, high=1, low=1, tasks=(0, 0)), Limits(0, 2, 3, maps=_LOCALS[1:])),
}  # fmt: skip


def searches() -> str:
    """Small explorations: sizes, branches and edges."""
    lines = []
    for name, (machine, limits) in SEARCHES.items():
        found = explore(machine, limits, keep_edges=True)
        lines.append(
            f"{name}: {found.states} states, {found.steps} steps, complete {found.complete}, {found.failure}"
        )
        lines += [f"  {rule} {count}" for rule, count in found.rules.items()]
        lines += [
            f"  {edge.source} -> {edge.target} {edge.rule}: {render.operation(edge.operation)}"
            for edge in found.edges[::5]
        ]
        last = found.nodes[-1]
        counts = [slot.count for slot in vector.items(last.state.slots)]
        lines.append(f"  {len(found.nodes)} nodes; last {counts} {last.holdings} {key(machine, last)}")
    return "\n".join(lines)


LISTINGS = {"standard": standard, "walks": walks, "searches": searches}
