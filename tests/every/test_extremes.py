"""float32 at its ends: where the true value fits into float32, the value is right, the gradient finite, nothing warns.

The truth is PyTorch in float64, whose range is 10^270 times wider. Points at which a value or a gradient does not fit
into float32 are left out: there infinity, and NumPy's warning of it, is the right answer. Every warning is an error.
"""

import numpy as np
import pytest

from minivae import Tensor
from minivae.engine import OPS, Op
from tests.oracle import oracle
from tests.oracle_twins import twins

MAX = float(np.finfo(np.float32).max)
TINY = 1e-45  # the smallest number above 0; it and all below 1.2e-38 are denormal
EPS = float(np.finfo(np.float32).eps)
ENDS = [0.0, TINY, 1e-39, 1.2e-38, 1e-20, 1e-6, 0.1, 1.0, 9.0, 17.0, 44.0, 88.0, 104.0, 1e4, 1e19, MAX]
LINE = np.array([-x for x in reversed(ENDS)] + ENDS, np.float32)
POSITIVE = np.array(ENDS[1:], np.float32)


def run(function, inputs, constants):
    """Value and gradients, with weights of 1; `function` works on tensors of ours."""
    leaves = [Tensor(x.copy(), requires_grad=True) for x in inputs]
    y = function(*leaves, **constants)
    y.backward(np.ones_like(y.data))
    return [y.data, *(leaf.grad for leaf in leaves)]


def truth(name, inputs, constants):
    torch = oracle()
    by_formula = {  # torch.distributions refuses a sigma that even float64 rounds to 0
        "gaussian_kl": lambda mu, logvar: 0.5 * (mu**2 + torch.exp(logvar) - 1 - logvar).sum(-1),
        "gaussian_nll": lambda x, mu, logvar: (
            0.5 * ((x - mu) ** 2 * torch.exp(-logvar) + logvar + np.log(2 * np.pi)).sum(-1)
        ),
    }
    leaves = [torch.tensor(x.astype(np.float64), requires_grad=True) for x in inputs]
    y = (twins(torch) | by_formula)[name](*leaves, **constants)
    y.backward(torch.ones_like(y))
    return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def check(name, *inputs, rtol=4 * EPS, atol=4 * EPS, g_atol=None, op=None, want=None, **constants):
    inputs = [np.asarray(x, np.float32) for x in inputs]
    want = truth(name, inputs, constants) if want is None else want
    got = run(op or OPS[name], inputs, constants)
    for k, (ours, right) in enumerate(zip(got, want, strict=True)):
        what = f"gradient {k - 1}" if k else "value"
        assert np.all(np.abs(right) <= MAX), f"{name}: choose points at which the {what} fits into float32"
        assert ours.dtype == np.float32
        assert np.all(np.isfinite(ours)), f"{name}: the {what} is {ours}, the truth {right}"
        allowed = g_atol if k and g_atol is not None else atol
        np.testing.assert_allclose(ours, right, rtol=rtol, atol=allowed, err_msg=f"{name}: {what}")


def fits(name, points, **constants):
    """The points at which value and gradient fit into float32."""
    value, gradient = truth(name, [points], constants)
    return points[(np.abs(value) <= MAX) & (np.abs(gradient) <= MAX)]


