"""Questions: what the learner is shown, and how an answer is graded.

A kind of question is a class here, listed in `KINDS`, and a control of the same name in quiz.js. The browser gets
`view()`, which holds no answer; the key stays here, and grading happens here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from minivae.errors import ConfigError
from minivae.learn import refs
from minivae.learn.formula import Node
from minivae.learn.tables import Table

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Grade:
    """What came of an answer: right or not, and the feedback for exactly that answer."""

    right: bool
    feedback: list[Node]


@dataclass(frozen=True)
class Question:
    """What all kinds of question share; a kind adds its own fields, and the methods that raise here.

    Attributes
    ----------
    ref : str
        Lesson and id, ``"04/why-the-kl"``.
    title : str
        Two or three words that stand above the question.
    prompt, hint : list of Node
        The question, and what to think of after a first wrong try (may be empty).
    """

    ref: str
    title: str
    prompt: list[Node]
    hint: list[Node]
    kind: ClassVar[str]

    @classmethod
    def read(cls, table: Table, ref: str) -> Question:
        """Build the question from its TOML table; a ConfigError says which field is wrong."""
        raise NotImplementedError

    def view(self) -> dict:
        """Return what may be shown, as JSON: never which answer is right, never its feedback."""
        raise NotImplementedError

    def grade(self, answer: object) -> Grade:
        """Grade an answer in the form of this kind; ConfigError if it has another form."""
        raise NotImplementedError

    def solution(self) -> object:
        """Return the right answer in the same form."""
        raise NotImplementedError

    def _shown(self) -> dict:
        return {"kind": self.kind, "ref": self.ref, "title": self.title, "prompt": self.prompt}


@dataclass(frozen=True)
class Option:
    """One thing to choose, with the feedback for choosing it."""

    text: list[Node]
    feedback: list[Node]
    right: bool


@dataclass(frozen=True)
class One(Question):
    """Choose one of several. An answer is the place of an option in `options`, counted from 0."""

    options: tuple[Option, ...]
    kind: ClassVar[str] = "one"

    @classmethod
    def read(cls, table: Table, ref: str) -> One:
        title, prompt, hint = table.string("title"), table.markup("prompt"), table.markup("hint", required=False)
        options = tuple(_option(row) for row in table.tables("option"))
        table.done()
        rights = sum(option.right for option in options)
        if len(options) < 2:
            raise ConfigError(f"{table.where}: got {len(options)} option, wanted at least 2; add [[question.option]]")
        if rights != 1:
            raise ConfigError(f"{table.where}: got {rights} options with right = true, wanted exactly 1")
        if len({str(option.text) for option in options}) < len(options):
            raise ConfigError(f"{table.where}: two options have the same text; make them differ")
        return cls(ref, title, prompt, hint, options)

    def view(self) -> dict:
        return self._shown() | {"options": [option.text for option in self.options]}

    def grade(self, answer: object) -> Grade:
        if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(self.options):
            raise ConfigError(f"{self.ref}: got answer {answer!r}, wanted a number from 0 to {len(self.options) - 1}")
        chosen = self.options[answer]
        return Grade(chosen.right, chosen.feedback)

    def solution(self) -> int:
        return next(place for place, option in enumerate(self.options) if option.right)


def _option(table: Table) -> Option:
    option = Option(table.markup("text"), table.markup("feedback"), table.flag("right"))
    table.done()
    return option


KINDS: dict[str, type[Question]] = {"one": One}


def read_question(table: Table, lesson: str) -> Question:
    """Build one question of any kind from its TOML table.

    Raises
    ------
    ConfigError
        If a field is missing, unknown or of the wrong type; the message names file, question and field.
    """
    name = table.string("id")
    table.where = f'{lesson}.toml: question "{name}"'
    if not SLUG.fullmatch(name):
        raise ConfigError(f'{table.where}: field "id": got {name!r}, wanted lower-case words joined by hyphens')
    kind = table.string("kind")
    if kind not in KINDS:
        raise refs.unknown(table.where, "kind", kind, KINDS)
    return KINDS[kind].read(table, f"{lesson}/{name}")
