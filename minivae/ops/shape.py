"""Moving values about without changing them: value and gradient side by side."""

from minivae.engine import op
from minivae.ops.cases import normal


@op(normal((3, 4), shape=(2, 6)), normal((3, 4), shape=(-1,)))
def reshape(xp, x, *, shape):
    """The same values in another shape; one entry may be -1."""
    return x.reshape(shape), (lambda g: g.reshape(x.shape),)


@op(normal((3, 4)), normal((2, 3, 4), axes=(2, 0, 1)))
def transpose(xp, x, *, axes=None):
    """Axes in another order; reversed where none is given."""
    back = None if axes is None else sorted(range(len(axes)), key=axes.__getitem__)
    return x.transpose(axes), (lambda g: g.transpose(back),)


@op(
    normal((3, 4), index=1),
    normal((3, 4), index=(slice(None), slice(1, 3))),
    normal((2, 3, 4), index=(..., slice(None, None, -2))),
)
def getitem(xp, x, *, index):
    """x[index], for numbers, slices, `...` and None."""

    def g_x(g):
        whole = xp.zeros_like(x)
        whole[index] = g
        return whole

    return x[index], (g_x,)


@op(normal((3, 4), (3, 2)), normal((2, 3), (1, 3), axis=0), normal((2, 2), (2, 1), (2, 3)))
def concat(xp, *parts, axis=-1):
    """Arrays joined along `axis`."""
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + part.shape[axis])

    def line(k):
        return lambda g: g.swapaxes(axis, 0)[ends[k] : ends[k + 1]].swapaxes(axis, 0)

    return xp.concatenate(parts, axis=axis), tuple(line(k) for k in range(len(parts)))
