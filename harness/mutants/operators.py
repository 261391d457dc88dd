"""Puts every simple mistake in ``mm/highmem.c`` into one kernel; a number selects one of them.

Each mutated expression becomes a choice between itself and its mutants, so the kernel is built
once for all ("mutant schemata": Untch, Offutt and Harrold, 1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import tree_sitter_c
from tree_sitter import Language, Node, Parser

PARAMETER = "kmap_mutant"
FILE = "mm/highmem.c"

FUNCTIONS = frozenset(
    (
        "get_next_pkmap_nr", "no_more_pkmaps", "get_pkmap_entries_count", "__kmap_to_page",
        "kmap_to_page", "flush_all_zero_pkmaps", "__kmap_flush_unused", "kmap_flush_unused",
        "map_new_virtual", "kmap_high", "kunmap_high", "kmap_local_calc_idx",
        "kmap_local_idx_push", "kmap_local_idx", "kmap_local_idx_pop", "kmap_get_pte",
        "__kmap_local_pfn_prot", "__kmap_local_page_prot", "kunmap_local_indexed",
        "__kmap_local_sched_out", "__kmap_local_sched_in", "kmap_local_fork", "page_slot",
        "page_address", "set_page_address",
    )
)  # fmt: skip
"""The functions that the harness judges; the rest of the file is not mutated."""

_REPLACED = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "&": ("|",),
    "&&": ("||",),
    "||": ("&&",),
}
_STEPPED = {"++": "--", "--": "++"}
_OPAQUE = frozenset(
    {"IS_ENABLED", "BUILD_BUG_ON", "list_for_each_entry", "DECLARE_WAITQUEUE", "EXPORT_SYMBOL"}
)
"""Macros whose arguments are not expressions."""
_PRELUDE = """
int kmap_mutant __read_mostly;

static int __init kmap_mutant_setup(char *text)
{
	return kstrtoint(text, 10, &kmap_mutant);
}
early_param("kmap_mutant", kmap_mutant_setup);
"""


class OperatorMutant(NamedTuple):
    """One mistake: its number, its place, and the text before and after."""

    number: int
    function: str
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """The mutant's name in reports."""
        return f"{self.function}:{self.line}: {self.before} -> {self.after or 'nothing'}"


class _Choice(NamedTuple):
    start: int
    end: int
    mutants: tuple[tuple[str, str], ...]
    """For each mutant the text that reports show, and the text that replaces the node."""
    statement: bool


class Schemata(NamedTuple):
    """The text of the file with all its mutants, and the list of them."""

    text: str
    mutants: tuple[OperatorMutant, ...]


def schemata(source: str) -> Schemata:
    """Put all operator mutants into *source*, the text of ``mm/highmem.c``."""
    data = source.encode()
    tree = Parser(Language(tree_sitter_c.language())).parse(data)
    mutants: list[OperatorMutant] = []
    edits: list[tuple[int, int, str]] = []
    for function in functions_of(tree.root_node):
        name = name_of(function)
        if name in FUNCTIONS:
            body = function.child_by_field_name("body")
            assert body is not None, "a definition has a body"
            edits.append((body.start_byte, body.end_byte, _rewritten(data, body, name, mutants)))
    return Schemata(with_prelude(_spliced(data, edits).decode()), tuple(mutants))


def with_prelude(text: str) -> str:
    """*text* with the parameter's definition behind the last #include."""
    at = text.index("\n", text.index("#include <linux/vmalloc.h>")) + 1
    return f"{text[:at]}#include <linux/kernel.h>\n{_PRELUDE}{text[at:]}"


def functions_of(node: Node) -> Iterator[Node]:
    """The definitions of functions below *node*, also those within #ifdef."""
    for child in node.children:
        if child.type == "function_definition":
            yield child
        elif child.type.startswith("preproc_") or child.type == "ERROR":
            yield from functions_of(child)


def name_of(function: Node) -> str:
    """The name of the function that *function* defines."""
    node = function.child_by_field_name("declarator")
    while node is not None and node.type != "identifier":
        node = node.child_by_field_name("declarator")
    return node.text.decode() if node and node.text else ""


