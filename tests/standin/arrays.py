"""cupy.ndarray: an array that nobody can look into without saying so."""

import warnings
from types import SimpleNamespace

import numpy as np

from minivae.cuda.sim import poison
from tests.standin.machine import API, VERSION, Misuse, check_call, count, machine

NUMBERS = (bool, int, float, complex, np.generic)
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")
ALONE = ("neg", "pos", "abs", "invert")
REDUCTIONS = ("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "std", "sum", "var")
METHODS = (
    *REDUCTIONS,
    *("argpartition", "argsort", "astype", "clip", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot"),
    *("flatten", "ptp", "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze", "swapaxes", "trace"),
    "transpose",
)


def refuse(value):
    raise TypeError(f"Unsupported type {type(value)}")  # as cupy/_core/_scalar.pyx says it


def bare(value):
    """A value for NumPy from one that CuPy takes. A NumPy array is refused, as CuPy refuses it."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, np.ndarray):
        refuse(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(bare, value))
    return value


def dressed(value, given=()):
    """What NumPy returned as what CuPy returns: arrays only, also where NumPy gives a number.

    A view of one of the arrays `given` has that one as its base.
    """
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.void):
        for array in given:
            if array._a is value:
                return array
        own = [array for array in given if isinstance(value, np.ndarray) and _owner(array._a) is _owner(value)]
        return ndarray._of(np.asarray(value), own[0] if own else None)
    if isinstance(value, (list, tuple)):
        parts = [dressed(part, given) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def arrays_in(values):
    for value in values:
        if isinstance(value, ndarray):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from arrays_in(value)


def _owner(a):
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def fresh(shape, dtype=float, order="C"):
    """Memory as a GPU hands it out."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return poison(shape, dtype) if order == "C" else poison(shape[::-1], dtype).T


def fresh_like(a, dtype, shape):
    """The same, with the axes in memory in the order of those of an array."""
    if shape is not None and tuple(np.atleast_1d(shape)) != a.shape:
        return fresh(shape, dtype)
    axes = sorted(range(a.ndim), key=lambda i: (-abs(a.strides[i]), i))
    back = sorted(range(a.ndim), key=axes.__getitem__)
    return poison([a.shape[i] for i in axes], dtype).transpose(back) if a.ndim else poison((), dtype)


def check_axis(name, array, axis):
    """NumPy lets one sum a single number over its last axis, which it has not; CuPy does not."""
    if name in REDUCTIONS and isinstance(array, ndarray) and array.ndim == 0 and axis not in (None, ()):
        raise np.exceptions.AxisError(f"axis {axis} is out of bounds for array of dimension 0")


class Meta(type):
    def __getattr__(cls, name):
        raise AttributeError(f"type object 'cupy.ndarray' has no attribute {name!r} in CuPy {VERSION}")


class ndarray(metaclass=Meta):
    __module__ = "cupy"
    __slots__ = ("__weakref__", "_a", "_base")
    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is not None or strides is not None:
            raise NotImplementedError("the stand-in makes no arrays at given addresses")
        machine.runtime()
        self._a, self._base = fresh(shape, dtype, order), None

    @classmethod
    def _of(cls, a, parent=None):
        machine.runtime()
        if a.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {a.dtype}")
        x = object.__new__(cls)
        x._a, x._base = a, None if parent is None else parent if parent._base is None else parent._base
        return x

    # What waits for the device.

    def get(self, stream=None, order="C", out=None, blocking=True):
        count("device_to_host")
        if out is None:
            return np.array(self._a, order=order)
        if self.dtype != out.dtype or self.shape != out.shape:
            raise TypeError(f"{out.dtype} {out.shape} cannot be obtained from {self.dtype} {self.shape}")
        out[...] = self._a
        return out

    def item(self):
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def tobytes(self, order="C"):
        return self.get().tobytes(order)

    def nonzero(self):
        count("device_to_host")  # how many there are
        return dressed(self._a.nonzero())

    def __bool__(self):
        if self.size == 0:
            warnings.warn("The truth value of an empty array is ambiguous.", DeprecationWarning, stacklevel=2)
            return False
        if self.size > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous.")
        return bool(self.get())

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self.get())

    def __str__(self):
        return str(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    def __reduce__(self):
        from tests.standin.module import cupy

        return cupy.asarray, (self.get(),)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    # NumPy's functions, given one of these.

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        from tests.standin.module import cupy

        f = getattr(cupy, ufunc.__name__, None)
        if f is None:
            return NotImplemented
        if "out" in keywords:
            (keywords["out"],) = keywords["out"]
        return (f if method == "__call__" else getattr(f, method))(*inputs, **keywords)

    def __array_function__(self, function, types, args, keywords):
        from tests.standin.module import cupy

        f = cupy
        try:
            for part in [*function.__module__.split(".")[1:], function.__name__]:
                f = getattr(f, part)
        except AttributeError:
            return NotImplemented
        return f(*args, **keywords)

    # What can be asked without looking at a value.

    shape = property(lambda self: self._a.shape)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    dtype = property(lambda self: self._a.dtype)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)
    strides = property(lambda self: self._a.strides)
    base = property(lambda self: self._base)
    T = property(lambda self: dressed(self._a.T, [self]))
    real = property(lambda self: dressed(self._a.real, [self]))
    imag = property(lambda self: dressed(self._a.imag, [self]))
    __cuda_array_interface__ = property(lambda self: dict(self._a.__array_interface__, version=3))

    @property
    def flags(self):
        of = self._a.flags  # without `writeable`: everything can be written to
        return SimpleNamespace(
            c_contiguous=of.c_contiguous, f_contiguous=of.f_contiguous, owndata=of.owndata, fnc=of.fnc, forc=of.forc
        )

    @property
    def data(self):
        return SimpleNamespace(ptr=self._a.ctypes.data if self.size else 0, device_id=0)

    @property
    def device(self):
        from tests.standin.module import cupy

        return cupy.cuda.Device(0)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    # Indices.

    def __getitem__(self, index):
        machine.compute()
        index, arrays = read_index(index)
        if any(a.dtype.kind == "b" for a in arrays):
            count("device_to_host")  # how many are picked
        if arrays:
            return dressed(in_range(lambda: self._a[index]))
        parts = index if isinstance(index, tuple) else (index,)
        return dressed(self._a[parts if ... in parts else (*parts, ...)], [self])  # a view, of a single element too

    def __setitem__(self, index, value):
        machine.compute()
        index, arrays = read_index(index)
        if isinstance(value, ndarray):
            value = value._a
        elif not arrays:
            value = np.asarray(value, dtype=self.dtype)
            if value.shape:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        elif isinstance(value, np.ndarray):
            count("host_to_device")
        places = [a for a in arrays if a.dtype.kind in "iu"]
        if places and len(places) == len(arrays) and _twice(places):
            raise Misuse("an element is assigned to twice; which value stays is not defined in CuPy")
        in_range(lambda: self._a.__setitem__(index, value))

    def take(self, indices, axis=None, out=None):
        machine.compute()
        (indices,), _ = read_index((indices,))
        return dressed(in_range(lambda: self._a.take(indices, axis, None if out is None else out._a)))

    def fill(self, value):
        machine.compute()
        value = bare(value) if isinstance(value, ndarray) else np.asarray(value, dtype=self.dtype)
        if np.shape(value):
            raise ValueError("a non-scalar array cannot be used for fill")
        self._a.fill(value)

    def set(self, arr, stream=None):
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.shape != self.shape or arr.dtype != self.dtype:
            raise ValueError(f"{arr.dtype} {arr.shape} cannot be set to {self.dtype} {self.shape}")
        count("host_to_device")
        self._a[...] = arr

    def view(self, dtype=None, type=None):
        return dressed(self._a.view() if dtype is None else self._a.view(dtype), [self])

    def sort(self, axis=-1, kind=None):
        machine.compute()
        self._a.sort(axis)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __getattr__(self, name):
        if name in API["ndarray"] or name in API["dunder"]:
            raise AttributeError(f"the stand-in does not model cupy.ndarray.{name}")
        raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r} in CuPy {VERSION}")


