"""The tests that kill mutants: collected once, measured, and run in children of the process that
has them.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/model",)
_OPTIONS = (
    "-q",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "--tb=line",
    "--assert=plain",
    "--no-header",
)
_LEFT_OUT = "not guest and not network and not long"
_MEMORY = 4 << 30
BROKEN = 3
"""Exit status of a child in which this tool has failed, which is no verdict."""

_SECONDS = 2
"""CPU seconds for a test, beside five times what it takes: a loaded machine is no timeout."""


class Verdict(NamedTuple):
    """How a mutant ended: ``survived``, ``killed``, or ``timeout``; and the test that told."""

    word: str
    by: str = ""


class Measured(NamedTuple):
    """One test: CPU seconds, and the functions of the model it calls (module.qualname)."""

    seconds: float
    functions: frozenset[str]


def with_tests(job: Callable[[Sequence[pytest.Item]], None], paths: Sequence[str] = TESTS) -> int:
    """Collect the tests, then call *job* with them instead of running them."""
    _settle_hypothesis()
    arguments = [*_OPTIONS, "-m", _LEFT_OUT, *paths]
    os.chdir(ROOT)
    return int(pytest.main(arguments, plugins=[_Instead(job)]))


class _Instead:
    def __init__(self, job: Callable[[Sequence[pytest.Item]], None]) -> None:
        self.job = job

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return False
        self.job(session.items)
        return True


def _settle_hypothesis() -> None:
    """The same examples every time, and none made smaller: that a test fails is enough."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    checks = list(hypothesis.HealthCheck)
    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        derandomize=True,
        deadline=None,
        phases=phases,
        suppress_health_check=checks,
    )
    hypothesis.settings.load_profile("mutation")


def measure(item: pytest.Item) -> Measured:
    """Run one test in a child; raises RuntimeError if it fails."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        codes: set[Any] = set()
        begun = time.process_time()
        # add() gives None, which is what a tracer returns that wants calls and no lines.
        sys.settrace(
            lambda frame, event, arg: codes.add(frame.f_code)  # type: ignore[func-returns-value]
        )
        failed = any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))
        sys.settrace(None)
        spent = time.process_time() - begun
        names = sorted(
            {f"{Path(c.co_filename).stem}.{_plain(c.co_qualname)}" for c in codes if _ours(c)}
        )
        with os.fdopen(writer, "w") as out:
            out.write("\n".join((f"{spent:.3f}", *names)))
        os._exit(int(failed))
    os.close(writer)
    with os.fdopen(reader) as told:
        lines = told.read().split("\n")
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{item.nodeid} fails without any mutant")
    return Measured(float(lines[0]), frozenset(lines[1:]))


def _ours(code: Any) -> bool:
    return ROOT / "harness" / "model" in Path(code.co_filename).parents


def _plain(name: str) -> str:
    return name.split(".<", 1)[0]


def attempt(
    items: Sequence[pytest.Item], seconds: Callable[[str], float], prepare: Callable[[], None]
) -> Verdict:
    """Run *items* in a child that *prepare* has changed, up to the first that fails."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run_in_child(items, seconds, prepare, writer)
    os.close(writer)
    return wait(child, reader)


def _run_in_child(
    items: Sequence[pytest.Item],
    seconds: Callable[[str], float],
    prepare: Callable[[], None],
    writer: int,
) -> None:
    limit()
    prepare()
    status = run(items, seconds, writer)
    os._exit(status)


def limit() -> None:
    """A mutant that eats memory or time ends by itself."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, 3 * _SECONDS)


def run(items: Sequence[pytest.Item], seconds: Callable[[str], float], writer: int) -> int:
    """Status 1 at the first test that fails; each is announced before."""
    for item, following in zip(items, (*items[1:], None), strict=False):
        os.write(writer, f"{item.nodeid}\n".encode())
        signal.setitimer(signal.ITIMER_PROF, _SECONDS + 5 * seconds(item.nodeid))
        if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
            return 1
    return 0


def wait(child: int, reader: int) -> Verdict:
    """The verdict of a child that announces its tests."""
    with os.fdopen(reader) as told:
        names = told.read().split()
    status = os.waitpid(child, 0)[1]
    by = names[-1] if names else "collection"
    if os.WIFSIGNALED(status):
        return Verdict("timeout" if os.WTERMSIG(status) == signal.SIGPROF else "killed", by)
    if os.WEXITSTATUS(status) == BROKEN:
        raise RuntimeError(f"mutation testing itself has failed, at {by}")
    return Verdict("killed", by) if os.WEXITSTATUS(status) else Verdict("survived")


def in_order(
    items: Sequence[pytest.Item], seconds: Callable[[str], float], first: Sequence[str]
) -> Iterator[pytest.Item]:
    """Tests that have killed neighbours, then the quick ones."""
    rank = {name: at for at, name in enumerate(first)}
    yield from sorted(
        items, key=lambda item: (rank.get(item.nodeid, len(rank)), seconds(item.nodeid))
    )
