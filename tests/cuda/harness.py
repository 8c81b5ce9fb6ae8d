"""How a kernel is tried: on arrays with guard zones around them, whose outputs begin as poison; on a GPU likewise."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from minivae.cuda import current, launch

GUARD = 64  # bytes in front of and behind each array; a multiple of 16, so that float4 stays aligned
POISON = {"float32": np.uint32(0x7FC0DEAD), "int32": np.uint32(0xDEADBEEF), "uint32": np.uint32(0xDEADBEEF)}


def around(block):
    """The sizes at which a kernel goes wrong: one, a block and its neighbours, several blocks, odd and even."""
    return list(
        dict.fromkeys(n for n in (1, block - 1, block, block + 1, 2 * block, 3 * block - 1, 3 * block) if n > 0)
    )


def latin(**sizes):
    """Cases in which each size meets several values of every other, without meeting all: {"B": [..], "L": [..]}."""
    most = max(map(len, sizes.values()))
    cases = [
        {name: values[(i + shift * place) % len(values)] for place, (name, values) in enumerate(sizes.items())}
        for shift, i in itertools.product(range(3), range(most))
    ]
    return [case for i, case in enumerate(cases) if case not in cases[:i]]


class Guarded:
    """An array with guard zones on both sides, and a memory of how all of it was."""

    def __init__(self, shape, dtype, values=None):
        bits = POISON[np.dtype(dtype).name]
        size = int(np.prod(shape)) * 4
        room = np.zeros(size + 3 * GUARD, np.uint8)
        start = GUARD + -room.ctypes.data % GUARD
        self.all = room[start - GUARD : start + size + GUARD]
        self.all.view(np.uint32)[:] = bits
        self.array = self.all[GUARD : GUARD + size].view(dtype).reshape(shape)
        if values is not None:
            self.array[...] = values
        self.before = self.all.copy()

    def untouched(self):
        """Whether nothing changed, neither the array nor its guards."""
        return np.array_equal(self.all, self.before)

    def guards_untouched(self):
        return np.array_equal(self.all[:GUARD], self.before[:GUARD]) and np.array_equal(
            self.all[-GUARD:], self.before[-GUARD:]
        )


def on_device(guarded):
    """All of a guarded array, and the array in it, where the device in use has them: as they are, or in copies."""
    device = current()
    if device.owns(guarded.all):
        return guarded.all, guarded.array
    everything = device.cupy.asarray(guarded.all)
    inside = everything[GUARD : GUARD + guarded.array.nbytes]
    return everything, inside.view(guarded.array.dtype).reshape(guarded.array.shape)


@contextmanager
def guarded(kernel, inputs) -> Iterator[dict[str, Guarded]]:
    """The arrays of a kernel; once the block is left, guards and inputs have to be as they were."""
    scalars = {p.name: inputs[p.name] for p in kernel.parameters if p.shape is None and p.ctype != "float"}
    arrays = {
        p.name: Guarded(kernel.value(p.shape, **scalars), p.dtype, inputs[p.name] if p.reads else None)
        for p in kernel.parameters
        if p.shape
    }
    yield arrays
    for p in kernel.parameters:
        if p.shape:
            assert arrays[p.name].guards_untouched(), f"{kernel.name} wrote outside of {p.name}"
            assert p.writes or arrays[p.name].untouched(), f"{kernel.name} changed its input {p.name}"


def run(kernel, inputs, without=()):
    """Launch once; returns the arrays that are written, by name.

    `inputs` has what is read, by name; `without` names optional arrays for which None is passed.
    """
    with guarded(kernel, inputs) as arrays:
        there = {name: on_device(array) for name, array in arrays.items()}
        launch(
            kernel,
            *(
                None if p.name in without else there[p.name][1] if p.shape else inputs[p.name]
                for p in kernel.parameters
            ),
        )
        for name, (everything, _) in there.items():
            if everything is not arrays[name].all:
                arrays[name].all[:] = everything.get()
    return {p.name: arrays[p.name].array for p in kernel.parameters if p.writes and p.name not in without}
