"""A .cu file, compiled and loaded."""

import ctypes
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from minivae.cuda.sim.build import Options, build, load
from minivae.cuda.sim.errors import SimulatorError
from minivae.cuda.sim.launch import Kernel
from minivae.cuda.sim.lines import LineTable, section
from minivae.cuda.sim.report import Launch, Report
from minivae.cuda.sim.translate import translate


class Module:
    """The kernels of a CUDA C source, ready to run on the CPU.

    Parameters
    ----------
    source : the text of a .cu file, unchanged.
    name : what findings and errors call it.
    check : look at every access: bounds, races, values that nobody wrote, barriers that not all reach. Slower.
    options : as for NVRTC: "-DNAME=value", "-UNAME", "-ftz=false" (keep small numbers), "-fmad=false" (no fused
        multiply-add); "-std=c++17" and "--device-as-default-execution-space" change nothing.

    Attributes
    ----------
    warnings : what the compiler finds suspicious: variables without a value, functions that return none.

    Raises
    ------
    CompileError
        If the source is no C++, or uses what is not simulated.
    SimulatorError
        If there is no compiler.
    """

    def __init__(self, source: str, name: str = "kernel.cu", *, check: bool = False, options: Sequence[str] = ()):
        self.source, self.name, self.check = source, name, check
        self.settings = Options(options)
        self.translation = translate(source, name)
        library, self.warnings = build(source, name, check, self.settings, self.translation)
        self._table = section(library)
        self._library = load(library)
        self.run = self._library["__sim_launch"]
        self.run.argtypes = [ctypes.c_void_p, ctypes.POINTER(Launch), ctypes.POINTER(Report)]

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names, in the order of the file."""
        return tuple(k.name for k in self.translation.kernels.values() if k.plain)

    def kernel(self, name: str) -> Kernel:
        """A kernel by name. Raises SimulatorError if there is none, with the names of those there are."""
        text = self.translation.kernels.get(name)
        if text is None:
            there = f"it has {', '.join(self.kernels)}" if self.kernels else "it has none"
            raise SimulatorError(f"{self.name}: there is no kernel {name!r}; {there}")
        if not text.plain:
            raise SimulatorError(
                f'{self.name}:{text.line}: {name} is a template, or not declared extern "C", so it cannot be found by '
                f'its name; write `extern "C" __global__ void {name}(`'
            )
        return Kernel(self, text, self._library)

    def variable(self, name: str, dtype: Any) -> np.ndarray:
        """The memory of a `__device__` or `__constant__` variable, as an array that shares it."""
        found = (ctypes.c_char_p(), ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_int())
        for k in range(len(self.translation.variables)):
            self._library["__sim_variable"](k, *map(ctypes.byref, found))
            if found[0].value == name.encode():
                memory = (ctypes.c_char * found[2].value).from_address(found[1].value or 0)
                return np.frombuffer(memoryview(memory), dtype)
        there = ", ".join(self.translation.variables) or "none"
        raise SimulatorError(f"{self.name}: there is no __device__ variable {name!r}; there is {there}")

    @cached_property
    def lines(self) -> LineTable:
        """From offsets of the code to lines."""
        return LineTable(self._table, self.name)

    def printed(self) -> str:
        """What kernels have printed since this was asked last."""
        buffer = ctypes.create_string_buffer(1 << 20)
        size = self._library["__sim_take_printed"](buffer, ctypes.c_size_t(len(buffer)))
        return buffer.raw[:size].decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<sim.Module {self.name}: {', '.join(self.kernels)}{' (checked)' * self.check}>"
