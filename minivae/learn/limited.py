"""Run a learner's function so that nothing in it can take the kernel down: not a loop without end, not `exit()`.

The function runs in a thread and the caller waits. That needs no signals, so it works on every system, from any thread,
and in the main thread of a notebook's kernel; and it gives control back even from inside one long NumPy call, where a
POSIX alarm would wait for the call to end. The thread is then told to stop by an exception; if it catches even that, or
sits in such a call, it is left behind as a daemon without a voice, and `TimeUp.stopped` is false.

On Linux the process may grow by HEADROOM meanwhile, then allocations raise MemoryError instead of calling up the
kernel's killer; macOS and Windows have no such limit. What nothing here can end: one call into C that keeps Python's
lock, such as `sum(itertools.count())` or `10**10**9`. It stops every thread of the kernel, until that is restarted.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LONGEST_PRINT = 2000  # characters: enough to debug with, too few to drown a notebook
HEADROOM = 2 * 2**30  # bytes: what an exercise needs is a thousandth of it
GRACE_S = 0.5  # how long a thread is asked to stop


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
        Whatever the function raises, SystemExit included; MemoryError if it asks for more than HEADROOM.
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
    with _memory_limited():
        thread.start()
        try:
            thread.join(seconds)
        finally:  # also when the learner interrupts the kernel
            late = thread.is_alive()
            if late:
                _stop(thread)
    if late:
        if thread.is_alive():
            _left_behind.add(thread)
        raise TimeUp(stopped=not thread.is_alive())
    if failure:
        raise failure[0]
    return result[0]


def _stop(thread: threading.Thread) -> None:
    ident = ctypes.c_ulong(thread.ident or 0)
    end = time.monotonic() + GRACE_S
    while thread.is_alive() and time.monotonic() < end:
        # A bare `except:` catches one of these; sooner or later one meets it outside.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_Stop))
        thread.join(0.01)


_counting = threading.Lock()
_users = 0
_before: tuple[int, int] = (0, 0)


@contextlib.contextmanager
def _memory_limited() -> Iterator[None]:
    """Let the process grow by HEADROOM and no more, on Linux. It is the process's limit; the last to leave lifts it."""
    global _users, _before
    if sys.platform != "linux":
        yield
        return
    import resource

    with _counting:
        if _users == 0:
            _before = resource.getrlimit(resource.RLIMIT_AS)
            with open("/proc/self/statm") as file:
                now = int(file.read().split()[0]) * resource.getpagesize()
            bounds = [bound for bound in _before if bound != resource.RLIM_INFINITY]
            resource.setrlimit(resource.RLIMIT_AS, (min([now + HEADROOM, *bounds]), _before[1]))
        _users += 1
    try:
        yield
    finally:
        with _counting:
            _users -= 1
            if _users == 0:
                resource.setrlimit(resource.RLIMIT_AS, _before)


class _Capped(io.StringIO):
    """Keeps the first characters that are written, and drops the rest."""

    def write(self, text: str, /) -> int:
        super().write(text[: max(0, LONGEST_PRINT - self.tell())])
        return len(text)


@contextlib.contextmanager
def quiet(shown: bool) -> Iterator[None]:
    """Hold back warnings and prints; where `shown`, the prints follow at the end, shortened."""
    held = _Capped()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(held), contextlib.redirect_stderr(held):
            warnings.simplefilter("ignore")
            yield
    finally:
        if any(thread.is_alive() for thread in _left_behind):
            for name in ("stdout", "stderr"):
                if not isinstance(getattr(sys, name), _DeafToSome):
                    setattr(sys, name, _DeafToSome(getattr(sys, name)))
    if shown:
        sys.stdout.write(held.getvalue())


_left_behind: set[threading.Thread] = set()


class _DeafToSome:
    """A stream that drops what threads left behind go on to print; the rest passes through."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str, /) -> int:
        return len(text) if threading.current_thread() in _left_behind else self._stream.write(text)
