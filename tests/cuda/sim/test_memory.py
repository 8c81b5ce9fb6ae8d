"""Fresh memory, as a GPU hands it out: nothing that could pass for a result."""

import numpy as np
import pytest

from minivae.cuda import sim


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_nan(dtype):
    a = sim.poison((3, 4), dtype)
    assert (a.shape, a.dtype) == ((3, 4), np.dtype(dtype))
    assert np.isnan(a).all()
    assert a.flags.c_contiguous
    assert a.flags.writeable


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"])
def test_integers_are_far_from_zero(dtype):
    a = sim.poison(5, dtype)
    assert len(set(a.tolist())) == 1
    assert abs(int(a[0])) > 50


def test_int32_is_a_number_that_catches_the_eye():
    assert sim.poison(1, np.int32)[0] == -1111111111


def test_bools_are_true_and_nothing_else():
    assert sim.poison(4, bool).view(np.uint8).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("shape", [0, (), (2, 0, 3), (1,)])
def test_any_shape(shape):
    assert sim.poison(shape).shape == np.empty(shape).shape


def test_nan_that_was_computed_is_no_fresh_memory(compiled):
    source = 'extern "C" __global__ void k(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }'
    x = np.array([np.nan, -np.nan, np.inf - np.inf, 0.0], np.float32)
    y = sim.poison(4)
    compiled(source, check=True).kernel("k")((1,), (4,), (x, y))
    assert np.isnan(y[:3]).all()
