"""The questions of the course, one TOML file a lesson in `questions/`; read on first use, and strictly."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from minivae.errors import ConfigError
from minivae.learn import refs
from minivae.learn.kinds import KINDS
from minivae.learn.question import Question, read_question
from minivae.learn.tables import Table

FOLDER = Path(__file__).parent / "questions"


def lessons() -> list[str]:
    """Return the lessons that have questions, in order: ``["00", "04", ..., "closing"]``."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def questions(lesson: str) -> dict[str, Question]:
    """Return the questions of one lesson by id, in the order of the file.

    Raises
    ------
    ConfigError
        If the lesson has no file, or the file is not as it should be.
    """
    if lesson not in lessons():
        raise refs.unknown("quiz", "lesson", lesson, lessons())
    return read_file(FOLDER / f"{lesson}.toml")


def find(ref: str) -> Question:
    """Return one question, ``find("04/why-the-kl")``; ConfigError, with the nearest name, if there is none."""
    lesson, name = refs.split(ref, "quiz", "04/why-the-kl")
    known = questions(lesson)
    if name not in known:
        raise refs.unknown("quiz", f"question in lesson {lesson}", name, known)
    return known[name]


def read_file(path: Path) -> dict[str, Question]:
    """Read one file of questions; its name without ``.toml`` is the lesson.

    Raises
    ------
    ConfigError
        With file, question, field, and what was wanted there.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: not readable as TOML: {error}; correct that line") from None
    file = Table(content, path.name)
    rows = file.tables("question")
    file.done()
    found: dict[str, Question] = {}
    for row in rows:
        question = read_question(row, path.stem, KINDS)
        name = question.ref.split("/")[1]
        if name in found:
            raise ConfigError(f"{row.where}: the id stands twice in the file; give the second one another")
        found[name] = question
    return found
