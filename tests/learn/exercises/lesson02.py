"""Lesson 02: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson02 import bottleneck_gradients, pca, quantise


def picture_by_picture(g, x, W1, b1, W2, b2):
    g_W1, g_b1, g_W2, g_b2 = np.zeros_like(W1), np.zeros_like(b1), np.zeros_like(W2), np.zeros_like(b2)
    for gi, xi in zip(g, x, strict=True):
        z = xi @ W1 + b1
        back = W2 @ gi
        g_W1 += np.outer(xi, back)
        g_b1 += back
        g_W2 += np.outer(z, gi)
        g_b2 += gi
    return g_W1, g_b1, g_W2, g_b2


def with_a_one(g, x, W1, b1, W2, b2):
    """A bias is the weight of an input that is always 1."""
    ones = np.ones((len(x), 1), x.dtype)
    z = np.hstack([x @ W1 + b1, ones])
    lower = z.T @ g
    upper = np.hstack([x, ones]).T @ (g @ W2.T)
    return upper[:-1], upper[-1], lower[:-1], lower[-1]


def einsums(g, x, W1, b1, W2, b2):
    return (
        np.einsum("bi,bo,lo->il", x, g, W2),
        np.einsum("bo,lo->l", g, W2),
        np.einsum("bl,bo->lo", x @ W1 + b1, g),
        np.einsum("bo->o", g),
    )


GRADIENTS_RIGHT = {
    "the solution": bottleneck_gradients,
    "picture by picture": picture_by_picture,
    "biases as weights": with_a_one,
    "einsum": einsums,
    "other names, a list": lambda d, p, A, a, C, c: [p.T @ (d @ C.T), (d @ C.T).sum(0), (p @ A + a).T @ d, d.sum(0)],
    "transposed twice": lambda g, x, W1, b1, W2, b2: (
        ((g @ W2.T).T @ x).T,
        np.ones(len(x)) @ (g @ W2.T),
        (g.T @ (x @ W1 + b1)).T,
        np.ones(len(x)) @ g,
    ),
    "float64 inside": lambda *arrays: bottleneck_gradients(*(a.astype(np.float64) for a in arrays)),
}


def note_without_bias(g, x, W1, b1, W2, b2):
    g_z = g @ W2.T
    return x.T @ g_z, g_z.sum(0), np.einsum("bi,il,bo->lo", x, W1, g), g.sum(0)


def mean_of_the_slips(g, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    g_z = g @ W2.T
    return x.T @ g_z, np.mean(g_z, axis=0), z.T @ g, np.mean(g, axis=0)


def by_the_batch(g, x, W1, b1, W2, b2):
    return bottleneck_gradients(g / g.shape[0], x, W1, b1, W2, b2)


def through_W1(g, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    g_z = g @ W1
    return x.T @ g_z, g_z.sum(0), z.T @ g, g.sum(0)


def turned(g, x, W1, b1, W2, b2):
    a, b, c, d = einsums(g, x, W1, b1, W2, b2)
    return a.T, b, c.T, d


def x_for_z(g, x, W1, b1, W2, b2):
    a, b, _, d = einsums(g, x, W1, b1, W2, b2)
    return a, b, np.einsum("bi,bo->io", x, g), d


def x_hat_for_x(g, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    return (z @ W2 + b2).T @ (g @ W2.T), (g @ W2.T).sum(0), z.T @ g, g.sum(0)


def overwritten(g, x, W1, b1, W2, b2):
    a, _, c, _ = bottleneck_gradients(g, x, W1, b1, W2, b2)
    for gi in g:
        g_b1, g_b2 = W2 @ gi, gi
    return a, g_b1, c, g_b2


def weights_first(g, x, W1, b1, W2, b2):
    g_W1, g_b1, g_W2, g_b2 = bottleneck_gradients(g, x, W1, b1, W2, b2)
    return g_W1, g_W2, g_b1, g_b2


GRADIENTS_WRONG = {
    "order": weights_first,
    "bias-not-in-the-note": note_without_bias,
    "biases-averaged": mean_of_the_slips,
    "all-averaged": by_the_batch,
    "doubled": lambda g, *rest: bottleneck_gradients(2 * g, *rest),
    "sign": lambda g, *rest: bottleneck_gradients(-g, *rest),
    "through-the-encoder": through_W1,
    "transposed": turned,
    "picture-for-note": x_for_z,
    "unfolded-for-picture": x_hat_for_x,
    "one-picture-alone": overwritten,
}


def by_eigenvectors(x, new, k):
    m = x.mean(0)
    _, vectors = np.linalg.eigh((x - m).T @ (x - m))
    W = vectors[:, ::-1][:, :k]
    return m + (new - m) @ W @ W.T


def by_covariance(x, new, k):
    w, vectors = np.linalg.eigh(np.atleast_2d(np.cov(x.T)))
    W = vectors[:, np.argsort(w)[-k:]]
    return x.mean(0) + ((new - x.mean(0)) @ W) @ W.T


def direction_by_direction(x, new, k):
    m = x.mean(axis=0)
    V = np.linalg.svd(x - m, full_matrices=False)[2]
    out = np.tile(m, (len(new), 1))
    for v in V[:k]:
        out += ((new - m) @ v)[:, None] * v
    return out


def of_the_transposed_table(x, new, k):
    m = x.mean(0, keepdims=True)
    U, _, _ = np.linalg.svd((x - m).T, full_matrices=False)
    return (new - m) @ U[:, :k] @ U[:, :k].T + m


def by_least_squares(x, new, k):
    m = x.mean(0)
    V = np.linalg.svd(x - m)[2][:k]
    z, *_ = np.linalg.lstsq(V.T, (new - m).T, rcond=None)
    return (V.T @ z).T + m


def what_is_left_over(x, new, k):
    m = x.mean(0)
    V = np.linalg.svd(x - m, full_matrices=True)[2]
    rest = V[k:]
    return new - (new - m) @ rest.T @ rest


PCA_RIGHT = {
    "the solution": pca,
    "eigenvectors": by_eigenvectors,
    "covariance": by_covariance,
    "one direction after the other": direction_by_direction,
    "of the transposed table": of_the_transposed_table,
    "least squares": by_least_squares,
    "what is left over": what_is_left_over,
}


def directions(a):
    return np.linalg.svd(a, full_matrices=False)[2]


def raw(x, new, k):
    V = directions(x)[:k]
    return new @ V.T @ V


def forgot_the_mean_at_the_end(x, new, k):
    m = x.mean(0)
    V = directions(x - m)[:k]
    return (new - m) @ V.T @ V


def means_of_their_own(x, new, k):
    V = directions(x - x.mean(0))[:k]
    return (new - new.mean(0)) @ V.T @ V + new.mean(0)


def new_as_it_is(x, new, k):
    V = directions(x - x.mean(0))[:k]
    return new @ V.T @ V + x.mean(0)


def neither(x, new, k):
    W = directions(x - x.mean(0))[:k].T
    return new @ W @ W.T


def directions_of_raw_x(x, new, k):
    m, V = x.mean(0), directions(x)[:k]
    return (new - m) @ V.T @ V + m


def smallest_first(x, new, k):
    m = x.mean(0)
    _, vectors = np.linalg.eigh((x - m).T @ (x - m))
    W = vectors[:, :k]
    return (new - m) @ W @ W.T + m


def columns(x, new, k):
    m, V = x.mean(0), directions(x - x.mean(0))
    return (new - m) @ V[:, :k] @ V[:, :k].T + m


def only_number_k(x, new, k):
    m, v = x.mean(0), directions(x - x.mean(0))[k]
    return np.outer((new - m) @ v, v) + m


def whitened(x, new, k):
    m = x.mean(0)
    _, S, V = np.linalg.svd(x - m, full_matrices=False)
    return ((new - m) @ V[:k].T / S[:k]) @ V[:k] + m


def standardised(x, new, k):
    m, s = x.mean(0), x.std(0)
    V = directions((x - m) / s)[:k]
    return (((new - m) / s) @ V.T @ V) * s + m


PCA_WRONG = {
    "no-mean": raw,
    "mean-not-put-back": forgot_the_mean_at_the_end,
    "mean-of-new": means_of_their_own,
    "new-not-centred": new_as_it_is,
    "neither-centred": neither,
    "uncentred-directions": directions_of_raw_x,
    "learnt-from-new": lambda x, new, k: pca(new, new, k),
    "last-rows": smallest_first,
    "columns": columns,
    "one-row-alone": only_number_k,
    "one-too-many": lambda x, new, k: pca(x, new, k + 1),
    "whitened": whitened,
    "standardised": standardised,
    "note-alone": lambda x, new, k: (new - x.mean(0)) @ directions(x - x.mean(0))[:k].T,
}


def nearest_by_search(z, low, high, bits):
    out = np.empty_like(z)
    for column in range(z.shape[1]):
        levels = np.linspace(low[column], high[column], 2**bits)
        out[:, column] = levels[np.abs(z[:, column, None] - levels).argmin(axis=1)]
    return out


def clipped_first(z, low, high, bits):
    n = 2**bits - 1
    unit = (np.clip(z, low, high) - low) / (high - low)
    return np.round(unit * n) / n * (high - low) + low


def number_by_number(z, low, high, bits):
    step = (high - low) / (2**bits - 1)
    out = z.copy()
    for b in range(z.shape[0]):
        for d in range(z.shape[1]):
            n = int(np.floor((z[b, d] - low[d]) / step[d] + 0.5))
            out[b, d] = low[d] + min(max(n, 0), 2**bits - 1) * step[d]
    return out


def through_integers(z, low, high, bits):
    step = (high - low) / (2**bits - 1)
    sent = np.clip(np.round((z - low) / step), 0, 2**bits - 1).astype(np.uint8)
    return (low + sent * step).astype(z.dtype)


def from_the_top(z, low, high, bits):
    step = (high - low) / ((1 << bits) - 1)
    return high - np.rint((high - z) / step).clip(0, (1 << bits) - 1) * step


QUANTISE_RIGHT = {
    "the solution": quantise,
    "by search": nearest_by_search,
    "clipped first": clipped_first,
    "number by number": number_by_number,
    "through integers": through_integers,
    "from the top": from_the_top,
    "float64 inside": lambda z, low, high, bits: quantise(z.astype(float), low.astype(float), high.astype(float), bits),
}


def wide_steps(z, low, high, bits):
    step = (high - low) / 2**bits
    return low + np.clip(np.round((z - low) / step), 0, 2**bits - 1) * step


def surplus_level(z, low, high, bits):
    step = (high - low) / 2**bits
    return low + np.round((np.clip(z, low, high) - low) / step) * step


def cut_off(z, low, high, bits):
    step = (high - low) / (2**bits - 1)
    return low + np.clip((z - low) // step, 0, 2**bits - 1) * step


def cells(z, low, high, bits):
    width = (high - low) / 2**bits
    cell = np.clip(np.floor((z - low) / width), 0, 2**bits - 1)
    return low + width / 2 + cell * width


def unclipped(z, low, high, bits):
    step = (high - low) / (2**bits - 1)
    return low + np.round((z - low) / step) * step


def sent(z, low, high, bits):
    step = (high - low) / (2**bits - 1)
    return np.clip(np.round((z - low) / step), 0, 2**bits - 1)


QUANTISE_WRONG = {
    "levels-for-steps": wide_steps,
    "one-level-too-many": surplus_level,
    "rounded-down": cut_off,
    "middle-of-the-cell": cells,
    "not-clipped": unclipped,
    "number-of-the-level": sent,
    "left-in-the-unit-range": lambda z, low, high, bits: sent(z, low, high, bits) / (2**bits - 1),
    "low-not-put-back": lambda z, low, high, bits: sent(z, low, high, bits) * ((high - low) / (2**bits - 1)),
    "bits-for-levels": lambda z, low, high, bits: (
        low + np.rint((z.clip(low, high) - low) / (high - low) * bits) * (high - low) / bits
    ),
    "one-bit-lost": lambda z, low, high, bits: (
        low + np.rint((z.clip(low, high) - low) / (high - low) * 2 ** (bits - 1)) * (high - low) / 2 ** (bits - 1)
    ),
    "only-clipped": lambda z, low, high, bits: np.minimum(np.maximum(z, low), high),
    "decimals": lambda z, low, high, bits: np.round(z, bits).clip(low, high),
    "one-range-for-all": lambda z, low, high, bits: quantise(
        z, np.full_like(low, low.min()), np.full_like(high, high.max()), bits
    ),
    "range-of-the-batch": lambda z, low, high, bits: quantise(z, z.min(axis=0), z.max(axis=0), bits),
}

RIGHT = {"02/bottleneck-gradients": GRADIENTS_RIGHT, "02/pca": PCA_RIGHT, "02/quantise": QUANTISE_RIGHT}
WRONG = {"02/bottleneck-gradients": GRADIENTS_WRONG, "02/pca": PCA_WRONG, "02/quantise": QUANTISE_WRONG}
