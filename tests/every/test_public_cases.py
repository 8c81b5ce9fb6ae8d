"""Cases that other engines test themselves on, and bugs that were found in them, put to ours.

The ideas, the shapes and the published figures come from there, each with its source beside it; the code is ours.
"""

import itertools
import operator

import numpy as np
import pytest

from minivae import Tensor, gradcheck
from minivae.ops import avg_pool2d, conv2d, expm1, layer_norm, linear, logsumexp, matmul, max_pool2d, softmax
from tests.oracle import oracle
from tests.oracle_twins import twins


def leaf(value):
    return Tensor(np.asarray(value, np.float64), requires_grad=True)


def check(f, *inputs):
    gradcheck(f, *[np.asarray(x, np.float64) for x in inputs], rng=np.random.default_rng(0))


def beside_torch(f, *inputs, rtol=1e-11):
    """The same expression, of operators and methods that both have, in ours and in PyTorch."""
    torch = oracle()
    ours, theirs = [leaf(x) for x in inputs], [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    y, y_torch = f(*ours), f(*theirs)
    y.sum().backward()
    y_torch.sum().backward()
    np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=rtol, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=rtol, atol=1e-12)
    return y, ours


# micrograd: test/test_engine.py and the README.


def test_micrograd_one_variable_used_many_times():
    def f(x):
        z = x + 2 * (x + 1)
        q = x * z + z.relu()
        return (z * z).relu() + q * (1 + x)

    y, (x,) = beside_torch(f, -4.0)
    assert (y.item(), x.grad) == (-20, 46)


def test_micrograd_two_variables_and_names_assigned_again():
    def f(a, b):
        c = 2 * (a + b) + 1
        c = 2 * c + 1 - a
        d = b * (a + b**2)
        d = 3 * d + (a + b).relu()
        d = 4 * d + (b - a).relu()
        square = (c - d) ** 2
        return square / 2 + 10 / square

    g, (a, b) = beside_torch(f, -4.0, 2.0)
    np.testing.assert_allclose([g.item(), a.grad, b.grad], [24.7041, 138.8338, 645.5773], rtol=1e-6)  # as printed there


@pytest.mark.parametrize("x", [-1.0, 0.123, 2.0])
def test_micrograd_functions_of_one_number(x):
    beside_torch(lambda x: x.tanh(), x)
    beside_torch(lambda x: x.exp(), x)


# HIPS/autograd: tests/test_graphs.py, test_binary_ops.py, numpy_utils.py, with tanh in place of the sine.


def test_autograd_fan_out():
    check(lambda x: (x.tanh() + x.tanh()).tanh(), 0.7)


def test_autograd_the_identity_has_gradient_one():
    x = leaf(2.0)
    x.backward()
    assert x.grad == 1


@pytest.mark.parametrize("taken", [slice(None), 0, slice(1, 2)])
def test_autograd_a_gradient_that_two_users_share_is_not_changed_by_one_of_them(taken):
    def f(a):
        b = a + 1
        return b[taken] + 2 + (a + b)

    check(f, np.random.default_rng(1).normal(size=5))


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (3, 3), (1, 1)])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("keepdims", [True, False])
def test_autograd_sums_that_leave_one_number(shape, axis, keepdims):
    check(lambda x: x.tanh().sum(axis=axis, keepdims=keepdims), np.random.default_rng(0).normal(size=shape))


FOUR = [(), (2,), (3, 2), (1, 2)]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(FOUR, FOUR)))
def test_autograd_binary_functions_of_every_pair_of_shapes(a, b):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2, size=a), rng.uniform(0.5, 2, size=b)
    for f in (operator.add, operator.sub, operator.mul, operator.truediv, lambda x, y: x * x / y + y):
        check(f, x, y)


@pytest.mark.parametrize(("shape", "axis"), [((), None), *itertools.product([(3,), (2, 3), (1, 3)], [None, 0, -1])])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "max"])
def test_autograd_statistics(shape, axis, keepdims, name):
    x = np.random.default_rng(0).normal(size=shape)
    check(lambda x: getattr(x, name)(axis=axis, keepdims=keepdims), x)


def test_autograd_a_matrix_product_with_itself_transposed():
    check(lambda a: a @ a.transpose(), np.random.default_rng(0).normal(size=(3, 4)))


# tinygrad: test/test_ops.py. Its grid of convolutions, of matrices with no rows, and poolings of a whole image.


@pytest.mark.parametrize(("B", "C", "k"), list(itertools.product([1, 8], [1, 3], [1, 2, 3, 5])))
@pytest.mark.parametrize("stride", [1, 2])
def test_tinygrad_convolutions_of_11_by_28(B, C, k, stride):
    torch = oracle()
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=s) for s in [(B, C, 11, 28), (k, k, C, 4), (4,)]]
    ours = [leaf(x) for x in inputs]
    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    y = conv2d(*ours, stride=stride).relu()
    y_torch = torch.relu(twins(torch)["conv2d"](*theirs, stride=stride))
    y.sum().backward()
    y_torch.sum().backward()
    np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=1e-10, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-10, atol=1e-10)  # sums of 2,000 terms


