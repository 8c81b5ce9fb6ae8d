"""Lesson 01, Gradients from scratch: undo broadcasting, go back through a matrix product, and through logsumexp."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Gradient, Misconception
from minivae.learn.inputs import Draw, Trial, given, normal


def unbroadcast(g, shape):
    """Sum g over the places to which an input of this shape was copied: (...) -> shape."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))  # axes that NumPy put in front
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=stretched, keepdims=True)


# What the misconceptions do is written for the first trial, g (5, 3, 4) and shape (3, 1), and holds for others too.
def _front(g, shape):
    return tuple(range(g.ndim - len(shape)))


def _stretched(g, shape):
    return tuple(g.ndim - len(shape) + i for i, n in enumerate(shape) if n == 1)


def _first(g, shape, place):
    """One of the copies: `place` is 0 for the first and -1 for the last."""
    for _ in _front(g, shape):
        g = g[place]
    for axis in _stretched(g, shape):
        g = np.take(g, [place], axis=axis)
    return g


UNBROADCAST = Exercise(
    ref="01/unbroadcast",
    solution=unbroadcast,
    # Both kinds at once; an axis in front; nothing to do; a single number; an axis in the middle.
    inputs=dict(g=normal("A B C"), shape=given((3, 1), (3,), (4, 1, 2), (), (2, 1, 5))),
    returns="g_x : shape",
    example=([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]]], (2, 1)),
    misconceptions=(
        Misconception(
            "as-it-came",
            "You return `g` as it came. The input was smaller: each of its numbers was copied to several places, and "
            "the slips from all of them have to be added into one.",
            lambda g, shape: g,
        ),
        Misconception(
            "mean",
            "You average over the copies. A number that is used in 20 places moves the loss in all 20 at once, so its "
            "slips *add up*: `sum`. Averages over a batch belong into the loss, where everybody can see them.",
            lambda g, shape: g.mean(axis=_front(g, shape) + _stretched(g, shape)).reshape(shape),
        ),
        Misconception(
            "mean-in-front",
            "You average over the axes in front and sum over the stretched ones. Both kinds are copies, and slips from "
            "copies are added: `sum` for both.",
            lambda g, shape: unbroadcast(g, shape) / np.prod([g.shape[i] for i in _front(g, shape)]),
        ),
        Misconception(
            "front-only",
            "You sum over the axes that NumPy put in front, and leave the others. It also stretches an axis of length "
            "1 that was there already: where `shape` has a 1, sum too, and keep the axis.",
            lambda g, shape: g.sum(axis=_front(g, shape)),
        ),
        Misconception(
            "stretched-only",
            "You sum over the axes of length 1, and leave those that were put in front. If `shape` has fewer axes than "
            "`g`, the surplus stands at the *left*: sum it away.",
            lambda g, shape: g.sum(axis=_stretched(g, shape), keepdims=True),
        ),
        Misconception(
            "axis-lost",
            "The numbers are right, but an axis of length 1 has gone. It is part of the input's shape: "
            "`keepdims=True` keeps it.",
            lambda g, shape: g.sum(axis=_front(g, shape) + _stretched(g, shape)),
        ),
        Misconception(
            "axes-kept",
            "The numbers are right, but the axes in front are still there with length 1. The input never had them: sum "
            "them without `keepdims`.",
            lambda g, shape: g.sum(axis=_front(g, shape) + _stretched(g, shape), keepdims=True),
        ),
        Misconception(
            "everything",
            "You add up all of `g` into one number. Only copies of the *same* number are added; where `shape` has more "
            "than a 1, the numbers are different ones, and each keeps its own sum.",
            lambda g, shape: g.sum(),
        ),
        Misconception(
            "everything-everywhere",
            "You give every number the sum of all of `g`. Only copies of the *same* number are added: sum over the "
            "axes in front and over those where `shape` has a 1, and no others.",
            lambda g, shape: np.full(shape, g.sum()),
        ),
        Misconception(
            "first-copy",
            "You take the slip of the first copy and drop the rest. The others used the number as well: add them all.",
            lambda g, shape: _first(g, shape, 0),
        ),
        Misconception(
            "last-copy",
            "You keep the slip of the last copy, as if each overwrote the one before. Slips are *added*.",
            lambda g, shape: _first(g, shape, -1),
        ),
        Misconception(
            "resized",
            "You cut `g` to the wanted shape (`resize`, or a `reshape` of its first numbers). Then numbers of "
            "different places are mixed and most are lost. Sum over axes instead.",
            lambda g, shape: np.resize(g, shape),
        ),
        Misconception(
            "counted",
            "You count the copies and do not use what the slips say. That would be right if every slip were 1: add up "
            "the numbers of `g`.",
            lambda g, shape: np.full(shape, g.size / np.prod(shape)),
        ),
    ),
    hints=(
        "Each number of the input was copied to several places of the result. What happens to slips that arrive at one "
        "number from several places?",
        "They are added. Two kinds of axes hold copies: those that `g` has more than `shape`, which stand at the left, "
        "and those where `shape` has a 1.",
        "First `g.sum(axis=(0, ..., k - 1))`, where `k` is `g.ndim - len(shape)`. Then sum over every axis where "
        "`shape` has a 1, this time with `keepdims=True`.",
    ),
)


