"""What is demanded of inputs: in one place for the NumPy op and for the kernel that stands in for it.

Shapes are known at once. Whether the numbers are in order (pixels in [0, 1], a loss that is finite) can be seen at once
on a CPU. On a GPU they may not have been computed yet, and to look is to wait for all that was asked of it before, in
every step. So there a demand is noted, and looked at when a value is next read: the same error comes, later.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minivae.errors import ShapeError

AT_MOST = 1000  # demands that are noted before they are looked at, though no value was read

_noted: list[tuple[Any, Callable[[], Exception]]] = []


def demand(met: Any, error: Callable[[], Exception]) -> None:
    """Raise `error()` unless `met`: now if it can be seen, else when a value is next read from the device.

    Parameters
    ----------
    met : a bool, or an array of one. On a GPU keep no large arrays alive in `error`: it may be kept for long.
    """
    if seen(met):
        if not met:
            raise error()
        return
    _noted.append((met, error))
    if len(_noted) >= AT_MOST:
        judge([bool(flag) for flag in outstanding()])


def seen(value: Any) -> bool:
    """Whether a value can be looked at without waiting for a device: a Python number does not even live there."""
    return isinstance(value, (bool, int, float, np.generic, np.ndarray))


def outstanding() -> list[Any]:
    """The demands that were noted and not yet looked at, in order: arrays of one bool each, on the device."""
    return [met for met, _ in _noted]


def judge(values: Sequence[Any]) -> None:
    """Forget all that is noted, whose values are given in order, and raise the error of the first that is not met."""
    errors = [error for (_, error), met in zip(_noted, values, strict=True) if not met]
    forget()
    if errors:
        raise errors[0]()


def forget() -> None:
    """Forget all that is noted."""
    _noted.clear()


def same_shape(name: str, fix: str, **arrays: Any) -> None:
    """Raise ShapeError, in the name of an op, if the arrays differ in shape from the first."""
    (first, a), *rest = arrays.items()
    for other, b in rest:
        if a.shape != b.shape:
            raise ShapeError(f"{name}: {other} is {b.shape} but {first} is {a.shape}; {fix}")


def linear(x: Any, W: Any, b: Any) -> None:
    """Raise ShapeError unless x @ W + b is (B, I) @ (I, O) + (O,)."""
    if W.ndim != 2 or b.shape != W.shape[1:]:
        raise ShapeError(f"linear: W is {W.shape} and b is {b.shape}; wanted (I, O) and (O,)")
    if x.ndim != 2 or x.shape[1] != W.shape[0]:
        raise ShapeError(f"linear: x is {x.shape} but W is {W.shape}; x has to be (B, {W.shape[0]})")


def affine(name: str, what: str, n: int, gain: Any, bias: Any) -> None:
    """Raise ShapeError, in the name of a norm, unless gain and bias are (n,) both."""
    if gain.shape != (n,) or bias.shape != (n,):
        raise ShapeError(f"{name}: gain is {gain.shape} and bias {bias.shape}; {what} wants ({n},) for both")


def groups(C: int, n: int) -> None:
    """Raise ShapeError, in the name of group_norm, unless C channels divide into n groups."""
    if n < 1 or C % n:
        raise ShapeError(f"group_norm: {C} channels do not divide into {n} groups")


def windows(name: str, x: Any, W: Any, channels: int | None, which: str, stride: int, padding: int) -> None:
    """Raise ShapeError, in the name of a convolution, unless W slides over x."""
    if stride < 1 or padding < 0:
        raise ShapeError(f"{name}: stride is {stride} and padding {padding}; wanted 1 or more, and 0 or more")
    if x.ndim != 4 or W.ndim != 4 or W.shape[0] != W.shape[1] or x.shape[1] != channels:
        raise ShapeError(f"{name}: x is {x.shape} and W is {W.shape}; wanted (B, C, H, W) and {which}")


def conv2d(x: Any, W: Any, stride: int, padding: int) -> None:
    """Raise ShapeError unless there is something that conv2d makes."""
    windows("conv2d", x, W, W.shape[2] if W.ndim == 4 else None, "(k, k, C, O)", stride, padding)
    k = W.shape[0]
    if min(x.shape[2:]) + 2 * padding < k:
        raise ShapeError(f"conv2d: a {k} x {k} patch does not fit into {x.shape} with padding {padding}")


def conv_transpose2d(x: Any, W: Any, stride: int, padding: int) -> tuple[int, int]:
    """The (H, W) of what conv_transpose2d makes; raises ShapeError unless it makes something."""
    windows("conv_transpose2d", x, W, W.shape[3] if W.ndim == 4 else None, "(k, k, O, C)", stride, padding)
    H, width = ((n - 1) * stride + W.shape[0] - 2 * padding for n in x.shape[2:])
    if min(H, width) < 1:
        raise ShapeError(f"conv_transpose2d: nothing is left of {x.shape} after padding {padding}; take less")
    return H, width
