"""Arrays as a GPU hands them out: with a pattern in them that stands out, since they hold what the last user left."""

from typing import Any

import numpy as np

# Four bytes each, a NaN for floats. The checking build knows them again and says that nobody wrote the element.
FRESH_FLOAT = 0x7FFADBAD
FRESH_INTEGER = 0xBDC5CA39  # -1111111111
FRESH_BYTE = 0xA5


def poison(shape: Any, dtype: Any = "float32") -> np.ndarray:
    """Fresh memory of a GPU: floats are NaN, int32 is -1111111111, other integers are as conspicuous.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : any type of numbers or bool

    Returns
    -------
    ndarray of that shape, C-contiguous and writable
    """
    array = np.empty(shape, dtype)
    pattern = fresh(array.dtype)
    if pattern:
        array.reshape(-1).view(np.uint32).fill(pattern)
    elif array.dtype.kind == "f":
        array.fill(np.nan)
    else:
        array.reshape(-1).view(np.uint8).fill(array.dtype.kind == "b" or FRESH_BYTE)
    return array


def fresh(dtype: np.dtype) -> int:
    """The four bytes that fresh memory of this type repeats, as a number; 0 for types too small to tell them by."""
    if dtype.itemsize not in (4, 8) or dtype.kind not in "fiu":
        return 0
    return FRESH_FLOAT if dtype.kind == "f" else FRESH_INTEGER
