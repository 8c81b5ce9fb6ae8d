"""`check`, `hint` and `solution`: what a learner calls in an exercise."""

from __future__ import annotations

from collections.abc import Callable

from minivae.learn import exercises, progress
from minivae.learn.checker import examine
from minivae.learn.markup import parse
from minivae.learn.note import Note, say
from minivae.learn.progress import Event


def check(ref: str, function: Callable) -> None:
    """Try your function and show what came of it; a mistake never raises.

    Parameters
    ----------
    ref : str
        The exercise, ``"04/reparameterize"``.
    function : callable
        Yours: the function or class itself, not a call of it. It runs a dozen times on small arrays, new ones in each
        check, five seconds in all; what it prints is shown for the first of these.

    Raises
    ------
    ConfigError
        If there is no such exercise.
    """
    exercise = exercises.find(ref)
    store = progress.current()
    before = sum(event.what == "check" for event in store.events(ref))
    verdict = examine(exercise, function, seed=(store.seed(), before))  # fresh inputs each time, the same in each build
    if verdict.outcome != "stub":
        store.add(Event(ref, "check", verdict.outcome == "right", verdict.misconception))
    say(verdict.note)


def hint(ref: str) -> None:
    """Show the next hint of an exercise, each one plainer than the one before.

    Parameters
    ----------
    ref : str
        The exercise, ``"04/reparameterize"``.

    Raises
    ------
    ConfigError
        If there is no such exercise.
    """
    exercise = exercises.find(ref)
    store = progress.current()
    given = sum(event.what == "hint" for event in store.events(ref))
    number = min(given + 1, len(exercise.hints))
    if given < len(exercise.hints):
        store.add(Event(ref, "hint"))
    body = parse(exercise.hints[number - 1])
    if number == len(exercise.hints):
        last = parse(f'This is the last hint. After a try, `solution("{ref}")` shows the code.')
        body = [["par", *body], ["par", *last]]
    say(Note("info", f"{ref}: hint {number} of {len(exercise.hints)}", body))


def solution(ref: str) -> None:
    """Show the solution of an exercise, once you have tried it with `check`.

    Parameters
    ----------
    ref : str
        The exercise, ``"04/reparameterize"``.

    Raises
    ------
    ConfigError
        If there is no such exercise.
    """
    exercise = exercises.find(ref)
    store = progress.current()
    if progress.tries(store, ref):
        store.add(Event(ref, "solution"))
        note = Note("info", f"{ref}: a solution", [["pre", exercise.shown]])
    else:
        body = parse(
            f'Run `check("{ref}", {exercise.solution.__name__})` with an attempt of your own first: right or wrong, it '
            f'opens the solution. `hint("{ref}")` helps on the way.'
        )
        note = Note("info", f"{ref}: the solution opens after one try", body)
    say(note)
