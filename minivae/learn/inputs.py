"""How the inputs of an exercise are drawn: one small word for each argument, `normal("B L")`, `uniform("B", 0, 1)`.

A shape is written as letters and numbers, `"B 1 H W"`, `"B 2L"`; an empty one is a 0-d array. Each check draws five
times, with other sizes for the letters. In the first no two letters have the same size, so that no axis passes for
another; in the fourth all are 1. An exercise can set sizes of its own, see `Exercise.sizes`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from minivae.errors import ConfigError

WORD = re.compile(r"(\d*)([A-Za-z]?)")
# A row a trial; a column a letter, in the order in which an exercise names them.
SIZES = ((5, 3, 4, 6, 2, 7), (1, 4, 3, 2, 5, 6), (4, 1, 2, 5, 3, 2), (1, 1, 1, 1, 1, 1), (2, 6, 5, 3, 4, 1))


@dataclass
class Trial:
    """One of the five draws.

    Attributes
    ----------
    rng : Generator
    number : int
        0 to 4.
    sizes : dict
        Letter -> size.
    drawn : dict
        Name -> value, of the arguments before this one.
    """

    rng: np.random.Generator
    number: int
    sizes: Mapping[str, int]
    drawn: dict = field(default_factory=dict)

    def shape(self, letters: str) -> tuple[int, ...]:
        """Return the shape that letters and numbers stand for."""
        return tuple(times * (self.sizes[letter] if letter else 1) for times, letter in words(letters))


@dataclass(frozen=True)
class Draw:
    """How one argument is drawn, and the letters it needs sizes for."""

    make: Callable[[Trial], object]
    shape: str = ""

    @property
    def letters(self) -> list[str]:
        """The letters of the shape, in order."""
        return [letter for _, letter in words(self.shape) if letter]


def words(shape: str) -> list[tuple[int, str]]:
    """Split a shape into factors and letters: ``"B 1 2L"`` -> ``[(1, "B"), (1, ""), (2, "L")]``."""
    found = [WORD.fullmatch(word) for word in shape.split()]
    if None in found:
        raise ConfigError(f'inputs: got the shape {shape!r}, wanted letters and numbers, as in "B 1 2L"')
    return [(int(m[1] or 1), m[2]) for m in found if m is not None]


def normal(shape: str, mean: float = 0.0, std: float = 1.0) -> Draw:
    """Draw an array of N(mean, std^2)."""
    return Draw(lambda t: t.rng.normal(mean, std, t.shape(shape)), shape)


def uniform(shape: str, low: float = 0.0, high: float = 1.0) -> Draw:
    """Draw an array between low and high."""
    return Draw(lambda t: t.rng.uniform(low, high, t.shape(shape)), shape)


def integers(shape: str, low: int, high: int) -> Draw:
    """Draw an array of whole numbers from low to high - 1."""
    return Draw(lambda t: t.rng.integers(low, high, t.shape(shape)), shape)


def bits(shape: str) -> Draw:
    """Draw an array of floats that are 0 or 1: black and white pixels."""
    return Draw(lambda t: t.rng.integers(0, 2, t.shape(shape)).astype(np.float64), shape)


def number(low: float, high: float) -> Draw:
    """Draw a Python float between low and high."""
    return Draw(lambda t: float(t.rng.uniform(low, high)))


def size(letter: str) -> Draw:
    """Hand over the size of a letter as an int: how many to draw, how many steps."""
    return Draw(lambda t: t.sizes[letter], letter)


def given(*values: object) -> Draw:
    """Hand over a value as it is: a flag, a function. Several take turns from trial to trial."""
    if not values:
        raise ConfigError("given: got no value, wanted one or more")
    return Draw(lambda t: values[t.number % len(values)])


def follows(function: Callable) -> Draw:
    """Compute from arguments before this one, which the function names as its own: ``follows(lambda betas: ...)``."""
    names = tuple(inspect.signature(function).parameters)
    return Draw(lambda t: function(*(t.drawn[name] for name in names)))


def generator() -> Draw:
    """Hand over a new generator, `np.random.Generator`; calls that are compared get equal ones."""
    return Draw(lambda t: np.random.default_rng(int(t.rng.integers(2**32))))


def draw(inputs: Mapping[str, Draw], own_sizes: Mapping, rng: np.random.Generator, number: int) -> tuple:
    """Draw all arguments of one trial, in order.

    Parameters
    ----------
    inputs : mapping
        Name -> how it is drawn.
    own_sizes : mapping
        Letter -> size, or a tuple with one for each trial, where the usual sizes will not do.
    rng : Generator
    number : int
        Of the trial, from 0.
    """
    letters = list(dict.fromkeys(letter for one in inputs.values() for letter in one.letters))
    sizes = dict(zip(letters, SIZES[number], strict=False))
    for letter, own in own_sizes.items():
        sizes[letter] = own if isinstance(own, int) else own[number]
    trial = Trial(rng, number, sizes)
    for name, one in inputs.items():
        trial.drawn[name] = one.make(trial)
    return tuple(trial.drawn.values())
