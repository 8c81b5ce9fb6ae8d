"""Choose all that apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.options import Option, by_letters, chosen, read_options
from minivae.learn.question import Check, Choice, Grade, Question, named, paragraph, shuffled
from minivae.learn.tables import Table

MORE: Node = ["par", "All you chose is right, and there is more to choose."]


@dataclass(frozen=True, kw_only=True)
class Several(Question):
    """Each option is right or not. An answer is a list of ids, right if it has all that are right and no other."""

    options: tuple[Option, ...]
    kind = "several"
    ask = "Choose all that apply."

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        options = read_options(table, ref)
        rights = sum(option.right for option in options)
        if not 1 <= rights < len(options):
            raise ConfigError(
                f"{table.where}: got {rights} options of {len(options)} with right = true, "
                'wanted at least 1 and not all; with just one, `kind = "one"` is the plainer question'
            )
        return {"options": options}

    def choices(self, seed: int = 0) -> Sequence[Choice]:
        return shuffled(self.options, seed, self.ref)

    def grade(self, answer: object) -> Grade:
        if not isinstance(answer, list) or not answer or len({str(name) for name in answer}) < len(answer):
            raise ConfigError(f"{self.ref}: got the answer {answer!r}, wanted a list of different ids, at least one")
        ids = {chosen(name, self.options, self.ref).id for name in answer}
        picked = [option for option in self.options if option.id in ids]
        right = ids == set(self.solution())
        feedback = [self._line(option) for option in picked]
        if not right and all(option.right for option in picked):
            feedback.append(MORE)
        return Grade(right, feedback, {option.id: option.right for option in picked})

    def solution(self) -> list[str]:
        return [option.id for option in self.options if option.right]

    def words(self, answer: Any) -> list[Node]:
        return [paragraph("– ", *chosen(name, self.options, self.ref).text) for name in answer]

    def told(self) -> list[Node]:
        return self.grade(self.solution()).feedback  # it names the options

    def typed(self, text: str, choices: Sequence[Choice]) -> list[str]:
        return list(dict.fromkeys(by_letters(text, choices)))

    def how_to_type(self) -> str:
        return "letters, such as A C"

    def marks(self) -> dict[str, bool]:
        return dict.fromkeys(self.solution(), True)  # to leave a wrong one alone was right: it is not marked

    def key(self) -> dict:
        return super().key() | {"lines": {option.id: self._line(option) for option in self.options}, "more": MORE}

    def checks(self) -> list[Check]:
        return [*super().checks(), *(check for option in self.options for check in option.checks())]

    @staticmethod
    def _line(option: Option) -> Node:
        return named(option.text, option.feedback, "✓ " if option.right else "✗ ")
