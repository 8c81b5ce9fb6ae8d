"""Type what a few lines of code print."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.question import Check, Choice, Grade, Question
from minivae.learn.tables import Table

LONGEST = 2000  # characters of an answer
QUOTES = str.maketrans({"−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\t": " "})


@dataclass(frozen=True, kw_only=True)
class Output(Question):
    """What the code prints, or one of the wrong outputs that are known. An answer is the text as it was typed.

    Attributes
    ----------
    code : str
        Shown to the learner, and run by the tests.
    known : tuple of (str, list of Node)
        Outputs with their feedback, the right one first.
    otherwise : list of Node
        For an output that is not known.
    """

    code: str
    known: tuple[tuple[str, list[Node]], ...]
    otherwise: list[Node]
    kind = "output"
    ask = "Type what this prints. Spaces do not matter."

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        known = [(table.string("prints"), table.markup("feedback"))]
        for row in table.tables("wrong", required=False):
            known.append((row.string("prints"), row.markup("feedback")))
            row.done()
        if len({normal(text) for text, _ in known}) < len(known):
            raise ConfigError(f"{table.where}: two known outputs are the same but for spaces; make them differ")
        return {"code": table.string("code"), "known": tuple(known), "otherwise": table.markup("otherwise")}

    def view(self, seed: int = 0) -> dict:
        return super().view(seed) | {"code": self.code, "lines": len(self.known[0][0].splitlines())}

    def grade(self, answer: object) -> Grade:
        if not isinstance(answer, str):
            raise ConfigError(f"{self.ref}: got the answer {answer!r}, wanted the text that was typed")
        if len(answer) > LONGEST:
            raise ConfigError(f"That has {len(answer)} characters, and what is printed has far fewer.")
        said = normal(answer)
        if not said:
            raise ConfigError("There is nothing typed yet.")
        for k, (text, feedback) in enumerate(self.known):
            if said == normal(text):
                return Grade(k == 0, feedback)
        return Grade(False, self.otherwise)

    def solution(self) -> str:
        return self.known[0][0]

    def words(self, answer: Any) -> list[Node]:
        return [["code", line] if k == 0 else ["par", ["code", line]] for k, line in enumerate(answer.splitlines())]

    def typed(self, text: str, choices: Sequence[Choice]) -> str:
        return text

    def how_to_type(self) -> str:
        lines = len(self.known[0][0].splitlines())
        return "what it prints" if lines == 1 else "what it prints, then an empty line"

    def feedbacks(self) -> list[tuple[str, list[Node]]]:
        return [*self.known, ("another output", self.otherwise)]

    def key(self) -> dict:
        known = {normal(text): feedback for text, feedback in self.known}
        return super().key() | {"known": known, "right": normal(self.solution()), "otherwise": self.otherwise}

    def checks(self) -> list[Check]:
        right = normal(self.solution())
        return [*super().checks(), Check(f"printed_by({self.code!r})", lambda text: normal(text) == right, right)]


def normal(text: str) -> str:
    """Return an output as it is compared: no empty lines, no spaces but between words, plain quotes and minus signs."""
    lines = []
    for line in text.translate(QUOTES).replace("\r", "\n").split("\n"):
        line = re.sub(r" *([,:=()\[\]{}]) *", r"\1", re.sub(" +", " ", line)).strip(" ")
        if line:
            lines.append(line)
    return "\n".join(lines)
