"""Whoever checks kernels is shown faults that it has to catch: planted kernels, each wrong in one way."""

import ctypes
import math

import numpy as np
import pytest

from minivae.cuda import Kernel, Simulator, using
from minivae.cuda.sim import KernelError
from tests.cuda.harness import Guarded, run
from tests.cuda.test_kernels import compare, same_bits

RIGHT = "if (i < n) y[i] = 2.0f * x[i];"

PLANTED = {
    "one too many": ("if (i <= n) y[i] = 2.0f;", r"wrote outside of y|y\["),
    "one in front": ("if (i < n) y[(int)i - 1] = 2.0f * x[i];", r"wrote outside of y|y\["),
    "an input that is written to": ("if (i < n) { y[i] = 2.0f * x[i]; ((float*)x)[i] = 0.0f; }", "changed its input x"),
    "an element left out": ("if (i < n - 1) y[i] = 2.0f * x[i];", "scaled"),
    "a read beyond the end": ("if (i < n) y[i] = 2.0f * x[i + 1];", "scaled"),
    "a factor of 1.001": ("if (i < n) y[i] = 2.002f * x[i];", "scaled"),
}


@pytest.fixture
def planted(tmp_path):
    """A kernel with this body, as though it were among ours."""

    def make(body):
        path = tmp_path / "scaled.cu"
        path.write_text(
            f"""
constexpr int BLOCK = 32;
extern "C" __global__ void __launch_bounds__(BLOCK) scaled(
    const float* x,  // (n,)
    float* y,        // (n,)
    int n) {{
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  {body}
}}
"""
        )
        return Kernel("scaled", str(path), grid="cdiv(n, BLOCK)")

    return make


class Tolerances:
    rtol, atol = 1e-5, 1e-5


def tried(kernel):
    x = np.arange(1, 41, dtype="float32")
    with using(Simulator()):
        got = run(kernel, {"x": x, "n": 40})
    compare(Tolerances, "scaled", got, {"y": 2.0 * x})


def test_the_right_kernel_passes(planted):
    tried(planted(RIGHT))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught(name, planted):
    body, words = PLANTED[name]
    with pytest.raises((AssertionError, KernelError), match=words):  # the simulator may be the first to see it
        tried(planted(body))


class Careless(Simulator):
    """Runs Python instead of the kernel: something that writes where it should not, and that nobody watches."""

    def __init__(self, write):
        super().__init__()
        self.write = write

    def function(self, kernel):
        return lambda grid, block, args, shared: self.write(*args)


@pytest.mark.parametrize("place", [-16, -1, 40, 55])
def test_a_write_around_an_output_is_caught_by_the_harness_alone(planted, place):
    def write(x, y, n):
        y[...] = 2 * x
        ctypes.c_float.from_address(y.ctypes.data + 4 * place).value = 0

    with using(Careless(write)), pytest.raises(AssertionError, match="wrote outside of y"):
        run(planted(RIGHT), {"x": np.ones(40, "float32"), "n": 40})


def test_a_change_of_an_input_is_caught_by_the_harness_alone(planted):
    def write(x, y, n):
        x[3] = 7

    with using(Careless(write)), pytest.raises(AssertionError, match="changed its input x"):
        run(planted(RIGHT), {"x": np.ones(40, "float32"), "n": 40})


def test_a_result_that_depends_on_the_order_of_threads_is_caught(planted):
    body = "__shared__ float last; last = x[0] + threadIdx.x; __syncthreads(); if (i < n) y[i] = last;"
    inputs, results = {"x": np.zeros(32, "float32"), "n": 32}, []
    for order in ("forward", "reverse"):
        with using(Simulator(order=order)):
            results.append(run(planted(body), inputs))
    assert not same_bits(*results)


def test_fresh_memory_is_poison_and_guards_are_watched():
    guarded = Guarded((3, 5), "float32")
    assert np.isnan(guarded.array).all() and guarded.untouched() and guarded.array.ctypes.data % 16 == 0
    assert guarded.all.nbytes - guarded.array.nbytes == 128
    guarded.array[...] = 0
    assert not guarded.untouched() and guarded.guards_untouched()
    guarded.all[0] += 1
    assert not guarded.guards_untouched()
    assert math.isnan(Guarded((1,), "float32").array[0])
