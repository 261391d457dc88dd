"""Joins many mutants of a source file: a function has one copy for each mutant that changes it.

A number in memory selects the copy that runs, as for operator mutants.  So the kernel is built
once for all mutants, and a mutant costs a restored guest ("mutant schemata": Untch, Offutt and
Harrold, 1993).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from harness.mutants.operators import PARAMETER, functions_of, name_of

_LINKAGE = re.compile(rb"\b(?:static|inline|__always_inline|noinline)\b\s*")


class JoinedSource(NamedTuple):
    """The file with the mutants in it, and the numbers of those that do not fit into it.

    A mutant fits if it changes nothing but bodies of functions.
    """

    text: str
    apart: frozenset[int]


class _Key(NamedTuple):
    """A function: its name, and its number among those of that name (#ifdef has several)."""

    name: str
    nth: int


@dataclass(frozen=True, slots=True)
class _Function:
    """A definition; ``head`` is the text before its body, with the name at ``name_at``."""

    name: str
    start: int
    end: int
    head: bytes
    name_at: int
    body: bytes
    statics: tuple[bytes, ...]
    arguments: tuple[str, ...]

    def renamed(self, suffix: str, linkage: str) -> bytes:
        """The definition with *suffix* on its name, without its static variables."""
        before = _LINKAGE.sub(b"", self.head[: self.name_at])
        after = self.head[self.name_at + len(self.name) :]
        body = self.body
        for one in self.statics:
            body = body.replace(one, b"", 1)
        return b"%s %s%s%s%s%s\n\n" % (
            linkage.encode(),
            before,
            self.name.encode(),
            suffix.encode(),
            after,
            body,
        )

    def call(self, suffix: str) -> str:
        """A statement that calls the copy with *suffix* on its name, and returns."""
        call = f"{self.name}{suffix}({', '.join(self.arguments)});"
        nothing = re.search(rb"\bvoid\s*$", self.head[: self.name_at])
        return f"{{ {call} return; }}" if nothing else f"return {call}"


@dataclass(frozen=True, slots=True)
class _File:
    functions: Mapping[_Key, _Function]
    skeleton: bytes
    """The text outside of all bodies."""


def join(original: str, mutated: Mapping[int, str]) -> JoinedSource:
    """Join *mutated*, texts of the file with one mutant each by number, into *original*."""
    file = _parsed(original)
    variants: dict[_Key, list[tuple[int, _Function]]] = defaultdict(list)
    apart: set[int] = set()
    for number, text in mutated.items():
        other = _parsed(text)
        if other.skeleton != file.skeleton:
            apart.add(number)
            continue
        for key, function in other.functions.items():
            if function.body != file.functions[key].body:
                variants[key].append((number, function))
    data = original.encode()
    for key in sorted(variants, key=lambda one: file.functions[one].start, reverse=True):
        function = file.functions[key]
        data = data[: function.start] + _choice(function, variants[key]) + data[function.end :]
    return JoinedSource(data.decode(), frozenset(apart))


def _choice(function: _Function, variants: list[tuple[int, _Function]]) -> bytes:
    """The function, its mutants, and under its name a function that calls one of them.

    Static variables are moved out, so that all copies share them.
    """
    statics = dict.fromkeys(
        one for each in (function, *(one for _, one in variants)) for one in each.statics
    )
    parts = [f"extern int {PARAMETER};\n".encode(), *(b"%s\n" % one for one in statics)]
    parts.append(function.renamed("__0", "static __always_inline"))
    parts += [one.renamed(f"__{number}", "static noinline") for number, one in variants]
    cases = "".join(
        f"\tcase {number}:\n\t\t{function.call(f'__{number}')}\n" for number, _ in variants
    )
    body = (
        f"{{\n\tif (likely(!{PARAMETER}))\n\t\t{function.call('__0')}\n"
        f"\tswitch ({PARAMETER}) {{\n{cases}\tdefault:\n\t\t{function.call('__0')}\n\t}}\n}}\n"
    )
    return b"".join((*parts, function.head, body.encode()))


def _parsed(text: str) -> _File:
    data = text.encode()
    tree = Parser(Language(tree_sitter_c.language())).parse(data)
    seen: Counter[str] = Counter()
    functions: dict[_Key, _Function] = {}
    skeleton, at = [], 0
    for node in functions_of(tree.root_node):
        name, body = name_of(node), node.child_by_field_name("body")
        if not name or body is None:
            continue
        functions[_Key(name, seen[name])] = _function(data, node, body)
        seen[name] += 1
        skeleton.append(data[at : body.start_byte])
        at = body.end_byte
    return _File(functions, b"".join((*skeleton, data[at:])))


def _function(data: bytes, node: Node, body: Node) -> _Function:
    identifier = _identifier(node)
    assert identifier is not None, "a definition has a name"
    return _Function(
        name=data[identifier.start_byte : identifier.end_byte].decode(),
        start=node.start_byte,
        end=node.end_byte,
        head=data[node.start_byte : body.start_byte],
        name_at=identifier.start_byte - node.start_byte,
        body=data[body.start_byte : body.end_byte],
        statics=tuple(_statics(data, body)),
        arguments=tuple(_arguments(identifier)),
    )


def _identifier(node: Node | None) -> Node | None:
    """The identifier below the declarators of a definition or a parameter."""
    while node is not None and node.type != "identifier":
        within = node.named_children[0] if node.type == "parenthesized_declarator" else None
        node = within or node.child_by_field_name("declarator")
    return node


def _statics(data: bytes, body: Node) -> Iterator[bytes]:
    for child in body.children:
        if child.type == "declaration" and child.children[0].type == "storage_class_specifier":
            yield data[child.start_byte : child.end_byte]


def _arguments(identifier: Node) -> Iterator[str]:
    declarator = identifier.parent
    parameters = declarator.child_by_field_name("parameters") if declarator else None
    for child in parameters.named_children if parameters else ():
        name = _identifier(child)
        if name is not None and name.text:
            yield name.text.decode()
