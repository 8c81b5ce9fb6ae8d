"""Arithmetic and functions of one element: value and gradient side by side."""

import math

import numpy as np

from minivae.engine import op
from minivae.ops.cases import normal, off_zero, positive

BROADCAST = [normal((3, 4), (3, 4)), normal((2, 3, 4), (3, 1)), normal((4,), (3, 1)), normal((), (2, 3))]


@op(*BROADCAST)
def add(xp, a, b):
    """a + b, element by element, broadcasting."""
    return a + b, (lambda g: g, lambda g: g)


@op(*BROADCAST)
def sub(xp, a, b):
    """a - b, element by element, broadcasting."""
    return a - b, (lambda g: g, lambda g: -g)


@op(*BROADCAST)
def mul(xp, a, b):
    """a * b, element by element, broadcasting."""
    return a * b, (lambda g: g * b, lambda g: g * a)


@op(positive((3, 4), (3, 4)), positive((2, 3, 4), (3, 1)), positive((), (2, 3)))
def div(xp, a, b):
    """a / b, element by element, broadcasting."""
    y = a / b
    return y, (lambda g: g / b, lambda g: -g * y / b)


@op(normal((3, 4)))
def neg(xp, x):
    """-x, element by element."""
    return -x, (lambda g: -g,)


@op(positive((3, 4), exponent=2), positive((3, 4), exponent=-1.5), normal((3, 4), exponent=3))
def power(xp, x, *, exponent):
    """x ** exponent, element by element, for a Python number as the exponent."""
    return x**exponent, (lambda g: g * exponent * x ** (exponent - 1) if exponent else g * 0,)


@op(normal((3, 4)))
def exp(xp, x):
    """e ** x, element by element."""
    y = xp.exp(x)
    return y, (lambda g: g * y,)


@op(positive((3, 4)))
def log(xp, x):
    """The natural logarithm, element by element, so that likelihoods come out in nats."""
    return xp.log(x), (lambda g: g / x,)


@op(normal((3, 4)))
def expm1(xp, x):
    """e ** x - 1, element by element, exact for x near 0, where e ** x rounds to 1."""
    y = xp.expm1(x)
    return y, (lambda g: g * (y + 1),)


@op(positive((3, 4)))
def log1p(xp, x):
    """log(1 + x), element by element, exact for x near 0, where 1 + x rounds to 1."""
    return xp.log1p(x), (lambda g: g / (1 + x),)


@op(positive((3, 4)))
def sqrt(xp, x):
    """The square root, element by element."""
    y = xp.sqrt(x)
    return y, (lambda g: 0.5 * g / y,)


@op(off_zero((3, 4)))
def abs(xp, x):
    """|x|, element by element; the gradient at 0 is taken as 0."""
    return xp.abs(x), (lambda g: g * xp.sign(x),)


@op(off_zero((3, 4), low=0.0, high=math.inf), off_zero((3, 4), low=-1.03, high=0.97))
def clip(xp, x, *, low, high):
    """x held between two numbers, element by element; no gradient where it was held."""
    return xp.clip(x, low, high), (lambda g: g * ((x >= low) & (x <= high)),)


@op(*BROADCAST)
def maximum(xp, a, b):
    """The larger of the two, element by element, broadcasting; where they are equal each gets half of the gradient."""
    y = xp.maximum(a, b)
    share = (a > b).astype(y.dtype) + (a == b) * y.dtype.type(0.5)
    return y, (lambda g: g * share, lambda g: g * (1 - share))


@op(
    normal((3, 4), (3, 4), condition=np.eye(3, 4, dtype=bool)),
    normal((3, 1), (4,), condition=np.eye(3, 4, dtype=bool)),
)
def where(xp, a, b, *, condition):
    """a where `condition` (a boolean array) holds, else b, element by element, broadcasting."""
    condition = xp.asarray(condition, dtype=bool)
    return xp.where(condition, a, b), (lambda g: g * condition, lambda g: g * ~condition)
