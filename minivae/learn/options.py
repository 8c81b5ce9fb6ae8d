"""Options: what the kinds `one`, `several` and `predict` offer to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minivae.errors import ConfigError
from minivae.learn.question import Check, Choice, identity
from minivae.learn.tables import Table

LETTERS = "ABCDEFGHIJKLM"  # N, Q and S are commands in the terminal


@dataclass(frozen=True)
class Option(Choice):
    """One thing to choose, with the feedback for choosing it.

    Attributes
    ----------
    right : bool
    check : str
        Code that is true if and only if the option is right, run by the tests; may be empty.
    """

    right: bool
    check: str = ""

    def checks(self) -> list[Check]:
        """Return the claim of this option, if it can be recomputed."""
        if not self.check:
            return []
        return [Check(self.check, lambda value: value is self.right, f"{self.check}  is {self.right}")]


def read_options(table: Table, ref: str, place: int | None = None) -> tuple[Option, ...]:
    """Read ``[[question.option]]``: at least two, no two alike.

    Parameters
    ----------
    table : Table
    ref : str
    place : int, optional
        Which one is right, where that is not written as ``right = true`` but follows from something else.
    """
    options = []
    for k, row in enumerate(table.tables("option")):
        text = row.markup("text")
        right = row.flag("right") if place is None else k == place
        check = row.string("check", required=False)
        options.append(Option(identity(ref, text), text, row.markup("feedback"), right, check))
        row.done()
    differ(table, "option", options)
    return tuple(options)


def differ(table: Table, what: str, choices: Sequence[Choice]) -> None:
    """Raise ConfigError unless there are two choices or more, and all different."""
    if not 2 <= len(choices) <= len(LETTERS):
        raise ConfigError(
            f"{table.where}: got {len(choices)} {what}, wanted at least 2 and at most {len(LETTERS)}; "
            f"each is a table under its own [[question.{what}]]"
        )
    if len({choice.id for choice in choices}) < len(choices):
        raise ConfigError(f"{table.where}: two {what}s have the same text; make them differ")


def by_letters(text: str, choices: Sequence[Choice]) -> list[str]:
    """Return the ids for letters that were typed, "a c", "A, C" or "ac"; ConfigError for anything else."""
    letters = [letter for letter in text.upper() if letter not in " ,;"]
    last = LETTERS[len(choices) - 1]
    if not letters or any(letter not in LETTERS[: len(choices)] for letter in letters):
        raise ConfigError(f'"{text}" is not among the letters A to {last}')
    return [choices[LETTERS.index(letter)].id for letter in letters]


def chosen(answer: object, choices: Sequence[Choice], ref: str) -> Choice:
    """Return the choice that an id means; ConfigError if it means none."""
    for choice in choices:
        if choice.id == answer:
            return choice
    raise ConfigError(f"{ref}: got the answer {answer!r}, wanted the id of one of {len(choices)} choices")
