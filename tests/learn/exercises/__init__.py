"""For every exercise of a lesson a table, in `lessonNN.py`: RIGHT has at least 6 functions that are all to be accepted,
WRONG at least 8 that are all to be refused with the hint that was meant for them.

    RIGHT = {"05/name": {"what is special about it": function, ...}, ...}
    WRONG = {"05/name": {"name-of-the-misconception": function, "the-same (in another way)": function, ...}, ...}

Where a wrong function is to be answered in general words, its key is the symptom: "shape", "changes:mu", see
minivae/learn/checker.py. tests/learn/test_exercises.py loops over all tables; what follows is what it does with one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minivae.learn.attempt import Attempt, wanted
from minivae.learn.checker import examine
from minivae.learn.exercise import Exercise
from minivae.learn.inputs import SIZES
from minivae.learn.markup import parse
from minivae.learn.words import same

LEAST_RIGHT, LEAST_WRONG, LEAST_HINTS = 6, 8, 3
SEEDS = 3  # every function is tried on inputs of this many checks


@dataclass(frozen=True)
class Table:
    """What is to be accepted, and what is to be refused; description -> function."""

    right: dict[str, Callable]
    wrong: dict[str, Callable]


def tables() -> dict[str, Table]:
    """All tables by exercise."""
    found: dict[str, Table] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        lesson = importlib.import_module(module.name)
        found |= {
            ref: Table(lesson.RIGHT.get(ref, {}), lesson.WRONG.get(ref, {})) for ref in lesson.RIGHT | lesson.WRONG
        }
    return found


def accept(exercise: Exercise, function: Callable, seeds: int = SEEDS) -> None:
    """Assert that a function passes."""
    for seed in range(seeds):
        verdict = examine(exercise, function, seed=seed)
        assert verdict.outcome == "right", str(verdict.note)


def refuse(exercise: Exercise, function: Callable, intended: str, seeds: int = SEEDS) -> None:
    """Assert that a function is refused, and with the hint that was meant."""
    intended = intended.partition(" (")[0]
    for seed in range(seeds):
        verdict = examine(exercise, function, seed=seed)
        assert (verdict.outcome, verdict.misconception or verdict.symptom) == ("wrong", intended), str(verdict.note)


def is_complete(exercise: Exercise, table: Table) -> None:
    """Assert that a table has enough of both, and every misconception in it."""
    assert len(table.right) >= LEAST_RIGHT, f"{len(table.right)} right functions, {LEAST_RIGHT} are wanted"
    assert len(table.wrong) >= LEAST_WRONG, f"{len(table.wrong)} wrong functions, {LEAST_WRONG} are wanted"
    missing = {mistake.name for mistake in exercise.misconceptions} - {key.partition(" (")[0] for key in table.wrong}
    assert not missing, f"no function in WRONG makes these mistakes: {sorted(missing)}"


def is_sound(exercise: Exercise) -> None:
    """Assert what has to hold of an exercise itself: of its solution, its texts, and its mistakes."""
    accept(exercise, exercise.cuda.source if exercise.cuda else exercise.solution, seeds=10)
    assert len(exercise.hints) >= LEAST_HINTS
    for text in (*exercise.hints, *(mistake.hint for mistake in exercise.misconceptions)):
        parse(text)
        assert "TODO" not in text
    for mistake in exercise.misconceptions:
        assert mistake.wrong is not None or mistake.symptom, (
            f"{mistake.name} cannot be recognised: give it wrong or symptom"
        )
        if mistake.wrong is not None and exercise.cuda is None:  # of a kernel, this is NumPy that does the same
            refuse(exercise, mistake.wrong, mistake.name)
    if exercise.example:
        wanted(exercise, tuple(np.asarray(x, np.float64) if isinstance(x, list) else x for x in exercise.example))


def are_apart(exercise: Exercise) -> None:
    """Assert that what is recognised by its values differs clearly from the solution and from every other mistake."""
    trials = [exercise.draw(exercise.rng(), number) for number in range(len(SIZES))]
    results = [("the solution", [wanted(exercise, inputs) for inputs in trials])]
    with np.errstate(all="ignore"):
        for mistake in exercise.misconceptions:
            if mistake.wrong is not None:
                results.append((mistake.name, [Attempt(exercise, mistake.wrong, inputs).values() for inputs in trials]))
    for k, (name, mine) in enumerate(results):
        for other_name, theirs in results[:k]:
            pairs = [(a[part], b[part]) for a, b in zip(mine, theirs, strict=True) for part in a]
            assert not all(same(a, b, rtol=1e-2) for a, b in pairs), f"{name} and {other_name} give the same"
