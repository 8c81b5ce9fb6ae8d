"""Lesson 08: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson08 import ddim_step, guided, noised


def noised_row_by_row(x0, t, eps, alpha_bar):
    out = np.empty_like(x0)
    for b, step in enumerate(t):
        out[b] = alpha_bar[step] ** 0.5 * x0[b] + (1 - alpha_bar[step]) ** 0.5 * eps[b]
    return out


def noised_in_place_on_a_copy(x0, t, eps, alpha_bar):
    out = x0.copy()
    out *= np.sqrt(alpha_bar)[t].reshape(-1, 1)
    out += np.sqrt(1 - alpha_bar)[t].reshape(-1, 1) * eps
    return out


def noised_by_the_angle(x0, t, eps, alpha_bar):
    phi = np.arccos(np.sqrt(alpha_bar[t]))[:, None]
    return np.cos(phi) * x0 + np.sin(phi) * eps


NOISED_RIGHT = {
    "the solution": noised,
    "row by row": noised_row_by_row,
    "in place on a copy": noised_in_place_on_a_copy,
    "by the angle": noised_by_the_angle,
    "transposed": lambda x0, t, e, a: (np.sqrt(a[t]) * x0.T + np.sqrt(1 - a[t]) * e.T).T,
    "einsum": lambda x0, t, e, a: np.einsum("b,bl->bl", a[t] ** 0.5, x0) + np.einsum("b,bl->bl", (1 - a[t]) ** 0.5, e),
    "take": lambda x, s, e, a: np.sqrt(np.take(a, s))[:, None] * x + np.sqrt(1 - np.take(a, s))[:, None] * e,
    "float64 inside": lambda x0, t, e, a: noised(x0.astype(float), t, e, a),
}


def mix(x0, eps, signal, noise):
    return signal.reshape(-1, 1) * x0 + noise.reshape(-1, 1) * eps


NOISED_WRONG = {
    "own-noise": lambda x0, t, e, a: noised(x0, t, np.random.default_rng().normal(size=x0.shape), a),
    "no-roots": lambda x0, t, e, a: a[t][:, None] * x0 + (1 - a[t][:, None]) * e,
    "noise-not-rooted": lambda x0, t, e, a: mix(x0, e, a[t] ** 0.5, 1 - a[t]),
    "signal-not-rooted": lambda x0, t, e, a: mix(x0, e, a[t], (1 - a[t]) ** 0.5),
    "weights-add-to-one": lambda x0, t, e, a: e + np.sqrt(a[t])[:, None] * (x0 - e),
    "swapped": lambda x0, t, e, a: noised(e, t, x0, a),
    "signal-stays": lambda x0, t, e, a: x0 + np.sqrt(1 - a[t])[:, None] * e,
    "product-twice": lambda x0, t, e, a: mix(x0, e, np.cumprod(a)[t] ** 0.5, (1 - np.cumprod(a)[t]) ** 0.5),
    "product-until-t": lambda x0, t, e, a: noised(x0, t, e, np.cumprod(a) / a),
    "one-step-early": lambda x0, t, e, a: noised(x0, t, e, np.r_[1, a[:-1]]),
    "one-step-for-all": lambda x0, t, e, a: np.sqrt(a[t[0]]) * x0 + np.sqrt(1 - a[t[0]]) * e,
}


def ddim_by_the_angle(x_t, v, a_t, a_s):
    turn = np.arccos(np.sqrt(a_t)) - np.arccos(np.sqrt(a_s))  # (x_t, v) is (x0, eps) turned; turn back by the rest
    return np.cos(turn) * x_t - np.sin(turn) * v


def ddim_through_eps(x_t, v, a_t, a_s):
    eps = (1 - a_t) ** 0.5 * x_t + a_t**0.5 * v
    x0 = (x_t - (1 - a_t) ** 0.5 * eps) / a_t**0.5
    return a_s**0.5 * x0 + (1 - a_s) ** 0.5 * eps


def ddim_row_by_row(x_t, v, a_t, a_s):
    return np.stack([ddim_step(x, u, a_t, a_s) for x, u in zip(x_t, v, strict=True)])


def ddim_in_place_on_a_copy(x_t, v, a_t, a_s):
    out = x_t * (a_t * a_s) ** 0.5
    out += ((1 - a_t) * (1 - a_s)) ** 0.5 * x_t
    out -= ((1 - a_t) * a_s) ** 0.5 * v
    out += (a_t * (1 - a_s)) ** 0.5 * v
    return out


def ddim_by_matrices(x_t, v, a_t, a_s):
    R = lambda a: np.array([[a**0.5, (1 - a) ** 0.5], [-((1 - a) ** 0.5), a**0.5]])
    return np.einsum("ij,j...->i...", R(a_s) @ R(a_t).T, np.stack([x_t, v]))[0]


DDIM_RIGHT = {
    "the solution": ddim_step,
    "by the angle": ddim_by_the_angle,
    "through eps": ddim_through_eps,
    "row by row": ddim_row_by_row,
    "in place on a copy": ddim_in_place_on_a_copy,
    "rotation matrices": ddim_by_matrices,
    "float64 inside": lambda x, v, a, b: ddim_step(x.astype(float), v.astype(float), a, b),
    "an argument more": lambda x_t, v, a_t, a_s, rng=None: ddim_step(x_t, v, a_t, a_s),
}


def parts(x, v, a):
    return a**0.5 * x - (1 - a) ** 0.5 * v, (1 - a) ** 0.5 * x + a**0.5 * v


DDIM_WRONG = {
    "fresh-noise": lambda x, v, a, b: (
        b**0.5 * parts(x, v, a)[0] + (1 - b) ** 0.5 * np.random.default_rng().normal(size=x.shape)
    ),
    "v-as-eps": lambda x, v, a, b: (b / a) ** 0.5 * (x - (1 - a) ** 0.5 * v) + (1 - b) ** 0.5 * v,
    "v-as-x0": lambda x, v, a, b: b**0.5 * v + ((1 - b) / (1 - a)) ** 0.5 * (x - a**0.5 * v),
    "jump-to-the-end": lambda x, v, a, b: parts(x, v, a)[0],
    "no-noise-back": lambda x, v, a, b: b**0.5 * parts(x, v, a)[0],
    "old-noise-back": lambda x, v, a, b: b**0.5 * parts(x, v, a)[0] + (1 - a) ** 0.5 * parts(x, v, a)[1],
    "x_t-put-back": lambda x, v, a, b: b**0.5 * parts(x, v, a)[0] + (1 - b) ** 0.5 * x,
    "v-put-back": lambda x, v, a, b: b**0.5 * parts(x, v, a)[0] + (1 - b) ** 0.5 * v,
    "stands-still": lambda x, v, a, b: a**0.5 * parts(x, v, a)[0] + (1 - a) ** 0.5 * parts(x, v, a)[1],
    "turned-the-wrong-way (times)": lambda x, v, a, b: a**0.5 * parts(x, v, b)[0] + (1 - a) ** 0.5 * parts(x, v, b)[1],
    "turned-the-wrong-way (sign)": lambda x, v, a, b: (
        b**0.5 * (a**0.5 * x + (1 - a) ** 0.5 * v) + (1 - b) ** 0.5 * ((1 - a) ** 0.5 * x - a**0.5 * v)
    ),
    "no-roots": lambda x, v, a, b: b * (a * x - (1 - a) * v) + (1 - b) * ((1 - a) * x + a * v),
}


def guided_row_by_row(with_label, without, w):
    return np.array([(1 + w) * c - w * u for c, u in zip(with_label, without, strict=True)])


def guided_in_place_on_a_copy(with_label, without, w):
    out = with_label - without
    out *= w
    out += with_label
    return out


GUIDED_RIGHT = {
    "the solution": guided,
    "from the label on": lambda c, u, w: c + w * (c - u),
    "from none on": lambda c, u, w: u + (1 + w) * (c - u),
    "row by row": guided_row_by_row,
    "in place on a copy": guided_in_place_on_a_copy,
    "einsum": lambda c, u, w: np.einsum("i,ibl->bl", np.array([1 + w, -w]), np.stack([c, u])),
    "float64 inside": lambda c, u, w: (1 + w) * c.astype(float) - w * u.astype(float),
    "an argument more": lambda with_label, without, w, on=True: guided(with_label, without, w if on else 0),
}

GUIDED_WRONG = {
    "counts-from-one": lambda c, u, w: w * c + (1 - w) * u,
    "swapped": lambda c, u, w: u + w * (u - c),
    "plus": lambda c, u, w: c + w * (c + u),
    "difference-only": lambda c, u, w: w * c - w * u,
    "weights-too-small": lambda c, u, w: c + -w * u,
    "one-taken-away": lambda c, u, w: c * (1 + w) - u,
    "average": lambda c, u, w: c / (1 + w) + u * w / (1 + w),
    "halfway": lambda c, u, w: c + w * (u - c),
    "shrunk": lambda c, u, w: (c + w * (c - u)) / (1 + w + w),
    "no-guidance": lambda c, u, w: c.copy(),
}

RIGHT = {"08/noised": NOISED_RIGHT, "08/ddim-step": DDIM_RIGHT, "08/guided": GUIDED_RIGHT}
WRONG = {"08/noised": NOISED_WRONG, "08/ddim-step": DDIM_WRONG, "08/guided": GUIDED_WRONG}
