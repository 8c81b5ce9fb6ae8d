"""The module `cupy` and those in it, put together of what api.json names, and its installation."""

import sys
import time
import types
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from tests.standin.arrays import arrays_in, bare, check_axis, dressed, fresh, fresh_like, in_range, ndarray, read_index
from tests.standin.kernels import CompileException, RawKernel, RawModule
from tests.standin.machine import API, VERSION, CUDADriverError, CUDARuntimeError, Machine, check_call, count, machine

# Functions whose result has a size that depends on values: CuPy has to ask the device for it.
ASK = {"argwhere", "bincount", "compress", "extract", "flatnonzero", "histogram", "nonzero", "unique"}
BOOLS = {"allclose", "array_equal", "array_equiv"}  # NumPy says True, CuPy gives an array


class Module(types.ModuleType):
    """A module that has what CuPy's has, as far as it is modelled here."""

    def __init__(self, name, section):
        super().__init__(name)
        self._section = section

    def __getattr__(self, name):
        if name.startswith("__") or name not in API[self._section]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} in CuPy {VERSION}")
        value = getattr(np.linalg if self._section == "linalg" else np, name, None)
        if self._section == "module" and name in API["ufuncs"] and isinstance(value, np.ufunc):
            value = ufunc(name)
        elif value is None and name != "newaxis":
            raise AttributeError(f"the stand-in does not model {self.__name__}.{name}")
        elif callable(value) and not isinstance(value, type):
            value = _function(self._section, name, value)
        setattr(self, name, value)
        return value


def _function(section, name, numpys):
    def function(*args, **keywords):
        bound = check_call(section, name, args, keywords)
        check_axis(name, args[0] if args else None, bound.get("axis"))
        machine.compute()
        if name in ASK:
            count("device_to_host")
        given = {key: bare(value) for key, value in keywords.items()}
        result = in_range(lambda: numpys(*map(bare, args), **given))
        if name in BOOLS:
            result = np.asarray(result)
        return dressed(result, [*arrays_in(args), *arrays_in(keywords.values())])

    function.__name__ = function.__qualname__ = name
    return function


class ufunc:
    """cupy.ufunc: fewer keywords than NumPy's, and few of its methods."""

    def __init__(self, name):
        self.name, self._numpys = f"cupy_{name}", getattr(np, name)
        self._called = _function("module", name, self._numpys)
        self.nin, self.nout = self._numpys.nin, self._numpys.nout

    def __call__(self, *args, **keywords):
        return self._called(*args, **keywords)

    def at(self, a, indices, b=None):
        name = self.name.removeprefix("cupy_")
        if name not in API["at"]:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        machine.compute()
        if isinstance(b, np.ndarray):
            count("host_to_device")
        index, _ = read_index(indices)
        in_range(lambda: self._numpys.at(bare(a), index, b if isinstance(b, np.ndarray) else bare(b)))

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        methods = {"cupy_add": "sum", "cupy_multiply": "prod"}
        if self.name not in methods:
            raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")
        return getattr(array, methods[self.name])(axis, dtype, out, keepdims)

    def outer(self, a, b):
        machine.compute()
        return dressed(self._numpys.outer(bare(a), bare(b)))


# Coming to the device.


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if isinstance(obj, ndarray):
        return dressed(np.array(obj._a, dtype, copy=copy, order=order, ndmin=ndmin), [obj])
    inside = list(arrays_in([obj]))
    if inside:
        return stack([asarray(part, dtype) for part in obj])
    machine.runtime()
    made = np.array(obj, dtype, order=order, ndmin=ndmin)  # always a copy: the bytes move
    if made.ndim:
        count("host_to_device")
    return ndarray._of(made)


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    if isinstance(a, ndarray):
        return dressed(np.asarray(a._a, dtype, order=order, copy=copy), [a])
    return array(a, dtype, order=order or "K", blocking=blocking)


def ascontiguousarray(a, dtype=None):
    if not isinstance(a, ndarray):
        raise TypeError(f"Argument 'a' has incorrect type (expected cupy.ndarray, got {type(a).__name__})")
    machine.compute()
    return dressed(np.asarray(a._a, dtype, order="C"), [a])  # of no dimension stays of no dimension


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get(order=order, out=out) if isinstance(a, ndarray) else np.asarray(a)


def empty(shape, dtype=float, order="C"):
    return ndarray._of(fresh(shape, dtype, order))


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    a = bare(prototype)
    return ndarray._of(fresh_like(a, dtype or a.dtype, shape))


