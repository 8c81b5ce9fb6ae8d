"""A device to learn on: arrays that live elsewhere, computed by NumPy, with a ledger of what each line costs.

`Hall().xp` is an array module as CuPy's is: NumPy's functions and operators on arrays that nobody gets at without
saying so. What is launched, sent and waited for is written down. Lesson 10 builds the same by hand; this one marks its
exercises.
`Queue` has no arrays, only the two clocks of a host and a device that works through what it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Order(NamedTuple):
    """One launch: what was asked for, the bytes read and written, and the type of the result."""

    name: str
    bytes: int
    dtype: np.dtype


class Hall:
    """A device that is far away, and its ledger.

    Attributes
    ----------
    orders : a list of `Order`, one for each launch; views cost none.
    sent : bytes of each array that was sent to the device.
    waits : how often the host waited for a value.
    xp : the array module.
    """

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.sent: list[int] = []
        self.waits = 0
        self.xp = _Module(self)

    def order(self, name: str, f: Callable, args: tuple, keywords: dict) -> Any:
        """Have `f` computed on the device; the result stays there."""
        near, settings = [_there(x) for x in args], {key: _there(x) for key, x in keywords.items()}
        out = f(*near, **settings)
        if not isinstance(out, (np.ndarray, np.generic)):
            return out
        read = [x for x in near if isinstance(x, np.ndarray)]
        view = "out" not in settings and any(np.may_share_memory(out, x) for x in read)
        if not view:
            self.orders.append(Order(name, out.nbytes + sum(x.nbytes for x in read), out.dtype))
        return FarArray(np.asarray(out), self)


class FarArray(NDArrayOperatorsMixin):
    """An array on a `Hall`: it can be computed with, and its values come only through `get` or `item`."""

    def __init__(self, a: np.ndarray, hall: Hall) -> None:
        self._a, self._hall = a, hall

    def __array__(self, *args: Any, **keywords: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed; `.get()` brings it home.")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, out: tuple = (), **keywords: Any) -> Any:
        return self._hall.order(
            ufunc.__name__, getattr(ufunc, method), args, keywords | ({"out": out[0]} if out else {})
        )

    def __array_function__(self, f: Callable, types: Any, args: tuple, keywords: dict) -> Any:
        return self._hall.order(f.__name__, f, args, keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # what is copied or pickled asks for many such, before there is a `_a`
        value = getattr(self._a, name)
        if callable(value):
            return lambda *args, **keywords: self._hall.order(name, getattr(np.ndarray, name), (self, *args), keywords)
        return FarArray(value, self._hall) if isinstance(value, np.ndarray) else value

    def __getitem__(self, key: Any) -> Any:
        return self._hall.order("getitem", np.ndarray.__getitem__, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self._hall.order("setitem", np.positive, (value,), {"out": self[key]})

    def __len__(self) -> int:
        return len(self._a)

    def get(self) -> np.ndarray:
        """A copy on the host, once the device is done with all that was asked before."""
        self._hall.waits += 1
        return self._a.copy()

    def item(self) -> Any:
        """The one value of the array, likewise."""
        return self.get().item()

    def tolist(self) -> Any:
        """The values as Python numbers, likewise."""
        return self.get().tolist()

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get()[()], spec)

    def __repr__(self) -> str:
        return repr(self.get())


class _Module:
    """NumPy's names, for arrays of a hall."""

    ndarray = FarArray

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def asarray(self, a: Any, dtype: Any = None) -> FarArray:
        """An array of the hall: the same one, or sent over. A single number travels with the launch."""
        if isinstance(a, FarArray):
            return a if dtype is None or a.dtype == np.dtype(dtype) else a.astype(dtype)
        sent = np.array(a, dtype)
        if sent.ndim:
            self._hall.sent.append(sent.nbytes)
        return FarArray(sent, self._hall)

    array = asarray

    def asnumpy(self, a: Any) -> np.ndarray:
        """A copy on the host."""
        return a.get() if isinstance(a, FarArray) else np.asarray(a)

    def __getattr__(self, name: str) -> Any:
        f = getattr(np, name)
        if not callable(f) or isinstance(f, type):
            return f
        return lambda *args, **keywords: self._hall.order(name, f, args, keywords)


def _there(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array among arrays of the device; send it over first: xp.asarray(...)")
    if isinstance(value, (list, tuple)):
        return type(value)(map(_there, value))
    return value._a if isinstance(value, FarArray) else value


class Queue:
    """A host that writes orders and a device that works through them, as two clocks, in seconds.

    Parameters
    ----------
    launch : what it takes the host to write one order.
    """

    def __init__(self, launch: float = 15e-6) -> None:
        self.launch = launch
        self.host = 0.0  # what the host's clock shows
        self.free = 0.0  # when the device is done with all that it was asked for

    def order(self, work: float) -> None:
        """Ask for something that keeps the device busy for `work` seconds; the host goes on at once."""
        self.host += self.launch
        self.free = max(self.free, self.host) + work

    def synchronize(self) -> None:
        """Have the host wait until the device has nothing left to do."""
        self.host = max(self.host, self.free)

    def clock(self) -> float:
        """The time on the host, as `time.perf_counter()` tells it."""
        return self.host