# Elementwise. rtol: a few roundings. atol: one denormal step, or, where numbers near 1 are added, their rounding.
ELEMENTWISE = {
    "exp": {"atol": TINY},
    "expm1": {"atol": TINY, "g_atol": EPS},  # the gradient is expm1(x) + 1
    "log": {"atol": TINY, "points": POSITIVE},
    "log1p": {"atol": TINY, "points": POSITIVE},
    "sqrt": {"atol": TINY, "points": POSITIVE},
    "abs": {"atol": TINY},
    "relu": {"atol": TINY},
    "leaky_relu": {"atol": 2 * TINY},
    "tanh": {"atol": TINY, "g_atol": 2 * EPS},  # 1 - y * y, for y near 1
    "sigmoid": {"atol": EPS},  # (1 + tanh) / 2
    "softplus": {"atol": TINY, "g_atol": EPS},  # its gradient is the sigmoid
    "silu": {"atol": 20 * EPS},  # x * sigmoid(x) for x down to -17, below which the sigmoid rounds to 0
    "gelu": {"atol": 20 * EPS},  # likewise
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_one_element_at_the_ends_of_float32(name):
    settings = dict(ELEMENTWISE[name])
    points = fits(name, settings.pop("points", LINE))
    assert len(points) >= 12
    check(name, points, **settings)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_one_at_a_time_is_what_all_at_once_is(name):
    """A vector goes through other instructions than a number does. They may round apart, by one unit each."""
    points = fits(name, ELEMENTWISE[name].get("points", LINE))
    whole = run(OPS[name], [points], {})
    for i, x in enumerate(points):
        for a, b in zip(whole, run(OPS[name], [np.asarray(x)], {}), strict=True):
            np.testing.assert_allclose(b, a[i], rtol=4 * EPS, atol=EPS)


ROWS = {
    "zeros": [0, 0, 0],
    "denormals": [TINY, 0, -TINY],
    "88": [88, -88, 0],
    "all 88": [88, 88, 88],
    "all -88": [-88, -88, -88],
    "104": [104, 104, -104],
    "1e4": [1e4, -1e4, 0],
    "all 1e4": [1e4, 1e4, 1e4],
    "all -1e4": [-1e4, -1e4, -1e4],
    "one apart": [1e4, 9999, 9998],
    "the largest": [MAX, 0, -88],
    "the largest twice": [MAX, MAX, 0],
    "the smallest": [-MAX, -MAX, -MAX],
    "1e19": [1e19, -1e19, 1e4],
}


@pytest.mark.parametrize("row", ROWS)
def test_softmax_and_logsumexp_of_rows_at_the_ends(row):
    constants = {"axis": -1}
    check("softmax", [ROWS[row]], **constants)
    x = np.array([ROWS[row]], np.float32)
    # the gradient of logsumexp is softmax; PyTorch's exp(x - logsumexp) loses log(3) beside 1e38, even in float64
    want = [truth("logsumexp", [x], constants)[0], truth("softmax", [x], constants)[0]]
    check("logsumexp", x, want=want, **constants)


def test_softmax_and_logsumexp_take_rows_with_masked_places():
    """-inf is how a place is ruled out; the rest shares the probability, and no gradient is NaN."""
    x = np.array([[0.0, -np.inf, 1.0], [-np.inf, -np.inf, 1e4]])
    for name in ("softmax", "logsumexp"):
        check(name, x, axis=-1)


def test_attention_takes_scores_at_the_ends():
    """Powers of two, so that scores of 67 million are exact in float32 and the truth is the same in both precisions."""
    q = np.array([[[8192.0, 0], [-8192, 8192], [0, 0], [TINY, 88]]])
    k = np.array([[[8192.0, 0], [8192, 0], [0, -8192], [1, 1]]])
    v = np.array([[[1.0], [2], [-1e4], [88]]])
    # the gradients are sums of products with 1e4 and 8192, so that 1e8 * 6e-8 remains where they cancel
    check("attention", q, k, v, atol=32.0 * 0.5)


LOGITS = np.array([[0.0], [TINY], [17], [-17], [88], [-88], [104], [1e4], [-1e4], [1e19], [-1e19], [MAX], [-MAX]])


@pytest.mark.parametrize("x", [0.0, 1.0, 0.25, TINY])
def test_bernoulli_nll_takes_any_logit(x):
    check("bernoulli_nll", LOGITS, np.full(LOGITS.shape, x))


def test_gaussian_kl_at_the_ends():
    mu = [[0.0], [1e4], [-1e4], [1e18], [TINY], [0], [0], [0], [0], [88]]
    logvar = [[0.0], [0], [0], [0], [0], [88], [-88], [-1e4], [-1e19], [88]]
    check("gaussian_kl", mu, logvar)


def test_gaussian_kl_near_the_prior_is_small_and_not_negative_beyond_rounding():
    logvar = np.array([[TINY], [1e-20], [1e-7], [-1e-7]])
    check("gaussian_kl", np.zeros((4, 1)), logvar, atol=EPS)  # var - 1 - logvar: numbers near 1 cancel


def test_gaussian_nll_at_the_ends():
    """A decoder that has learnt its images by heart: x = mu, and ever less variance."""
    x = [[0.0], [1e4], [1e4], [0], [0], [0], [0], [1e-18], [1e4], [MAX]]
    mu = [[0.0], [1e4], [-1e4], [0], [0], [0], [0], [0], [1e4], [MAX]]
    logvar = [[0.0], [0], [0], [88], [-87], [-100], [-170], [-80], [1e4], [88]]
    # the density of a Gaussian a hundred sigma wide of the mark: squares of numbers good to 6e-8
    check("gaussian_nll", x, mu, logvar, rtol=32 * EPS)


def test_reparameterize_at_the_ends():
    mu = [[0.0], [1e4], [-MAX], [0], [TINY], [0]]
    logvar = [[-1e4], [88], [-88], [170], [-170], [0]]
    eps = [[3.0], [-3], [0], [2], [1], [TINY]]
    # exp(85) in float32 is good to |85| * 6e-8
    check("reparameterize", mu, logvar, eps, rtol=64 * EPS)


@pytest.mark.parametrize("value", [0.0, TINY, 0.1, 1.0, -3.7, 88.0, 12345.678, 1e4, -1e4])
@pytest.mark.parametrize("D", [2, 3, 7, 64])
def test_layer_and_group_norm_of_constant_rows_are_finite_and_near_the_bias(value, D):
    """The spread is 0 and what is left of it is rounding: the mean may miss the value by a few of its last places.

    Divided by sqrt(tiny) that is what the result may be off by. What counts is that nothing is divided by 0.
    """
    miss = 4 * EPS * abs(value) / np.sqrt(1e-5)
    gain, bias = np.full(D, 2.0, np.float32), np.full(D, 0.5, np.float32)
    row, image = np.full((1, D), value, np.float32), np.full((1, D, 2, 1), value, np.float32)
    for name, x, constants in [("layer_norm", row, {}), ("group_norm", image, {"groups": 1})]:
        y, *gradients = run(OPS[name], [x, gain, bias], constants)
        np.testing.assert_allclose(y, 0.5, rtol=EPS, atol=2 * miss)
        assert all(np.all(np.isfinite(g)) for g in gradients)


def test_layer_and_group_norm_of_wide_rows():
    """Powers of two, exact in float32: plus and minus 2^13 become plus and minus 1."""
    row = np.array([[8192.0, -8192, 8192, -8192], [88, -88, 88, -88], [2.0**60, -(2.0**60), 2.0**60, -(2.0**60)]])
    check("layer_norm", row, np.ones(4), np.zeros(4))
    check("group_norm", row.reshape(3, 4, 1, 1), np.ones(4), np.zeros(4), groups=1)


def test_layer_norm_of_denormals_is_the_bias():
    check("layer_norm", [[TINY, -TINY, 0, TINY]], np.ones(4), np.full(4, 0.5), atol=1e-3, rtol=1e-3)


# The checks, checked: the forms that books print fail them.


def naive(name, function):
    function.__name__ = name
    return Op(function, ())


NAIVE = {
    "sigmoid": lambda xp, x: (1 / (1 + xp.exp(-x)), (lambda g: g,)),
    "softplus": lambda xp, x: (xp.log(1 + xp.exp(x)), (lambda g: g,)),
    "silu": lambda xp, x: (x / (1 + xp.exp(-x)), (lambda g: g,)),
    "tanh": lambda xp, x: ((xp.exp(x) - xp.exp(-x)) / (xp.exp(x) + xp.exp(-x)), (lambda g: g,)),
    "expm1": lambda xp, x: (xp.exp(x) - 1, (lambda g: g * xp.exp(x),)),
    "log1p": lambda xp, x: (xp.log(1 + x), (lambda g: g / (1 + x),)),
}


@pytest.mark.parametrize("name", NAIVE)
def test_the_naive_form_fails_these_checks(name):
    settings = dict(ELEMENTWISE[name])
    points = fits(name, settings.pop("points", LINE))
    with pytest.raises((RuntimeWarning, AssertionError)):
        check(name, points, op=naive(name, NAIVE[name]), **settings)


def test_the_naive_softmax_and_logsumexp_fail_these_checks():
    def softmax(xp, x, *, axis):
        e = xp.exp(x)
        return e / e.sum(axis=axis, keepdims=True), (lambda g: g,)

    def logsumexp(xp, x, *, axis):
        return xp.log(xp.exp(x).sum(axis=axis)), (lambda g: g[..., None] + 0 * x,)

    for function in (softmax, logsumexp):
        with pytest.raises((RuntimeWarning, AssertionError)):
            check(function.__name__, [ROWS["all 1e4"]], op=naive(function.__name__, function), axis=-1)


def test_the_naive_bernoulli_nll_fails_these_checks():
    def bernoulli_nll(xp, logits, x):
        p = 0.5 * xp.tanh(0.5 * logits) + 0.5
        nll = -x * xp.log(p) - (1 - x) * xp.log(1 - p)
        return nll.sum(-1), (lambda g: g[:, None] * (p - x), lambda g: -g[:, None] * logits)

    with pytest.raises((RuntimeWarning, AssertionError)):
        check("bernoulli_nll", LOGITS, np.zeros(LOGITS.shape), op=naive("bernoulli_nll", bernoulli_nll))
