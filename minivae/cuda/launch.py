"""One way to run a kernel: `launch("gaussian_kl", mu, logvar, kl, B, L)`.

A kernel believes what it is told. Give it a float64 array for a float32 one, a transposed view, or B and L exchanged,
and it reads the wrong bytes or somebody else's, on a GPU often without a word. So everything is checked here, before:
the number of arguments, each array's type, layout, place and size, each scalar's type and range.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from minivae.cuda.kernels import find
from minivae.cuda.registry import Kernel, Parameter
from minivae.errors import BackendError, ConfigError, DtypeError, ShapeError

GRID_LIMITS = (2**31 - 1, 65_535, 65_535)
SIZE_LIMIT = 2**31 - 2**22  # a thread may step past the end by the width of a grid, and its int must not overflow there


class Device(Protocol):
    """Something that runs kernels.

    Attributes
    ----------
    arrays : what it takes, in words: "a NumPy array".
    """

    arrays: str

    def owns(self, array: Any) -> bool:
        """Whether a kernel can reach the memory of this array."""

    def address(self, array: Any) -> int:
        """Where an array that it owns begins."""

    def function(self, kernel: Kernel) -> Callable[..., None]:
        """The compiled kernel, to be called with (grid, block, args, shared_mem)."""

    def elapsed(self, run: Callable[[], Any]) -> float:
        """Seconds that the device works on what `run` launches."""


class Simulator:
    """Runs kernels on the CPU, on NumPy arrays.

    Parameters
    ----------
    check : look at every access to memory, and raise where a GPU would answer with garbage; slower.
    order : "forward", "reverse" or "random": which thread of a block goes first. A right kernel does not care.
    seed : for the random order.
    threads : how many blocks at a time; None for one on each core.
    """

    arrays = "a NumPy array"

    def __init__(self, check: bool = False, order: str = "forward", seed: int = 0, threads: int | None = None):
        self.check, self.settings = check, dict(order=order, seed=seed, threads=threads)
        self._functions: dict[tuple[str, str], Callable] = {}

    def owns(self, array: Any) -> bool:
        """Whether it is a NumPy array: the simulator works in main memory."""
        return isinstance(array, np.ndarray)

    def address(self, array: Any) -> int:
        """Where the array's memory begins."""
        return array.ctypes.data

    def function(self, kernel: Kernel) -> Callable[..., None]:
        """The kernel, compiled for the simulator; raises BackendError if that fails."""
        key = kernel.name, kernel.source
        if key not in self._functions:
            run = _simulated(kernel.file, kernel.source, self.check).kernel(kernel.name)
            self._functions[key] = partial(run, **self.settings)
        return self._functions[key]

    def elapsed(self, run: Callable[[], Any]) -> float:
        """Seconds by the clock; what is simulated says nothing about the speed of a GPU."""
        begun = time.perf_counter()
        run()
        return time.perf_counter() - begun


@cache
def _simulated(file: str, source: str, check: bool) -> Any:
    from minivae.cuda import sim  # here, since a GPU does not need it

    return sim.Module(source, name=file, check=check)


_device: Device | None = None
_counters: list[Counter] = []


def select(device: Device | None) -> None:
    """Launch on this device from now on: a `Simulator`, a `GPU`, or None for none."""
    global _device
    _device = device


def current() -> Device:
    """The device in use. Raises BackendError if none was selected."""
    if _device is None:
        raise BackendError('launch: no device is selected; say minivae.use("sim"), or minivae.use("cupy") on a GPU')
    return _device


@contextmanager
def using(device: Device | None) -> Iterator[Device | None]:
    """Inside `with using(Simulator(check=True)):` kernels run there."""
    before = _device
    select(device)
    try:
        yield device
    finally:
        select(before)


@contextmanager
def counting() -> Iterator[Counter]:
    """Inside `with counting() as launches:` that counter learns of every launch: `launches["gaussian_kl_v3"]`."""
    counter: Counter = Counter()
    _counters.append(counter)
    try:
        yield counter
    finally:
        _counters[:] = [other for other in _counters if other is not counter]


def launch(kernel: str | Kernel, *args: Any) -> None:
    """Check the arguments and run a kernel; what it writes is in its output arrays.

    On a GPU this returns before the kernel has finished, as launches do. Nothing is launched where the grid is empty,
    since then there is no element to compute.

    Parameters
    ----------
    kernel : a kernel, its name ("gaussian_kl_v1"), or the name that its versions share ("gaussian_kl").
    args : in the order of the .cu file. Arrays: contiguous, of the type and size that the file says. Scalars: Python
        or NumPy numbers. None for an array that is optional ("or null" in the file).

    Raises
    ------
    ConfigError
        If arguments are missing or too many; a scalar is out of range or breaks a condition of the kernel; or the
        grid would be larger than a GPU takes.
    DtypeError
        If an array or a scalar has another type.
    ShapeError
        If an array has another size, has gaps, begins at an odd address, is read-only but written to, or if an output
        shares memory with another argument.
    BackendError
        If an array lies elsewhere than on the device, the kernel is unknown, or no device is selected.
    """
    kernel = find(kernel) if isinstance(kernel, str) else kernel
    device = current()
    passed, integers = _arguments(kernel, args, device)
    _check_scalars(kernel, integers)
    grid, block, shared, shapes = kernel.plan(**integers)
    _check_shapes(kernel, passed, shapes, integers)
    if min(grid) <= 0:
        return
    if any(n > limit for n, limit in zip(grid, GRID_LIMITS, strict=False)):
        raise ConfigError(f"{kernel.name}: {_listed(integers)} makes a grid of {grid}; a GPU takes {GRID_LIMITS}")
    device.function(kernel)(grid, block, passed, shared)
    for counter in _counters:
        counter[kernel.name] += 1


