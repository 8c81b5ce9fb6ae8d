"""Write a CUDA C kernel in a cell of a notebook, and run it: in the simulator, or on a GPU where the arrays lie there.

    scale = cuda(r'''
    __global__ void scale(const float* x, float* y, float factor, int n) {
      int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) y[i] = factor * x[i];
    }
    ''')
    scale[4, 256](x, y, 2.0, 1000)  # CUDA C++ has scale<<<4, 256>>>(x, y, 2.0f, 1000)

What goes wrong, in the compiler or in a thread, is said in a few lines, with the kernel's own, not in a traceback.
Lines are counted from the one with `cuda(r'''`, which is the cell's first if the cell begins so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from minivae.errors import MinivaeError

if TYPE_CHECKING:
    from minivae.cuda.sim import Finding

TYPES: dict[str, Any] = {
    "float": np.float32,
    "double": np.float64,
    "int": np.int32,
    "unsigned int": np.uint32,
    "unsigned": np.uint32,
    "long long": np.int64,
    "unsigned long long": np.uint64,
    "size_t": np.uint64,
    "bool": np.bool_,
}
FILE = "kernel"  # what the compiler calls the source
EMPTY = re.compile(r"\)\s*\{\s*\}\s*$")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


class CellError(MinivaeError, RuntimeError):
    """A kernel that does not compile, or does what it may not. In a notebook it is shown without a traceback.

    Attributes
    ----------
    finding : what the simulator found, or None where the compiler, or the system, refused.
    """

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(text)
        self.finding = finding

    def _render_traceback_(self) -> list[str]:  # asked for by IPython; the frames would be the simulator's
        return [f"✗ {self}"]


class Kernel:
    """A kernel that was written in a cell; `cuda` makes it.

    Attributes
    ----------
    name : str
    source : str
        As it was written.
    parameters : list of (str, str)
        Name and type, ``("mu", "const float*")``.
    """

    def __init__(self, source: str, name: str, check: bool, order: str, seed: int) -> None:
        from minivae.cuda import sim

        self.source, self.check = source, check
        self._settings: dict[str, Any] = {"order": order, "seed": seed}
        try:
            self._module = sim.Module(self.compiled, FILE, check=check)
        except sim.CompileError as error:
            raise CellError(f"the kernel does not compile\n{_in_lines(str(error))}") from None
        except sim.SimulatorError as error:
            raise CellError(f"kernels cannot be run here: {str(error).removeprefix('sim: ')}") from None
        names = self._module.kernels
        self.name = name or (names[0] if names else "")
        if self.name not in names:
            got = f"got kernels called {', '.join(names)}; wanted {name}" if names else "got no kernel; wanted one"
            raise CellError(f"{got}: __global__ void {name or 'name'}(...) {{ ... }}")
        self._kernel = self._module.kernel(self.name)
        self.parameters = self._kernel.signature

    @cached_property
    def compiled(self) -> str:
        """The source with `extern "C"` before each kernel: a GPU's driver finds it by its plain name then."""
        if "template" in self.source or 'extern "C"' in self.source:
            return self.source
        return re.sub(r"\b__global__", 'extern "C" __global__', self.source)

    @property
    def signature(self) -> str:
        """How it is declared: ``"scale(const float* x, float* y, float factor, int n)"``."""
        return f"{self.name}({', '.join(f'{kind} {name}' for name, kind in self.parameters)})"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing between its braces yet."""
        return bool(EMPTY.search(COMMENT.sub("", self.source)))

    def __repr__(self) -> str:
        return f"<kernel {self.signature}>"

    def __getitem__(self, launch: Any) -> Callable[..., None]:
        """`kernel[grid, block]` is what is to be called: how many blocks, and how many threads in each."""
        if not isinstance(launch, tuple) or len(launch) != 2:
            raise CellError(f"{self.name}[{launch}]: wanted two things, {self.name}[blocks, threads](...)")
        grid, block = (part if isinstance(part, tuple) else (part,) for part in launch)
        return lambda *arguments: self.run(grid, block, arguments)

    def __call__(self, *arguments: Any) -> None:
        """Refused: CUDA has no default for the number of threads."""
        raise CellError(f"say how many threads: {self.name}[blocks, threads](...)")

    def run(self, grid: tuple, block: tuple, arguments: tuple, **settings: Any) -> None:
        """Launch it; the results are in the arrays. Raises CellError."""
        from minivae.cuda import sim

        passed = tuple(self._passed(k, value) for k, value in enumerate(arguments))
        if any(hasattr(value, "__cuda_array_interface__") for value in passed):
            self._on_gpu(grid, block, passed)
            return
        try:
            self._kernel(grid, block, passed, **(self._settings | settings))
        except sim.KernelError as error:
            raise CellError(explain(error.finding, self.source), error.finding) from None
        except sim.SimulatorError as error:
            raise CellError(str(error)) from None

    def _passed(self, k: int, value: Any) -> Any:
        """A number in the bytes that the kernel reads: a Python float has eight, a `float` of CUDA C four."""
        kind = TYPES.get(self.parameters[k][1]) if k < len(self.parameters) else None
        if kind is None or not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
            return value
        if np.dtype(kind).kind in "iu":
            whole = isinstance(value, (int, np.integer))
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
            if not whole or not low <= int(value) <= high:
                name, said = self.parameters[k]
                raise CellError(f"{self.name}: {name} is {value!r}; wanted a whole number for `{said} {name}`")
        return kind(value)

    def _on_gpu(self, grid: tuple, block: tuple, arguments: tuple) -> None:
        cupy = sys.modules["cupy"]  # whoever made such an array has imported it
        cupy.RawModule(code=self.compiled).get_function(self.name)(grid, block, arguments)


def cuda(source: str, name: str = "", *, check: bool = True, order: str = "forward", seed: int = 0) -> Kernel:
    """Compile a kernel.

    Parameters
    ----------
    source : str
        CUDA C.
    name : str
        Which of several kernels; the first unless told.
    check : bool
        Look at every access to memory. Without, it computes what it computes, as a GPU would.
    order : str
        "forward", "reverse" or "random", by `seed`: which thread of a block is first. A right kernel does not care.
    seed : int

    Raises
    ------
    CellError
        If it does not compile, or there is no compiler.
    """
    return Kernel(source, name, check, order, seed)


def explain(finding: Finding, source: str) -> str:
    """What was found, the lines it is about, and what to do."""
    where = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file}: "
    what, _, cure = finding.message.removeprefix(where).removeprefix(f"{finding.kernel}: ").partition("; ")
    lines, numbers = source.splitlines(), {finding.line or 0, finding.other_line or 0}
    if what.endswith("returned"):  # from a barrier that was not the matter
        numbers = {finding.line or 0}
    shown = [f"  {n:3} | {lines[n - 1].strip()}" for n in sorted(numbers) if 0 < n <= len(lines)]
    at = f", line {finding.line}" if finding.line and finding.kind != "launch" else ""
    shown = [] if finding.kind == "launch" else shown
    return "\n".join([f"{finding.kernel}{at}: {what}", *shown, *([cure[0].upper() + cure[1:] + "."] if cure else [])])


def _in_lines(said: str) -> str:
    """`kernel:4: ...` of the compiler as `line 4: ...`, and the line as it was written."""
    said = said.replace('extern "C" __global__', "__global__")
    return re.sub(rf"^{FILE}:(\d+):", r"line \1:", said, flags=re.MULTILINE)