@pytest.mark.parametrize(("n", "k", "m"), [(8, 8, 0), (0, 8, 8), (0, 8, 0), (8, 0, 8), (0, 0, 0)])
def test_tinygrad_products_of_matrices_without_rows_or_columns(n, k, m):
    a, b = (n, k), (k, m)
    x, y = leaf(np.ones(a)), leaf(np.ones(b))
    product = x @ y
    np.testing.assert_array_equal(product.data, np.ones(a) @ np.ones(b))
    product.sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros(a))
    np.testing.assert_array_equal(y.grad, np.zeros(b))


def test_tinygrad_pooling_a_whole_image_is_its_mean_or_its_largest():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 5))
    np.testing.assert_allclose(avg_pool2d(x, size=5).data[..., 0, 0], x.mean((2, 3)), rtol=1e-12)
    np.testing.assert_array_equal(max_pool2d(x, size=5).data[..., 0, 0], x.max((2, 3)))


def test_tinygrad_799_a_batch_of_matrices_times_one_matrix():
    a, b = leaf(np.ones((4, 3))), leaf(np.ones((1, 3, 3, 3)))
    y = a @ b
    assert y.shape == (1, 3, 4, 3)
    y.sum().backward()
    np.testing.assert_array_equal(a.grad, np.full((4, 3), 9))
    np.testing.assert_array_equal(b.grad, np.full((1, 3, 3, 3), 4))


@pytest.mark.parametrize(("f", "want"), [(lambda x: x.max(), [0.5, 0, 0.5]), (lambda x: x.relu().max(), [0.5, 0, 0.5])])
def test_tinygrad_equals_share_the_gradient_of_a_maximum(f, want):
    x = leaf([2.0, 1.0, 2.0])
    f(x).backward()
    np.testing.assert_array_equal(x.grad, want)


# Bug reports.


def test_pytorch_107007_a_mean_that_is_taken_away_again():
    """github.com/pytorch/pytorch/issues/107007: what is right there looks wrong, for the sum of x - mean(x) is 0."""
    x = leaf([1.0, 2.0, 3.0, 4.0])
    (x - x.mean()).sum().backward()
    np.testing.assert_allclose(x.grad, 0, atol=1e-15)
    check(lambda x: x - x.mean(), [1.0, 2.0, 3.0, 4.0])


def test_pytorch_1787_one_number_times_a_matrix_and_an_outer_product():
    """github.com/pytorch/pytorch/issues/1787: gradients kept the broadcast shape."""
    rng = np.random.default_rng(0)
    for a, b in [((1,), (5, 4)), ((4, 1), (1, 4)), ((), (5, 4))]:
        check(lambda x, y: x * y, rng.normal(size=a), rng.normal(size=b))


def test_rust_autograd_38_a_number_times_an_array_summed():
    """github.com/raskr/rust-autograd/issues/38: the gradient of the number came out as an array."""
    v = leaf(0.0)
    (np.ones(2) * v).sum().backward()
    assert v.grad.shape == ()
    assert v.grad == 2


def test_tt_metal_40008_an_axis_of_size_one_in_the_middle_and_at_the_end():
    """github.com/tenstorrent/tt-metal/issues/40008: broadcast axes were not summed in the gradient of mul."""
    rng = np.random.default_rng(0)
    check(lambda h, mask: h * mask, rng.normal(size=(2, 1, 2, 3)), rng.normal(size=(2, 1, 2, 1)))


def test_burn_181_a_column_plus_a_row():
    """github.com/tracel-ai/burn/issues/181: a linear layer without weights for its bias to follow."""
    rng = np.random.default_rng(0)
    x, W, b, t = (rng.normal(size=s) for s in [(2, 3), (3, 1), (1, 3), (2, 1)])
    check(lambda x, W, b, t: ((x @ W + b - t) ** 2).sum(), x, W, b, t)


def test_softmax_and_logsumexp_do_not_move_when_all_logits_do():
    x = np.random.default_rng(0).normal(size=(2, 5))
    np.testing.assert_allclose(softmax(x + 1e3).data, softmax(x).data, rtol=1e-9)  # 1e3 costs three digits
    np.testing.assert_allclose(logsumexp(x + 1e3, axis=1).data, logsumexp(x, axis=1).data + 1e3, rtol=1e-12)


def test_small_numbers_survive_where_one_plus_them_is_one():
    x = leaf([1e-12, -1e-12])
    y = expm1(x)
    np.testing.assert_allclose(y.data, x.data, rtol=1e-9)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 1)


def test_a_linear_layer_is_a_product_and_a_sum():
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
    whole, parts = [leaf(a) for a in (x, W, b)], [leaf(a) for a in (x, W, b)]
    linear(*whole).tanh().sum().backward()
    (matmul(*parts[:2]) + parts[2]).tanh().sum().backward()
    for a, p in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a.grad, p.grad, rtol=1e-12, atol=1e-15)


def test_layer_norm_forgets_the_scale_and_the_offset_of_a_row():
    x = np.random.default_rng(0).normal(size=(3, 8))
    one, zero = np.ones(8), np.zeros(8)
    a, b = (layer_norm(v, one, zero, tiny=1e-12).data for v in (x, 100 * x - 7))
    np.testing.assert_allclose(a, b, rtol=1e-8)
