import gc
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.base.held_folders import let_go
from harness.kernel.build_recipe import recipes
from harness.kernel.built import obtain_built
from harness.kernel.kernel_record import Kernel
from tests.still_running import StillRunning

SPARE_DESCRIPTORS = 32
"""For what lives until the session ends: a guest, a lock of the cache."""


def pytest_configure(config: pytest.Config) -> None:
    """Set up each process: its signals, and in the first a line for long silence."""
    _take_signals_back()
    if not hasattr(config, "workerinput"):
        manager = config.pluginmanager

        def write(line: str) -> None:
            reporter: Any = manager.get_plugin("terminalreporter")
            if reporter:
                reporter.write_line(line)

        manager.register(StillRunning(write), "still-running")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave two of three ``thirds`` to the nightly, and so the guests of the fault suite."""
    numbers: Counter[str] = Counter()
    for item in items:
        if group := _thirds_of(item):
            numbers[group] += 1
            if numbers[group] % 3 != 1:
                item.add_marker("nightly")


def _thirds_of(item: pytest.Item) -> str:
    """What *item* is one of several of: the guest tests of a module of faults, cases of a test."""
    if item.nodeid.startswith("tests/faults/") and item.get_closest_marker("guest"):
        return item.path.name
    return item.nodeid.partition("[")[0] if item.get_closest_marker("thirds") else ""


def _take_signals_back() -> None:
    """Take the signals back that a caller ignores, as ``nohup`` and ``&`` in a script do.

    Children inherit that, and tests send these signals to theirs.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def tree61() -> Kernel:
    """The one kernel that tests build from source: 6.1-pae, of the cache, made when it is not
    there.

    Shared by all rooms and sessions: build in ``clone(built_tree(tree61), ...)``, never in it.
    """
    return obtain_built(recipes()["6.1-pae"])


@pytest.fixture(scope="module", autouse=True)
def no_descriptor_is_left_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module of tests closes what it opens: its process runs hundreds of others after it."""
    before = _open_descriptors()
    yield
    let_go(tmp_path_factory.getbasetemp())
    left = _open_descriptors() - before
    assert len(left) <= SPARE_DESCRIPTORS, sorted(left)


def _open_descriptors() -> set[tuple[int, str]]:
    """Each descriptor of this process with the file that it leads to."""
    gc.collect()
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add((int(entry.name), str(entry.readlink())))
    return found
