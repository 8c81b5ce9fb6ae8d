"""Put things in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.options import LETTERS, by_letters, chosen, differ
from minivae.learn.question import Check, Choice, Grade, Question, identity, named, paragraph, shuffled
from minivae.learn.tables import Table


@dataclass(frozen=True, kw_only=True)
class Order(Question):
    """Items that have one right order, that of the file. An answer is a list of all ids, the first on top.

    Attributes
    ----------
    items : tuple of Choice
        Each with feedback that says why it stands where it stands.
    keys : tuple of str
        Code for each, whose values have to rise; all or none.
    backwards : list of Node
        What is said to the whole order upside down; may be empty.
    """

    items: tuple[Choice, ...]
    keys: tuple[str, ...] = ()
    backwards: list[Node]
    kind = "order"
    ask = "Put them in order, the first on top."

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        items, keys = [], []
        for row in table.tables("item"):
            text = row.markup("text")
            items.append(Choice(identity(ref, text), text, row.markup("feedback")))
            if key := row.string("check", required=False):
                keys.append(key)
            row.done()
        differ(table, "item", items)
        if keys and len(keys) < len(items):
            raise ConfigError(
                f'{table.where}: got {len(keys)} "check" for {len(items)} items, wanted one for each or none'
            )
        return {"items": tuple(items), "keys": tuple(keys), "backwards": table.markup("backwards", required=False)}

    def choices(self, seed: int = 0) -> Sequence[Choice]:
        order = shuffled(self.items, seed, self.ref)
        return order if order[0] is not self.items[0] else order[1:] + order[:1]  # never solved to begin with

    def grade(self, answer: object) -> Grade:
        if not isinstance(answer, list) or sorted(map(str, answer)) != sorted(self.solution()):
            raise ConfigError(f"{self.ref}: got the answer {answer!r}, wanted each of {len(self.items)} ids once")
        standing = next((k for k, item in enumerate(self.items) if item.id != answer[k]), len(self.items))
        if standing == len(self.items):
            return Grade(True, [self._line(item) for item in self.items], dict.fromkeys(answer, True))
        marks = dict.fromkeys(answer[:standing], True) | {answer[standing]: False}
        if self.backwards and answer == self.solution()[::-1]:
            return Grade(False, self.backwards, marks)
        wrong = chosen(answer[standing], self.items, self.ref)
        return Grade(False, [_standing(standing), self._line(wrong)], marks)

    def solution(self) -> list[str]:
        return [item.id for item in self.items]

    def words(self, answer: Any) -> list[Node]:
        return [paragraph(f"{k}. ", *chosen(name, self.items, self.ref).text) for k, name in enumerate(answer, start=1)]

    def told(self) -> list[Node]:
        return self.grade(self.solution()).feedback  # it names the items

    def typed(self, text: str, choices: Sequence[Choice]) -> list[str]:
        ids = by_letters(text, choices)
        if sorted(ids) != sorted(self.solution()):
            raise ConfigError(f'"{text}" does not have each letter from A to {LETTERS[len(choices) - 1]} once')
        return ids

    def how_to_type(self) -> str:
        return "all letters in order, such as B A C" + (" ..." if len(self.items) > 3 else "")

    def feedbacks(self) -> list[tuple[str, list[Node]]]:
        backwards = [("all upside down", self.backwards)] if self.backwards else []
        return [*super().feedbacks(), *backwards]

    def key(self) -> dict:
        lines = {item.id: self._line(item) for item in self.items}
        standing = [_standing(k) for k in range(len(self.items))]
        return super().key() | {"lines": lines, "standing": standing, "backwards": self.backwards}

    def checks(self) -> list[Check]:
        if not self.keys:
            return super().checks()
        code = f"[{', '.join(self.keys)}]"
        return [*super().checks(), Check(code, lambda keys: all(a < b for a, b in pairwise(keys)), f"{code}  rises")]

    @staticmethod
    def _line(item: Choice) -> Node:
        return named(item.text, item.feedback)


def _standing(count: int) -> Node:
    if count == 0:
        return ["par", "The first one does not belong there yet."]
    many = "The first one stands" if count == 1 else f"The first {count} stand"
    return ["par", f"{many} right, the next one does not."]
