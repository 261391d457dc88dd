"""The project's own source, as the tests of its structure read it."""

import ast
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "harness"


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks, as absolute paths."""
    command = [
        "git",
        "-C",
        str(TOP),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return tuple(path for name in names if name and (path := TOP / name).is_file())


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module of the package by its dotted name, parsed."""
    return {_dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in source_files()}


@cache
def source_files() -> tuple[Path, ...]:
    """The package's Python files."""
    return tuple(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def _dotted(path: Path) -> str:
    parts = path.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of the package that the module *name* imports, wherever in its text."""
    return frozenset(_imports(name))


def _imports(name: str) -> Iterator[str]:
    known = modules()
    for node in ast.walk(known[name]):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                full = f"{node.module}.{one.name}"
                if full in known or node.module in known:
                    yield full if full in known else node.module


def functions() -> Iterator[tuple[str, int]]:
    """Every function and method of the package: where it is, and how many lines it has."""
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{name}.{node.name}", lines
