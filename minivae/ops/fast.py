"""The tricks, each by a plain name, so that the formulas that use them stay formulas.

Figures are for float32 arrays of (128, 784) in cache, on one core of a server processor with AVX-512.
"""


def column_sum(xp, a, out=None):
    """(B, D) -> (D,): a.sum(axis=0), as a product with ones. BLAS reads rows as they lie; 3 to 7 times faster."""
    return xp.matmul(xp.ones(len(a), a.dtype), a, out=out)


def row_sum(xp, a):
    """(..., D) -> (...): a.sum(axis=-1), as a product with ones. 5 microseconds for 18."""
    return a @ xp.ones(a.shape[-1], a.dtype)


def positive_part(xp, a):
    """max(a, 0). 9 microseconds for 38: `maximum` with a Python number is not vectorised."""
    return a.clip(0, xp.inf)
