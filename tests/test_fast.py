"""The tricks of minivae/ops/fast.py: each does what the plain line that it stands for would do."""

import subprocess
import sys

import numpy as np
import pytest

from minivae.ops import fast

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


def test_sums_are_those_of_numpy():
    a = normal(5, 7)
    np.testing.assert_allclose(fast.column_sum(np, a), a.sum(axis=0))
    np.testing.assert_allclose(fast.row_sum(np, a), a.sum(axis=1))
    out = np.empty(7)
    assert fast.column_sum(np, a, out) is out
    np.testing.assert_allclose(out, a.sum(axis=0))


@pytest.mark.parametrize("shape", [(3, 784), (3, 64), (3, 49), (2, 3, 96), (3, 1), (3, 0), (0, 8)])
def test_sum_of_logarithms_is_that_of_numpy_at_every_width(shape):
    a = RNG.uniform(0.5, 1, shape)
    np.testing.assert_allclose(fast.row_sum_of_log(np, a), np.log(a).sum(axis=-1), atol=1e-12)


@pytest.mark.parametrize("D", [64, 784, 333])  # 64 a product, 16, and 1
def test_sum_of_logarithms_holds_in_float32_where_all_factors_are_the_smallest(D):
    a = np.full((1, D), 0.5, np.float32)
    assert fast.row_sum_of_log(np, a) == pytest.approx(-D * np.log(2), rel=1e-6)  # float32


@pytest.mark.parametrize("a", [normal(4, 5), normal(4, 5).T, np.array(0.3), np.array([-1e4, 1e4]), normal(0, 3)])
def test_logistic_is_the_logistic_function_and_leaves_its_input_alone(a):
    before = a.copy()
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(fast.logistic(np, a), 1 / (1 + np.exp(-a)), atol=1e-15)
    np.testing.assert_array_equal(a, before)


def test_logistic_keeps_the_order_in_memory():
    images = normal(2, 4, 5, 3).transpose(0, 3, 1, 2)
    assert fast.logistic(np, images).strides == images.strides


def test_positive_gradient_is_g_where_y_is_positive_and_else_0():
    g, y = np.array([1.0, 2, 3, 4]), np.array([0.0, 0.1, -1, 5])
    np.testing.assert_array_equal(fast.positive_gradient(np, g, y), [0, 2, 0, 4])
    np.testing.assert_array_equal(g, [1, 2, 3, 4])


@pytest.mark.parametrize("N", [0, 1, 1023, 1024, 1025, 2048])
@pytest.mark.parametrize(("columns", "others"), [(3, 5), (64, 65), (1, 1), (0, 3), (3, 0)])
def test_long_product_is_the_product_whether_or_not_it_is_taken_in_parts(N, columns, others):
    a, b = normal(N, columns), normal(N, others)
    np.testing.assert_allclose(fast.long_product(np, a, b), a.T @ b, atol=1e-11)


def test_ordered_like_copies_values_and_takes_over_the_order():
    a, x = normal(2, 3, 4), normal(4, 3, 2).T
    copy = fast.ordered_like(np, a, x)
    np.testing.assert_array_equal(copy, a)
    assert copy.strides == x.strides
    assert not np.shares_memory(copy, a)


def test_what_is_remembered_is_worked_out_once_for_each_argument():
    calls = []
    double = fast.remembered(lambda g: calls.append(1) or 2 * g)
    g = np.ones(3)
    assert double(g) is double(g)
    assert len(calls) == 1
    other = double(g + 1)
    np.testing.assert_array_equal(other, [4, 4, 4])
    np.testing.assert_array_equal(double(g), [2, 2, 2])


FAULTS = """
import resource
import numpy as np
{first}
def step():
    return [np.ones(2**18, np.float32) for _ in range(40)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the trick is for Linux's malloc")
def test_memory_that_was_dropped_is_not_fetched_from_the_system_again():
    """Page faults a step, in fresh processes: 40 MiB are 10,240 pages of 4 KiB."""

    def faults(first):
        code = FAULTS.format(first=first)
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    as_it_comes, kept = faults(""), faults("import minivae")
    if as_it_comes < 1000:
        pytest.skip("this system's malloc keeps freed memory by itself")
    assert kept < 100
