"""cupy.RawModule and RawKernel: kernels on the simulator."""

from functools import cache

import numpy as np

from minivae.cuda import KERNELS, sim
from tests.standin.arrays import NUMBERS, ndarray, refuse
from tests.standin.machine import CUDADriverError, Misuse, count, machine


class CompileException(Exception):
    """cupy.cuda.compiler.CompileException."""


@cache
def _compiled(code, options, check):  # CuPy remembers what it compiled, too
    name = next((kernel.file for kernel in KERNELS.values() if kernel.source == code), "kernel.cu")
    try:
        return sim.Module(code, name, check=check, options=options)
    except sim.CompileError as error:
        raise CompileException(str(error)) from error


class RawModule:
    def __init__(
        self,
        code=None,
        *,
        path=None,
        options=(),
        backend="nvrtc",
        translate_cucomplex=False,
        enable_cooperative_groups=False,
        name_expressions=None,
        jitify=None,
    ):
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if not isinstance(options, tuple):
            raise TypeError(f"Argument 'options' has incorrect type (expected tuple, got {type(options).__name__})")
        if path or translate_cucomplex or enable_cooperative_groups or name_expressions or jitify:
            raise NotImplementedError("the stand-in compiles plain CUDA C from `code`")
        self.code, self.options, self.backend = code, options, backend

    def compile(self, log_stream=None):
        machine.runtime()
        if machine.toolkit:
            raise machine.toolkit
        return _compiled(self.code, self.options, machine.check)

    def get_function(self, name):
        return RawKernel(self.code, name, self.options, _module=self.compile())  # compiled at once, as in CuPy


class RawKernel:
    def __init__(self, code, name, options=(), backend="nvrtc", *, _module=None):
        self.code, self.name, self.options = code, name, options
        self._function = None
        if _module is not None:
            try:
                self._function = _module.kernel(name)
            except sim.SimulatorError as error:
                raise CUDADriverError("CUDA_ERROR_NOT_FOUND: named symbol not found") from error

    def __call__(self, grid, block, args, *, shared_mem=0, stream=None):
        if self._function is None:
            self._function = RawModule(code=self.code, options=self.options).get_function(self.name)._function
        for what, value in (("grid", grid), ("block", block)):
            if not isinstance(value, tuple):
                raise TypeError(f"Argument '{what}' has incorrect type (expected tuple, got {type(value).__name__})")
        machine.runtime()
        passed = [self._argument(i, value) for i, value in enumerate(args)]
        count("launches")
        self._function(grid, block, passed, shared_mem)

    def _argument(self, i, value):
        if isinstance(value, ndarray):
            if not value.flags.c_contiguous:
                raise Misuse(
                    f"{self.name}: argument {i} has gaps or is transposed; CuPy passes where it begins, and the kernel "
                    "would take what lies there as if it were contiguous"
                )
            return value._a
        if isinstance(value, np.ndarray):
            if value.size != 1:
                raise TypeError(
                    f"You are trying to pass a numpy.ndarray of shape {value.shape} as a kernel parameter. Only "
                    "numpy.ndarrays of size one can be passed by value."
                )
            return value.reshape(())[()]
        if isinstance(value, bool):
            return np.bool_(value)
        if isinstance(value, float):
            return np.float64(value)  # eight bytes, whatever the kernel reads
        if isinstance(value, int):
            return np.int64(value)
        if value is None or isinstance(value, NUMBERS):
            return value
        return refuse(value)
