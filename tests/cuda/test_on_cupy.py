"""Every kernel through CuPy against its reference: on the stand-in and, under `make check-gpu`, on the GPU."""

import numpy as np
import pytest

from minivae import backend
from minivae.cuda import KERNELS, counting
from tests import gpu
from tests.backends.twins import on
from tests.cuda import harness
from tests.cuda.harness import run
from tests.cuda.test_kernels import compare, drawn, same_bits

DEVICES = ["cupy", *(["gpu"] if gpu.ASKED else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", KERNELS)
def test_it_computes_what_its_reference_says_and_writes_nowhere_else(name, device):
    """On the stand-in the first and the last size: test_kernels.py has tried the others on the same simulator."""
    kernel = KERNELS[name]
    reference, cases = drawn(kernel)
    with on(device), counting() as launches:
        tried = cases if device == "gpu" else [cases[0], cases[-1]]
        for scalars, inputs in tried:
            first, second = run(kernel, inputs), run(kernel, inputs)
            compare(reference, f"{name} {scalars}", first, reference(inputs))
            assert same_bits(first, second)
    assert launches == {name: 2 * len(tried)}


def test_the_guards_see_what_is_written_beside_an_array_on_the_device():
    with on("cupy") as here:
        array = harness.Guarded((5,), "float32", np.arange(5))
        everything, inside = harness.on_device(array)
        assert isinstance(inside, here.xp.ndarray) and backend.host(inside).tolist() == [0, 1, 2, 3, 4]
        everything[harness.GUARD + 5 * 4] = 1
        array.all[:] = everything.get()
    assert not array.guards_untouched()
