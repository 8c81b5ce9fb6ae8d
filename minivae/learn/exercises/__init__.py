"""The exercises of the course, one module a lesson, each with a tuple `EXERCISES`."""

from __future__ import annotations

import importlib
import pkgutil

from minivae.learn import refs
from minivae.learn.exercise import Exercise


def lessons() -> list[str]:
    """Return the lessons that have exercises, in order: ``["04", ...]``."""
    return sorted(m.name.removeprefix("lesson") for m in pkgutil.iter_modules(__path__) if m.name.startswith("lesson"))


def exercises(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of one lesson by name, in the order of its module."""
    if lesson not in lessons():
        raise refs.unknown("exercise", "lesson", lesson, lessons())
    module = importlib.import_module(f"{__name__}.lesson{lesson}")
    return {exercise.ref.split("/")[1]: exercise for exercise in module.EXERCISES}


def find(ref: str) -> Exercise:
    """Return one exercise, ``find("04/reparameterize")``; ConfigError, with the nearest name, if there is none."""
    lesson, name = refs.split(ref, "exercise", "04/reparameterize")
    known = exercises(lesson)
    if name not in known:
        raise refs.unknown("exercise", f"exercise in lesson {lesson}", name, known)
    return known[name]
