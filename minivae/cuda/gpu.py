"""The GPU, through CuPy, which comes in as an argument: minivae/backend.py is the one file that imports it."""

from collections.abc import Callable
from typing import Any

from minivae.cuda.registry import Kernel


class GPU:
    """Runs kernels on CuPy arrays.

    A file is compiled by NVRTC when the first of its kernels is launched; CuPy keeps the result on disk, so that the
    next process begins at once.

    Parameters
    ----------
    cupy : the module.
    """

    arrays = "a CuPy array"

    def __init__(self, cupy: Any):
        self.cupy = cupy
        self._modules: dict[str, Any] = {}
        self._functions: dict[tuple[str, str], Callable[..., None]] = {}

    def owns(self, array: Any) -> bool:
        """Whether it is a CuPy array, in the GPU's memory."""
        return isinstance(array, self.cupy.ndarray)

    def address(self, array: Any) -> int:
        """Where the array's memory begins, on the GPU."""
        return array.data.ptr

    def function(self, kernel: Kernel) -> Callable[..., None]:
        """The kernel, compiled for this GPU once."""
        key = kernel.file, kernel.name
        if key not in self._functions:
            if kernel.file not in self._modules:
                self._modules[kernel.file] = self.cupy.RawModule(code=kernel.source)
            function = self._modules[kernel.file].get_function(kernel.name)
            self._functions[key] = lambda grid, block, args, shared: function(grid, block, args, shared_mem=shared)
        return self._functions[key]

    def elapsed(self, run: Callable[[], Any]) -> float:
        """From event to event on the GPU's own clock: the host's launches run ahead and are not in it."""
        start, stop = self.cupy.cuda.Event(), self.cupy.cuda.Event()
        start.record()
        run()
        stop.record()
        stop.synchronize()
        return 1e-3 * self.cupy.cuda.get_elapsed_time(start, stop)
