"""Signals that end a command do it as an exception does: everything on the way out is closed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedBySignal(BaseException):
    """Somebody wants this command to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        """The words of the message to the user."""
        return "interrupted" if self.number is signal.SIGINT else f"ended by {self.number.name}"

    @property
    def exit_code(self) -> int:
        """The exit code of a process that the signal has ended: 130, 143 or 129, as in a shell."""
        return 128 + self.number


def raise_when_ended() -> None:
    """From now on each of ENDING raises EndedBySignal, in the main thread.

    A signal that is ignored (``nohup``, a background job) stays ignored.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def leave_to_parent() -> None:
    """Do nothing at each of ENDING: for a worker, which its parent ends, or the parent's end.

    A terminal signals all processes, and a worker that ended first would look like a failure.
    """
    for number in ENDING:
        signal.signal(number, _wait_for_the_end)


@contextmanager
def ending_later(cancel: Callable[[], object] = lambda: None) -> Iterator[None]:
    """A signal of ENDING calls *cancel* while the block runs, and raises at the block's end.

    For a call into a library that an exception at any line would leave half done: ``asyncio``
    then reports tasks that nobody awaits.  To block the signals does not do: another thread
    receives them, and Python still runs the handler in the main thread.
    """
    ours = [one for one in ENDING if signal.getsignal(one) is _raise]
    if current_thread() is not main_thread() or not ours:
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)
        cancel()

    for one in ours:
        signal.signal(one, note)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, _raise)
        if came:
            _raise(came[0], None)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    """Raise for the first signal; further ones do not disturb the clean-up.

    A handler is put in their place, not SIG_IGN, which children would inherit.
    """
    del frame
    for one in ENDING:
        signal.signal(one, _wait_for_the_end)
    raise EndedBySignal(signal.Signals(number))


def _wait_for_the_end(number: int, frame: FrameType | None) -> None:
    """Do nothing: the command is on its way out."""
    del number, frame
