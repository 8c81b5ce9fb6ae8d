"""Sums and means over axes: value and gradient side by side."""

from minivae.engine import op
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
    return xp.broadcast_to(g, x.shape)


@op(*AXES)
def sum(xp, x, *, axis=None, keepdims=False):
    """The sum over `axis`: None for all, a number, or a tuple of numbers."""
    return xp.sum(x, axis=axis, keepdims=keepdims), (lambda g: _restore(xp, g, x, axis, keepdims),)


@op(*AXES)
def mean(xp, x, *, axis=None, keepdims=False):
    """The mean over `axis`: None for all, a number, or a tuple of numbers."""
    y = xp.mean(x, axis=axis, keepdims=keepdims)
    scale = y.size / x.size
    return y, (lambda g: _restore(xp, g * scale, x, axis, keepdims),)
