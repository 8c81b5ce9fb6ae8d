"""What the learner has tried, kept as a list of events; everything else (tries, score) is counted from it.

`Progress` is the whole of what a store must offer. `MemoryProgress` forgets when Python ends, and is what lessons are
built and tested with; `store.Kept` writes to the learner's file. `current()` chooses between them when it is first
asked, by the environment variable MINIVAE_PROGRESS: a file, `:memory:`, or nothing, which means the usual place.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from minivae.errors import ConfigError

VARIABLE = "MINIVAE_PROGRESS"
IN_MEMORY = ":memory:"
FILE = "progress.sqlite3"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    item : str
        The question or exercise, ``"04/why-the-kl"``.
    what : str
        ``"answer"`` (to a question), ``"prediction"``, ``"check"`` (of an exercise), ``"hint"``, or ``"solution"`` (was
        shown).
    right : bool
        Whether the answer or the exercise was right.
    detail : str
        The answer as JSON, or the name of the misconception that was recognised.
    at : str
        When, in UTC, ``"2025-03-01T09:30:00Z"``; the store writes it.
    """

    item: str
    what: str
    right: bool = False
    detail: str = ""
    at: str = field(default="", compare=False)


class Progress(Protocol):
    """A store of events.

    Attributes
    ----------
    problem : str
        Why what happens now is forgotten when Python ends, in a sentence for the learner; empty while all is well.
    """

    problem: str

    def add(self, event: Event) -> None:
        """Keep one event; never raises, see `problem`."""

    def events(self, item: str) -> Sequence[Event]:
        """Return the events of one item, oldest first."""

    def everything(self) -> Sequence[Event]:
        """Return all events, oldest first."""

    def seed(self) -> int:
        """Return this learner's number, from 0 to 2**31 - 1, which stays the same: to shuffle options with."""


class MemoryProgress:
    """Events in a list, for as long as Python runs; its seed is 0, so that what is built with it is built again."""

    problem = ""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, event: Event) -> None:
        """Keep one event."""
        self._events.append(stamped(event))

    def events(self, item: str) -> list[Event]:
        """Return the events of one item, oldest first."""
        return [event for event in self._events if event.item == item]

    def everything(self) -> list[Event]:
        """Return all events, oldest first."""
        return list(self._events)

    def seed(self) -> int:
        """Return 0."""
        return 0


_current: Progress | None = None
_opening = threading.Lock()


def current() -> Progress:
    """Return the store in use; the first call opens it, and says so to the learner if that fails."""
    global _current
    with _opening:
        if _current is None:
            _current = _opened()
        return _current


def use(store: Progress) -> None:
    """Keep events in `store` from now on."""
    global _current
    _current = store


def place() -> Path | None:
    """Return where the learner's file is, whether or not it exists yet; None where nothing is to be kept.

    Raises
    ------
    ConfigError
        If MINIVAE_PROGRESS holds a path that depends on where Python was started: kernels and terminals start in
        different folders.
    """
    said = os.environ.get(VARIABLE, "")
    if said == IN_MEMORY:
        return None
    if not said:
        from platformdirs import user_data_path

        return user_data_path("minivae", appauthor=False) / FILE
    path = Path(said).expanduser()
    if not path.is_absolute():
        raise ConfigError(
            f"progress: {VARIABLE} is {said!r}, wanted a path from the root, such as {Path.home() / FILE}"
        )
    return path / FILE if path.is_dir() else path


def _opened() -> Progress:
    from minivae.learn.store import File, Kept, tell

    try:
        path = place()
    except ConfigError as error:
        memory = MemoryProgress()
        memory.problem = str(error)
        tell(memory.problem)
        return memory
    return MemoryProgress() if path is None else Kept(File(path))


def stamped(event: Event) -> Event:
    """Return the event with the time, where it has none."""
    return event if event.at else replace(event, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def counted(events: Iterable[Event]) -> list[Event]:
    """Return the answers or checks among an item's events that count: up to the first right one or the solution."""
    tried: list[Event] = []
    for event in events:
        if event.what == "solution" or (tried and tried[-1].right):
            break
        if event.what in ("answer", "check"):
            tried.append(event)
    return tried


def tries(store: Progress, item: str) -> list[Event]:
    """Return the answers or checks of one item that count; see `counted`."""
    return counted(store.events(item))


def first_try(store: Progress, item: str) -> bool | None:
    """Return whether the first try was right, which is what the score counts; None before any try."""
    tried = tries(store, item)
    return tried[0].right if tried else None
