"""What a kernel can take: float32 numbers that lie in memory without gaps. The copies that this costs are made here."""

from math import prod
from typing import Any

from minivae.cuda.launch import launch
from minivae.errors import DtypeError


def floats(name: str, *arrays: Any) -> None:
    """Raise DtypeError, in the name of an op, unless all arrays are float32."""
    for a in arrays:
        if a.dtype != "float32":
            raise DtypeError(
                f"{name}: got {a.dtype}, but the kernels compute in float32; convert it with x.astype('float32'), "
                'or say minivae.use("numpy"), as for a gradient check'
            )


def rows(name: str, xp: Any, *arrays: Any) -> list[Any]:
    """The arrays in C order; one that is not so, a half of an encoder's output for example, is copied."""
    floats(name, *arrays)
    return [a if a.flags.c_contiguous else xp.ascontiguousarray(a) for a in arrays]


def sizes(a: Any) -> tuple[int, int]:
    """How many rows an array has, and how many numbers a row: all axes but the last one make the rows."""
    return prod(a.shape[:-1]), a.shape[-1] if a.ndim else 1


def last(x: Any) -> Any:
    """(B, C, H, W) as (B, H, W, C), a view: without gaps where images have their channels last in memory."""
    return x.transpose(0, 2, 3, 1)


def images(x: Any) -> Any:
    """(B, H, W, C) as (B, C, H, W), a view."""
    return x.transpose(0, 3, 1, 2)


def sum_rows(xp: Any, a: Any, out: Any = None) -> Any:
    """(B, O) without gaps -> (O,), in `out` if it is given."""
    B, O = a.shape
    sums = xp.empty(O, a.dtype) if out is None else out
    launch("column_sum", a, sums, B, O)
    return sums


class Order:
    """The order in which the elements of an array lie in memory, for what is done element by element.

    So images whose channels come last in memory need no copy, and nor does what reads the result.

    Attributes
    ----------
    shape : of the array with its axes in that order: the last one moves in the shortest steps.
    """

    def __init__(self, xp: Any, a: Any):
        self.xp = xp
        self.axes = sorted(range(a.ndim), key=lambda i: (-abs(a.strides[i]), i))
        self.back = sorted(range(a.ndim), key=self.axes.__getitem__)
        self.shape = tuple(a.shape[i] for i in self.axes)

    def apply(self, a: Any) -> Any:
        """An array of the same shape, its axes in this order and without gaps: a view if that can be, or a copy."""
        ordered = a.transpose(self.axes) if self.axes else a
        return ordered if ordered.flags.c_contiguous else self.xp.ascontiguousarray(ordered)

    def undo(self, ordered: Any) -> Any:
        """A view of an array without gaps whose elements are in this order, with shape and axes as they were."""
        ordered = ordered.reshape(self.shape)
        return ordered.transpose(self.back) if self.axes else ordered
