"""Inputs on which ops are checked: each returns a function of `rng` that draws float64 `(inputs, constants)`."""

from collections.abc import Callable
from typing import Any


def normal(*shapes: tuple, **constants: Any) -> Callable:
    """One N(0, 1) array for each shape."""
    return lambda rng: ([rng.normal(size=shape) for shape in shapes], constants)


def positive(*shapes: tuple, **constants: Any) -> Callable:
    """One array for each shape, uniform in [0.5, 2]: away from the poles and kinks at zero."""
    return lambda rng: ([rng.uniform(0.5, 2.0, size=shape) for shape in shapes], constants)


def off_zero(*shapes: tuple, **constants: Any) -> Callable:
    """One array for each shape, of either sign, at least 0.1 from zero: for functions with a kink there."""

    def draw(rng):
        inputs = [rng.normal(size=shape) for shape in shapes]
        return [x + 0.1 * (2 * (x > 0) - 1) for x in inputs], constants

    return draw


def logits_and_probabilities(shape: tuple) -> Callable:
    """N(0, 2) logits and targets in [0.05, 0.95], one array each."""
    return lambda rng: ([2 * rng.normal(size=shape), rng.uniform(0.05, 0.95, size=shape)], {})
