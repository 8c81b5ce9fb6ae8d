"""Lesson 01: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson01 import logsumexp_gradient, matmul_gradients, unbroadcast


def axis_by_axis(g, shape):
    while g.ndim > len(shape):
        g = g.sum(0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis, keepdims=True)
    return g


def all_at_once(g, shape):
    padded = (1,) * (g.ndim - len(shape)) + tuple(shape)
    return g.sum(axis=tuple(i for i, n in enumerate(padded) if n == 1), keepdims=True).reshape(shape)


def only_where_it_differs(g, shape):
    padded = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i, (n, m) in enumerate(zip(padded, g.shape, strict=True)) if n != m)
    return (g.sum(axis=axes, keepdims=True) if axes else g).reshape(shape)


def collected(g, shape):
    g_x = np.zeros(shape, g.dtype)
    places = np.broadcast_to(np.arange(g_x.size).reshape(shape), g.shape)
    np.add.at(g_x.reshape(-1), places.ravel(), g.ravel())
    return g_x


def number_by_number(g, shape):
    g_x = np.zeros(shape)
    for at in np.ndindex(g.shape):
        inner = at[g.ndim - len(shape) :]
        g_x[tuple(0 if n == 1 else i for i, n in zip(inner, shape, strict=True))] += g[at]
    return g_x


def with_an_early_return(g, shape):
    if g.shape == tuple(shape):
        return g
    return unbroadcast(g, shape)


UNBROADCAST_RIGHT = {
    "the solution": unbroadcast,
    "axis by axis": axis_by_axis,
    "all at once, then reshape": all_at_once,
    "only where the sizes differ": only_where_it_differs,
    "collected with add.at": collected,
    "number by number": number_by_number,
    "with an early return": with_an_early_return,
    "float64 inside": lambda g, shape: unbroadcast(g.astype(np.float64), shape),
}


def mean_of_the_copies(g, shape):
    n = len(shape)
    g = g.mean(axis=tuple(range(g.ndim - n)))
    return g.mean(axis=tuple(i for i in range(n) if shape[i] == 1), keepdims=True)


def overwritten(g, shape):
    g_x = np.zeros(shape)
    for at in np.ndindex(g.shape):
        inner = at[g.ndim - len(shape) :]
        g_x[tuple(0 if n == 1 else i for i, n in zip(inner, shape, strict=True))] = g[at]
    return g_x


UNBROADCAST_WRONG = {
    "as-it-came": lambda g, shape: g.copy(),
    "mean": mean_of_the_copies,
    "mean-in-front": lambda g, shape: unbroadcast(g.mean(0), shape),
    "front-only": lambda g, shape: g.sum(axis=tuple(range(g.ndim - len(shape)))),
    "stretched-only": lambda g, shape: g.sum(axis=-1, keepdims=True),
    "axis-lost": lambda g, shape: g.sum(axis=0).sum(axis=1),
    "axes-kept": lambda g, shape: g.sum(axis=(0, 2), keepdims=True),
    "everything": lambda g, shape: np.sum(g),
    "everything-everywhere": lambda g, shape: np.zeros(shape) + g.sum(),
    "first-copy": lambda g, shape: g[0][..., :1],
    "last-copy": overwritten,
    "resized": lambda g, shape: g.ravel()[: int(np.prod(shape))].reshape(shape),
    "counted": lambda g, shape: unbroadcast(np.ones_like(g), shape),
    "values": lambda g, shape: 2 * unbroadcast(g, shape),
    "shape": lambda g, shape: unbroadcast(g, shape)[..., None, None],
    "changes:g": lambda g, shape: unbroadcast(np.multiply(g, 1.5, out=g), shape),
}


def image_by_image(g, x, W):
    g_x, g_W = np.zeros_like(x), np.zeros_like(W)
    for b in range(len(x)):
        g_x[b] = W @ g[b]
        g_W += np.outer(x[b], g[b])
    return g_x, g_W


def slip_by_slip(g, x, W):
    g_x, g_W = np.zeros(x.shape), np.zeros(W.shape)
    for b, o in np.ndindex(g.shape):
        for i in range(len(W)):
            g_x[b, i] += g[b, o] * W[i, o]
            g_W[i, o] += g[b, o] * x[b, i]
    return g_x, g_W


def overwriting_image_by_image(g, x, W):
    for b in range(len(x)):
        g_W = np.outer(x[b], g[b])
    return g @ W.T, g_W


def one_matrix_an_image(g, x, W):
    return g @ W.T, np.einsum("bi,bo->bio", x, g)


MATMUL_RIGHT = {
    "the solution": matmul_gradients,
    "einsum": lambda g, x, W: (np.einsum("bo,io->bi", g, W), np.einsum("bi,bo->io", x, g)),
    "transposed twice": lambda g, x, W: ((W @ g.T).T, (g.T @ x).T),
    "np.dot": lambda g, x, W: (np.dot(g, W.T), np.dot(x.T, g)),
    "tensordot": lambda g, x, W: (np.tensordot(g, W, (1, 1)), np.tensordot(x, g, (0, 0))),
    "image by image": image_by_image,
    "slip by slip": slip_by_slip,
    "a dict": lambda g, x, W: {"g_W": x.T @ g, "g_x": g @ W.T},
    "broadcasting": lambda g, x, W: (
        (g[:, None, :] * W).sum(-1),
        (x[:, :, None] * g[:, None, :]).sum(0),
    ),
}
MATMUL_WRONG = {
    "swapped": lambda g, x, W: (x.T @ g, g @ W.T),
    "g_W-transposed": lambda g, x, W: (g @ W.T, np.dot(g.T, x)),
    "g_x-transposed": lambda g, x, W: ((g @ W.T).T, x.T @ g),
    "batch-mean": lambda g, x, W: (g @ W.T, x.T @ g / g.shape[0]),
    "no-sum-over-batch": one_matrix_an_image,
    "sums-first": lambda g, x, W: (g @ W.T, x.sum(0)[:, None] * g.sum(0)),
    "means-first": lambda g, x, W: (g @ W.T, x.mean(0)[:, None] @ g.mean(0)[None]),
    "last-image": overwriting_image_by_image,
    "first-image": lambda g, x, W: (g @ W.T, x[:1].T @ g[:1]),
    "rate-of-a-bias": lambda g, x, W: (g @ W.T, np.ones_like(x).T @ g),
    "g-left-out-of-g_W": lambda g, x, W: (g @ W.T, x.T @ np.ones_like(g)),
    "g-left-out-of-g_x": lambda g, x, W: (np.ones_like(g) @ W.T, x.T @ g),
    "W-left-out": lambda g, x, W: (g @ np.ones_like(W).T, x.T @ g),
    "x-for-g_x": lambda g, x, W: (x.copy(), x.T @ g),
    "downhill": lambda g, x, W: (-g @ W.T, -x.T @ g),
    "downhill (one of them)": lambda g, x, W: (g @ W.T, -x.T @ g),
    "raises": lambda g, x, W: (g @ W, x.T @ g),
    "form": lambda g, x, W: x.T @ g,
}


def row_by_row(g, x):
    g_x = np.empty_like(x)
    for b in range(len(x)):
        e = np.exp(x[b] - max(x[b]))
        g_x[b] = g[b] * e / sum(e)
    return g_x


def through_the_value(g, x):
    top = x.max(axis=1, keepdims=True)
    y = top + np.log(np.exp(x - top).sum(axis=1, keepdims=True))
    return g[:, None] * np.exp(x - y)


def pairwise(g, x):
    # 1 / sum_j exp(x_j - x_i): an overflow to inf gives the right limit, 0
    with np.errstate(over="ignore"):
        return g[:, None] / np.exp(x[:, None, :] - x[:, :, None]).sum(-1)


LOGSUMEXP_RIGHT = {
    "the solution": logsumexp_gradient,
    "row by row": row_by_row,
    "exp of x minus the value": through_the_value,
    "logaddexp": lambda g, x: g[:, None] * np.exp(x - np.logaddexp.reduce(x, axis=1, keepdims=True)),
    "pairwise differences": pairwise,
    "einsum": lambda g, x: np.einsum("b,bk->bk", g, through_the_value(np.ones_like(g), x)),
    "transposed": lambda g, x: (g * np.exp(x.T - np.logaddexp.reduce(x.T, axis=0))).T,
    "float64 inside": lambda g, x: logsumexp_gradient(g, x.astype(np.float64)),
}


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def to_the_largest(g, x):
    g_x = np.zeros_like(x)
    g_x[np.arange(len(x)), x.argmax(axis=1)] = g
    return g_x


LOGSUMEXP_WRONG = {
    "overflow": lambda g, x: g[:, None] * (np.exp(x) / np.sum(np.exp(x), axis=1)[:, None]),
    "overflow (through the value)": lambda g, x: g[:, None] * np.exp(x) / np.exp(np.log(np.exp(x).sum(1)))[:, None],
    "g-left-out": lambda g, x: softmax(x, 1),
    "down-the-batch": lambda g, x: g[:, None] * softmax(x, 0),
    "over-everything": lambda g, x: g[:, None] * softmax(x, None),
    "not-normalised": lambda g, x: np.exp(x) * g[:, None],
    "shifted-not-normalised": lambda g, x: (np.exp(x - x.max(1)[:, None]).T * g).T,
    "log-softmax": lambda g, x: g[:, None] * np.log(np.maximum(softmax(x, 1), 1e-300)),
    "the-value": lambda g, x: (g * np.logaddexp.reduce(x, axis=1))[:, None] * np.ones_like(x),
    "only-the-largest": to_the_largest,
    "even-shares": lambda g, x: np.repeat(g[:, None] / x.shape[1], x.shape[1], axis=1),
    "own-slope": lambda g, x: g[:, None] * (softmax(x, 1) - softmax(x, 1) ** 2),
    "sigmoid": lambda g, x: g[:, None] / (1 + np.exp(-x)),
    "one-slip-for-all": lambda g, x: np.sum(g) * softmax(x, 1),
    "minus": lambda g, x: -g[:, None] * softmax(x, 1),
    "raises": lambda g, x: g * softmax(x, 1),
    "nan": lambda g, x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
}

RIGHT = {"01/unbroadcast": UNBROADCAST_RIGHT, "01/matmul": MATMUL_RIGHT, "01/logsumexp": LOGSUMEXP_RIGHT}
WRONG = {"01/unbroadcast": UNBROADCAST_WRONG, "01/matmul": MATMUL_WRONG, "01/logsumexp": LOGSUMEXP_WRONG}
