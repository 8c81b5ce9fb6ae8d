"""Every op there is, looped over: a new op is tested here without another line."""

import inspect

import numpy as np
import pytest

from minivae import ops
from minivae.engine import OPS, Op, Tensor
from minivae.errors import GradientError, MinivaeError
from minivae.gradcheck import gradcheck
from tests.every import checks
from tests.every.shapes import seeded

CASES = [pytest.param(op, case, id=f"{name}-{k}") for name, op in OPS.items() for k, case in enumerate(op.cases)]
NAMES = sorted(OPS)


def draw(case):
    return case(np.random.default_rng(0))


def run(op, case):
    inputs, constants = draw(case)
    gradcheck(lambda *x: op(*x, **constants), *inputs, rng=np.random.default_rng(1))


def changed(op, change):
    """The op with its gradient lines changed: `change(k, g_x)` gets each gradient with its number."""

    def function(xp, *arrays, **constants):
        value, gradients = op.function(xp, *arrays, **constants)

        def shared(g):
            if callable(gradients):
                whole = gradients(g)
            else:
                whole = [line(g, None) if line.__code__.co_argcount == 2 else line(g) for line in gradients]
            return [change(k, np.asarray(g_x)) for k, g_x in enumerate(whole)]

        return value, shared

    function.__name__ = op.name
    return Op(function, op.cases)


@pytest.mark.parametrize(("op", "case"), CASES)
def test_the_gradient_is_the_difference_quotient(op, case):
    run(op, case)


@pytest.mark.parametrize(("op", "case"), CASES)
def test_a_gradient_off_by_a_thousandth_is_caught_in_every_input(op, case):
    inputs, _ = draw(case)
    for wrong in range(len(inputs)):
        with pytest.raises(GradientError, match=f"input {wrong}"):
            run(changed(op, lambda k, g, w=wrong: g * (1.001 if k == w else 1)), case)


@pytest.mark.parametrize(("op", "case"), CASES)
@pytest.mark.parametrize("fault", ["sign", "zero", "nan"])
def test_a_gradient_of_the_wrong_sign_or_zero_or_nan_is_caught(op, case, fault):
    change = {"sign": lambda k, g: -g, "zero": lambda k, g: 0 * g, "nan": lambda k, g: g * np.nan}[fault]
    with pytest.raises(GradientError):
        run(changed(op, change), case)


@pytest.mark.parametrize(("op", "case"), CASES)
def test_float32_in_gives_float32_out_and_back(op, case):
    inputs, constants = draw(case)
    leaves = [Tensor(x.astype(np.float32), requires_grad=True) for x in inputs]
    output = op(*leaves, **constants)
    output.backward(np.ones(output.shape, np.float32))
    assert output.dtype == np.float32
    assert all(leaf.grad.dtype == np.float32 and leaf.grad.shape == leaf.shape for leaf in leaves)


@pytest.mark.parametrize(("op", "case"), CASES)
def test_an_op_and_its_gradient_leave_their_inputs_as_they_were(op, case):
    inputs, constants = draw(case)
    before = [x.copy() for x in inputs]
    output = op(*[Tensor(x, requires_grad=True) for x in inputs], **constants)
    g = np.ones(output.shape)
    output.backward(g)
    assert all(np.array_equal(a, b) for a, b in zip(before, inputs, strict=True))
    assert np.all(g == 1)


@pytest.mark.parametrize(("op", "case"), CASES)
def test_inputs_that_are_not_contiguous_give_the_same_values(op, case):
    inputs, constants = draw(case)
    strided = [np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x for x in inputs]
    want, got = (op(*map(Tensor, arrays), **constants).data for arrays in (inputs, strided))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)  # a matrix product may sum in another order


VECTORS = {"linear": [2], "conv2d": [2], "conv_transpose2d": [2], "layer_norm": [1, 2], "group_norm": [1, 2]}


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_a_square_array_is_not_transposed(name):
    """Of other arrays the engine would see it by the shape. So look at a square one whose gradient has no symmetry."""
    for k in range(min(len(seeded(name, seed).inputs) for seed in range(40))):
        example = checks.lopsided(name, k)
        assert (example is None) == (k in VECTORS.get(name, [])), f"{name}: there is no example for input {k}"
        if example is not None:
            checks.check_differences(name, example)


APART = [  # ops that share work between their gradients return all of them
    pytest.param(op, case, id=f"{name}-{k}")
    for name, op in OPS.items()
    for k, case in enumerate(op.cases)
    if not callable(op.function(np, *draw(case)[0], **draw(case)[1])[1])
]


@pytest.mark.parametrize(("op", "case"), APART)
def test_only_the_gradients_asked_for_are_computed(op, case):
    inputs, constants = draw(case)

    def explode(g, *out):
        raise AssertionError("this gradient was not asked for")

    for asked in range(len(inputs)):

        def function(xp, *arrays, asked=asked, **constants):
            value, gradients = op.function(xp, *arrays, **constants)
            return value, tuple(line if k == asked else explode for k, line in enumerate(gradients))

        function.__name__ = op.name
        tensors = [Tensor(x, requires_grad=k == asked) for k, x in enumerate(inputs)]
        output = Op(function, op.cases)(*tensors, **constants)
        output.backward(np.ones(output.shape))
        assert [t.grad is not None for t in tensors] == [k == asked for k in range(len(inputs))]


@pytest.mark.parametrize("name", NAMES)
def test_every_op_has_cases_a_docstring_and_a_public_name(name):
    op = OPS[name]
    assert op.cases, f"{name}: give @op at least one case to be checked on"
    assert op.__doc__, f"{name}: say in a docstring what it computes"
    assert getattr(ops, name) is op
    assert next(iter(inspect.signature(op.function).parameters)) == "xp"


@pytest.mark.parametrize("name", NAMES)
def test_integers_are_refused_by_name_with_the_cure(name):
    inputs, constants = draw(OPS[name].cases[0])
    with pytest.raises(MinivaeError, match=rf"{name}: got a int64 array; convert it with x.astype\('float32'\)"):
        OPS[name](*[np.ones(x.shape, np.int64) for x in inputs], **constants)


@pytest.mark.parametrize("name", [n for n in NAMES if len(draw(OPS[n].cases[0])[0]) > 1])
def test_float32_and_float64_do_not_mix(name):
    inputs, constants = draw(OPS[name].cases[0])
    mixed = [inputs[0].astype(np.float32), *inputs[1:]]
    with pytest.raises(MinivaeError, match=f"{name}: got float32 and float64"):
        OPS[name](*mixed, **constants)
