"""Questions: what the learner is shown, and how an answer is graded.

A kind of question is two files of one name in `kinds/`: a class, `one.py`, and its control in the browser, `one.js`.
The browser of a notebook gets `view()`, which holds no answer; the key stays in Python, and grading happens here.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from minivae.errors import ConfigError
from minivae.learn import refs
from minivae.learn.figure import Figure, read_figure
from minivae.learn.formula import Node
from minivae.learn.markup import to_text
from minivae.learn.tables import Table

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
T = TypeVar("T")


@dataclass(frozen=True)
class Grade:
    """What came of an answer.

    Attributes
    ----------
    right : bool
    feedback : list of Node
        For exactly that answer.
    marks : dict of str to bool
        For choices, by id: whether it was right to choose it, or whether it stands in its place.
    """

    right: bool
    feedback: list[Node]
    marks: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One thing to choose or to put in its place; the id says nothing, and stays when others come or go."""

    id: str
    text: list[Node]
    feedback: list[Node]


@dataclass(frozen=True)
class Check:
    """A claim that can be recomputed: code, whether its value agrees, and the claim in words."""

    code: str
    agrees: Callable[[Any], bool]
    claim: str


@dataclass(frozen=True, kw_only=True)
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
    figure : Figure or None
    why : tuple of str, or None
        Why this matters: a lesson, and the heading of one of its sections.
    setup, claims : str, tuple of str
        Code that the tests run: statements first, then expressions that have to be true. Learners never run it.
    """

    ref: str
    title: str
    prompt: list[Node]
    hint: list[Node] = field(default_factory=list)
    figure: Figure | None = None
    why: tuple[str, str] | None = None
    setup: str = ""
    claims: tuple[str, ...] = ()
    kind: ClassVar[str]
    ask: ClassVar[str] = ""  # what to do, in a sentence
    event: ClassVar[str] = "answer"  # how the store calls a try
    tries_before_solution: ClassVar[int] = 2

    @classmethod
    def read(cls, table: Table, ref: str) -> Question:
        """Build the question from its TOML table; a ConfigError says which field is wrong."""
        question = cls(
            ref=ref,
            title=table.string("title"),
            prompt=table.markup("prompt"),
            hint=table.markup("hint", required=False),
            figure=read_figure(table),
            why=_section(table),
            setup=table.string("setup", required=False),
            claims=tuple(table.strings("claims")),
            **cls.own(table, ref),
        )
        table.done()
        return question

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        """Read the fields of this kind."""
        raise NotImplementedError

    def view(self, seed: int = 0) -> dict:
        """Return what may be shown, as JSON: never which answer is right, never its feedback.

        Parameters
        ----------
        seed : int
            The learner's, for the order of the choices.
        """
        shown: dict[str, Any] = {"kind": self.kind, "ref": self.ref, "title": self.title, "prompt": self.prompt}
        if self.ask:
            shown["ask"] = self.ask
        if self.figure is not None:
            shown["figure"] = {"src": self.figure.src(), "alt": self.figure.alt}
        if self.why is not None:
            shown["why"] = {"lesson": self.why[0], "section": self.why[1]}
        if choices := self.choices(seed):
            shown["choices"] = [{"id": choice.id, "text": choice.text} for choice in choices]
        return shown

    def choices(self, seed: int = 0) -> Sequence[Choice]:
        """Return what there is to choose from, in the order of this learner; nothing where the answer is typed."""
        return ()

    def grade(self, answer: object) -> Grade:
        """Grade an answer in the form of this kind; ConfigError, in words for the learner, if it has another form."""
        raise NotImplementedError

    def solution(self) -> Any:
        """Return the right answer in the same form."""
        raise NotImplementedError

    def words(self, answer: Any) -> list[Node]:
        """Return an answer as a learner would say it."""
        raise NotImplementedError

    def told(self) -> list[Node]:
        """Return what is said where the answer is shown: the answer, and its feedback."""
        solution = self.solution()
        return [paragraph(*self.words(solution)), *paragraphs(self.grade(solution).feedback)]

    def typed(self, text: str, choices: Sequence[Choice]) -> Any:
        """Return the answer that was typed in a terminal, where `choices` are called A, B, C ...

        Raises
        ------
        ConfigError
            If it is no answer; the message says what to type.
        """
        raise NotImplementedError

    def how_to_type(self) -> str:
        """Return what to type in a terminal, in a few words."""
        raise NotImplementedError

    def feedbacks(self) -> list[tuple[str, list[Node]]]:
        """Return each answer that has feedback of its own, in words, with that feedback."""
        return [(to_text(choice.text), choice.feedback) for choice in self.choices()]

    def marks(self) -> dict[str, bool]:
        """Return the marks of all choices once the answer is known; none where marks are about an order."""
        return {}

    def key(self) -> dict:
        """Return, as JSON, what a page without Python needs to grade: the control in kinds/*.js reads it."""
        return {
            "hint": self.hint,
            "solution": self.solution(),
            "told": self.told(),
            "marks": self.marks(),
        }

    def checks(self) -> list[Check]:
        """Return the claims that can be recomputed; a kind adds its own to `claims`."""
        return [Check(code, lambda value: value is True, f"{code}  is true") for code in self.claims]

    def headline(self, right: bool, tries: int) -> str:
        """Return what stands above the feedback for the latest try."""
        if not right:
            return "Not yet."
        return "Right, on the first try." if tries == 1 else f"Right, on try {tries}."


def identity(ref: str, text: list[Node]) -> str:
    """Return the id of a choice: of what it says, not where it stands, and nobody can read it."""
    return "c" + hashlib.sha256(f"{ref} {to_text(text)}".encode()).hexdigest()[:8]


def shuffled(items: Sequence[T], seed: int, ref: str) -> list[T]:
    """Return the items in an order that hangs on the learner's seed and the question, and on nothing else."""
    order = list(items)
    random.Random(f"{seed} {ref}").shuffle(order)
    return order


def paragraph(*nodes: Node) -> Node:
    """Return one paragraph; those inside are joined."""
    inner: list[Node] = []
    for node in nodes:
        if isinstance(node, list) and node[0] == "par":
            inner += ([" "] if inner else []) + node[1:]
        else:
            inner.append(node)
    return ["par", *filter(None, inner)]


def named(text: list[Node], feedback: list[Node], sign: str = "") -> Node:
    """Return one paragraph of a choice and its feedback."""
    ends = to_text(text)[-1] in ".?!:"
    return paragraph(sign, ["em", *text], " " if ends else ": ", *feedback)


def paragraphs(nodes: list[Node]) -> list[Node]:
    """Return nodes as a list of paragraphs, as which several of them come already."""
    several = bool(nodes) and isinstance(nodes[0], list) and nodes[0][0] == "par"
    return nodes if several else [["par", *nodes]]


def read_question(table: Table, lesson: str, kinds: dict[str, type[Question]]) -> Question:
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
    if kind not in kinds:
        raise refs.unknown(table.where, "kind", kind, kinds)
    return kinds[kind].read(table, f"{lesson}/{name}")


def _section(table: Table) -> tuple[str, str] | None:
    text = table.string("why", required=False)
    if not text:
        return None
    lesson, colon, section = text.partition(": ")
    if not (SLUG.fullmatch(lesson) and colon and section.strip()):
        raise ConfigError(
            f'{table.where}: field "why": got {text!r}, wanted a lesson and a heading in it, "04: 8. Quiz"'
        )
    return lesson, section.strip()