def matmul_gradients(g, x, W):
    """Back through y = x @ W: (B, O), (B, I), (I, O) -> g_x : (B, I), g_W : (I, O)."""
    g_x = g @ W.T
    g_W = x.T @ g
    return g_x, g_W


MATMUL = Exercise(
    ref="01/matmul",
    solution=matmul_gradients,
    inputs=dict(g=normal("B O"), x=normal("B I"), W=normal("I O")),
    returns=("g_x : (B, I)", "g_W : (I, O)"),
    gradient=Gradient(of=lambda x, W: x @ W, wrt=("x", "W"), g="g"),
    example=([[1.0, 10.0]], [[2.0, 3.0]], [[1.0, 0.0], [0.0, 1.0]]),
    misconceptions=(
        Misconception(
            "swapped",
            "Both are right, and they stand in the wrong order: first `g_x`, the gradient of the input, then `g_W`.",
            symptom="order",
        ),
        Misconception(
            "g_W-transposed",
            "Your `g_W` is transposed. A gradient has the shape of what it belongs to, so that it can be subtracted "
            "from it: `W` is (I, O), and so is `g_W`.",
            lambda g, x, W: (g @ W.T, g.T @ x),
        ),
        Misconception(
            "g_x-transposed",
            "Your `g_x` is transposed: images belong in rows. `x` is (B, I), and so is `g_x`.",
            lambda g, x, W: (W @ g.T, x.T @ g),
        ),
        Misconception(
            "batch-mean",
            "You divide `g_W` by the number of images. Every image used the same `W`, and slips are added. If the loss "
            "is a mean, its 1/B is already in `g`.",
            lambda g, x, W: (g @ W.T, x.T @ g / len(x)),
        ),
        Misconception(
            "no-sum-over-batch",
            "Your `g_W` has a matrix for each image. They used one and the same `W`, so their slips are added: sum "
            "over the batch. A matrix product does it on the way.",
            lambda g, x, W: (g @ W.T, x[:, :, None] * g[:, None, :]),
        ),
        Misconception(
            "sums-first",
            "For `g_W` you add up `x` and `g` over the images first, and multiply then. Each image's slip goes with "
            "its *own* input: multiply first, add then.",
            lambda g, x, W: (g @ W.T, np.outer(x.sum(0), g.sum(0))),
        ),
        Misconception(
            "means-first",
            "For `g_W` you average `x` and `g` over the images first, and multiply then. Each image's slip goes with "
            "its *own* input: multiply first, and add, without a mean.",
            lambda g, x, W: (g @ W.T, np.outer(x.mean(0), g.mean(0))),
        ),
        Misconception(
            "last-image",
            "Your `g_W` knows the last image only: in your loop, each overwrites the one before. Add them up.",
            lambda g, x, W: (g @ W.T, np.outer(x[-1], g[-1])),
        ),
        Misconception(
            "first-image",
            "Your `g_W` knows the first image only. All images used `W`: add up their slips.",
            lambda g, x, W: (g @ W.T, np.outer(x[0], g[0])),
        ),
        Misconception(
            "rate-of-a-bias",
            "Your `g_W` leaves out `x`: it is the sum of `g` over the images, the gradient of a *bias*. The rate of "
            "`W[i, o]` is the `x[b, i]` that it was multiplied with.",
            lambda g, x, W: (g @ W.T, np.broadcast_to(g.sum(0), W.shape)),
        ),
        Misconception(
            "g-left-out-of-g_W",
            "Your `g_W` leaves out `g`. That is how the *sum* of `y` changes; the loss weighs each number of `y` by "
            "its slip.",
            lambda g, x, W: (g @ W.T, np.broadcast_to(x.sum(0)[:, None], W.shape)),
        ),
        Misconception(
            "g-left-out-of-g_x",
            "Your `g_x` leaves out `g`. That is how the *sum* of `y` changes; the loss weighs each number of `y` by "
            "its slip.",
            lambda g, x, W: (np.broadcast_to(W.sum(1), x.shape), x.T @ g),
        ),
        Misconception(
            "W-left-out",
            "Your `g_x` leaves out `W`: it is the sum of `g` in each row. `x[b, i]` went into every output, into each "
            "with its own weight.",
            lambda g, x, W: (np.broadcast_to(g.sum(1, keepdims=True), x.shape), x.T @ g),
        ),
        Misconception(
            "x-for-g_x",
            "You return `x` in the place of `g_x`: the value, not its gradient.",
            lambda g, x, W: (x, x.T @ g),
        ),
        Misconception(
            "downhill",
            "The sign is turned in both. A gradient points *uphill*; the step that trains the net subtracts it, later "
            "and only once.",
            lambda g, x, W: (-(g @ W.T), -(x.T @ g)),
        ),
    ),
    hints=(
        "Begin with the shapes: `g_x` has the shape of `x` and `g_W` that of `W`. From `g` (B, O), `x` (B, I) and "
        "`W` (I, O), which products have these shapes at all?",
        r"$y_{bo} = \sum_i x_{bi} W_{io}$. So $x_{bi}$ went to every output $o$ at the rate $W_{io}$, and $W_{io}$ "
        r"went to every image $b$ at the rate $x_{bi}$. Each gathers its slips: slip times rate, added up.",
        r"$\sum_o g_{bo} W_{io}$ is `g @ W.T`. Write $\sum_b x_{bi} g_{bo}$ in the same way, with one transpose.",
    ),
)