def _joined(name):
    def function(tup, *args, **keywords):
        check_call("module", name, (tup, *args), keywords)
        parts = list(tup)
        if not all(isinstance(part, ndarray) for part in parts):
            raise TypeError("Only cupy arrays can be concatenated")
        machine.compute()
        given = {key: bare(value) for key, value in keywords.items()}
        return dressed(getattr(np, name)([part._a for part in parts], *args, **given))

    return function


stack, concatenate = _joined("stack"), _joined("concatenate")


def take(a, indices, axis=None, out=None):
    return a.take(indices, axis, out)


def get_array_module(*args):
    return cupy if any(isinstance(a, ndarray) for a in args) else np


# Devices.


class Stream:
    def __init__(self, *args, **keywords):
        pass

    def synchronize(self):
        count("waits")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


class Event:
    """cupy.cuda.Event. Kernels on the simulator are done when they have been launched, so the host's clock will do."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.at = None

    def record(self, stream=None):
        machine.runtime()
        self.at = time.perf_counter()

    def synchronize(self):
        count("waits")


def get_elapsed_time(start_event, end_event):
    """Milliseconds."""
    return 1e3 * (end_event.at - start_event.at)


class Device(Stream):
    compute_capability = "90"

    def __init__(self, device=0):
        self.id = device


def _count_of_devices():
    machine.runtime()
    return machine.devices


def _properties(device):
    machine.runtime()
    return {"name": b"a stand-in: kernels on the CPU", "totalGlobalMem": 2**30, "multiProcessorCount": 1}


class Generator:
    """cupy.random.Generator: it lacks normal, permutation, shuffle and choice, and its streams are not NumPy's."""

    def __init__(self, seed=None):
        self._numpys = np.random.Generator(np.random.Philox(seed))

    def __getattr__(self, name):
        if name not in API["Generator"]:
            raise AttributeError(f"'Generator' object has no attribute {name!r} in CuPy {VERSION}; NumPy's has it")

        def method(*args, **keywords):
            check_call("Generator", name, (self, *args), keywords)
            machine.compute()
            return dressed(getattr(self._numpys, name)(*map(bare, args), **keywords))

        return method


def _made():
    made = Module("cupy", "module")
    made.__version__ = VERSION
    for own in (ndarray, ufunc, RawModule, RawKernel, array, asarray, ascontiguousarray, asnumpy, empty, empty_like):
        setattr(made, own.__name__, own)
    made.stack, made.concatenate, made.take, made.get_array_module = stack, concatenate, take, get_array_module
    made.cuda = types.ModuleType("cupy.cuda")
    made.cuda.Device, made.cuda.Stream = Device, Stream
    made.cuda.get_current_stream = Stream
    made.cuda.Event, made.cuda.get_elapsed_time = Event, get_elapsed_time
    made.cuda.is_available = lambda: not machine.driver and machine.devices > 0
    made.cuda.runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=_count_of_devices,
        getDeviceProperties=_properties,
        deviceSynchronize=Stream().synchronize,
        runtimeGetVersion=lambda: 12090,
        driverGetVersion=lambda: 12090,
    )
    made.cuda.driver = SimpleNamespace(CUDADriverError=CUDADriverError)
    made.cuda.compiler = SimpleNamespace(CompileException=CompileException)
    made.linalg = Module("cupy.linalg", "linalg")
    made.random = types.ModuleType("cupy.random")
    made.random.Generator = made.random.default_rng = Generator
    made.lib = types.ModuleType("cupy.lib")
    made.lib.stride_tricks = SimpleNamespace(as_strided=_as_strided)
    return made


def _as_strided(x, shape=None, strides=None):
    machine.compute()
    return dressed(np.lib.stride_tricks.as_strided(bare(x), shape, strides))


cupy = _made()


@contextmanager
def installed(**settings):
    """Inside `with installed() as cupy:` that is what `import cupy` gives. `settings` are attributes of `Machine`."""
    names = {"cupy": cupy, "cupy.cuda": cupy.cuda, "cupy.random": cupy.random, "cupy.linalg": cupy.linalg}
    before, machine_before = {name: sys.modules.get(name) for name in names}, replace(machine)
    sys.modules.update(names)
    vars(machine).update(vars(replace(Machine(), **settings)))
    try:
        yield cupy
    finally:
        vars(machine).update(vars(machine_before))
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
