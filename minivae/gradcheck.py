"""Is a gradient right? Nudge every input a little, watch the output, compare."""

from __future__ import annotations  # np.random.Generator, below, would be loaded for its name alone

from collections.abc import Callable

import numpy as np

from minivae.backend import current
from minivae.engine import Tensor, no_grad
from minivae.errors import BackendError, DtypeError, GradientError


def gradcheck(
    f: Callable[..., Tensor],
    *inputs: np.ndarray,
    rng: np.random.Generator,
    h: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> None:
    """Compare the gradients of `f` with central differences, element by element.

    The output is weighted with random numbers and summed, so that errors cannot cancel: what is differentiated is
    (w * f(*inputs)).sum(), and the difference quotient is (F(x + h) - F(x - h)) / 2h.

    Parameters
    ----------
    f : takes one tensor for each input and returns a tensor of any shape; called twice for every input element.
    inputs : float64 arrays. Stay clear of kinks (relu at 0): the two sides of a kink have different slopes.
    rng : draws the weights w.
    h : half the distance between the two points. With values near 1 the quotient is then good to about 1e-9.
    rtol, atol : the gradient may differ by `atol + rtol * |quotient|`; a factor of 1.001 is far outside.

    Raises
    ------
    GradientError
        Naming the input, the element, the gradient and the quotient there.
    DtypeError
        If an input is not float64: in float32 the quotient is good to three digits only.
    BackendError
        If arrays do not live where NumPy is. Kernels compute in float32, so it is the NumPy ops that are checked.
    """
    if current().xp is not np:
        raise BackendError(f'gradcheck: the backend is {current().name}; say minivae.use("numpy") before')
    for i, x in enumerate(inputs):
        dtype = getattr(x, "dtype", f"a {type(x).__name__}")
        if dtype != np.float64:
            raise DtypeError(f"gradcheck: input {i} is {dtype}; wanted float64: x.astype('float64')")
    leaves = [Tensor(x.copy(), requires_grad=True) for x in inputs]
    output = f(*leaves)
    w = np.asarray(rng.uniform(0.5, 1.5, size=output.shape))
    output.backward(w)

    @no_grad()
    def weighted() -> float:
        return float((w * f(*leaves).data).sum())

    for i, leaf in enumerate(leaves):
        if leaf.grad is None:
            raise GradientError(f"gradcheck: no gradient reached input {i}; is it used, and only through ops?")
        for at in np.ndindex(leaf.shape):
            middle = leaf.data[at]
            leaf.data[at] = middle + h
            above = weighted()
            leaf.data[at] = middle - h
            below = weighted()
            leaf.data[at] = middle
            quotient, gradient = (above - below) / (2 * h), leaf.grad[at]
            if not abs(gradient - quotient) <= atol + rtol * abs(quotient) < np.inf:  # said so that NaN and inf fail
                place = f"element {list(at)} of input {i}" if at else f"input {i}"
                raise GradientError(
                    f"gradcheck: at {place} the gradient is {gradient:.9g}, differences say {quotient:.9g}"
                )
