"""Deep graphs, wide graphs and long runs: no recursion, no work done twice, no memory left behind."""

import gc
import inspect
import sys
import tracemalloc
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

from minivae import Tensor
from minivae.models import VAE
from minivae.nn import FlatParameters
from minivae.ops import linear, tanh
from tests.oracle import oracle


@contextmanager
def little_stack():
    """Room for 60 more calls: whatever calls itself once for each op fails at once, not at a depth nobody tests."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def layers(n, width=2, dtype=np.float32):
    """Weights near the identity, so that signals neither die nor grow through thousands of layers."""
    rng = np.random.default_rng(0)
    W = [(np.eye(width) + 0.01 * rng.normal(size=(width, width))).astype(dtype) for _ in range(n)]
    b = [0.01 * rng.normal(size=width).astype(dtype) for _ in range(n)]
    return W, b


def network(x, W, b):
    for W_i, b_i in zip(W, b, strict=True):
        x = tanh(linear(x, W_i, b_i))
    return x


def leaves(arrays):
    return [Tensor(a, requires_grad=True) for a in arrays]


def test_10_000_layers_run_backward_and_reach_the_first():
    W, b = map(leaves, layers(10_000))
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    with little_stack():
        loss = network(x, W, b).sum()
        loss.backward()
        del loss  # freed without recursion, too
    assert all(t.grad is not None and t.grad.shape == t.shape for t in (*W, *b, x))
    assert np.all(np.isfinite(W[0].grad))
    assert np.any(W[-1].grad)


def test_the_gradients_through_1_000_layers_are_those_of_pytorch():
    torch = oracle()
    W, b = layers(1_000, dtype=np.float64)
    ours = leaves([*W, *b])
    network(Tensor(np.ones((1, 2))), ours[:1_000], ours[1_000:]).sum().backward()
    theirs = [torch.tensor(a, requires_grad=True) for a in (*W, *b)]
    y = torch.ones(1, 2, dtype=torch.float64)
    for W_i, b_i in zip(theirs[:1_000], theirs[1_000:], strict=True):
        y = torch.tanh(y @ W_i + b_i)
    y.sum().backward()
    for a, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, t.grad.numpy(), rtol=1e-9, atol=1e-14)  # 1,000 roundings of 1e-16


def test_100_000_ops_need_no_deep_stack():
    x = Tensor(np.zeros(1), requires_grad=True)
    y = x
    with little_stack():
        for _ in range(100_000):
            y = y + 1
        y.sum().backward()
    assert x.grad == [1]


def test_a_graph_that_was_never_walked_is_freed_without_recursion_too():
    x = Tensor(np.zeros(1), requires_grad=True)
    y = x
    with little_stack():
        for _ in range(100_000):
            y = y * 2
        del y
    assert x.grad is None


def test_a_value_used_twice_at_every_step_is_visited_once():
    """2 to the power of 2,000 paths lead to x; a walk along each of them would not end."""
    x = Tensor(np.ones(1), requires_grad=True)
    y = x
    for _ in range(2_000):
        y = 0.5 * (y + y)
    y.sum().backward()
    assert x.grad == [1]


def test_one_leaf_with_20_000_users_adds_them_all():
    x = Tensor(np.ones(1), requires_grad=True)
    total = x * 0
    for _ in range(20_000):
        total = total + x
    total.sum().backward()
    assert x.grad == [20_000]


def test_the_measure_of_memory_sees_one_small_array_left_behind_at_each_step():
    kept = []
    assert growth(lambda: kept.append(np.ones(200, np.float32))) > SLACK


@contextmanager
def no_collector():
    """What is freed in here is freed at once, because nothing points to it: no cycle waits for the collector."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def growth(step, warm=3, runs=5):
    """Bytes that are left after some runs of `step`, beyond those that were there after the first few."""
    with no_collector():
        tracemalloc.start()
        for _ in range(warm):
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(runs):
            step()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    return after - before


SLACK = 2_000  # bytes: Python's own caches of small objects


def test_memory_returns_to_its_start_after_a_step_of_a_deep_network():
    W, b = map(leaves, layers(300, width=8))
    x = Tensor(np.ones((16, 8), np.float32))

    def step():
        for t in (*W, *b):
            t.grad = None
        network(x, W, b).sum().backward()

    assert growth(step) < SLACK


def test_memory_returns_to_its_start_after_a_training_step():
    rng = np.random.default_rng(0)
    model = VAE(x_dim=64, hidden=32, latent=4, rng=rng)
    flat = FlatParameters(model.parameters())
    x = rng.random((16, 64), dtype=np.float32)

    def step():
        for p in flat.parameters:
            p.grad = None
        loss, _ = model.loss(Tensor(x), rng)
        loss.backward()
        flat.data -= 0.001 * flat.grad

    assert growth(step, warm=40, runs=20) < SLACK


def test_memory_returns_to_its_start_when_backward_never_runs_or_fails():
    W, b = map(leaves, layers(50, width=8))
    x = Tensor(np.ones((16, 8), np.float32))

    def forward_only():
        network(x, W, b)

    def failing():
        with pytest.raises(RuntimeError):
            network(x, W, b).backward()  # not one number

    assert growth(forward_only) < SLACK
    assert growth(failing) < SLACK


def test_backward_frees_what_the_ops_kept_while_it_walks():
    """Half way back, the second half is gone: the peak is that of the values, not of values and gradients both."""
    big = Tensor(np.ones((256, 256), np.float32), requires_grad=True)
    y, kept = big, []
    for _ in range(8):
        y = y.tanh()
        kept.append(weakref.ref(y))
    loss = y.sum()
    del y
    with no_collector():
        loss.backward()
        node = loss.node
        while node is not None:
            assert node.gradients is None
            node = node.inputs[0].node
        del loss, node
    assert all(ref() is None for ref in kept)
