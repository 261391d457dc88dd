"""The graph of a small machine as SVG: a layer for each number of steps from the start."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.operation import OpCode
from harness.model.records.state import Phase
from harness.model.search.explorer import Edge, Exploration
from harness.model.search.nodes import Node
from harness.scenario.program_text import operation_text

MOST_STATES: Final = 120
"""A drawing of more states is a grey square."""

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 132, 34, 26, 64, 24
_COLOURS: Final = {
    OpCode.KMAP: "#1b6ca8",
    OpCode.KUNMAP: "#a8501b",
    OpCode.FLUSH_UNUSED: "#5a5a5a",
    OpCode.SLEEP: "#7a7a00",
}
_OTHER_COLOUR: Final = "#2f7d32"


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The place of a state in the drawing: its upper left corner."""

    x: int
    y: int


def layers(states: int, edges: Sequence[Edge]) -> list[list[int]]:
    """States by their distance from state 0; within a layer near those they come from."""
    after: dict[int, list[int]] = {}
    for edge in edges:
        after.setdefault(edge.source, []).append(edge.target)
    distance = {0: 0}
    queue = deque([0])
    while queue:
        number = queue.popleft()
        for target in after.get(number, ()):
            if target not in distance:
                distance[target] = distance[number] + 1
                queue.append(target)
    found: list[list[int]] = [[] for _ in range(max(distance.values()) + 1)]
    for number in range(states):
        if number in distance:
            found[distance[number]].append(number)
    return found


def places(rows: Sequence[Sequence[int]]) -> dict[int, NodePlace]:
    """Each layer a row, centred."""
    widest = max(len(row) for row in rows)
    full = widest * (_WIDTH + _GAP_X)
    found = {}
    for depth, row in enumerate(rows):
        left = _MARGIN + (full - len(row) * (_WIDTH + _GAP_X)) // 2
        for at, number in enumerate(row):
            found[number] = NodePlace(
                left + at * (_WIDTH + _GAP_X), _MARGIN + depth * (_HEIGHT + _GAP_Y)
            )
    return found


def node_words(machine: Machine, node: Node) -> tuple[str, str]:
    """A state in two lines: the counts and the cursor; then what tasks hold or wait for."""
    counts = "".join(str(slot.count) for slot in vector.items(node.state.slots))
    tasks = " ".join(_task_words(machine, node, number) for number in range(len(node.holdings)))
    return f"{counts} at {node.state.cursor}", tasks


def _task_words(machine: Machine, node: Node, number: int) -> str:
    task, holding = node.state.tasks[number], node.holdings[number]
    held = "".join(f"h{page}" for page in holding.kmaps) + "w" * len(holding.stack)
    asleep = f"z{task.page}" if task.phase is Phase.BLOCKED else ""
    cpu = f"@{task.cpu}" if machine.layout.online_cpus > 1 and len(node.holdings) > 1 else ""
    return f"t{number}{cpu}:{held or '-'}{asleep}"


def svg(machine: Machine, found: Exploration, title: str) -> str:
    """The explored graph (``explore(..., keep_edges=True)``) as an SVG document.

    Raises ValueError for more than MOST_STATES states.
    """
    if found.states > MOST_STATES:
        raise ValueError(f"{found.states} states are too many to draw; {MOST_STATES} can be read")
    rows = layers(found.states, found.edges)
    where = places(rows)
    width = max(place.x for place in where.values()) + _WIDTH + _MARGIN
    height = max(place.y for place in where.values()) + _HEIGHT + 2 * _MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" font-family="monospace" font-size="11">',
            f"<title>{escape(title)}</title>",
            *_markers(),
            *_edges(found.edges, where),
            *_nodes(machine, found.nodes, where),
            f'<text x="{_MARGIN}" y="{height - 8}">{escape(_legend(found))}</text>',
            "</svg>\n",
        )
    )


def _legend(found: Exploration) -> str:
    words = "counts of the slots at cursor; h: page kmapped, z: asleep for page, w: window mapping"
    return f"{found.states} states, {len(found.edges)} transitions. {words}"


def _colour(code: OpCode) -> str:
    return _COLOURS.get(code, _OTHER_COLOUR)


def _markers() -> Iterator[str]:
    for colour in sorted({*_COLOURS.values(), _OTHER_COLOUR}):
        yield (
            f'<marker id="a{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
            ' markerHeight="7"'
            f' orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        )


def _edges(edges: Sequence[Edge], where: dict[int, NodePlace]) -> Iterator[str]:
    """One curve for all operations between two states; their names show when it is pointed at."""
    together: dict[tuple[int, int], list[Edge]] = {}
    for edge in edges:
        if edge.source != edge.target:
            together.setdefault((edge.source, edge.target), []).append(edge)
    for (source, target), parallel in together.items():
        words = "\n".join(
            sorted({f"t{e.operation.task}: {_operation(e)} ({e.rule})" for e in parallel})
        )
        colour = _colour(parallel[0].operation.code)
        yield (
            f'<path d="{_curve(where[source], where[target])}" fill="none" stroke="{colour}"'
            ' stroke-width="1.2"'
            f' marker-end="url(#a{colour[1:]})"><title>{escape(words)}</title></path>'
        )


def _operation(edge: Edge) -> str:
    return operation_text(edge.operation).replace("page", "h")


def _curve(start: NodePlace, end: NodePlace) -> str:
    """Downwards from bottom to top; back and sideways around the right side."""
    if end.y > start.y:
        x0, y0, x1, y1 = start.x + _WIDTH // 2, start.y + _HEIGHT, end.x + _WIDTH // 2, end.y
        bend = (y1 - y0) // 2
        return f"M{x0} {y0}C{x0} {y0 + bend} {x1} {y1 - bend} {x1} {y1}"
    x0, y0, x1, y1 = (
        start.x + _WIDTH,
        start.y + _HEIGHT // 2,
        end.x + _WIDTH,
        end.y + _HEIGHT // 2 + 6,
    )
    out = max(x0, x1) + 30 + (start.y - end.y) // 6
    return f"M{x0} {y0}C{out} {y0} {out} {y1} {x1} {y1}"


def _nodes(machine: Machine, nodes: Sequence[Node], where: dict[int, NodePlace]) -> Iterator[str]:
    for number, place in where.items():
        first, second = node_words(machine, nodes[number])
        middle = place.x + _WIDTH // 2
        yield (
            f'<g><rect x="{place.x}" y="{place.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"'
            f' fill="#fff" stroke="#333"/><text x="{middle}" y="{place.y + 14}"'
            f' text-anchor="middle">{escape(first)}</text><text x="{middle}" y="{place.y + 28}"'
            f' text-anchor="middle" fill="#555">{escape(second)}</text></g>'
        )