def read_index(index):
    """An index for NumPy, and the arrays in it. Those that come from the host are sent to the device, as CuPy does."""
    parts, arrays = [], []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, (list, np.ndarray)):
            part = np.asarray(part) if len(np.shape(part)) else part
            if isinstance(part, np.ndarray) and part.ndim:
                count("host_to_device")
        elif isinstance(part, ndarray):
            part = part._a
        if isinstance(part, np.ndarray):
            arrays.append(part)
        parts.append(part)
    return tuple(parts) if isinstance(index, tuple) else parts[0], arrays


def in_range(act):
    try:
        return act()
    except IndexError as error:
        if "out of bounds" in str(error) and not isinstance(error, np.exceptions.AxisError):
            raise Misuse(f"{error}; where the index is an array, CuPy would take another element instead") from error
        raise


def _twice(places):
    """Whether integer arrays that are an index together name some element twice."""
    rows = np.stack(np.broadcast_arrays(*places), -1).reshape(-1, len(places))
    return len(np.unique(rows, axis=0)) < len(rows)


def _operator(name, inplace=False):
    function = getattr(np.ndarray, name)

    def operator(self, other, *rest):
        if isinstance(other, np.ndarray):
            refuse(other)
        if not isinstance(other, (ndarray, *NUMBERS)):
            return NotImplemented
        machine.compute()
        result = function(self._a, bare(other))
        if result is NotImplemented:
            return result
        return self if inplace else dressed(result)

    operator.__name__ = name
    return operator


def _alone(name):
    function = getattr(np.ndarray, name)

    def operator(self):
        machine.compute()
        return dressed(function(self._a))

    operator.__name__ = name
    return operator


def _method(name):
    function = getattr(np.ndarray, name, None) or getattr(np, name)  # ptp is a function by now

    def method(self, *args, **keywords):
        given = check_call("ndarray", name, (self, *args), keywords)
        check_axis(name, self, given.get("axis"))
        machine.compute()
        given = {key: bare(value) for key, value in keywords.items() if value is not None}
        result = function(self._a, *map(bare, args), **given)
        return dressed(result, [self, *arrays_in(args), *arrays_in(keywords.values())])

    method.__name__ = name
    return method


for _name in OPERATORS:
    for _full in (f"__{_name}__", f"__r{_name}__"):
        if _full in API["dunder"]:
            setattr(ndarray, _full, _operator(_full))
    if f"__i{_name}__" in API["dunder"]:  # there is no __imatmul__: `a @= b` makes a new array
        setattr(ndarray, f"__i{_name}__", _operator(f"__i{_name}__", inplace=True))
for _name in COMPARISONS:
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ALONE:
    setattr(ndarray, f"__{_name}__", _alone(f"__{_name}__"))
for _name in METHODS:
    assert _name in API["ndarray"]
    setattr(ndarray, _name, _method(_name))
