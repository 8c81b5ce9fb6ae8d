"""Every op beside PyTorch's: the same values and the same gradients, to float64 rounding."""

import numpy as np
import pytest

from minivae import ops
from minivae.engine import OPS, Tensor
from tests.oracle import oracle
from tests.oracle_twins import twins

CASES = [pytest.param(name, case, id=f"{name}-{k}") for name, op in OPS.items() for k, case in enumerate(op.cases)]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_value_and_gradients_are_those_of_pytorch(name, case):
    torch = oracle()
    inputs, constants = case(np.random.default_rng(2))
    ours = [Tensor(x, requires_grad=True) for x in inputs]
    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, y_torch = OPS[name](*ours, **constants), twins(torch)[name](*theirs, **constants)
    np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=1e-12, atol=1e-12)
    g = np.random.default_rng(3).normal(size=y.shape)
    y.backward(np.asarray(g))
    y_torch.backward(torch.tensor(g))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-11, atol=1e-12)


def test_every_op_has_a_twin():
    torch = oracle()
    assert twins(torch).keys() == set(ops.__all__), "add the new op to tests/oracle_twins.py"
