"""Choose one of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.options import Option, by_letters, chosen, read_options
from minivae.learn.question import Check, Choice, Grade, Question, shuffled
from minivae.learn.tables import Table


@dataclass(frozen=True, kw_only=True)
class One(Question):
    """One option is right. An answer is the id of an option."""

    options: tuple[Option, ...]
    kind = "one"

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        options = read_options(table, ref)
        rights = sum(option.right for option in options)
        if rights != 1:
            raise ConfigError(f"{table.where}: got {rights} options with right = true, wanted exactly 1")
        return {"options": options}

    def choices(self, seed: int = 0) -> Sequence[Choice]:
        return shuffled(self.options, seed, self.ref)

    def grade(self, answer: object) -> Grade:
        option = chosen(answer, self.options, self.ref)
        right = option.id == self.solution()
        return Grade(right, option.feedback, {option.id: right})

    def solution(self) -> str:
        return next(option.id for option in self.options if option.right)

    def words(self, answer: Any) -> list[Node]:
        return chosen(answer, self.options, self.ref).text

    def typed(self, text: str, choices: Sequence[Choice]) -> str:
        ids = by_letters(text, choices)
        if len(ids) > 1:
            raise ConfigError(f'"{text}" is more than one; choose one letter')
        return ids[0]

    def how_to_type(self) -> str:
        return "a letter"

    def marks(self) -> dict[str, bool]:
        return {self.solution(): True}

    def key(self) -> dict:
        return super().key() | {"feedback": {option.id: option.feedback for option in self.options}}

    def checks(self) -> list[Check]:
        return [*super().checks(), *(check for option in self.options for check in option.checks())]
