"""Says which tests are running when none has ended for a while: some take minutes."""

import threading
import time
from collections.abc import Callable, Iterator

SILENCE_SECONDS = 60.0


class StillRunning:
    """A plugin of pytest; with several processes, of the one that prints."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._clock = write, clock
        self._started: dict[str, float] = {}
        self._last = clock()
        self._over = threading.Event()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._started[nodeid] = self._last = self._clock()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._started.pop(nodeid, None)
        self._last = self._clock()

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self._over.set()

    def lines(self) -> Iterator[str]:
        """What runs, after a silence; nothing where a test has ended since."""
        now = self._clock()
        if now - self._last >= SILENCE_SECONDS:
            self._last = now
            for name, started in tuple(self._started.items()):
                yield f"still running, for {now - started:.0f} s: {name}"

    def _watch(self) -> None:
        while not self._over.wait(SILENCE_SECONDS / 10):
            for line in self.lines():
                self._write(line)
