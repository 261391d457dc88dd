"""One place to wait: file descriptors and what to do when they can be read or written."""

import selectors
from collections.abc import Callable


class Events:
    """A selector whose entries bring their own action; everything of a guest waits here."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def on_input(self, fd: int, action: Callable[[], None]) -> None:
        """Call *action* whenever *fd* can be read."""
        self._selector.register(fd, selectors.EVENT_READ, action)

    def forget(self, fd: int) -> None:
        """Stop watching *fd*."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def watch_output(self, fd: int, *, wanted: bool) -> None:
        """Also wake up when *fd*, registered before, can be written."""
        action = self._selector.get_key(fd).data
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        self._selector.modify(fd, mask, action)

    def wait(self, seconds: float) -> None:
        """Wait until something happens, at most *seconds*, and run its actions."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            key.data()

    def close(self) -> None:
        """Release the selector."""
        self._selector.close()
