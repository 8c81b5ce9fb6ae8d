"""What the learner has tried, kept as a list of events; everything else (tries, score) is counted from it.

`Progress` is the whole of what a store must offer. `MemoryProgress` forgets when Python ends; a store on disk needs the
same two methods, and `use(store)` puts it in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    item : str
        The question or exercise, ``"04/why-the-kl"``.
    what : str
        ``"answer"`` (to a question), ``"check"`` (of an exercise), ``"hint"``, or ``"solution"`` (was shown).
    right : bool
        Whether the answer or the exercise was right.
    detail : str
        The answer as JSON, or the name of the misconception that was recognised.
    """

    item: str
    what: str
    right: bool = False
    detail: str = ""


class Progress(Protocol):
    """A store of events."""

    def add(self, event: Event) -> None:
        """Keep one event."""

    def events(self, item: str) -> Sequence[Event]:
        """Return the events of one item, oldest first."""


class MemoryProgress:
    """Events in a list, for as long as Python runs."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, event: Event) -> None:
        """Keep one event."""
        self._events.append(event)

    def events(self, item: str) -> list[Event]:
        """Return the events of one item, oldest first."""
        return [event for event in self._events if event.item == item]


_current: Progress = MemoryProgress()


def current() -> Progress:
    """Return the store in use."""
    return _current


def use(store: Progress) -> None:
    """Keep events in `store` from now on."""
    global _current
    _current = store


def tries(store: Progress, item: str) -> list[Event]:
    """Return the answers or checks of one item that count: up to the first right one or a shown solution."""
    counted: list[Event] = []
    for event in store.events(item):
        if event.what == "solution" or (counted and counted[-1].right):
            break
        if event.what in ("answer", "check"):
            counted.append(event)
    return counted


def first_try(store: Progress, item: str) -> bool | None:
    """Return whether the first try was right, which is what the score counts; None before any try."""
    counted = tries(store, item)
    return counted[0].right if counted else None
