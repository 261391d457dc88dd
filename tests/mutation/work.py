"""Mutants put into a running model: a child that has the tests exchanges the code of one function.

If a mutant is not in a function (a table, a default), or in one that only imports call, the child
imports the module anew, and with it everything else.
"""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.mutation import suite
from tests.mutation.operators import MODULES, ROOT, Mutant, Source
from tests.mutation.record import Measures, Results, digest, file_of, test_files
from tests.mutation.suite import Measured, Verdict


def full_name(module: str) -> str:
    """The name under which *module* of the model is imported."""
    return ".".join(MODULES[module].relative_to(ROOT).with_suffix("").parts)


def code_of(function: str, code: types.CodeType) -> types.CodeType:
    """Code of *function* in that which defines it."""
    name = function.rsplit(".", 1)[-1]
    inner = [
        const
        for const in code.co_consts
        if isinstance(const, types.CodeType) and const.co_name == name
    ]
    return inner[-1]


def live_function(module: str, function: str) -> Any:
    """The function that is in use."""
    found: Any = sys.modules[full_name(module)]
    for part in function.split("."):
        found = vars(found)[part]
    found = found.fget if isinstance(found, property) else found
    return getattr(found, "__wrapped__", found)


class Job:
    """One worker's share of the mutants, to be tried with tests collected before."""

    def __init__(
        self, sources: dict[str, Source], mutants: Sequence[Mutant], results: Results
    ) -> None:
        self.sources = sources
        self.mutants = mutants
        self.results = results
        self.measured: dict[str, Measured] = {}
        self.files: dict[str, str] = {}
        self.killers: dict[str, list[str]] = {}

    def seconds(self, test: str) -> float:
        """CPU seconds of a test."""
        return self.measured[test].seconds if test in self.measured else 1.0

    def function(self, mutant: Mutant) -> str:
        """Digest of the function that a mutant is in."""
        return digest(self.sources[mutant.module].function_text(mutant.function))

    def measure(self, items: Sequence[pytest.Item], *, fresh: bool) -> None:
        """Measure what is new among the tests."""
        self.files = test_files({file_of(item.nodeid) for item in items})
        measures = Measures(fresh=fresh)
        for item in items:
            file = self.files[file_of(item.nodeid)]
            known = measures.get(item.nodeid, file)
            if known is None:
                known = suite.measure(item)
                measures.put(item.nodeid, file, known)
            self.measured[item.nodeid] = known
        measures.save()

    def selected(self, mutant: Mutant, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Tests that could kill it, the likeliest first, without those it has survived already."""
        known = self.results.known(mutant.key, self.function(mutant), self.files)
        old = known["files"] if known else {}
        name = f"{mutant.module}.{mutant.function}"
        chosen = [
            item
            for item in items
            if self._news(old, file_of(item.nodeid))
            and _concerned(item, mutant)
            and (not self.lives(mutant) or name in self.measured[item.nodeid].functions)
        ]
        first = self.killers.get(name, [])
        return list(suite.in_order(chosen, self.seconds, first))

    def _news(self, old: dict[str, str], file: str) -> bool:
        """Whether a mutant has not met *file* as it is, or the file is newer than the
        measurements.
        """
        return file not in self.files or old.get(file) != self.files[file]

    def note(self, mutant: Mutant, verdict: Verdict) -> None:
        """Keep a verdict."""
        if verdict.by:
            killers = self.killers.setdefault(f"{mutant.module}.{mutant.function}", [])
            if verdict.by in killers:
                killers.remove(verdict.by)
            killers.insert(0, verdict.by)
        self.results.add(mutant.key, verdict, self.function(mutant), self.files)

    def wanted(self) -> Iterator[Mutant]:
        """Mutants whose fate is not known."""
        for mutant in self.mutants:
            known = self.results.known(mutant.key, self.function(mutant), self.files)
            if known is None or (known["word"] == "survived" and known["files"] != self.files):
                yield mutant

    def lives(self, mutant: Mutant) -> bool:
        """Whether the mutant is in a function that a test calls."""
        name = f"{mutant.module}.{mutant.function}"
        return any(name in measured.functions for measured in self.measured.values())

    def in_functions(self, items: Sequence[pytest.Item]) -> None:
        """Try the mutants that are in functions."""
        gc.collect()
        gc.freeze()
        for mutant in [mutant for mutant in self.wanted() if self.lives(mutant)]:
            live = live_function(mutant.module, mutant.function)

            def prepare(mutant: Mutant = mutant, live: Any = live) -> None:
                broken = self.sources[mutant.module].broken(mutant)
                live.__code__ = code_of(mutant.function, broken)

            self.note(mutant, suite.attempt(self.selected(mutant, items), self.seconds, prepare))

    def in_modules(self) -> None:
        """Try the mutants that need a fresh import; to be called where nothing of the model is
        imported.
        """
        for mutant in [mutant for mutant in self.wanted() if not self.lives(mutant)]:
            self.note(mutant, self._imported(mutant))

    def _imported(self, mutant: Mutant) -> Verdict:
        """With what killed neighbours alone first: to collect all takes longer than most tests."""
        killers = self.killers.get(f"{mutant.module}.{mutant.function}", ())
        near = frozenset(test for test in killers if "::" in test)
        if near:
            verdict = self._import_and_run(mutant, sorted({file_of(test) for test in near}), near)
            if verdict.word != "survived":
                return verdict
        return self._import_and_run(mutant, suite.TESTS, frozenset())

    def _import_and_run(
        self, mutant: Mutant, paths: Sequence[str], only: frozenset[str]
    ) -> Verdict:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            suite.limit()
            broken = self.sources[mutant.module].broken(mutant, whole=True)
            sys.meta_path.insert(0, _Broken(full_name(mutant.module), broken))
            status = [1]

            def job(items: Sequence[pytest.Item]) -> None:
                status[0] = suite.BROKEN
                wanted = [item for item in items if not only or item.nodeid in only]
                status[0] = suite.run(self.selected(mutant, wanted), self.seconds, writer)

            _quietly(job, paths)
            os._exit(status[0])
        os.close(writer)
        return suite.wait(child, reader)


def _concerned(item: pytest.Item, mutant: Mutant) -> bool:
    """Whether the test is for the mutant's module; ``judges`` names what a test looks at, where
    that is not all.
    """
    marker = item.get_closest_marker("judges")
    return marker is None or mutant.module.startswith(marker.args)


def _quietly(job: Any, paths: Sequence[str]) -> None:
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        suite.with_tests(job, paths)


class _Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the code given."""

    def __init__(self, name: str, code: types.CodeType) -> None:
        self.name = name
        self.code = code

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=f"{fullname} (mutant)")

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.code, vars(module))
