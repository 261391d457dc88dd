"""What can be wrong with a line: every mutant of a module, by its syntax tree.

Left alone: docstrings, annotations, imports, decorators, ``__slots__``,
and what is said to people: f-strings,
and strings with a space in them.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "harness" / "model"
MODULES = {path.stem: path for path in sorted(MODEL.glob("*/*.py")) if path.stem != "__init__"}
"""The modules of the model by their names, which are unique."""

_COMPARE = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_CALLS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "reversed": "list",
}
_ENUMS = ("Enum", "IntEnum")
_SKIPPED = (ast.JoinedStr, ast.Import, ast.ImportFrom)
_TESTED = {ast.If: "test", ast.IfExp: "test", ast.While: "test"}
_FIELDS_SKIPPED = frozenset(
    {"annotation", "returns", "decorator_list", "bases", "type_ignores", "ctx"}
)


class Site(NamedTuple):
    """A place in a tree: a field of a node, and the position in it where the field is a list."""

    parent: ast.AST
    name: str
    at: int | None

    def put(self, node: Any) -> Any:
        """Put *node* there; returns what was there.  None takes an item out of a list."""
        if self.at is None:
            old = getattr(self.parent, self.name)
            setattr(self.parent, self.name, node)
            return old
        items = getattr(self.parent, self.name)
        old = items[self.at]
        items[self.at] = node
        return old


class Mutant(NamedTuple):
    """One change: where it is, in words that outlive an edit elsewhere, and how to make it."""

    module: str
    function: str
    statement: str
    change: str
    number: int
    line: int
    site: Site
    node: ast.AST

    @property
    def key(self) -> str:
        """Name of the mutant, for people and files."""
        again = f" #{self.number}" if self.number else ""
        return (
            f"{self.module}.{self.function or '<module>'}: {self.statement} [{self.change}]{again}"
        )


@dataclass
class Source:
    """A module of the model as text and tree, with its mutants."""

    name: str
    text: str
    tree: ast.Module = field(init=False)
    mutants: list[Mutant] = field(init=False)
    _texts: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self):
        self.tree = ast.parse(self.text)
        self.mutants = []
        counts: dict[tuple[str, str, str], int] = {}
        for function, statement, change, line, site, node in _Walk().module(self.tree):
            key = (function, statement, change)
            counts[key] = counts.get(key, -1) + 1
            self.mutants.append(
                Mutant(self.name, function, statement, change, counts[key], line, site, node)
            )

    def broken(self, mutant: Mutant, *, whole: bool = False) -> Any:
        """Code with *mutant* in it: of its function alone, or of the *whole* module, also where
        it is in none.
        """
        old = mutant.site.put(mutant.node)
        try:
            alone = mutant.function and not whole
            tree = ast.Module([self.definition(mutant.function)], []) if alone else self.tree
            return compile(ast.fix_missing_locations(tree), f"{self.name}.py", "exec")
        finally:
            mutant.site.put(old)

    def definition(self, function: str) -> Any:
        """The definition of a function, ``Class.method`` for a method."""
        at: Any = self.tree
        for part in function.split("."):
            at = next(node for node in at.body if getattr(node, "name", None) == part)
        return at

    def function_text(self, function: str) -> str:
        """Text of a function, so that a change elsewhere is no change of it; else the whole
        module's.
        """
        if function not in self._texts:
            self._texts[function] = (
                ast.unparse(self.definition(function)) if function else self.text
            )
        return self._texts[function]


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n", 1)[0]
    return text if len(text) <= 110 else f"{text[:70]} ... {text[-35:]}"


class _Walk:
    """Goes through a tree and yields (function, statement, change, line, site, new node)."""

    def __init__(self):
        self.names: list[str] = []
        self.inside = False
        self.statement: ast.stmt | None = None

    def module(self, tree: ast.Module) -> Iterator[tuple]:
        for at, node in enumerate(tree.body):
            yield from self.visit(node, Site(tree, "body", at))

    def visit(self, node: Any, site: Site) -> Iterator[tuple]:
        if isinstance(node, _SKIPPED) or _is_docstring(node) or _is_slots(node):
            return
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from self.definition(node)
            return
        above = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node
        for new in _variants(node, inside=self.inside, statement=isinstance(node, ast.stmt)):
            yield self.told(node, new, site)
        yield from self.children(node)
        self.statement = above

    def definition(self, node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple]:
        if isinstance(node, ast.FunctionDef):
            above, self.statement = self.statement, node
            yield from self.children(node.args)
            self.statement = above
        self.names.append(node.name)
        was, self.inside = self.inside, self.inside or isinstance(node, ast.FunctionDef)
        for at, inner in enumerate(node.body):
            yield from self.visit(inner, Site(node, "body", at))
        self.inside = was
        self.names.pop()

    def children(self, node: ast.AST) -> Iterator[tuple]:
        for name, value in ast.iter_fields(node):
            if name in _FIELDS_SKIPPED:
                continue
            if isinstance(value, list):
                for at, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        yield from self.visit(item, Site(node, name, at))
            elif isinstance(value, ast.AST):
                yield from self.visit(value, Site(node, name, None))

    def told(self, old: Any, new: Any, site: Site) -> tuple:
        function = ".".join(self.names) if self.inside else ""
        statement = self.statement or old
        line = getattr(old, "lineno", 0)
        return function, _short(statement), f"{_short(old)} -> {_short(new)}", line, site, new


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_slots(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__"


def _copy(node: Any, **changes: Any) -> Any:
    fields = dict(ast.iter_fields(node)) | changes
    return ast.copy_location(type(node)(**fields), node)


def _variants(node: Any, *, inside: bool, statement: bool) -> Iterator[ast.AST]:
    if statement:
        yield from _statements(node)
    for kind, variants in _BY_KIND.items():
        if isinstance(node, kind):
            yield from variants(node)
    if not inside and isinstance(node, ast.Set | ast.Tuple | ast.List | ast.Dict):
        yield from _shorter(node)


def _statements(node: Any) -> Iterator[ast.AST]:
    """The statement is left out, where that is not an undefined name."""
    named = isinstance(node, ast.Assign) and any(
        isinstance(n, ast.Name | ast.Tuple) for n in node.targets
    )
    leaves = isinstance(node, ast.Return) and node.value is None
    if (
        isinstance(node, ast.Expr | ast.AugAssign | ast.Continue | ast.Break)
        or leaves
        or (isinstance(node, ast.Assign) and not named)
    ):
        yield ast.Pass()


def _forced(node: Any) -> Iterator[ast.AST]:
    """A condition that is always or never so; a loop for ever is not tried."""
    for value in (False,) if isinstance(node, ast.While) else (True, False):
        if not (isinstance(node.test, ast.Constant) and node.test.value is value):
            yield _copy(node, test=ast.Constant(value))


def _comprehension(node: ast.comprehension) -> Iterator[ast.AST]:
    for at in range(len(node.ifs)):
        yield _copy(node, ifs=[*node.ifs[:at], *node.ifs[at + 1 :]])


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        for other in _COMPARE[type(op)]:
            yield _copy(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])


def _bool_op(node: ast.BoolOp) -> Iterator[ast.AST]:
    """One operand is not looked at."""
    for at in range(len(node.values)):
        rest = [*node.values[:at], *node.values[at + 1 :]]
        yield rest[0] if len(rest) == 1 else _copy(node, values=rest)


def _bin_op(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in _ARITHMETIC:
        yield _copy(node, op=_ARITHMETIC[type(node.op)]())
    if isinstance(node.op, ast.Sub | ast.BitOr | ast.BitAnd | ast.Add):
        yield node.left


def _aug_assign(node: ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in _ARITHMETIC:
        yield _copy(node, op=_ARITHMETIC[type(node.op)]())
    target = _copy(node.target, ctx=ast.Store())
    yield ast.copy_location(ast.Assign([target], node.value), node)


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.copy_location(ast.Constant(not node.value), node)
    elif isinstance(node.value, int):
        yield ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node.value, str) and " " not in node.value:
        yield ast.copy_location(ast.Constant(node.value + "~"), node)


def _return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not (
        isinstance(node.value, ast.Constant) and node.value.value is None
    ):
        yield _copy(node, value=ast.Constant(None))


def _call(node: ast.Call) -> Iterator[ast.AST]:
    """Another function of the kind; a keyword argument left out."""
    if isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield _copy(node, func=ast.Name(_CALLS[node.func.id], ast.Load()))
    for at, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield _copy(node, keywords=[*node.keywords[:at], *node.keywords[at + 1 :]])


def _member(node: ast.Attribute) -> Iterator[ast.AST]:
    """Another member of the enum."""
    if isinstance(node.value, ast.Name) and node.value.id in _members():
        names = _members()[node.value.id]
        if node.attr in names:
            yield _copy(node, attr=names[(names.index(node.attr) + 1) % len(names)])


@cache
def _members() -> dict[str, list[str]]:
    """Names of the members of the model's enums, read and not imported: a mutant may be in that
    module.
    """
    found = {}
    for path in MODULES.values():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(b) in _ENUMS for b in node.bases
            ):
                assigned = (inner for inner in node.body if isinstance(inner, ast.Assign))
                found[node.name] = [ast.unparse(inner.targets[0]) for inner in assigned]
    return found


def _shorter(node: Any) -> Iterator[ast.AST]:
    """A table of the module without one of its entries."""
    if isinstance(node, ast.Dict):
        for at in range(len(node.keys)):
            keys, values = list(node.keys), list(node.values)
            del keys[at], values[at]
            yield _copy(node, keys=keys, values=values)
        return
    for at in range(len(node.elts)):
        yield _copy(node, elts=[*node.elts[:at], *node.elts[at + 1 :]])


_BY_KIND: dict[Any, Any] = {
    (ast.If, ast.IfExp, ast.While): _forced,
    ast.comprehension: _comprehension,
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.BinOp: _bin_op,
    ast.AugAssign: _aug_assign,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Return: _return,
    ast.Call: _call,
    ast.Attribute: _member,
}