def logsumexp_gradient(g, x):
    """Back through y = log(sum(exp(x), axis=1)): (B,), (B, K) -> (B, K)."""
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return g[:, None] * p


def _softmax(x, axis=1):
    p = np.exp(x - x.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def _logsumexp(x):
    top = x.max(axis=1, keepdims=True)
    return (top + np.log(np.exp(x - top).sum(axis=1, keepdims=True)))[:, 0]


def _logits(t: Trial) -> np.ndarray:
    x = t.rng.normal(size=t.shape("B K"))
    x[0] += 900.0  # exp of it is inf, in float64 too
    return x


LOGSUMEXP = Exercise(
    ref="01/logsumexp",
    solution=logsumexp_gradient,
    inputs=dict(g=normal("B"), x=Draw(_logits, "B K")),
    returns="g_x : (B, K)",
    gradient=Gradient(of=_logsumexp, wrt=("x",), g="g"),
    example=([2.0], [[0.0, 0.0]]),
    misconceptions=(
        Misconception(
            "overflow",
            r"Right on paper, and right in all rows but one: there the numbers are around 900, $e^{900}$ is `inf`, and "
            "`inf / inf` is `nan`. Subtract the largest number of each row from the row first; the fraction stays the "
            "same.",
            lambda g, x: g[:, None] * np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
        ),
        Misconception(
            "g-left-out",
            "You have the rates, the softmax of each row. Now the slip: multiply each row by its `g`.",
            lambda g, x: _softmax(x),
        ),
        Misconception(
            "down-the-batch",
            "You normalise over the images (axis 0). Each image has a logsumexp of its own: sum over its K numbers, "
            "which is axis 1.",
            lambda g, x: g[:, None] * _softmax(x, axis=0),
        ),
        Misconception(
            "over-everything",
            "You normalise over the whole batch. Each image has a logsumexp of its own: sum over axis 1, and keep the "
            "axis.",
            lambda g, x: g[:, None] * np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
        ),
        Misconception(
            "not-normalised",
            r"You multiply by $e^x$ and do not divide. That is the inner half of the chain rule; the outer half is the "
            r"rate of the logarithm, $1 / \sum_j e^{x_j}$.",
            lambda g, x: g[:, None] * np.exp(x),
        ),
        Misconception(
            "shifted-not-normalised",
            "You subtract the largest number and take `exp`, but do not divide. The rate of the logarithm is still "
            "missing: divide by the sum of the row.",
            lambda g, x: g[:, None] * np.exp(x - x.max(axis=1, keepdims=True)),
        ),
        Misconception(
            "log-softmax",
            "You multiply by the *logarithm* of the softmax, `x - logsumexp(x)`. That is minus the loss of each class; "
            "the rate is the softmax itself.",
            lambda g, x: g[:, None] * (x - _logsumexp(x)[:, None]),
        ),
        Misconception(
            "the-value",
            "You multiply by the value, `logsumexp(x)`, as if its rate were the function itself. Of the functions here "
            r"only $e^x$ is its own rate.",
            lambda g, x: g[:, None] * np.broadcast_to(_logsumexp(x)[:, None], x.shape),
        ),
        Misconception(
            "only-the-largest",
            "You send all of the slip to the largest number of the row: that is the gradient of `max`. logsumexp is a "
            "*soft* maximum: the largest gets the most, and the others get something too.",
            lambda g, x: g[:, None] * (x == x.max(axis=1, keepdims=True)),
        ),
        Misconception(
            "even-shares",
            "You share the slip evenly: that is the gradient of a *mean*. Here larger numbers have larger rates.",
            lambda g, x: g[:, None] * np.ones_like(x) / x.shape[1],
        ),
        Misconception(
            "own-slope",
            r"You use $p (1 - p)$, how a softmax changes with its *own* logit. Wanted is one step earlier: how "
            r"logsumexp changes, and that is $p$.",
            lambda g, x: g[:, None] * _softmax(x) * (1 - _softmax(x)),
        ),
        Misconception(
            "sigmoid",
            "You use the sigmoid of each number alone. The numbers of a row share one sum: divide by that of the row, "
            r"not by $1 + e^x$.",
            lambda g, x: g[:, None] / (1 + np.exp(-x)),
        ),
        Misconception(
            "one-slip-for-all",
            "You add up `g` first, and every image gets the slip of all. Each row has its own: `g[:, None]`.",
            lambda g, x: g.sum() * _softmax(x),
        ),
        Misconception(
            "minus",
            "The sign is turned. If a number of the row grows, so does logsumexp: all rates are positive.",
            lambda g, x: -g[:, None] * _softmax(x),
        ),
    ),
    hints=(
        r"Chain rule, from the outside in: what is the rate of the logarithm, at the place $\sum_j e^{x_j}$? And the "
        r"rate of that sum with respect to one $x_i$?",
        r"Together $e^{x_i} / \sum_j e^{x_j}$: the softmax, the probability that the net gives to answer $i$. Times "
        "the slip of its row.",
        "`p = np.exp(x - x.max(axis=1, keepdims=True))`, divided by its sums over axis 1 with `keepdims=True`, times "
        "`g[:, None]`, which makes a column of the slips.",
    ),
)

EXERCISES = (UNBROADCAST, MATMUL, LOGSUMEXP)
