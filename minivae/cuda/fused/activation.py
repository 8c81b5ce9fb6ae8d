"""The bends between layers, by kernels/bias_activation.cu with a bias of zeros."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from minivae.cuda.fused.arrays import Order, floats
from minivae.cuda.kernels import KINDS, find
from minivae.cuda.launch import launch
from minivae.cuda.registry import cdiv


def _activation(name: str) -> Callable:
    kind = KINDS.index(name)

    def function(xp, x):
        floats(name, x)
        order = Order(xp, x)
        B, O = sides = _sides(order.shape)
        x, b, y = order.apply(x).reshape(sides), zeros(xp, O), xp.empty(sides, x.dtype)
        launch("bias_activation", x, b, y, B, O, kind)

        def g_x(g):
            wanted, part = xp.empty_like(x), xp.empty((cdiv(B, _height()), O), x.dtype)  # `part` is for g_b, see there
            launch("bias_activation_backward", order.apply(g).reshape(sides), x, b, wanted, part, B, O, kind)
            return order.undo(wanted)

        return order.undo(y), (g_x,)

    function.__name__ = name
    function.__doc__ = f"See `minivae.ops.{name}`."
    return function


relu, silu, gelu, tanh, sigmoid = map(_activation, ("relu", "silu", "gelu", "tanh", "sigmoid"))


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns to take an array in: the last axes are columns, as many of them as it takes to fill a warp."""
    B, O = 1, 1
    for size in reversed(shape):
        if O < 32:
            O *= size
        else:
            B *= size
    return B, O


def _height() -> int:
    """How many rows a block of the backward takes."""
    return find("bias_activation_backward").constants["ROWS"]


@lru_cache(maxsize=64)
def zeros(xp: Any, n: int) -> Any:
    """A bias that changes nothing. The kernels only read it, so it is made once."""
    return xp.zeros(n, "float32")
