"""What an entry of tests/cuda/references.py is made of: how a kernel's inputs are drawn, and at which sizes.

An entry takes the kernel's arguments by name, those that it asks for, and returns what the kernel writes, by name. Its
decorator says at which sizes the kernel is tried, how inputs are drawn, and how near the result has to be, with the
reason.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from tests.cuda.harness import around, latin

REFERENCES: dict[str, "Reference"] = {}


@dataclass(frozen=True)
class Reference:
    """The maths of a kernel and how it is tried.

    Attributes
    ----------
    function : float64 arrays and scalars by name -> {output: float64 array}.
    cases : the constants of the .cu file -> a list of {scalar: value}.
    draw : how inputs are made that are not N(0, 1): {name: function of rng and shape}.
    rtol, atol, why : |got - wanted| <= atol + rtol |wanted|, and the reason.
    op : the same on tensors, by minivae's ops; for a backward, the forward whose gradients it computes.
    """

    function: Callable
    cases: Callable
    why: str
    rtol: float = 0.0
    atol: float = 0.0
    draw: dict[str, Callable] = field(default_factory=dict)
    op: Callable | None = None

    def scalars(self, kernel):
        return self.cases(SimpleNamespace(**kernel.constants))

    def inputs(self, kernel, rng, scalars):
        """Everything the kernel reads, by name."""
        integers = {p.name: scalars[p.name] for p in kernel.parameters if not p.shape and p.ctype != "float"}
        drawn = {
            p.name: self.draw.get(p.name, normal)(rng, kernel.value(p.shape, **integers)).astype(p.dtype)
            for p in kernel.parameters
            if p.shape and p.reads
        }
        return {**scalars, **drawn}

    def __call__(self, inputs):
        wanted = inspect.signature(self.function).parameters
        exact = {name: in_float64(value) for name, value in inputs.items()}
        return self.function(**{name: exact[name] for name in wanted})


def reference(**settings):
    """Enter a function as the reference of the kernel of its name."""

    def enter(function):
        assert function.__name__ not in REFERENCES
        REFERENCES[function.__name__] = Reference(function, **settings)
        return function

    return enter


def in_float64(value):
    return value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value


# How inputs are drawn.


def normal(rng, shape):
    return rng.standard_normal(shape)


def uniform(rng, shape):
    return rng.random(shape)


def with_extremes(*extremes):
    """N(0, 4), and here and there a number at which a careless formula overflows."""

    def draw(rng, shape):
        values = 2 * rng.standard_normal(shape)
        return np.where(rng.random(shape) < 0.1, rng.choice(extremes, shape), values)

    return draw


def below(limit):
    return lambda rng, shape: rng.integers(0, limit, shape)


def any_bits(rng, shape):
    return rng.integers(0, 2**32, shape)


# Sizes. A kernel that takes rows in tiles is tried around the edges of a tile, both ways.


def tiles(rows, columns, **more):
    return lambda c: latin(B=around(getattr(c, rows)), **{columns: around(c.WARP) + [2 * c.BLOCK + 3]}, **more)


def long_rows(columns, **more):
    return lambda c: latin(B=[1, 2, 5], **{columns: around(c.BLOCK)}, **more)


def flat(per_thread=1, **more):
    return lambda c: latin(n=around(per_thread * c.BLOCK) + list(range(2, 8)), **more)
