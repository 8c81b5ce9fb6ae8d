"""The gradient check: what it lets pass, what it catches, and what it says."""

import numpy as np
import pytest

from minivae import Tensor, gradcheck
from minivae.engine import Op
from minivae.errors import DtypeError, GradientError
from minivae.ops import mul


def check(f, *inputs, seed=0):
    gradcheck(f, *inputs, rng=np.random.default_rng(seed))


def made(value, *lines):
    """An op that is not entered anywhere, from its value and its gradient lines on arrays."""

    def function(xp, *arrays):
        return value(*arrays), tuple((lambda g, line=line: line(g, *arrays)) for line in lines)

    function.__name__ = "made"
    return Op(function, ())


A = np.array([[1.0, -2.0], [3.0, 0.5], [0.25, 4.0]])
B = np.array([[2.0, 1.0], [-1.0, 3.0], [5.0, -0.5]])


def test_right_gradients_pass_whatever_the_shape_of_the_output():
    check(lambda a, b: a * b, A, B)
    check(lambda a, b: (a * b).sum(axis=0), A, B)
    check(lambda a, b: (a * b).sum(), A, B)
    check(lambda a: a * a, np.array(3.0))


def test_one_element_off_by_a_thousandth_is_caught_and_named():
    def g_b(g, a, b):
        wrong = np.ones_like(b)
        wrong[2, 0] = 1.001
        return g * a * wrong

    with pytest.raises(GradientError, match=r"at element \[2, 0\] of input 1 the gradient is .*, differences say"):
        check(made(np.multiply, lambda g, a, b: g * b, g_b), A, B)


def test_a_wrong_gradient_of_one_number_is_named_without_an_element():
    with pytest.raises(GradientError, match="at input 0 the gradient is 2, differences say 1"):
        gradcheck(made(np.copy, lambda g, x: 2 * g / g), np.array(3.0), rng=Ones())


class Ones:
    """In place of a generator: all weights 1."""

    def uniform(self, low, high, size):
        return np.ones(size)


def test_errors_that_cancel_in_the_sum_are_caught_by_the_weights():
    """Reversed gradients of y = x sum to the right number; only unequal weights tell them apart."""
    reverse = made(np.copy, lambda g, x: g[::-1])
    gradcheck(reverse, np.arange(3.0), rng=Ones())
    with pytest.raises(GradientError):
        check(reverse, np.arange(3.0))


def test_an_input_that_no_gradient_reaches_is_named():
    with pytest.raises(GradientError, match="no gradient reached input 1; is it used, and only through ops"):
        check(lambda a, b: a * 2, A, B)
    with pytest.raises(GradientError, match="no gradient reached input 0"):
        check(lambda a, b: a.detach() * b, A, B)


def test_an_output_without_any_gradient_says_so():
    with pytest.raises(GradientError, match="nothing here requires a gradient"):
        check(lambda a: Tensor(a.data * 2), A)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_no_number_fails(bad):
    with pytest.raises(GradientError, match="at element"):
        check(made(np.copy, lambda g, x: g * bad), A)


def test_a_value_that_is_no_number_fails():
    with pytest.raises(GradientError, match="differences say nan"):
        check(made(lambda x: x * np.nan, lambda g, x: g), A)


def test_a_quotient_that_is_infinite_fails_although_any_gradient_is_near_infinity():
    cliff = made(lambda x: np.where(x > 1, np.inf, x), lambda g, x: g)
    with pytest.raises(GradientError, match="differences say inf"):
        check(cliff, np.array([1.0]))


def test_float32_is_refused_with_the_cure():
    with pytest.raises(DtypeError, match=r"input 1 is float32; wanted float64: x.astype\('float64'\)"):
        check(mul, A, B.astype(np.float32))
    with pytest.raises(DtypeError, match="input 0 is a list; wanted float64"):
        check(mul, [1.0, 2.0], np.ones(2))


def test_inputs_stay_as_they_were_after_success_and_failure():
    a, b = A.copy(), B.copy()
    a.flags.writeable = False
    check(mul, a, b)
    with pytest.raises(GradientError):
        check(made(np.multiply, lambda g, a, b: g, lambda g, a, b: g), a, b)
    assert np.array_equal(a, A)
    assert np.array_equal(b, B)
