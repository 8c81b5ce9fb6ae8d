"""What an exercise is: a function to write, how to try it, and which mistakes have their own hint."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Inputs = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Misconception:
    """A mistake with a cause, and the hint about that cause. It is recognised by what the learner's function does.

    Attributes
    ----------
    name : str
        A slug, kept with the learner's progress.
    hint : str
        Markup.
    wrong : callable, optional
        Does what the mistake does; the learner's result equals its result on random inputs.
    ignores : str, optional
        The argument that makes no difference to the learner's result, though it should.
    random : bool
        Two calls with equal inputs differ, or NumPy's global generator was drawn from.
    """

    name: str
    hint: str
    wrong: Callable | None = None
    ignores: str = ""
    random: bool = False


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes
    ----------
    ref : str
        Lesson and name, ``"04/reparameterize"``.
    solution : callable
        The right function, plain enough to be shown. On float64 inputs its result is what `check` compares with.
    returns : str
        Shape and meaning of the result, ``"z : (B, L)"``.
    draw : callable
        ``draw(rng, B, L)`` gives random float64 inputs.
    example : tuple of arrays
        A few numbers that fit in a message.
    misconceptions : tuple of Misconception
        The first that fits is told.
    hints : tuple of str
        Markup, from a nudge to nearly the line itself.
    """

    ref: str
    solution: Callable
    returns: str
    draw: Callable[[np.random.Generator, int, int], Inputs]
    example: Inputs
    misconceptions: tuple[Misconception, ...]
    hints: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments, in order."""
        return tuple(inspect.signature(self.solution).parameters)

    @property
    def signature(self) -> str:
        """How the function is called: ``"reparameterize(mu, logvar, eps)"``."""
        return f"{self.solution.__name__}({', '.join(self.arguments)})"

    def rng(self) -> np.random.Generator:
        """Return a generator of this exercise's own, so that a message reads the same every time."""
        return np.random.default_rng(zlib.crc32(self.ref.encode()))
