"""Predict, then run: the learner commits to an option, and the cells that follow settle it.

A prediction is kept as an event of its own and is no try: a score for guesses would ask to run first and guess later.
Nothing is told until the learner has run the cells, whether the prediction is right or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.kinds.one import One
from minivae.learn.options import read_options
from minivae.learn.question import Check, Choice, Grade, named, paragraph
from minivae.learn.tables import Table

NOTED: Node = ["par", "It is kept, right or not. Now run the cells that settle it; then come back and compare."]


@dataclass(frozen=True, kw_only=True)
class Predict(One):
    """An option, committed to once. Either one is `right`, or the options are ranges that a number falls into.

    Attributes
    ----------
    below : tuple of float
        For ranges: where each but the last ends. Then `outcome` is what came out in our run, `check` the code that the
        tests compare it with, and a lesson may hand over what came out in the learner's own: ``quiz(ref, ran=36.2)``.
    """

    below: tuple[float, ...] = ()
    outcome: float = 0.0
    unit: str = ""
    check: str = ""
    kind = "predict"
    ask = "Commit to a prediction before you run what follows. It is not scored."
    event = "prediction"
    tries_before_solution = 1

    @classmethod
    def own(cls, table: Table, ref: str) -> dict[str, Any]:
        below = tuple(table.numbers("below"))
        if not below:
            return super().own(table, ref)
        outcome, unit, check = table.number("outcome"), table.string("unit", required=False), table.string("check")
        if list(below) != sorted(set(below)):
            raise ConfigError(f'{table.where}: field "below": got {list(below)}, wanted rising numbers')
        options = read_options(table, ref, place=_place(outcome, below))
        if len(options) != len(below) + 1:
            raise ConfigError(f'{table.where}: got {len(options)} options, wanted one for each of "below" and one more')
        return {"options": options, "below": below, "outcome": outcome, "unit": unit, "check": check}

    def with_outcome(self, outcome: object) -> Predict:
        """Return the question as the learner's own run settles it.

        Raises
        ------
        ConfigError
            If its options are not ranges, or `outcome` is no number.
        """
        if not self.below:
            raise ConfigError(f"{self.ref}: got ran={outcome!r}, but its options are not ranges; leave it out")
        try:
            number = float(outcome)  # type: ignore[arg-type]  # what is no number is refused in the next line
        except (TypeError, ValueError):
            number = float("nan")
        if number != number:
            raise ConfigError(f"{self.ref}: got ran={outcome!r}, wanted the number that came out of the run")
        place = _place(number, self.below)
        options = tuple(replace(option, right=k == place) for k, option in enumerate(self.options))
        return replace(self, outcome=number, options=options)

    def choices(self, seed: int = 0) -> Sequence[Choice]:
        return self.options if self.below else super().choices(seed)  # ranges stand in their order

    def grade(self, answer: object) -> Grade:
        """Grade what the run has settled; until then the learner is told `noted` instead."""
        grade = super().grade(answer)
        feedback = [paragraph(*grade.feedback)]
        if not grade.right:
            feedback.append(self._right())
        if self.below:
            feedback.insert(0, self._came_out())
        return Grade(grade.right, feedback, grade.marks)

    def noted(self, answer: Any) -> list[Node]:
        """Return what is said to a prediction that is not settled yet."""
        return [paragraph("You predict: ", ["em", *self.words(answer)]), NOTED]

    def key(self) -> dict:
        lines = {option.id: paragraph(*option.feedback) for option in self.options}
        own = {"lines": lines, "noted": NOTED, "right": self._right()}
        return super().key() | own | ({"came_out": self._came_out()} if self.below else {})

    def checks(self) -> list[Check]:
        if not self.below:
            return super().checks()
        claim = f"{self.check}  is {self.outcome:g}"
        return [*super().checks(), Check(self.check, lambda value: _digits(value) == _digits(self.outcome), claim)]

    def headline(self, right: bool, tries: int) -> str:
        return "As you predicted." if right else "It came out otherwise."

    def _came_out(self) -> Node:
        return ["par", f"It came out: {_digits(self.outcome)}{' ' + self.unit if self.unit else ''}."]

    def _right(self) -> Node:
        option = next(option for option in self.options if option.right)
        return named(option.text, option.feedback, "What came out: ")


def _digits(number: float) -> str:
    return f"{number:.3g}"


def _place(number: float, below: Sequence[float]) -> int:
    return sum(number >= end for end in below)
