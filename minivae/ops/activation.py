"""The bends between layers, element by element: value and gradient side by side."""

import math

from minivae.engine import op
from minivae.ops.cases import normal, off_zero
from minivae.ops.fast import logistic, positive_gradient, positive_part

GELU = math.sqrt(2 / math.pi)


@op(normal((3, 4)))
def tanh(xp, x):
    """tanh(x), element by element, in (-1, 1)."""
    y = xp.tanh(x)
    return y, (lambda g: g * (1 - y * y),)


@op(normal((3, 4)))
def sigmoid(xp, x):
    """1 / (1 + exp(-x)), element by element, in (0, 1)."""
    y = logistic(xp, x)
    return y, (lambda g: g * y * (1 - y),)


@op(off_zero((3, 4)))
def relu(xp, x):
    """max(x, 0), element by element; the gradient at 0 is taken as 0."""
    y = positive_part(xp, x)
    return y, (lambda g: positive_gradient(xp, g, y),)


@op(normal((3, 4)))
def softplus(xp, x):
    """log(1 + exp(x)), element by element: a smooth relu."""
    y = xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))  # exp of a negative number cannot overflow
    return y, (lambda g: g * logistic(xp, x),)


@op(off_zero((3, 4)), off_zero((3, 4), slope=0.2))
def leaky_relu(xp, x, *, slope=0.01):
    """x where it is positive, slope * x where it is not, element by element. Source: Maas et al. 2013."""
    scale = xp.where(x > 0, x.dtype.type(1), x.dtype.type(slope))
    return x * scale, (lambda g: g * scale,)


@op(normal((3, 4)))
def silu(xp, x):
    """x * sigmoid(x), element by element. Source: Hendrycks & Gimpel 2016; Elfwing et al. 2017."""
    s = logistic(xp, x)
    y = x * s

    def g_x(g):  # g * (s + y * (1 - s))
        d = 1 - s
        d *= y
        d += s
        d *= g
        return d

    return y, (g_x,)


@op(normal((3, 4)))
def gelu(xp, x):
    """x * P(N(0, 1) < x), by the tanh formula, which is within 0.0005 of it. Source: Hendrycks & Gimpel 2016."""
    near = xp.clip(x, -10, 10)  # beyond, t is +-1 to the last digit, and the cube may overflow
    t = xp.tanh(GELU * (near + 0.044715 * near**3))
    slope = GELU * (1 + 3 * 0.044715 * near**2)
    return 0.5 * x * (1 + t), (lambda g: 0.5 * g * (1 + t + near * (1 - t * t) * slope),)


@op(normal((3, 4), f=lambda x: x + 1))  # a slope of 1: the one case in which its gradient is that of its value
def straight_through(xp, x, *, f):
    """f(x), in the shape of x, but with the gradient of x: for steps and roundings, whose own is 0 almost everywhere.

    Source: Bengio et al. 2013, section 4.
    """
    return f(x), (lambda g: g,)
