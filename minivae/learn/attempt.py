"""One call of a candidate: the learner's, the solution, or a known mistake. What comes out is split into parts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.learn.exercise import Exercise

STEP = 1e-6  # of a difference quotient, in float64: good to about 1e-9 where values are near 1


class FormError(Exception):
    """A result of another form than the solution's: an array where two are wanted, a dict without a key."""


class Attempt:
    """One call, in steps, so that what a learner wrote can be run under guard and nothing else need be.

    Parameters
    ----------
    exercise : Exercise
    candidate : object
        What is called, or handed to `exercise.use`.
    inputs : tuple
        They are copied; `arguments` holds the copies that the candidate gets.
    """

    def __init__(self, exercise: Exercise, candidate: Any, inputs: tuple) -> None:
        self.exercise, self.candidate = exercise, candidate
        self.arguments = tuple(x.copy() if isinstance(x, np.ndarray) else copy.deepcopy(x) for x in inputs)
        self.leaves: dict[str, Tensor] = {}
        self.result: Any = None

    def call(self) -> Any:
        """Run the candidate and return its result as it is."""
        handed = list(self.arguments)
        for place, name in enumerate(self.exercise.arguments):
            if name in self.exercise.tensors:
                handed[place] = self.leaves[name] = Tensor(self.arguments[place], requires_grad=True)
        use = self.exercise.use
        self.result = use(self.candidate, *handed) if use else self.candidate(*handed)
        return self.result

    def parts(self) -> dict[str, Any]:
        """Return the result by name; FormError if it has another form than the solution's."""
        names = self.exercise.results
        if isinstance(self.result, dict):
            missing = [name for name in names if name not in self.result]
            extra = [key for key in self.result if key not in names]
            if len(names) == 1 and missing:
                raise FormError("got a dict, wanted an array")
            if missing or extra:
                raise FormError(f"got the keys {', '.join(map(str, self.result))}, wanted {', '.join(names)}")
            return {name: self.result[name] for name in names}
        if len(names) == 1:
            return {names[0]: self.result}
        if not isinstance(self.result, (tuple, list)):
            raise FormError(f"got one result, wanted {len(names)}: {', '.join(names)}")
        if len(self.result) != len(names):
            raise FormError(f"got {len(self.result)} results, wanted {len(names)}: {', '.join(names)}")
        return dict(zip(names, self.result, strict=True))

    def backward(self) -> None:
        """Send weights back through all parts that are tensors; what arrives is in the leaves."""
        total: Any = None
        for part in self.parts().values():
            if isinstance(part, Tensor) and part.requires_grad:
                term = (part * weights(part.shape).astype(part.dtype)).sum()
                total = term if total is None else total + term
        if total is not None:
            total.backward()

    def values(self) -> dict[str, Any]:
        """Run all of it and return every part as an array, gradients included; for a candidate that can be trusted."""
        self.call()
        parts = {name: part.data if isinstance(part, Tensor) else part for name, part in self.parts().items()}
        if self.exercise.tensors:
            self.backward()
        return parts | {gradient_of(name): leaf.grad for name, leaf in self.leaves.items()}


def wanted(exercise: Exercise, inputs: tuple) -> dict[str, Any]:
    """Return what a right candidate returns, in float64: the solution's values; gradients by difference quotients."""
    inputs = cast(inputs, "float64")
    if exercise.gradient is None:
        attempt = Attempt(exercise, exercise.solution, inputs)
        with no_grad():
            attempt.call()
        parts = {name: part.data if isinstance(part, Tensor) else part for name, part in attempt.parts().items()}
        for name in exercise.tensors:
            parts[gradient_of(name)] = differences(lambda *x: _weighted(exercise, x), inputs, _place(exercise, name))
        return parts
    rule = exercise.gradient
    return {
        part: differences(lambda *x: _valued(exercise, x), inputs, _place(exercise, name))
        for part, name in zip(exercise.results, rule.wrt, strict=True)
    }


def differences(f: Callable[..., float], inputs: tuple, place: int) -> np.ndarray:
    """Return the gradient of f with respect to one of its inputs, by central differences, number by number."""
    x = np.asarray(inputs[place])
    g = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        sides = []
        for step in (STEP, -STEP):
            moved = x.copy()
            moved[at] += step
            sides.append(f(*inputs[:place], moved, *inputs[place + 1 :]))
        g[at] = (sides[0] - sides[1]) / (2 * STEP)
    return g


def cast(inputs: tuple, dtype: str) -> tuple:
    """Return the inputs with every float array in this type."""
    is_float = lambda x: isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return tuple(x.astype(dtype) if is_float(x) else x for x in inputs)


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """Return what is sent back through a result of this shape: no two alike, so that errors cannot cancel."""
    return np.random.default_rng(0).uniform(0.5, 1.5, shape)


def gradient_of(name: str) -> str:
    """Return how a part that is a gradient is called."""
    return f"the gradient of {name}"


def _place(exercise: Exercise, name: str) -> int:
    return exercise.arguments.index(name)


def _weighted(exercise: Exercise, inputs: tuple) -> float:
    """All results of the solution, weighted as `backward` weighs them, as one number."""
    attempt = Attempt(exercise, exercise.solution, inputs)
    with no_grad():
        attempt.call()
    tensors = [part.data for part in attempt.parts().values() if isinstance(part, Tensor)]
    return float(sum((weights(x.shape) * x).sum() for x in tensors))


def _valued(exercise: Exercise, inputs: tuple) -> float:
    """The value that a function returning gradients differentiates, weighted with the gradient that comes in."""
    rule, by_name = exercise.gradient, dict(zip(exercise.arguments, inputs, strict=True))
    assert rule is not None
    value = rule.of(*(by_name[name] for name in rule.arguments))
    return float((np.asarray(by_name[rule.g]) * value).sum() if rule.g else value)