def _rewritten(data: bytes, node: Node, function: str, mutants: list[OperatorMutant]) -> str:
    """The text of *node*, in which a choice replaces every expression that has mutants.

    The new mutants are appended to *mutants*.
    """
    edits = [
        (child.start_byte, child.end_byte, _rewritten(data, child, function, mutants))
        for child in node.children
        if not _is_opaque(child)
    ]
    text = _spliced(data[: node.end_byte], edits, node.start_byte).decode()
    choice = _choice(data, node)
    if choice is None:
        return text
    for shown, replacement in choice.mutants:
        number = len(mutants) + 1
        before = _flat(data[choice.start : choice.end].decode())
        mutants.append(OperatorMutant(number, function, node.start_point[0] + 1, before, shown))
        if choice.statement:
            text = f"{{ if ({PARAMETER} != {number}) {text} }}"
        else:
            text = f"({PARAMETER} == {number} ? ({replacement}) : ({text}))"
    return text


def _choice(data: bytes, node: Node) -> _Choice | None:
    found: tuple[tuple[str, str], ...] = ()
    statement = False
    if node.type == "binary_expression":
        found = tuple(_binary(data, node))
    elif node.type == "update_expression":
        found = tuple(_update(data, node))
    elif node.type == "unary_expression":
        found = tuple(_unary(data, node))
    elif node.type == "number_literal" and _is_value(node):
        found = tuple(_number(data, node))
    elif node.type == "expression_statement" and _is_removable(node):
        found, statement = (("", ""),), True
    return _Choice(node.start_byte, node.end_byte, found, statement) if found else None


def _binary(data: bytes, node: Node) -> Iterator[tuple[str, str]]:
    left, operator, right = node.children
    for other in _REPLACED.get(_text(data, operator), ()):
        text = f"{_text(data, left)} {other} {_text(data, right)}"
        yield _flat(text), text


def _update(data: bytes, node: Node) -> Iterator[tuple[str, str]]:
    text = _text(data, node)
    for operator, other in _STEPPED.items():
        if operator in text:
            changed = text.replace(operator, other)
            yield _flat(changed), changed
            return


def _unary(data: bytes, node: Node) -> Iterator[tuple[str, str]]:
    operator, operand = node.children[0], node.children[-1]
    if _text(data, operator) in ("!", "-"):
        text = _text(data, operand)
        yield _flat(text), text if _text(data, operator) == "-" else f"!!({text})"


def _number(data: bytes, node: Node) -> Iterator[tuple[str, str]]:
    text = _text(data, node)
    yield f"{text} + 1", f"{text} + 1"


def _is_value(node: Node) -> bool:
    """Tell whether the literal may be mutated: the label of a case, for one, must be constant."""
    parent = node.parent
    return parent is not None and parent.type not in (
        "case_statement",
        "init_declarator",
        "array_declarator",
    )


def _is_removable(node: Node) -> bool:
    """Tell whether the statement can be left out: an assignment, a call, ``++`` or ``--``."""
    first = node.named_children[0] if node.named_children else None
    return (
        first is not None
        and first.type in ("assignment_expression", "call_expression", "update_expression")
        and not _is_opaque(first)
    )


def _is_opaque(node: Node) -> bool:
    if node.type == "call_expression":
        function = node.child_by_field_name("function")
        return (
            function is not None
            and function.text is not None
            and function.text.decode() in _OPAQUE
        )
    return node.type in ("ERROR", "type_descriptor") or node.type.startswith("preproc_")


def _spliced(data: bytes, edits: list[tuple[int, int, str]], start: int = 0) -> bytes:
    parts: list[bytes] = []
    for begin, end, text in sorted(edits):
        parts += [data[start:begin], text.encode()]
        start = end
    return b"".join([*parts, data[start:]])


def _text(data: bytes, node: Node) -> str:
    return data[node.start_byte : node.end_byte].decode()


def _flat(text: str) -> str:
    return " ".join(text.split())
