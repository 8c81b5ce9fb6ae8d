"""What the simulator raises, and what a finding is."""

from dataclasses import dataclass

from minivae.errors import MinivaeError

Triple = tuple[int, int, int]


class SimulatorError(MinivaeError, RuntimeError):
    """Base of everything that the simulator raises: no compiler, a kernel that is not there, a setting it has not."""


class CompileError(SimulatorError):
    """A source that no compiler takes, or that uses what the simulator or NVRTC does not have."""


@dataclass(frozen=True)
class Finding:
    """One fault of a kernel or of its launch.

    Attributes
    ----------
    kind : a key of `KINDS`.
    kernel : name of the kernel.
    file, line : where, in the .cu file; line is None where it cannot be told.
    block, thread : who, as (x, y, z); None for a fault of the launch.
    message : all of it in words, with the fix.
    other_line, other_thread, other_block : the second party, for a race or a barrier that not all reach.
    """

    kind: str
    kernel: str
    file: str
    line: int | None
    block: Triple | None
    thread: Triple | None
    message: str
    other_line: int | None = None
    other_block: Triple | None = None
    other_thread: Triple | None = None


# Every kind of finding, with what it is; report.py counts on the order.
KINDS = {
    "launch": "arguments, grid, block or shared memory that do not fit the kernel",
    "bounds": "memory beside an array",
    "null": "memory through a null pointer",
    "const": "a write to what was promised not to be written",
    "alignment": "a vector type or an atomic at an address that is no multiple of its size",
    "race": "two threads at one element, one of them writing, in no order",
    "uninitialised": "a value that nobody wrote",
    "barrier": "a __syncthreads() that not all threads of the block reach",
    "warp": "a warp function that not all lanes of its mask reach, or a lane that is not in the mask",
    "overflow": "a signed integer beyond its range",
    "division": "an integer divided by zero",
    "shift": "a shift by more bits than there are",
    "conversion": "a float too large for the integer it becomes",
    "return": "a function that ends without the value it promised",
    "endless": "a block that does not come to an end",
    "stack": "more local variables than a thread has room for",
    "crash": "a fault that the fast build cannot tell more about",
    "assert": "an assert() that failed, or a __trap()",
}


class KernelError(SimulatorError):
    """A kernel did, or its launch asks for, what a GPU answers with garbage, a hang or an error; see `finding`."""

    def __init__(self, finding: Finding):
        super().__init__(finding.message)
        self.finding = finding

    def __reduce__(self) -> tuple:
        return type(self), (self.finding,)  # so that it travels between processes, as pytest-xdist wants
