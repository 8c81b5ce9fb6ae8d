"""Matrix products: value and gradient side by side."""

from minivae import checks
from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal
from minivae.ops.fast import column_sum


@op(normal((3, 4), (4, 2)), normal((2, 3, 4), (2, 4, 2)), normal((5, 1, 3, 4), (2, 4, 2)))
def matmul(xp, a, b):
    """a @ b: (..., N, K), (..., K, M) -> (..., N, M), broadcasting over the axes in front.

    Raises ShapeError if a or b has one axis, or their inner sizes differ.
    """
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"matmul: a is {a.shape} and b is {b.shape}; wanted (..., N, K) and (..., K, M)")
    return a @ b, (lambda g: g @ b.swapaxes(-1, -2), lambda g: a.swapaxes(-1, -2) @ g)


@op(normal((5, 4), (4, 3), (3,)))
def linear(xp, x, W, b):
    """x @ W + b: (B, I), (I, O), (O,) -> (B, O)."""
    checks.linear(x, W, b)
    y = x @ W
    y += b
    return y, (
        lambda g: g @ W.T,
        lambda g, out: xp.matmul(x.T, g, out=out),
        lambda g, out: column_sum(xp, g, out),
    )
