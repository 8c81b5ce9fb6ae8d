"""What each kernel has to compute, in NumPy, in float64: one function for all versions of a kernel."""

import math

import numpy as np

from minivae import ops
from minivae.cuda.kernels import KINDS
from tests.cuda import references_layers  # noqa: F401 (it enters its own)
from tests.cuda.harness import around, latin
from tests.cuda.philox import noise, philox
from tests.cuda.reference import (
    REFERENCES,
    any_bits,
    below,
    flat,
    long_rows,
    reference,
    tiles,
    uniform,
    with_extremes,
)

__all__ = ["REFERENCES"]

SEEDS = {"seed": [0, 42, 0xFEDCBA9876543210], "draw": [0, 1, 2**40 + 1]}
KIND = {"kind": list(range(len(KINDS)))}

EXP = "float32: expf is right to 2 units in the last place, and z is a sum of two terms of up to 30"
NOISE = "as without Philox; besides, sine and cosine of an angle that is rounded to float32"
SUM = "float32: each term is right to some 2^-23, and there are up to 800 of them"
CANCELS = "float32: the difference of two terms of up to 30"


# gaussian_kl.cu


@reference(
    cases=lambda c: latin(B=around(c.ROWS), L=around(c.WARP)) + latin(B=around(c.BLOCK), L=[1, 3]) + long_rows("L")(c),
    rtol=2e-6,
    atol=1e-5,
    why=SUM,
    op=lambda mu, logvar: ops.gaussian_kl(mu, logvar),
)
def gaussian_kl(mu, logvar):
    return {"kl": 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1)}


@reference(
    cases=tiles("ROWS", "L"), rtol=1e-6, atol=1e-6, why=CANCELS, op=lambda mu, logvar: ops.gaussian_kl(mu, logvar)
)
def gaussian_kl_backward(g, mu, logvar):
    return {"g_mu": g[:, None] * mu, "g_logvar": 0.5 * g[:, None] * (np.exp(logvar) - 1)}


# reparameterize.cu


@reference(cases=flat(), rtol=1e-6, atol=1e-5, why=EXP, op=lambda mu, logvar, eps: ops.reparameterize(mu, logvar, eps))
def reparameterize(mu, logvar, eps):
    return {"z": mu + np.exp(0.5 * logvar) * eps}


@reference(cases=flat(), rtol=1e-6, why=EXP, op=lambda logvar, eps: ops.reparameterize(0 * logvar, logvar, eps))
def reparameterize_backward(g, logvar, eps):
    return {"g_logvar": 0.5 * g * np.exp(0.5 * logvar) * eps}


@reference(cases=flat(4, **SEEDS), rtol=1e-6, atol=3e-5, why=NOISE)
def reparameterize_philox(mu, logvar, seed, draw, n):
    return reparameterize(mu, logvar, noise(seed, draw, n))


@reference(cases=flat(4, **SEEDS), rtol=1e-6, atol=3e-5, why=NOISE)
def reparameterize_philox_backward(g, logvar, seed, draw, n):
    return reparameterize_backward(g, logvar, noise(seed, draw, n))


@reference(cases=flat(4, **SEEDS), rtol=1e-6, atol=3e-6, why=NOISE)
def philox_normal(seed, draw, n):
    return {"eps": noise(seed, draw, n)}


@reference(cases=flat(), draw={"counter": any_bits, "key": any_bits}, why="integers: no tolerance")
def philox_bits(counter, key):
    return {"bits": philox(counter, key)}


# bernoulli_nll.cu, gaussian_nll.cu


@reference(
    cases=lambda c: latin(B=around(c.ROWS), D=around(c.WARP)) + long_rows("D")(c),
    draw={"logits": with_extremes(-200, -100, 0, 100, 200), "x": uniform},
    rtol=2e-6,
    atol=1e-5,
    why=SUM,
    op=lambda logits, x: ops.bernoulli_nll(logits, x),
)
def bernoulli_nll(logits, x):
    return {"nll": (np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-abs(logits)))).sum(1)}


@reference(
    cases=tiles("ROWS", "D"),
    draw={"logits": with_extremes(-200, -100, 0, 100, 200), "x": uniform},
    rtol=1e-6,
    atol=1e-6,
    why="float32: sigmoid - x cancels",
    op=lambda logits, x: ops.bernoulli_nll(logits, x),
)
def bernoulli_nll_backward(g, logits, x):
    return {"g_logits": g[:, None] * (0.5 + 0.5 * np.tanh(logits / 2) - x), "g_x": -g[:, None] * logits}


@reference(
    cases=long_rows("D", one_logvar=[0, 1]),
    rtol=2e-6,
    atol=1e-5,
    why=SUM,
    op=lambda x, mu, logvar: ops.gaussian_nll(x, mu, logvar),
)
def gaussian_nll(x, mu, logvar):
    return {"nll": 0.5 * ((x - mu) ** 2 / np.exp(logvar) + logvar + math.log(2 * math.pi)).sum(1)}


