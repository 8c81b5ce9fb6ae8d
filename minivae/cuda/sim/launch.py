"""Runs a kernel: what is passed is checked against the kernel's signature, as strictly as a GPU is not."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from minivae.cuda.sim import report as r
from minivae.cuda.sim.errors import Finding, KernelError, SimulatorError, Triple
from minivae.cuda.sim.memory import fresh
from minivae.cuda.sim.translate import KernelText
from minivae.cuda.sim.words import Context, finding

if TYPE_CHECKING:
    from minivae.cuda.sim.module import Module

ORDERS = {"forward": 0, "reverse": 1, "random": 2}
MOST_THREADS = 1024
BLOCK_LIMITS = (1024, 1024, 64)
GRID_LIMITS = (2**31 - 1, 65_535, 65_535)
SHARED_LIMIT = 48 * 1024
SECONDS = 10.0
MOST_WORKERS = 16  # each has up to 1,024 stacks, and systems limit how many pieces of memory a process has
WORTH_WORKERS = 4096  # threads in a launch; below that, starting a second worker takes longer than it saves
SLOT = 16  # bytes that an argument by value is aligned to

# Handlers of signals belong to the process, and so do the workers, which all modules share: of each build one list.
ONE_AT_A_TIME = threading.Lock()
IDLE = {check: ctypes.c_void_p() for check in (False, True)}


class Kernel:
    """A kernel that can be called.

    Attributes
    ----------
    name : str
    signature : list of (name, type), e.g. [("mu", "const float*"), ("n", "int")].
    """

    def __init__(self, module: Module, text: KernelText, library: ctypes.CDLL):
        self.module, self.name, self.text = module, text.name, text
        buffer = ctypes.create_string_buffer(4096)
        about = library[f"__sim_about_{text.name}"]
        self._limit = about(buffer) or MOST_THREADS
        self._kinds = [kind for kind in buffer.value.decode().split(",") if kind]
        self._call = ctypes.cast(library[f"__sim_run_{text.name}"], ctypes.c_void_p)
        self.signature = text.parameters

    def __repr__(self) -> str:
        return f"<sim.Kernel {self.name}({', '.join(f'{kind} {name}' for name, kind in self.signature)})>"

    def __call__(
        self,
        grid: Sequence[int],
        block: Sequence[int],
        args: Sequence[Any],
        shared_mem: int = 0,
        *,
        order: str = "forward",
        seed: int = 0,
        threads: int | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Run it, and return when it has ended; its results are in the arrays.

        Parameters
        ----------
        grid, block : one to three numbers each.
        args : NumPy arrays for pointers (None for a null pointer), NumPy scalars for the rest.
        shared_mem : bytes of dynamic shared memory.
        order : in which order threads and blocks get their turn: "forward", "reverse", or "random", by `seed`. A kernel
            without races gives the same results in each.
        threads : operating system threads that share the blocks; None for one on each core, or one alone where the
            file uses atomics, whose sums would depend on who comes first. The checking build has one.
        seconds : processor time that a single block may take, before it is taken for endless.

        Raises
        ------
        KernelError
            For a launch that does not fit the kernel, and for what the kernel does wrong; see its `finding`.
        """
        grid3, block3 = self._shape("grid", grid, GRID_LIMITS), self._shape("block", block, BLOCK_LIMITS)
        count = block3[0] * block3[1] * block3[2]
        if count > self._limit:
            said = "__launch_bounds__ allows" if self._limit != MOST_THREADS else "a block has at most"
            raise self._wrong(f"block {block3} has {count:,} threads; {said} {self._limit:,}; use more blocks of fewer")
        if not 0 <= shared_mem <= SHARED_LIMIT:
            raise self._wrong(f"shared_mem is {shared_mem:,} bytes; a block has {SHARED_LIMIT:,}; use less")
        if order not in ORDERS:
            raise SimulatorError(f"{self.name}: got order {order!r}; wanted one of {', '.join(ORDERS)}")
        passed = Arguments(self, args)
        launch = r.Launch(
            (r.U32 * 3)(*grid3),
            (r.U32 * 3)(*block3),
            seed % 2**64,
            ORDERS[order],
            self._workers(threads, grid3[0] * grid3[1] * grid3[2], count),
            self.module.settings.flush,
            shared_mem,
            self.module.translation.grain,
            SHARED_LIMIT,
            len(args),
            len(passed.arrays),
            seconds,
            passed.start,
            passed.store.nbytes,
            ctypes.addressof(IDLE[self.module.check]),
            passed.argument_table,
            passed.array_table,
        )
        report = r.Report()
        with ONE_AT_A_TIME:
            kind = self.module.run(self._call, ctypes.byref(launch), ctypes.byref(report))
        if text := self.module.printed() if "printf" in self.module.source else "":
            sys.stdout.write(text)
        if kind == r.INTERRUPTED:
            raise KeyboardInterrupt
        if kind == r.NO_MEMORY:
            raise SimulatorError(f"{self.name}: there is not enough memory; use smaller arrays, or fewer threads")
        if kind:
            raise KernelError(finding(report, self._context(passed, block3, seconds)))

    def _context(self, passed: Arguments, block: Triple, seconds: float) -> Context:
        module = self.module
        return Context(
            self.name, module.name, passed.names, passed.nulls, block, module.lines.line, module.check, seconds
        )

    def _shape(self, what: str, numbers: Sequence[int], limits: Triple) -> Triple:
        try:
            given = tuple(int(n) for n in numbers)
        except TypeError:
            raise self._wrong(f"{what} is {numbers!r}; wanted a tuple of one to three numbers, as in (4,)") from None
        if not 1 <= len(given) <= 3:
            raise self._wrong(f"{what} is {given}; wanted one to three numbers")
        if min(given) < 1:
            raise self._wrong(f"{what} is {given}, which makes no thread at all; wanted 1 or more along each axis")
        x, y, z = (*given, 1, 1)[:3]
        if x > limits[0] or y > limits[1] or z > limits[2]:
            raise self._wrong(f"{what} is {given}; a GPU takes at most {limits}")
        return x, y, z

    def _workers(self, threads: int | None, blocks: int, count: int) -> int:
        if self.module.check:
            return 1
        if threads is None:
            threads = 1 if self.module.translation.atomics or blocks * count < WORTH_WORKERS else cores()
        return max(1, min(threads, blocks, MOST_WORKERS))

    def _wrong(self, text: str) -> KernelError:
        """A launch that a GPU would refuse, or would answer with garbage."""
        file, line = self.module.name, self.text.line
        message = f"{file}:{line}: {self.name}: {text}"
        return KernelError(Finding("launch", self.name, file, line, None, None, message))


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Arguments:
    """What is passed, in the bytes that the kernel reads, and the memory that it gives access to.

    Attributes
    ----------
    arrays : stretches of memory, each once however many parameters point into it.
    names : for each of them the parameters that do, and the bytes of an element.
    nulls : parameters for which None was passed.
    store, start : the values of all parameters, one behind the other, and where they lie.
    """

    def __init__(self, kernel: Kernel, args: Sequence[Any]):
        self.kernel = kernel
        kinds, signature = kernel._kinds, kernel.signature
        if len(args) != len(kinds):
            wanted = ", ".join(name for name, _ in signature)
            raise kernel._wrong(f"got {len(args)} arguments; wanted {len(kinds)}: {wanted}")
        self.nulls: list[str] = []
        sizes = [8 if kind[0] == "p" else int(kind[1:]) for kind in kinds]
        self._places = list(accumulate((-(-size // SLOT) * SLOT for size in sizes), initial=0))
        self.store = np.zeros(self._places[-1] + SLOT, np.uint8)
        self.start = _address(self.store)
        pointers: list[tuple[int, np.ndarray]] = []
        self.argument_table = (r.Argument * (len(args) + 1))()
        for k, (value, kind) in enumerate(zip(args, kinds, strict=True)):
            slot = self.argument_table[k]
            slot.array = r.NO_ARRAY
            slot.bytes = self.start + self._places[k]
            if kind[0] != "p":
                self._scalar(k, value)
            elif value is None:
                self.nulls.append(signature[k][0])
                slot.array = r.NULL_POINTER
            else:
                pointers.append((k, self._array(k, value)))
        self._tables(pointers)

    def _say(self, k: int) -> str:
        name, kind = self.kernel.signature[k]
        return f"`{kind} {name}`"

    def _array(self, k: int, value: Any) -> np.ndarray:
        wrong, name = self.kernel._wrong, self.kernel.signature[k][0]
        if not isinstance(value, np.ndarray):
            raise wrong(f"{name} is a {type(value).__name__}; wanted a NumPy array for {self._say(k)}, or None")
        access, kind, size = self.kernel._kinds[k][1], self.kernel._kinds[k][2], int(self.kernel._kinds[k][3:])
        got = value.dtype.kind if value.dtype.kind != "V" else "s"
        same = got == kind and value.itemsize == size
        same |= kind == "s" and size % value.itemsize == 0  # float4 and structs are made of several elements
        same |= {got, kind} <= {"b", "u"} and value.itemsize == size == 1
        if not same or not value.dtype.isnative:
            raise wrong(f"{name} is an array of {value.dtype}, which is not what {self._say(k)} points to; convert it")
        if not value.flags.c_contiguous:
            raise wrong(f"{name} has gaps or is transposed; copy it with np.ascontiguousarray({name})")
        if access == "w" and not value.flags.writeable:
            raise wrong(f"{name} is read-only, and {self._say(k)} may be written to; pass {name}.copy()")
        return value

    def _scalar(self, k: int, value: Any) -> None:
        """As a driver does, the kernel gets the bytes of what is passed; so they have to be the right ones."""
        kind, size = self.kernel._kinds[k][0], int(self.kernel._kinds[k][1:])
        name = self.kernel.signature[k][0]
        if type(value) is int and kind in "iu":  # CuPy makes it int64, whose first bytes are the number
            low, high = (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1)) if kind == "i" else (0, 2 ** (8 * size))
            if not low <= value < high:
                raise self.kernel._wrong(f"{name} is {value}, beyond the range of {self._say(k)}")
            value = np.array(value, f"{kind}{size}")
        elif not isinstance(value, (np.generic, np.ndarray)) or value.size != 1:
            raise self.kernel._wrong(f"{name} is a {type(value).__name__}; wanted {self._wanted(k)} for {self._say(k)}")
        raw = np.ascontiguousarray(value).reshape(-1)
        got = raw.dtype.kind if raw.dtype.kind != "V" else "s"
        if (got != kind and not (got in "bu" and kind in "bu" and size == 1)) or raw.itemsize != size:
            raise self.kernel._wrong(
                f"{name} is {raw.dtype}, and {self._say(k)} would read other bytes; pass {self._wanted(k)}"
            )
        self.store[self._places[k] : self._places[k] + size] = raw.view(np.uint8)

    def _wanted(self, k: int) -> str:
        kind, size = self.kernel._kinds[k][0], int(self.kernel._kinds[k][1:])
        words = {"f": f"np.float{8 * size}", "i": f"np.int{8 * size}", "u": f"np.uint{8 * size}", "b": "np.bool"}
        return f"{words[kind]}(...)" if kind in words else f"a NumPy structure of {size} bytes"

    def _tables(self, pointers: list[tuple[int, np.ndarray]]) -> None:
        """Arrays that overlap become one stretch, so that each byte is looked after once."""
        spans = sorted((_address(a), _address(a) + a.nbytes, k, a) for k, a in pointers)
        joined: list[list[tuple[int, int, int, np.ndarray]]] = []
        end = -1
        for span in spans:
            if span[0] < end or (joined and span[:2] == joined[-1][-1][:2]):
                joined[-1].append(span)
                self._may_overlap(joined[-1])
            else:
                joined.append([span])
                end = -1
            end = max(end, span[1])
        self.arrays = joined
        self.names: list[tuple[str, int]] = []
        self.array_table = (r.Array * (len(joined) + 1))()
        kinds, signature = self.kernel._kinds, self.kernel.signature
        for n, group in enumerate(joined):
            start, stop = group[0][0], max(s[1] for s in group)
            item = min(s[3].itemsize for s in group)
            self.names.append((" and ".join(signature[s[2]][0] for s in sorted(group, key=lambda s: s[2])), item))
            writable = any(kinds[s[2]][1] == "w" for s in group)
            types = {s[3].dtype for s in group}
            pattern = fresh(types.pop()) if len(types) == 1 else 0
            grain = min(item, 4)
            self.array_table[n] = r.Array(start, stop - start, grain, _offset(group[0][3]), writable, pattern)
            for lo, _, k, _ in group:
                slot = self.argument_table[k]
                slot.array, slot.offset = n, lo - start
                self.store[self._places[k] : self._places[k] + 8].view(np.uint64)[0] = lo

    def _may_overlap(self, group: list[tuple[int, int, int, np.ndarray]]) -> None:
        """The last of the group with each before it, unless one is written and one declared __restrict__."""
        *before, (start, stop, k, _) = group
        kernel = self.kernel
        for lo, hi, j, _ in before:
            if max(lo, start) < min(hi, stop) and "w" in (kernel._kinds[j][1], kernel._kinds[k][1]):
                names = [kernel.signature[p][0] for p in sorted((j, k))]
                if alone := [name for name in names if name in kernel.text.alone]:
                    raise kernel._wrong(
                        f"{' and '.join(names)} share memory, but {alone[0]} is declared __restrict__, which promises "
                        "that nothing else points there; pass a copy"
                    )


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _offset(array: np.ndarray) -> int:
    """How far it begins behind the memory it is a part of, which on a GPU begins at a multiple of 256."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    return (_address(array) - _address(whole)) % 256
