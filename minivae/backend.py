"""Where arrays live and who computes on them. The rest of the package writes `xp.exp(logvar)` and never asks.

    minivae.use("numpy")    arrays in main memory, NumPy computes: how every process begins
    minivae.use("sim")      the same arrays, and the CUDA kernels, on a simulator: slow, and needs no GPU
    minivae.use("cupy")     arrays on the GPU, CuPy and the CUDA kernels

A backend is a name, an array module `xp`, and two tables of functions that replace ops and optimiser steps of the same
name by kernels. The NumPy functions (minivae/ops, minivae/optim.py) stay the specification; a replacement has the same
signature and, if it fails, raises: nothing falls back in silence.

Values leave the device here and nowhere else: `host` for an array, `numbers` for several numbers in one copy. Both wait
until the device has computed them. Nothing else does, so a training step is asked for long before it is done, and while
the device works on it, the host draws the next batch and sends it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minivae import checks
from minivae.errors import BackendError, ConfigError


@dataclass(frozen=True)
class Backend:
    """One way to compute.

    Attributes
    ----------
    name : what `use(name)` selects.
    xp : the array module, NumPy or one that behaves like it.
    ops : replacements by op name; each takes `(xp, *arrays, **constants)` and returns value and gradients, as ops do.
    steps : replacements of optimiser steps by name, see `minivae.optim.adam`.
    device : where kernels are launched, see `minivae.cuda.launch.Device`; None where there are none.
    fetch : an array of `xp` as a NumPy array.
    about : what computes, in words.
    whole : whether an optimiser takes all parameters at once, for want of a cache that a part would stay in.
    """

    name: str
    xp: Any = field(repr=False)
    ops: dict[str, Callable] = field(default_factory=dict, repr=False)
    steps: dict[str, Callable] = field(default_factory=dict, repr=False)
    device: Any = field(default=None, repr=False)
    fetch: Callable[[Any], np.ndarray] = field(default=np.asarray, repr=False)
    about: str = ""
    whole: bool = field(default=False, repr=False)

    def move(self, array: Any) -> Any:
        """The array itself if it lives here, else a copy that does."""
        if isinstance(array, getattr(self.xp, "ndarray", object)):
            return array
        return self.xp.asarray(array.get() if hasattr(array, "get") else array)

    def refuse_foreign(self, who: str, arrays: list) -> None:
        """Raise BackendError, in the name of `who` got them, if some of the arrays were made under another backend."""
        kind = getattr(self.xp, "ndarray", object)
        for array in arrays:
            if not isinstance(array, kind):
                got = f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"
                raise BackendError(
                    f"{who}: got a {got}, but the backend is {self.name}; make or load the model after "
                    f'minivae.use("{self.name}"), and its data too'
                )


def _sim(check: bool = False) -> Backend:
    """NumPy arrays, and the kernels on the simulator; `check` looks at each of their accesses to memory."""
    from minivae.cuda import Simulator, fused
    from minivae.cuda.sim import SimulatorError
    from minivae.cuda.sim.compiler import find

    try:
        compiler = find()
    except SimulatorError as error:
        raise BackendError(f"use: {error}") from error
    about = f"kernels compiled by {compiler.program.name} for the CPU" + ", every access to memory checked" * check
    return Backend("sim", np, dict(fused.OPS), dict(fused.STEPS), Simulator(check), about=about, whole=True)


def _cupy() -> Backend:
    """Arrays on the GPU, and the kernels there."""
    from minivae.cuda import GPU, fused

    cupy = _working_cupy()
    runtime, number = cupy.cuda.runtime, cupy.cuda.Device().id
    driver, card = runtime.driverGetVersion(), runtime.getDeviceProperties(number)["name"].decode()
    about = f"CuPy {cupy.__version__} on {card}, driver for CUDA {driver // 1000}.{driver % 1000 // 10}"
    return Backend("cupy", cupy, dict(fused.OPS), dict(fused.STEPS), GPU(cupy), cupy.asnumpy, about=about, whole=True)


def _working_cupy() -> Any:
    """CuPy, once it has computed something. Raises BackendError with what is missing and how to get it."""
    otherwise = 'or minivae.use("sim"), which needs no GPU'
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            raise BackendError(f"use: CuPy is not installed; pip install 'minivae[gpu]', {otherwise}") from error
        raise BackendError(
            f"use: CuPy is installed but does not load ({_first_line(error)}); "
            f"pip install --force-reinstall 'minivae[gpu]', {otherwise}"
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if "InsufficientDriver" in str(error):
            what = "finds no NVIDIA driver, or one that is too old"
            cure = f"install or update it (nvidia-smi shows which there is), {otherwise}"
        else:
            what, cure = "finds no GPU", f"see that nvidia-smi lists one and look at CUDA_VISIBLE_DEVICES, {otherwise}"
        raise BackendError(f"use: CuPy {cupy.__version__} {what} ({_first_line(error)}); {cure}") from error
    if count < 1:
        raise BackendError(f"use: CuPy {cupy.__version__} finds no GPU; see that nvidia-smi lists one, {otherwise}")
    try:
        a = cupy.ones((2, 2), np.float32) + 1  # takes NVRTC and the headers of CUDA
        right = float((a @ a).sum()) == 32  # takes cuBLAS
    except Exception as error:  # a missing library has many faces: ImportError, RuntimeError, CompileException ...
        raise BackendError(
            f"use: CuPy {cupy.__version__} finds a GPU but cannot compute on it ({_first_line(error)}); a part of the "
            f"CUDA toolkit is missing or does not fit the driver: pip install 'minivae[gpu]' brings one, {otherwise}"
        ) from error
    if not right:
        raise BackendError(f"use: CuPy {cupy.__version__} computes wrongly on this GPU; update the driver, {otherwise}")
    return cupy


def _first_line(error: BaseException) -> str:
    lines = [line.strip(" \t=*-") for line in str(error).splitlines()]
    return next(filter(None, lines), type(error).__name__)


NUMPY = Backend("numpy", np, about=f"NumPy {np.__version__}")
BACKENDS: dict[str, Backend | Callable[..., Backend]] = {"numpy": NUMPY, "sim": _sim, "cupy": _cupy}

_current = NUMPY


def use(name: str, **settings: Any) -> Backend:
    """Select the backend that every later op runs on.

    What was made before stays where it was made, so this comes first in a script. A model is moved when an optimiser
    gathers its parameters.

    Parameters
    ----------
    name : one of `BACKENDS`.
    settings : for "sim" `check=True`: look at each access to memory that a kernel makes; some ten times slower.

    Returns
    -------
    Backend
        The one now in use.

    Raises
    ------
    BackendError
        If no backend has that name, or it cannot work on this machine; the one in use stays.
    ConfigError
        For a setting that the backend has not; likewise.

    And what was noted on the backend that is left, see `host`, after the change.
    """
    if name not in BACKENDS:
        raise BackendError(f"use: there is no backend {name!r}; this version has {', '.join(sorted(BACKENDS))}")
    if settings.keys() - ({"check"} if name == "sim" else set()):
        got = ", ".join(settings)
        raise ConfigError(f"use: {name} takes no {got}; the only setting is that of use('sim', check=True)")
    made = BACKENDS[name]
    _select(made if isinstance(made, Backend) else made(**settings))
    return _current


@contextmanager
def using(name: str, **settings: Any) -> Iterator[Backend]:
    """Inside `with using("sim"):` that backend is in use, see `use`."""
    before = _current
    try:
        yield use(name, **settings)
    finally:
        _select(before)


def _select(chosen: Backend) -> None:
    global _current
    try:
        if checks.outstanding():
            _read()
    finally:
        if chosen.device is not _current.device:
            from minivae.cuda import select

            select(chosen.device)
        _current = chosen


def current() -> Backend:
    """The backend in use."""
    return _current


def host(array: Any) -> np.ndarray:
    """An array of the backend in use as a NumPy array: the same memory on a CPU; on a GPU this waits and copies.

    Raises what was noted by `minivae.checks.demand` and turns out not to be met.
    """
    if not checks.outstanding():
        return _current.fetch(array)
    if array.size == 1 and array.dtype.kind == "f":  # a loss: it comes in one copy with what was noted
        return np.full(array.shape, _read(array.reshape(()))[0], array.dtype)
    _read()
    return _current.fetch(array)


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Single numbers by name, Python's or arrays of no dimension, as Python floats; in one copy from the device.

    Raises what `host` raises.
    """
    return dict(zip(values, _read(*values.values()), strict=True))


def _read(*values: Any) -> list[float]:
    xp, flags = _current.xp, checks.outstanding()
    if not (values or flags):
        return []
    try:
        together = xp.stack([xp.asarray(value, dtype="float64") for value in (*values, *flags)])
        read = _current.fetch(together).tolist()
    except BaseException:
        checks.forget()  # where nothing can be read any more, nothing can be said of them
        raise
    checks.judge(read[len(values) :])
    return read[: len(values)]
