"""Moving values about without changing them: value and gradient side by side."""

import numpy as np

from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal
from minivae.ops.fast import ordered_like


@op(normal((3, 4), shape=(2, 6)), normal((3, 4), shape=(-1,)))
def reshape(xp, x, *, shape):
    """The same values in another shape; one entry may be -1."""
    return x.reshape(shape), (lambda g: ordered_like(xp, g.reshape(x.shape), x),)


@op(normal((3, 4)), normal((2, 3, 4), axes=(2, 0, 1)))
def transpose(xp, x, *, axes=None):
    """Axes in another order, reversed where none is given: (A, B, C) -> (C, B, A)."""
    back = None if axes is None else sorted(range(len(axes)), key=[a % max(x.ndim, 1) for a in axes].__getitem__)
    return x.transpose(axes), (lambda g: g.transpose(back),)


@op(
    normal((3, 4), index=1),
    normal((3, 4), index=(slice(None), slice(1, 3))),
    normal((2, 3, 4), index=(..., slice(None, None, -2))),
)
def getitem(xp, x, *, index):
    """x[index], in the shape that NumPy gives it, for numbers, slices, `...` and None."""

    parts = index if isinstance(index, tuple) else (index,)
    once = all(part is None or part is ... or isinstance(part, (int, slice)) for part in parts)

    def g_x(g):
        whole = xp.zeros_like(x)
        if once:
            whole[index] = g
        else:  # a list or an array may name an element twice
            xp.add.at(whole, index, g)
        return whole

    return x[index], (g_x,)


@op(normal((3, 4), (3, 2)), normal((2, 3), (1, 3), axis=0), normal((2, 2), (2, 1), (2, 3)))
def concat(xp, *parts, axis=-1):
    """Arrays joined along `axis`: (B, N), (B, M) -> (B, N + M)."""
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + part.shape[axis])

    def line(k):
        return lambda g: g.swapaxes(axis, 0)[ends[k] : ends[k + 1]].swapaxes(axis, 0)

    return xp.concatenate(parts, axis=axis), tuple(line(k) for k in range(len(parts)))


@op(normal((3, 4), (3, 4)), normal((2,), (2,), (2,), axis=1))
def stack(xp, *parts, axis=0):
    """Arrays of one shape along a new axis."""

    def line(k):
        return lambda g: xp.take(g, k, axis=axis)

    return xp.stack(parts, axis=axis), tuple(line(k) for k in range(len(parts)))


@op(normal((2, 3), width=((1, 0), (2, 1))), normal((4,), width=((0, 2),), value=3.0))
def pad(xp, x, *, width, value=0.0):
    """A frame of one value around an array of any shape; `width` holds a pair (before, after) for each axis."""
    inside = tuple(slice(before, before + n) for (before, _), n in zip(width, x.shape, strict=True))
    return xp.pad(x, width, constant_values=value), (lambda g: g[inside],)


@op(normal((5, 3), index=np.array([[0, 4], [4, 4]])), normal((2, 3, 4), index=np.array([2, 0]), axis=1))
def take(xp, x, *, index, axis=0):
    """Rows by number, any number of times, as an embedding does: (N, D), integers (B,) -> (B, D).

    Raises ShapeError if x is a single number.
    """

    index = xp.asarray(index)
    if x.ndim == 0:
        raise ShapeError("take: x is a single number; wanted an array with rows to take")

    def g_x(g):
        whole = xp.zeros_like(x)
        rows = xp.moveaxis(whole, axis, 0)
        first = axis % x.ndim
        places = tuple(range(first, first + index.ndim))
        xp.add.at(rows, index, xp.moveaxis(g, places, tuple(range(index.ndim))))
        return whole

    return xp.take(x, index, axis=axis), (g_x,)


def split(x, n, *, axis=-1):
    """`x` cut into `n` equal parts along `axis`. Raises ShapeError if they would not be equal."""
    size = x.shape[axis]
    if size % n:
        raise ShapeError(f"split: axis {axis} of {x.shape} holds {size}, which {n} does not divide")
    before = (slice(None),) * (axis % x.ndim)
    return [getitem(x, index=(*before, slice(k, k + size // n))) for k in range(0, size, size // n)]
