"""What has to hold for an op on an example: its gradients are right, and memory layout and company do not matter."""

import numpy as np

from minivae.engine import OPS, Tensor
from minivae.gradcheck import gradcheck
from tests.every.shapes import LAYOUTS, Example, seeded


def arrays(inputs):
    return [x for x in inputs if isinstance(x, np.ndarray)]


def filled(inputs, tensors):
    """The inputs with the arrays among them replaced by tensors, in order; Python numbers stay."""
    tensors = iter(tensors)
    return [next(tensors) if isinstance(x, np.ndarray) else x for x in inputs]


def values_and_gradients(name, inputs, constants, g=None, asked=None):
    """The value of an op, and the gradient of each array among its inputs, or None where it was not asked for."""
    given = arrays(inputs)
    asked = [True] * len(given) if asked is None else asked
    leaves = [Tensor(x, requires_grad=want) for x, want in zip(given, asked, strict=True)]
    y = OPS[name](*filled(inputs, leaves), **constants)
    if any(asked):
        y.backward(np.ones_like(y.data) if g is None else g)
    return y.data, [leaf.grad for leaf in leaves]


def check_differences(name, example: Example):
    """The gradient is the difference quotient, element by element, in float64."""
    function = lambda *x: OPS[name](*filled(example.inputs, x), **example.constants)
    gradcheck(function, *arrays(example.inputs), rng=np.random.default_rng(0))


def check_layout(name, example: Example):
    """Arrays that are views, and a gradient that is one, give what contiguous ones give, and stay as they were.

    Tolerance: a product of matrices in another layout may sum its few terms in another order.
    """
    inputs, constants = example.inputs, example.constants
    plain = [np.array(x) if isinstance(x, np.ndarray) else x for x in inputs]
    shape = OPS[name](*plain, **constants).shape
    g = np.asarray(np.random.default_rng(1).normal(size=shape))
    want, g_want = values_and_gradients(name, plain, constants, g)
    view = LAYOUTS[g.size % len(LAYOUTS)](g) if g.ndim else g.copy()
    got, g_got = values_and_gradients(name, inputs, constants, view)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(view, g, "the incoming gradient was changed")
    for a, b, x in zip(g_got, g_want, arrays(inputs), strict=True):
        assert a.shape == x.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    for x, before in zip(arrays(inputs), arrays(plain), strict=True):
        np.testing.assert_array_equal(x, before, "an input was changed")
    one = np.ones((), want.dtype)
    stretched = np.broadcast_to(one, shape)  # what `sum` sends back: one number in memory, and not to be written to
    for a, b in zip(
        values_and_gradients(name, inputs, constants, stretched)[1],
        values_and_gradients(name, plain, constants)[1],
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def check_company(name, example: Example):
    """Which other gradients are asked for makes no difference: each one alone is the same, to the bit."""
    inputs, constants = example.inputs, example.constants
    together = values_and_gradients(name, inputs, constants)[1]
    for k in range(len(together)):
        alone = values_and_gradients(name, inputs, constants, asked=[k == i for i in range(len(together))])[1]
        assert [a is not None for a in alone] == [k == i for i in range(len(together))]
        np.testing.assert_array_equal(alone[k], together[k])


def check_float32(name, example: Example):
    """float32 in, float32 out and back, and near the float64 result: a slip in the settings would be far off."""
    want, g_want = values_and_gradients(name, example.inputs, example.constants)
    small = [x.astype(np.float32) if isinstance(x, np.ndarray) else x for x in example.inputs]
    got, g_got = values_and_gradients(name, small, example.constants)
    for a, b in [(got, want), *zip(g_got, g_want, strict=True)]:
        assert a.dtype == np.float32
        # float32 rounding, enlarged where layer norm divides by the small spread of two near values
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-2 * (1 + np.max(np.abs(b), initial=0)))


def check_oracle(torch, twin, name, example: Example):
    """PyTorch says the same: values and gradients, to float64 rounding."""
    inputs, constants = example.inputs, example.constants
    leaves = [torch.tensor(np.array(x), requires_grad=True) for x in arrays(inputs)]
    theirs = iter(leaves)
    y_torch = twin(
        *[next(theirs) if isinstance(x, np.ndarray) else torch.tensor(x, dtype=torch.float64) for x in inputs],
        **constants,
    )
    g = np.asarray(np.random.default_rng(3).normal(size=y_torch.shape))
    y, gradients = values_and_gradients(name, inputs, constants, g)
    np.testing.assert_allclose(y, y_torch.detach().numpy(), rtol=1e-11, atol=1e-12)
    y_torch.backward(torch.tensor(g))
    for ours, leaf in zip(gradients, leaves, strict=True):
        # layer norm with tiny=1e-12 divides by spreads down to 0.01: 1e-16 becomes 1e-12
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-9, atol=1e-10)


def turned(a):
    """With the last two axes exchanged, where that leaves the shape as it is."""
    return a.swapaxes(-1, -2) if a.ndim > 1 and a.shape[-1] == a.shape[-2] else a


def lopsided(name, k):
    """The first seeded example on which gradient `k` is square and another when transposed; None if there is none."""
    for seed in range(1000):
        example = seeded(name, seed)
        inputs = example.inputs
        if k >= len(inputs) or not all(isinstance(x, np.ndarray) for x in inputs) or turned(inputs[k]) is inputs[k]:
            continue
        value = OPS[name](*inputs, **example.constants)
        g = np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, size=value.shape))
        g_x = values_and_gradients(name, inputs, example.constants, g)[1][k]
        if not np.allclose(g_x, turned(g_x), rtol=1e-3, atol=1e-4):
            return example
    return None


CHECKS = [check_differences, check_layout, check_company, check_float32]
