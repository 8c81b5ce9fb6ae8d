"""Debug mode: the first wrong number and the late edit are named, and without it nothing changes."""

import numpy as np
import pytest

from minivae import Tensor, debug
from minivae.engine import _watchers
from minivae.errors import GradientError
from minivae.ops import exp, log, mul, sqrt


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


def test_the_first_op_that_makes_an_infinity_is_named_with_its_element():
    with debug(), np.errstate(over="ignore"), pytest.raises(GradientError) as error:
        (exp(leaf(1.0, 1000.0)) * 2).sum()
    assert str(error.value) == "exp: its value is inf at element [1]; all inputs were finite, so look here"


def test_a_nan_that_came_in_is_told_from_one_that_was_made():
    with debug(), pytest.raises(GradientError, match=r"mul: .*nan at element \[0\]; input 1 was already nan"):
        mul(leaf(1.0), np.array([np.nan]))


def test_a_wrong_number_without_a_place_is_named_too():
    with (
        debug(),
        np.errstate(divide="ignore"),
        pytest.raises(GradientError, match="log: its value is -inf; all inputs"),
    ):
        log(Tensor(np.array(0.0)))


def test_a_gradient_that_becomes_infinite_names_its_op():
    x = leaf(0.0, 1.0)
    with (
        debug(),
        np.errstate(divide="ignore"),
        pytest.raises(GradientError, match=r"sqrt: the gradient .* inf at .*\[0\]"),
    ):
        sqrt(x).sum().backward()


@pytest.mark.parametrize(
    ("which", "words"), [(0, "mul: its input 0"), (1, "mul: its input 1"), (2, "sum: its input 0")]
)
def test_an_array_edited_between_forward_and_backward_is_named(which, words):
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with debug():
        product = a * b
        loss = product.sum()
        [a, b, product][which].data[0] = 7
        with pytest.raises(GradientError, match=f"{words} was changed in place after it ran"):
            loss.backward()


def test_editing_after_backward_is_fine_and_gradients_are_the_same():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    with debug():
        (x * x).sum().backward()
        x.data[0] = 5
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, y.grad)


def test_nothing_is_watched_outside_the_block_nor_after_an_error():
    with pytest.raises(ZeroDivisionError), debug():
        _ = 1 / 0
    assert _watchers.get() == ()
    with np.errstate(over="ignore"):
        exp(leaf(1000.0))


def test_a_number_among_the_inputs_is_no_trouble():
    x = leaf(1.0)
    with debug():
        (2 * x + 1).sum().backward()
    assert x.grad == 2