@reference(
    cases=tiles("ROWS", "D", one_logvar=[0, 1]),
    rtol=2e-6,
    atol=2e-6,
    why=CANCELS,
    op=lambda x, mu, logvar: ops.gaussian_nll(x, mu, logvar),
)
def gaussian_nll_backward(g, x, mu, logvar):
    g_x = g[:, None] * (x - mu) / np.exp(logvar)
    return {"g_x": g_x, "g_mu": -g_x, "g_logvar": 0.5 * g[:, None] * (1 - (x - mu) ** 2 / np.exp(logvar))}


# bias_activation.cu

TENSOR_ACTIVATIONS = [lambda a: a, ops.relu, ops.silu, ops.gelu, ops.tanh, ops.sigmoid]
ARGUMENTS = {  # with x = -b here and there, where a bend has its kink
    "x": with_extremes(-1e20, -100, -20, -1, -0.5, 0, 0.5, 1, 20, 100, 1e20),
    "b": lambda rng, shape: rng.integers(-4, 5, shape) / 2,
}


def sigmoid(a):
    return 0.5 + 0.5 * np.tanh(a / 2)


def gelu_tanh(a):
    near = np.clip(a, -10, 10)
    return near, np.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * near**3))


def activate(a, kind):
    """act(a) by the number of its kind."""
    return [
        lambda: a,
        lambda: np.maximum(a, 0),
        lambda: a * sigmoid(a),
        lambda: 0.5 * a * (1 + gelu_tanh(a)[1]),
        lambda: np.tanh(a),
        lambda: sigmoid(a),
    ][kind]()


def slope(a, kind):
    """act'(a) by the number of its kind."""

    def gelu():
        near, t = gelu_tanh(a)
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near**2)
        return 0.5 * (1 + t + near * (1 - t * t) * inner)

    return [
        lambda: np.ones_like(a),
        lambda: (a > 0).astype(a.dtype),
        lambda: sigmoid(a) * (1 + a * (1 - sigmoid(a))),
        gelu,
        lambda: 1 - np.tanh(a) ** 2,
        lambda: sigmoid(a) * (1 - sigmoid(a)),
    ][kind]()


@reference(
    cases=lambda c: latin(B=around(c.HEIGHT), O=[*around(c.WIDTH), c.BLOCK - 1, c.BLOCK], **KIND),
    draw=ARGUMENTS,
    rtol=2e-6,
    atol=2e-6,
    why="float32: 1 + tanh cancels on the left",
    op=lambda x, b, kind: TENSOR_ACTIVATIONS[kind](x + b),
)
def bias_activation(x, b, kind):
    return {"y": activate(x + b, kind)}


@reference(
    cases=lambda c: latin(B=around(c.ROWS), O=around(c.WIDTH), **KIND),
    draw=ARGUMENTS,
    rtol=2e-6,
    atol=2e-5,
    why="float32: 1 - tanh^2 cancels, and `part` is a sum of 32 terms",
    op=lambda x, b, kind: TENSOR_ACTIVATIONS[kind](x + b),
)
def bias_activation_backward(g, x, b, kind, B):
    g_x = g * slope(x + b, kind)
    return {"g_x": g_x, "part": np.add.reduceat(g_x, np.arange(0, B, 32))}


@reference(
    cases=lambda c: latin(B=around(c.HEIGHT) + [100], O=around(c.WIDTH) + around(c.BLOCK)),
    rtol=1e-6,
    atol=1e-5,
    why="float32: a sum of up to 100 terms",
)
def column_sum(a):
    return {"sums": a.sum(0)}


# adam.cu

# Larger than in training, so that an error in any of them shows.
SETTINGS = {"b1": 0.9, "b2": 0.99, "step": 0.1, "tiny": 0.02, "decay": 0.05}


@reference(
    cases=flat(4, **{name: [np.float32(value)] for name, value in SETTINGS.items()}),
    draw={"v": uniform},
    rtol=1e-6,
    atol=1e-6,
    why="float32: m is the sum of two terms that may cancel, and p takes it times up to 5",
)
def adam(p, g, m, v, b1, b2, step, tiny, decay):
    m = b1 * m + g
    v = b2 * v + g**2
    return {"p": p - decay * p - step * m / (np.sqrt(v) + tiny), "m": m, "v": v}


# diffuse.cu


@reference(
    cases=tiles("ROWS", "D", T=[10]),
    draw={"t": below(10), "signal": uniform, "noise": uniform},
    rtol=1e-6,
    atol=1e-6,
    why=CANCELS,
)
def diffuse(x, eps, signal, noise, t):
    return {"x_t": signal[t][:, None] * x + noise[t][:, None] * eps}