def _arguments(kernel: Kernel, args: tuple, device: Device) -> tuple[tuple, dict[str, int]]:
    """What the kernel gets, argument by argument; and its integers by name."""
    if len(args) != len(kernel.parameters):
        wanted = ", ".join(p.name for p in kernel.parameters)
        raise ConfigError(f"{kernel.name}: got {len(args)} arguments; wanted {len(kernel.parameters)}: {wanted}")
    passed: list[Any] = []
    integers: dict[str, int] = {}
    spans: list[tuple[Parameter, int, int]] = []
    for p, a in zip(kernel.parameters, args, strict=True):
        passed.append(_scalar(kernel, p, a) if p.shape is None else a)
        if p.shape is None and p.ctype != "float":
            integers[p.name] = int(a)
        if p.shape is not None and not (a is None and p.optional):
            spans.append(_span(kernel, p, a, device))
    _check_apart(kernel, spans)
    return tuple(passed), integers


def _scalar(kernel: Kernel, p: Parameter, value: Any) -> np.generic:
    """A number with exactly the bytes that the kernel reads: a Python float would travel as eight."""
    wanted: Any = Real if p.ctype == "float" else Integral
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, wanted):
        got = type(value).__name__
        raise DtypeError(f"{kernel.name}: {p.name} is a {got}; wanted a number for `{p.ctype} {p.name}`")
    low, high = p.limits
    if not low <= value <= high and abs(value) < math.inf:  # NaN and infinity are floats like others
        raise ConfigError(f"{kernel.name}: {p.name} is {value}; `{p.ctype}` goes from {low:.7g} to {high:.7g}")
    return p.dtype.type(value)


def _span(kernel: Kernel, p: Parameter, array: Any, device: Device) -> tuple[Parameter, int, int]:
    """Where an array begins and ends, once it is one that the kernel can take."""
    what = f"{kernel.name}: {p.name}"
    if not device.owns(array):
        raise BackendError(f"{what} is {_described(array)}; wanted {device.arrays} of {p.dtype}, {p.shape}")
    if array.dtype != p.dtype:
        raise DtypeError(f"{what} is {array.dtype}; wanted {p.dtype}: convert it with {p.name}.astype('{p.dtype}')")
    flags, start = array.flags, device.address(array)
    if not flags.c_contiguous:
        raise ShapeError(f"{what} has gaps or is transposed; copy it with xp.ascontiguousarray({p.name})")
    if p.writes and not getattr(flags, "writeable", True):  # CuPy has no such flag
        raise ShapeError(f"{what} is read-only but the kernel writes to it; pass {p.name}.copy()")
    if start % kernel.align and array.size:
        raise ShapeError(f"{what} begins at an address that {kernel.align} does not divide; pass {p.name}.copy()")
    return p, start, start + array.nbytes


def _check_apart(kernel: Kernel, spans: list[tuple[Parameter, int, int]]) -> None:
    """No output shares memory with another argument: the kernels say `__restrict__`, which promises that."""
    for i, (p, start, stop) in enumerate(spans):
        for q, other_start, other_stop in spans[:i]:
            if (p.writes or q.writes) and max(start, other_start) < min(stop, other_stop):
                fix = "give the output an array of its own"
                raise ShapeError(f"{kernel.name}: {q.name} and {p.name} share memory; {fix}")


def _check_scalars(kernel: Kernel, integers: dict[str, int]) -> None:
    for name in kernel.sizes:
        if not 0 <= integers[name] <= SIZE_LIMIT:
            raise ConfigError(f"{kernel.name}: {name} is {integers[name]}; a size goes from 0 to {SIZE_LIMIT}")
    for met, (condition, reason) in zip(kernel.conditions, kernel.needs, strict=True):
        if not met(**integers):
            raise ConfigError(f"{kernel.name}: {reason}; wanted {condition}, got {_listed(integers)}")


def _check_shapes(kernel: Kernel, passed: tuple, shapes: tuple, integers: dict[str, int]) -> None:
    arrays = [(p, a) for p, a in zip(kernel.parameters, passed, strict=True) if p.shape]
    for (p, a), shape in zip(arrays, shapes, strict=True):
        # Other axes are fine, (B, C, H, W) for (B, D); as many as wanted, but of other lengths, are a mistake.
        if a is not None and a.shape != shape and (a.ndim == len(shape) or a.size != math.prod(shape)):
            sizes = _listed({name: integers[name] for name in kernel.sizes})
            raise ShapeError(f"{kernel.name}: {p.name} is {a.shape}; wanted {p.shape} = {shape}, for {sizes}")


def _described(value: Any) -> str:
    kind = type(value)
    return "None" if value is None else f"a {kind.__module__.partition('.')[0]}.{kind.__name__}"


def _listed(integers: dict[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in integers.items())
