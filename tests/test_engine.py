"""The tape: what backward does, and what it says when it cannot."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minivae import Tensor, backend, no_grad, use
from minivae.engine import OPS, Op, op, unbroadcast
from minivae.errors import BackendError, DtypeError, GradientError, ShapeError
from minivae.ops import concat, gaussian_kl, group_norm, layer_norm, linear, matmul


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


def test_a_gradient_reaches_the_leaf():
    x = leaf(1.0, 2.0, 3.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 6])


def test_a_tensor_used_twice_gets_both_gradients():
    x = leaf(2.0)
    y = x * 3
    (y * y + y).sum().backward()
    assert x.grad == 2 * 9 * 2 + 3


def test_gradients_add_up_over_backward_calls():
    x = leaf(1.0, 1.0)
    for _ in range(3):
        (2 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 6])


def test_leaves_that_get_the_same_gradient_do_not_share_its_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    g = np.ones(2)
    (a + b).backward(g)
    a.grad *= 0
    np.testing.assert_array_equal(b.grad, [1, 1])
    np.testing.assert_array_equal(g, [1, 1])


def test_operators_take_numbers_and_arrays_on_either_side():
    x, c = leaf(1.0, 2.0), np.array([4.0, 8.0])
    for y, want in [
        (1 - x, [0, -1]),
        (c - x, [3, 6]),
        (c / x, [4, 4]),
        (2 / x, [2, 1]),
        (x / c, [0.25, 0.25]),
        (c * x, [4, 16]),
        (-x + 1, [0, -1]),
        (x**2, [1, 4]),
        (np.float64(3) * x, [3, 6]),
        (np.eye(2) @ x.reshape(2, 1), [[1], [2]]),
    ]:
        assert isinstance(y, Tensor)
        np.testing.assert_array_equal(y.data, want)


def test_a_numpy_scalar_does_not_turn_float32_into_float64():
    x = Tensor(np.ones(3, np.float32))
    assert (np.float64(0.5) * x).dtype == np.float32
    assert (x * np.float64(0.5)).sum().dtype == np.float32


def test_python_numbers_become_float32():
    assert Tensor(3).dtype == Tensor([1, 2]).dtype == np.float32


def test_a_chain_of_100_000_ops_runs_backward_and_is_freed():
    x = leaf(0.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.sum().backward()
    assert x.grad == 1
    del y  # a recursive destructor would overflow the stack here


def test_nothing_is_left_for_the_cycle_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        ((x * x).exp().sum() / 2).backward()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_returns_to_its_start_after_a_step():
    x = Tensor(np.ones(100_000, np.float32), requires_grad=True)

    def step():
        x.grad = None
        ((x * x).exp().sum() / 2).backward()

    step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        step()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 410_000  # the one gradient that is left: 100,000 float32


def test_backward_frees_what_the_ops_kept():
    x = leaf(1.0, 2.0)
    y = x.exp()
    loss = y.sum()
    loss.backward()
    assert loss.node.gradients is None
    assert y.node.gradients is None


def test_no_grad_writes_no_tape_as_block_and_as_decorator():
    x = leaf(1.0)
    with no_grad():
        y = x * 2
    assert not y.requires_grad
    assert y.node is None
    assert not no_grad()(lambda: x * 2)().requires_grad
    assert (x * 2).requires_grad, "recording goes on after the block"


def test_no_grad_ends_when_the_block_raises():
    with pytest.raises(ZeroDivisionError), no_grad():
        _ = 1 / 0
    assert (leaf(1.0) * 2).requires_grad


def test_detach_cuts_the_gradient():
    x = leaf(3.0)
    (x * x.detach()).sum().backward()
    assert x.grad == 3


def test_a_constant_gets_no_gradient():
    x, c = leaf(1.0), Tensor(np.array([2.0]))
    (x * c).sum().backward()
    assert c.grad is None


def test_concat_of_many_parts_gives_each_its_part():
    parts = [leaf(float(k), float(k)) for k in range(4)]
    (concat(*parts) * np.arange(8.0)).sum().backward()
    np.testing.assert_array_equal([p.grad for p in parts], [[0, 1], [2, 3], [4, 5], [6, 7]])


@settings(deadline=None)  # a busy machine is no failure
@given(st.data())
def test_unbroadcast_undoes_any_broadcast(data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0))
    x = np.ones(shapes.input_shapes[0])
    g = unbroadcast(np.ones(shapes.result_shape), x.shape)
    assert g.shape == x.shape
    if x.size:
        assert np.all(g == np.prod(shapes.result_shape) / x.size)


class TestMessages:
    def test_backward_twice_says_to_run_forward_again(self):
        loss = (leaf(1.0) * 2).sum()
        loss.backward()
        with pytest.raises(GradientError, match="the graph behind .* was used already; run the forward pass again"):
            loss.backward()

    def test_a_graph_half_used_raises_before_any_gradient_is_added(self):
        x = leaf(1.0)
        y = x * 2
        y.sum().backward()
        with pytest.raises(GradientError, match="used already"):
            (y * 3 + x * 5).sum().backward()
        assert x.grad == 2

    def test_backward_of_many_numbers_wants_a_reduction(self):
        with pytest.raises(GradientError, match=r"the output is \(2,\), not one number; reduce it"):
            (leaf(1.0, 2.0) * 2).backward()

    def test_backward_without_any_leaf_says_how_to_make_one(self):
        with pytest.raises(GradientError, match="requires_grad=True"):
            Tensor([1.0]).sum().backward()

    def test_a_gradient_of_another_shape_or_type_is_refused(self):
        with pytest.raises(GradientError, match=r"g is \(3,\) float64 but the output is \(2,\) float64"):
            (leaf(1.0, 2.0) * 2).backward(np.ones(3))
        with pytest.raises(GradientError, match="g is .* float32"):
            (leaf(1.0, 2.0) * 2).backward(np.ones(2, np.float32))

    def test_shapes_that_do_not_broadcast_name_op_and_shapes(self):
        with pytest.raises(ShapeError, match=r"mul: cannot take inputs of shape \(2,\), \(3,\)"):
            leaf(1.0, 2.0) * leaf(1.0, 2.0, 3.0)

    def test_matmul_and_linear_and_kl_say_what_they_wanted(self):
        a = Tensor(np.ones((2, 3)))
        with pytest.raises(ShapeError, match=r"matmul: a is \(2, 3\) and b is \(2, 3\); wanted \(..., N, K\)"):
            matmul(a, a)
        with pytest.raises(ShapeError, match=r"linear: x is \(2, 3\) but W is \(4, 5\); x has to be \(B, 4\)"):
            linear(a, Tensor(np.ones((4, 5))), Tensor(np.ones(5)))
        with pytest.raises(
            ShapeError, match=r"logvar is \(8, 4\) but mu is \(8, 2\); split the encoder output in half"
        ):
            gaussian_kl(np.ones((8, 2)), np.ones((8, 4)))

    def test_norms_refuse_a_gain_that_would_broadcast(self):
        x, one, two = Tensor(np.ones((2, 4))), Tensor(np.ones(1)), Tensor(np.ones(4))
        with pytest.raises(
            ShapeError, match=r"layer_norm: gain is \(1,\) and bias \(4,\); the last axis of x wants \(4,\)"
        ):
            layer_norm(x, one, two)
        with pytest.raises(ShapeError, match=r"group_norm: gain is \(4,\) and bias \(1,\); the channels of x wants"):
            group_norm(x.reshape(1, 4, 2, 1), two, one, groups=2)

    def test_a_list_or_text_is_no_input(self):
        with pytest.raises(DtypeError, match=r"add: got a list; wrap it: Tensor\(...\)"):
            leaf(1.0) + [1.0]
        with pytest.raises(DtypeError, match="Tensor: got a str"):
            Tensor("12")

    def test_integers_are_no_tensor(self):
        with pytest.raises(DtypeError, match="Tensor: got uint8; wanted float32"):
            Tensor(np.ones(3, np.uint8))

    def test_an_unknown_backend_lists_those_there_are_and_changes_nothing(self):
        with pytest.raises(BackendError, match="there is no backend 'tpu'; this version has cupy, numpy, sim"):
            use("tpu")
        assert backend.current().name == "numpy"


def test_an_op_that_turns_float32_into_float64_is_caught():
    try:

        @op()
        def creeping(xp, x):
            return x * np.float64(2), (lambda g: 2 * g,)

        with pytest.raises(DtypeError, match="creeping: float32 went in and float64 came out"):
            creeping(np.ones(2, np.float32))
    finally:
        del OPS["creeping"]


def test_two_ops_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two ops named mul"):

        @op()
        def mul(xp, x): ...


def test_only_a_second_argument_named_out_gets_the_memory_to_write_to():
    def scale(xp, x):
        return 2 * x, (lambda g, factor=2: g * factor,)

    x = leaf(1.0, 2.0)
    Op(scale, ())(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])


def test_a_tensor_can_be_unpacked_and_looped_over_along_its_first_axis():
    x = leaf(1.0, 2.0)
    a, b = x
    (3 * a + 5 * b).backward()
    np.testing.assert_array_equal(x.grad, [3, 5])
    assert [row.shape for row in Tensor(np.ones((2, 4)))] == [(4,), (4,)]


def test_a_backend_replaces_an_op_by_name():
    def exp(xp, x):
        return xp.full_like(x, 7), (lambda g: 0 * g,)

    backend.BACKENDS["odd"] = backend.Backend("odd", np, {"exp": exp})
    try:
        use("odd")
        np.testing.assert_array_equal(leaf(1.0).exp().data, [7])
    finally:
        use("numpy")
        del backend.BACKENDS["odd"]
    np.testing.assert_allclose(leaf(1.0).exp().data, [np.e])
