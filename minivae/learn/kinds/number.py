"""Type a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.question import Check, Choice, Grade, Question
from minivae.learn.tables import Table

LONGEST = 60  # characters of an answer
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.A)
NOT_A_NUMBER = "is not read as a number; type one such as 0.25, 1/4 or 1e-3"


@dataclass(frozen=True)
class Known:
    """A number that is recognised, with its feedback and the code that gives it."""

    value: float
    feedback: list[Node]
    check: str


@dataclass(frozen=True, kw_only=True)
class Number(Question):
    """A number within a tolerance, or one of the wrong numbers that are known. An answer is the text as it was typed.

    Attributes
    ----------
    known : tuple of Known
        The right one first, then the wrong ones.
    absolute, relative : float
        How far from a known number an answer may be; the other of the two is 0.
    otherwise : list of Node
        For a wrong number that is not known.
    """

    known: tuple[Known, ...]
    absolute: float
    relative: float
    unit: str
    otherwise: list[Node]
    kind = "number"

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        known = [_known(table)]
        for row in table.tables("wrong", required=False):
            known.append(_known(row))
            row.done()
        absolute, relative = table.number("absolute", required=False), table.number("relative", required=False)
        if (absolute > 0) == (relative > 0):
            raise ConfigError(
                f'{table.where}: wanted either "absolute" or "relative" above 0, how far off is still right'
            )
        spans = sorted(_span(one.value, absolute, relative) for one in known if not math.isnan(one.value))
        for (_, end), (start, _) in pairwise(spans):
            if start <= end:
                raise ConfigError(f"{table.where}: two known numbers are so close that {start:g} is both; allow less")
        return {
            "known": tuple(known),
            "absolute": absolute,
            "relative": relative,
            "unit": table.string("unit", required=False),
            "otherwise": table.markup("otherwise"),
        }

    def view(self, seed: int = 0) -> dict:
        return super().view(seed) | {"unit": self.unit}

    def grade(self, answer: object) -> Grade:
        if not isinstance(answer, str):
            raise ConfigError(f"{self.ref}: got the answer {answer!r}, wanted the text that was typed")
        found = readings(answer, self.unit)
        if not found:
            raise ConfigError(f'"{answer[:LONGEST]}" {NOT_A_NUMBER}')
        for k, known in enumerate(self.known):
            low, high = _span(known.value, self.absolute, self.relative)
            if any(low <= x <= high or (math.isnan(x) and math.isnan(known.value)) for x in found):
                return Grade(k == 0, known.feedback)
        return Grade(False, self.otherwise)

    def solution(self) -> str:
        return f"{self.known[0].value:.12g}"

    def words(self, answer: Any) -> list[Node]:
        return [f"{answer} {self.unit}".strip()]

    def typed(self, text: str, choices: Sequence[Choice]) -> str:
        return text

    def how_to_type(self) -> str:
        return f"a number ({self.unit})" if self.unit else "a number"

    def feedbacks(self) -> list[tuple[str, list[Node]]]:
        return [*((f"{one.value:g}", one.feedback) for one in self.known), ("another number", self.otherwise)]

    def key(self) -> dict:
        known = []
        for one in self.known:
            nan = math.isnan(one.value)  # JSON has no such number
            span = ["nan", "nan"] if nan else list(_span(one.value, self.absolute, self.relative))
            known.append({"span": span, "feedback": one.feedback})
        return super().key() | {"known": known, "otherwise": self.otherwise}

    def checks(self) -> list[Check]:
        known = [Check(one.check, _agrees(one.value), f"{one.check}  is {one.value:g}") for one in self.known]
        return [*super().checks(), *known]


def readings(text: str, unit: str = "") -> list[float]:
    """Return the numbers that a text can mean: none, one, or two for "1,000" (one, or a thousand).

    Parameters
    ----------
    text : str
        With a decimal point or comma, in groups of three or not, as a fraction, in per cent, with its unit or without.
    unit : str
        The unit that is asked for, which may follow the number.
    """
    text = text.strip().replace("\N{MINUS SIGN}", "-")
    if unit and text.endswith(unit):
        text = text.removesuffix(unit)
    elif text.endswith("%"):
        return [x / 100 for x in readings(text.removesuffix("%"))]
    text = re.sub(r"(?<=\d)[ \u00a0\u202f_'](?=\d{3})", "", text, flags=re.A).strip(" \t\u00a0\u202f").lower()
    if len(text) > LONGEST:
        return []
    if text in ("nan", "inf", "-inf"):
        return [float(text)]
    above, bar, below = text.partition("/")
    if bar:
        tops, bottoms = _readings(above.strip()), _readings(below.strip())
        return [top / bottom for top in tops for bottom in bottoms if bottom]
    return _readings(text)


def _readings(text: str) -> list[float]:
    """Return what a text without unit, spaces and bar can mean."""
    forms = [text]
    if "," in text:
        grouped = re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text, re.A)
        forms = [text.replace(",", "")] if grouped else []
        if text.count(",") == 1 and "." not in text:
            forms.insert(0, text.replace(",", "."))
        elif re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+", text, re.A):
            forms = [text.replace(".", "").replace(",", ".")]
    return [float(form) for form in forms if PLAIN.fullmatch(form)]


def _known(table: Table) -> Known:
    return Known(table.number("value"), table.markup("feedback"), table.string("check"))


def _span(value: float, absolute: float, relative: float) -> tuple[float, float]:
    width = (absolute or relative * abs(value)) * (1 + 1e-9)  # what is typed at the very edge is inside
    return value - width, value + width


def _agrees(claimed: float) -> Any:
    """Whether a recomputed number is the claimed one to all the digits that are claimed."""
    return lambda value: f"{value:.{_significant(claimed)}g}" == f"{claimed:.{_significant(claimed)}g}"


def _significant(value: float) -> int:
    """How many digits a number is written with: 4 for -1.807 and for 1807."""
    return max(1, len(f"{abs(value):.12g}".partition("e")[0].replace(".", "").lstrip("0")))
