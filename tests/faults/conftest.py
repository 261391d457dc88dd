"""Faults around the harness: signals, dead children, silent monitors, broken surroundings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.conftest import archive, cache  # noqa: F401 - fixtures of the cache

from .command import Command


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Any]:
    """Starts command lines in an empty folder; what they leave behind is asserted at the end."""
    started: list[Command] = []

    def start(*words: object, **options: Any) -> Command:
        started.append(Command(tmp_path, words, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.nothing_left()
