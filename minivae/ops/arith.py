"""Arithmetic and functions of one element: value and gradient side by side."""

from minivae.engine import op
from minivae.ops.cases import normal, off_zero, positive

BROADCAST = [normal((3, 4), (3, 4)), normal((2, 3, 4), (3, 1)), normal((4,), (3, 1)), normal((), (2, 3))]


@op(*BROADCAST)
def add(xp, a, b):
    """a + b, broadcasting."""
    return a + b, (lambda g: g, lambda g: g)


@op(*BROADCAST)
def sub(xp, a, b):
    """a - b, broadcasting."""
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
    """-x."""
    return -x, (lambda g: -g,)


@op(positive((3, 4), exponent=2), positive((3, 4), exponent=-1.5), normal((3, 4), exponent=3))
def power(xp, x, *, exponent):
    """x ** exponent, for a Python number as the exponent."""
    return x**exponent, (lambda g: g * exponent * x ** (exponent - 1),)


@op(normal((3, 4)))
def exp(xp, x):
    """e ** x."""
    y = xp.exp(x)
    return y, (lambda g: g * y,)


@op(positive((3, 4)))
def log(xp, x):
    """The natural logarithm, so that likelihoods come out in nats."""
    return xp.log(x), (lambda g: g / x,)


@op(normal((3, 4)))
def tanh(xp, x):
    """tanh(x), in (-1, 1)."""
    y = xp.tanh(x)
    return y, (lambda g: g * (1 - y * y),)


@op(normal((3, 4)))
def sigmoid(xp, x):
    """1 / (1 + exp(-x)), in (0, 1)."""
    y = 0.5 * xp.tanh(0.5 * x) + 0.5  # this form cannot overflow: exp(-x) does for x < -88 in float32
    return y, (lambda g: g * y * (1 - y),)


@op(off_zero((3, 4)))
def relu(xp, x):
    """max(x, 0); the gradient at 0 is taken as 0."""
    y = xp.maximum(x, 0)
    return y, (lambda g: g * (y > 0),)


@op(normal((3, 4)))
def softplus(xp, x):
    """log(1 + exp(x)): a smooth relu."""
    y = xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))  # exp of a negative number cannot overflow
    return y, (lambda g: g * (0.5 * xp.tanh(0.5 * x) + 0.5),)
