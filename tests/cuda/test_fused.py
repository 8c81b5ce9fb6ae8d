"""Kernels that stand for several ops at once, or for an optimiser: against what they replace."""

import math

import numpy as np
import pytest

from minivae.cuda import KERNELS, Simulator, find, launch, using
from minivae.engine import Tensor
from minivae.nn.flat import Parameter
from minivae.optim import Adam, AdamW
from tests.cuda.harness import run
from tests.cuda.references import REFERENCES, TENSOR_ACTIVATIONS


@pytest.fixture(autouse=True)
def simulator():
    with using(Simulator()):
        yield


@pytest.mark.parametrize("kind", range(len(TENSOR_ACTIVATIONS)))
@pytest.mark.parametrize("shape", [(1, 1), (33, 31), (200, 65)])
def test_the_gradient_of_the_bias_is_that_of_the_ops(kind, shape):
    """Two launches: parts while g_x is made, then their sum."""
    rng = np.random.default_rng(kind)
    rows, columns = shape
    g, x, b = (rng.standard_normal(size).astype("f4") for size in (shape, shape, columns))
    g_x, part, g_b = np.empty_like(x), np.empty((-(-rows // 32), columns), "f4"), np.empty_like(b)
    launch("bias_activation_backward", g, x, b, g_x, part, rows, columns, kind)
    launch("column_sum", part, g_b, len(part), columns)
    on_x, on_b = Tensor(x.astype("f8"), requires_grad=True), Tensor(b.astype("f8"), requires_grad=True)
    TENSOR_ACTIVATIONS[kind](on_x + on_b).backward(g.astype("f8"))
    np.testing.assert_allclose(g_x, on_x.grad, rtol=2e-6, atol=2e-6)  # float32: 1 - tanh^2 cancels
    np.testing.assert_allclose(g_b, on_b.grad, rtol=2e-6, atol=2e-5)  # float32: a sum of up to 200 terms


@pytest.mark.parametrize("make, decay", [(Adam, 0.0), (AdamW, 0.1)])
@pytest.mark.parametrize("version", [1, 2])
def test_adam_is_the_optimiser_step_for_step(make, decay, version):
    n, betas, tiny, lr, rng = 1027, (0.9, 0.999), 1e-8, 1e-2, np.random.default_rng(0)
    start = rng.standard_normal(n).astype("f4")
    parameter = Parameter(start.copy())
    optimizer = make([parameter], lr, betas, tiny, **({"decay": decay} if decay else {}))
    p, m, v = start.copy(), np.zeros(n, "f4"), np.zeros(n, "f4")
    for t in range(1, 11):
        g = (rng.standard_normal(n) * 10.0 ** rng.integers(-6, 3, n)).astype("f4")
        parameter.grad = g
        optimizer.step()
        m_hat, root = (1 - betas[0]) / (1 - betas[0] ** t), math.sqrt((1 - betas[1]) / (1 - betas[1] ** t))
        launch(f"adam_v{version}", p, g, m, v, *betas, lr * m_hat / root, tiny / root, lr * decay, n)
    np.testing.assert_allclose(p, parameter.data, rtol=0, atol=3e-6)  # float32: ten steps, each rounded at 4
    assert abs(p - start).max() > 0.01


SOME_NAN = [k.name for k in KERNELS.values() if k.role not in ("philox_bits", "philox_normal")]


@pytest.mark.parametrize("name", SOME_NAN)
def test_nan_that_goes_in_comes_out_where_the_maths_has_it(name):
    """fmaxf(NaN, 0) is 0 on a GPU: a training run that fell apart would look sound."""
    kernel = KERNELS[name]
    reference, rng = REFERENCES[kernel.role], np.random.default_rng(0)
    for scalars in reference.scalars(kernel)[-6:]:
        for p in kernel.parameters:
            if p.shape and p.reads and p.ctype == "float":
                inputs = reference.inputs(kernel, rng, scalars)
                inputs[p.name].flat[0] = np.nan
                wanted, got = reference(inputs), run(kernel, inputs)
                for output in wanted:
                    expected = np.isnan(wanted[output]).reshape(got[output].shape)
                    assert np.array_equal(np.isnan(got[output]), expected), (scalars, p.name, output)


def test_gelu_and_silu_have_no_trouble_with_large_numbers():
    x = np.float32([[-3e38, -1e20, -60, 60, 1e20, 3e38]])
    for kind in (2, 3):
        y = run(find("bias_activation"), {"x": x, "b": np.zeros(6, "f4"), "B": 1, "O": 6, "kind": kind})["y"]
        np.testing.assert_allclose(y, np.maximum(x, 0), atol=1e-20)
