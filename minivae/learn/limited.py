"""Run a learner's function so that nothing in it can take the kernel down: not a loop without end, not `exit()`.

The function runs in a thread and the caller waits. That works on every system and from any thread, and gives control
back even from inside one long NumPy call, where a POSIX alarm would wait for the call to end. The thread is then told
to stop by an exception; if it catches even that, it is left behind as a daemon, and `TimeUp.stopped` is false.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import numpy as np

LONGEST_PRINT = 2000  # characters: enough to debug with, too few to drown a notebook


class TimeUp(Exception):
    """The time was over; `stopped` says whether the thread has ended."""

    def __init__(self, stopped: bool) -> None:
        super().__init__("time is up")
        self.stopped = stopped


class _Stop(BaseException):
    """Raised inside the learner's thread; no Exception, so that `except Exception` lets it pass."""


def run_limited(function: Callable, arguments: tuple, seconds: float):
    """Call `function(*arguments)` and return its result.

    Parameters
    ----------
    function : callable
    arguments : tuple
    seconds : float
        How long to wait.

    Raises
    ------
    TimeUp
        If it takes longer.
    BaseException
        Whatever the function raises, SystemExit included.
    """
    result: list = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            with np.errstate(all="ignore"):  # a context variable: a thread starts without the caller's
                result.append(function(*arguments))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:  # also when the learner interrupts the kernel
        late = thread.is_alive()
        if late:
            _stop(thread)
    if late:
        raise TimeUp(stopped=not thread.is_alive())
    if failure:
        raise failure[0]
    return result[0]


def _stop(thread: threading.Thread) -> None:
    ident = ctypes.c_ulong(thread.ident or 0)
    for _ in range(5):  # a bare `except:` catches the first; the next one may meet it outside
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_Stop))
        thread.join(0.1)
        if not thread.is_alive():
            return


class _Capped(io.StringIO):
    """Keeps the first characters that are written, and drops the rest."""

    def write(self, text: str, /) -> int:
        super().write(text[: max(0, LONGEST_PRINT - self.tell())])
        return len(text)


@contextlib.contextmanager
def quiet(shown: bool) -> Iterator[None]:
    """Hold back warnings and prints; where `shown`, the prints follow at the end, shortened."""
    held = _Capped()
    with warnings.catch_warnings(), contextlib.redirect_stdout(held):
        warnings.simplefilter("ignore")
        yield
    if shown:
        sys.stdout.write(held.getvalue())
