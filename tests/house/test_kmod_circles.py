"""The files of the kernel module are layers: none of them calls a file that calls it."""

from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import tree_sitter_c
from tree_sitter import Language, Node, Parser

from tests.house.source_tree import TOP

FOLDERS = (TOP / "kmod", TOP / "images" / "agent")
FILE_MOST, FUNCTION_MOST = 300, 50
LONG_FILES: Mapping[str, str] = {}
"""Files that may be longer, each with the reason."""

LONG_FUNCTIONS: Mapping[str, str] = {}


@cache
def parsed(path: Path) -> Node:
    """The syntax tree of a C file."""
    return Parser(Language(tree_sitter_c.language())).parse(path.read_bytes()).root_node


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def is_static(node: Node) -> bool:
    return any(c.type == "storage_class_specifier" and text(c) == "static" for c in node.children)


def declared(node: Node) -> Iterator[str]:
    """The names that a declaration or definition at file scope gives."""
    for child in node.children_by_field_name("declarator"):
        inner = child
        while inner.type != "identifier":
            inner = inner.child_by_field_name("declarator") or inner.children[0]
        yield text(inner)


def at_file_scope(root: Node) -> Iterator[Node]:
    """Declarations and definitions that are in no function, inside of ``#if`` too."""
    for child in root.children:
        if child.type in ("function_definition", "declaration"):
            yield child
        elif child.type.startswith("preproc_"):
            yield from at_file_scope(child)


def defined(path: Path) -> frozenset[str]:
    """The functions and variables that a file defines for others."""
    macros = {"DEFINE_MUTEX(kmh_request_lock);": "kmh_request_lock"}
    found = {name for said, name in macros.items() if said in path.read_text()}
    for node in at_file_scope(parsed(path)):
        if is_static(node) or text(node).startswith(("extern", "DEFINE_", "NOKPROBE", "MODULE")):
            continue
        found.update(declared(node))
    return frozenset(name for name in found if name.startswith("kmh_"))


def used(path: Path) -> frozenset[str]:
    return frozenset(text(node) for node in nodes(parsed(path)) if node.type == "identifier")


@cache
def calls() -> dict[str, set[str]]:
    """By file: the files whose functions or variables it uses."""
    sources = sorted((TOP / "kmod").glob("*.c"))
    owner = {name: path.name for path in sources for name in defined(path)}
    return {
        path.name: {owner[n] for n in used(path) & owner.keys()} - {path.name} for path in sources
    }


def test_every_file_is_used():
    """The graph is not empty by an error of this test: only main.c is called by nobody."""
    graph = calls()
    assert set(graph) - set().union(*graph.values()) == {"main.c"}


def test_no_file_calls_one_that_calls_it():
    assert list(TopologicalSorter(calls()).static_order())


def test_kbuild_lists_the_files_from_the_top_to_the_bottom():
    words = (TOP / "kmod" / "Kbuild").read_text().replace("\\\n", " ").split()
    order = [word.removesuffix(".o") + ".c" for word in words if word.endswith(".o")][1:]
    place = {name: number for number, name in enumerate(order)}
    assert set(order) == set(calls())
    assert not [
        (upper, lower)
        for upper, lowers in calls().items()
        for lower in lowers
        if place[upper] > place[lower]
    ]


def c_files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in folder.glob("*.[ch]"))


@pytest.mark.parametrize("path", c_files(), ids=lambda path: path.name)
def test_c_files_are_short(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= FILE_MOST or path.name in LONG_FILES
    assert [line for line in lines if len(line.expandtabs(8)) > 99] == []
    for node in at_file_scope(parsed(path)):
        if node.type == "function_definition":
            (name,) = declared(node)
            rows = node.end_point.row - node.start_point.row + 1
            assert rows <= FUNCTION_MOST or name in LONG_FUNCTIONS, name
