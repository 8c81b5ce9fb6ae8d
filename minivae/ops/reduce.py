"""Sums and means over axes: value and gradient side by side."""

from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal

AXES = [
    normal((3, 4)),
    normal((3, 4), axis=0),
    normal((2, 3, 4), axis=(0, -1)),
    normal((2, 3, 4), axis=1, keepdims=True),
    normal((2, 3), axis=()),
]


def _restore(xp, g, x, axis, keepdims):
    """Stretch a gradient of the reduced shape back over the axes that were summed away."""
    if axis is not None and not keepdims:
        g = xp.expand_dims(g, axis)
    return xp.broadcast_to(g, x.shape) if x.ndim else g.reshape(())


def _terms(name, x, y):
    """How many elements of x make one of y."""
    if y.size and not x.size:
        raise ShapeError(f"{name}: x is {x.shape}, so there is nothing to take the {name} of")
    return x.size // y.size if y.size else 1


@op(*AXES)
def sum(xp, x, *, axis=None, keepdims=False):
    """The sum over `axis`, which leaves the shape: None for all, a number, or a tuple of numbers."""
    return xp.sum(x, axis=axis, keepdims=keepdims), (lambda g: _restore(xp, g, x, axis, keepdims),)


@op(*AXES)
def mean(xp, x, *, axis=None, keepdims=False):
    """The mean over `axis`, which leaves the shape: None for all, a number, or a tuple of numbers."""
    y = xp.sum(x, axis=axis, keepdims=keepdims)
    n = _terms("mean", x, y)
    return y / n, (lambda g: _restore(xp, g / n, x, axis, keepdims),)  # xp.mean takes a detour over float64


@op(*AXES)
def max(xp, x, *, axis=None, keepdims=False):
    """The largest over `axis`, which leaves the shape; equals share the gradient."""
    y = xp.max(x, axis=axis, keepdims=True)
    share = (x == y).astype(x.dtype)
    share /= share.sum(axis=axis, keepdims=True)
    y = y if keepdims else xp.max(x, axis=axis)
    return y, (lambda g: _restore(xp, g, x, axis, keepdims) * share,)


@op(*AXES[:-1])  # over no axis at all it is 0, and so is its gradient
def var(xp, x, *, axis=None, keepdims=False):
    """The mean squared distance from the mean over `axis`, which leaves the shape: divided by n, not by n - 1."""
    total = xp.sum(x, axis=axis, keepdims=True)
    n = _terms("var", x, total)
    d = x - total / n
    y = xp.sum(d * d, axis=axis, keepdims=keepdims) / n
    return y, (lambda g: _restore(xp, g * (2 / n), x, axis, keepdims) * d,)


@op(*AXES)
def logsumexp(xp, x, *, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis`, which leaves the shape; the largest term is taken out, so nothing overflows."""
    top = xp.max(x, axis=axis, keepdims=True)
    p = xp.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    p /= total
    y = top + xp.log(total)
    y = y if keepdims else y.reshape(xp.max(x, axis=axis).shape)
    return y, (lambda g: _restore(xp, g, x, axis, keepdims) * p,)


@op(normal((3, 4)), normal((2, 3, 4), axis=1))
def softmax(xp, x, *, axis=-1):
    """exp(x) / sum(exp(x)) over `axis`, in the shape of x: positive, and 1 in sum."""
    y = xp.exp(x - x.max(axis=axis, keepdims=True))
    y /= y.sum(axis=axis, keepdims=True)
    return y, (lambda g: y * (g - (g * y).sum(axis=axis, keepdims=True)),)
