"""Lesson 05: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson05 import kumaraswamy, leave_one_out, score_gradients


def one_by_one(a, b, N, rng):
    return np.array([(1 - (1 - rng.random()) ** (1 / b)) ** (1 / a) for _ in range(N)])


def through_logarithms(a, b, N, rng):
    return np.exp(np.log1p(-np.exp(np.log(rng.uniform(size=N)) / b)) / a)


def through_an_exponential(a, b, N, rng):
    t = rng.exponential(size=N)  # u = exp(-t) is uniform
    return (-np.expm1(-t / b)) ** (1 / a)


def by_bisection(a, b, N, rng):
    u, low, high = rng.uniform(size=N), np.zeros(N), np.ones(N)
    for _ in range(50):
        middle = (low + high) / 2
        above = 1 - (1 - middle**a) ** b > u
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def halves(a, b, N, rng):
    x = kumaraswamy(a, b, (N + 1) // 2, rng)
    return np.concatenate([x, x])[:N]


KUMARASWAMY_RIGHT = {
    "the solution": kumaraswamy,
    "u for 1 - u": lambda a, b, N, rng: (1 - rng.random(N) ** (1 / b)) ** (1 / a),
    "other names, np.power": lambda p, q, n, g: np.power(1 - np.power(g.uniform(size=n), 1 / q), 1 / p),
    "through a beta that can be inverted": lambda a, b, N, rng: rng.beta(1, b, N) ** (1 / a),
    "through logarithms": through_logarithms,
    "through an exponential": through_an_exponential,
    "one by one": one_by_one,
    "by bisection": by_bisection,
    "float32 out": lambda a, b, N, rng: kumaraswamy(a, b, N, rng).astype(np.float32),
}

KUMARASWAMY_WRONG = {
    "own-rng": lambda a, b, N, rng: kumaraswamy(a, b, N, np.random.default_rng()),
    "own-rng (seeded)": lambda a, b, N, rng: kumaraswamy(a, b, N, np.random.default_rng(0)),
    "one-throw": lambda a, b, N, rng: np.full(N, kumaraswamy(a, b, 1, rng)[0]),
    "one-throw (the second half repeats the first)": halves,
    "one-throw (sorted)": lambda a, b, N, rng: np.sort(kumaraswamy(a, b, N, rng)),
    "forward": lambda a, b, N, rng: 1 - (1 - rng.random(N) ** a) ** b,
    "powers-for-roots": lambda a, b, N, rng: (1 - rng.random(N) ** b) ** a,
    "a-and-b-swapped": lambda a, b, N, rng: (1 - rng.random(N) ** (1 / a)) ** (1 / b),
    "a-left": lambda a, b, N, rng: 1 - rng.random(N) ** (1 / b),
    "a-left (by numpy)": lambda a, b, N, rng: rng.beta(1, b, N),
    "b-left-out": lambda a, b, N, rng: rng.power(a, N),
    "a-one-lost": lambda a, b, N, rng: (rng.random(N) ** (1 / b)) ** (1 / a),
    "turned": lambda a, b, N, rng: 1 - (1 - rng.random(N) ** (1 / b)) ** (1 / a),
    "beta": lambda a, b, N, rng: rng.beta(a, b, size=N),
    "uniform": lambda a, b, N, rng: rng.random(N),
    "nan": lambda a, b, N, rng: (1 - (1 + rng.random(N)) ** (1 / b)) ** (1 / a),
    "shape": lambda a, b, N, rng: kumaraswamy(a, b, N, rng)[:, None],
}


def draw_by_draw(f, z, mu, logvar):
    g_mu, g_logvar = np.zeros(len(mu)), np.zeros(len(mu))
    for price, row in zip(f, z, strict=True):
        u = (row - mu) / np.exp(logvar / 2)
        g_mu += price * u / np.exp(logvar / 2)
        g_logvar += price * (u * u - 1) / 2
    return g_mu / len(f), g_logvar / len(f)


def through_eps(f, z, mu, logvar):
    std = np.exp(0.5 * logvar)
    eps = (z - mu) / std
    return f @ eps / std / len(f), f @ (eps**2 - 1) / (2 * len(f))


def in_place_on_copies(f, z, mu, logvar):
    d = z - mu
    e = d * d
    d *= np.exp(-logvar)
    e *= np.exp(-logvar)
    e -= 1
    e /= 2
    return np.average(d * f[:, None], axis=0), np.average(e * f[:, None], axis=0)


SCORE_RIGHT = {
    "the solution": score_gradients,
    "draw by draw": draw_by_draw,
    "through eps": through_eps,
    "einsum": lambda f, z, mu, lv: (
        np.einsum("s,sl->l", f, (z - mu) * np.exp(-lv)) / len(f),
        np.einsum("s,sl->l", f, (z - mu) ** 2 * np.exp(-lv) - 1) / (2 * len(f)),
    ),
    "in place on copies": in_place_on_copies,
    "float64 inside": lambda f, z, mu, lv: score_gradients(*(x.astype(np.float64) for x in (f, z, mu, lv))),
    "a dict": lambda f, z, mu, lv: dict(zip(("g_mu", "g_logvar"), score_gradients(f, z, mu, lv), strict=True)),
    "a list": lambda f, z, mu, lv: list(score_gradients(f, z, mu, lv)),
}


def right_mu(f, z, mu, lv):
    return (f[:, None] * (z - mu) * np.exp(-lv)).mean(0)


def right_logvar(f, z, mu, lv):
    return (f[:, None] * ((z - mu) ** 2 * np.exp(-lv) - 1)).mean(0) / 2


def weighed_by_density(f, z, mu, lv):
    q = np.exp(-((z - mu) ** 2) / (2 * np.exp(lv))) / np.sqrt(2 * np.pi * np.exp(lv))
    return score_gradients(f * np.prod(q, axis=1), z, mu, lv)


def columns_mixed(f, z, mu, lv):
    d = (z - mu) / np.exp(lv)
    e = ((z - mu) ** 2 / np.exp(lv) - 1) / 2
    one, two = np.mean(f * d.sum(1)), np.mean(f * e.sum(1))
    return np.full(len(mu), one), np.full(len(mu), two)


SCORE_WRONG = {
    "swapped": lambda *x: score_gradients(*x)[::-1],
    "price-left-out": lambda f, z, mu, lv: score_gradients(np.ones(len(f)), z, mu, lv),
    "price-left-out (of one of the two)": lambda f, z, mu, lv: (
        right_mu(0 * f + 1, z, mu, lv),
        right_logvar(f, z, mu, lv),
    ),
    "means-first": lambda f, z, mu, lv: tuple(np.mean(f) * g for g in score_gradients(0 * f + 1, z, mu, lv)),
    "sum": lambda f, z, mu, lv: tuple(len(f) * g for g in score_gradients(f, z, mu, lv)),
    "not-averaged": lambda f, z, mu, lv: (
        f[:, None] * (z - mu) / np.exp(lv),
        f[:, None] * ((z - mu) ** 2 / np.exp(lv) - 1) / 2,
    ),
    "std-for-variance": lambda f, z, mu, lv: (np.exp(lv / 2) * right_mu(f, z, mu, lv), right_logvar(f, z, mu, lv)),
    "no-variance": lambda f, z, mu, lv: (f @ (z - mu) / len(f), right_logvar(f, z, mu, lv)),
    "logvar-for-variance": lambda f, z, mu, lv: (
        f @ ((z - mu) / lv) / len(f),
        f @ ((z - mu) ** 2 / lv - 1) / (2 * len(f)),
    ),
    "wrt-z": lambda f, z, mu, lv: (-right_mu(f, z, mu, lv), right_logvar(f, z, mu, lv)),
    "downhill": lambda f, z, mu, lv: (-right_mu(f, z, mu, lv), -right_logvar(f, z, mu, lv)),
    "no-minus-one": lambda f, z, mu, lv: (right_mu(f, z, mu, lv), right_logvar(f, z, mu, lv) + f.mean() / 2),
    "wrt-log-std": lambda f, z, mu, lv: (right_mu(f, z, mu, lv), 2 * right_logvar(f, z, mu, lv)),
    "wrt-variance": lambda f, z, mu, lv: (right_mu(f, z, mu, lv), right_logvar(f, z, mu, lv) * np.exp(-lv)),
    "density": weighed_by_density,
    "own-mean-subtracted": lambda f, z, mu, lv: score_gradients(f - np.mean(f), z, mu, lv),
    "prices-for-columns": columns_mixed,
    "values": lambda f, z, mu, lv: (1.01 * right_mu(f, z, mu, lv), right_logvar(f, z, mu, lv)),
    "changes:f": lambda f, z, mu, lv: score_gradients(np.multiply(f, 2, out=f), z, mu, lv),
}


def row_by_row(f):
    credit = np.empty_like(f)
    for row, of_row in zip(f, credit, strict=True):
        for s in range(len(row)):
            of_row[s] = row[s] - np.delete(row, s).mean()
    return credit


def by_a_mask(f):
    S = f.shape[1]
    return f - f @ (1 - np.eye(S, dtype=f.dtype)) / (S - 1)


def all_pairs(f):
    return (f[:, :, None] - f[:, None, :]).sum(2) / (f.shape[1] - 1)


LEAVE_ONE_OUT_RIGHT = {
    "the solution": leave_one_out,
    "from the mean": lambda f: (f - f.mean(1, keepdims=True)) * f.shape[1] / (f.shape[1] - 1),
    "row by row": row_by_row,
    "by a mask": by_a_mask,
    "all pairs": all_pairs,
    "columns first": lambda f: (f.T - (f.T.sum(0) - f.T) / (f.shape[1] - 1)).T,
    "float64 inside": lambda f: leave_one_out(f.astype(np.float64)),
    "in one fraction": lambda f: (f.shape[1] * f - f.sum(axis=1)[:, None]) / (f.shape[1] - 1),
}

LEAVE_ONE_OUT_WRONG = {
    "includes-itself": lambda f: f - np.average(f, axis=1)[:, None],
    "whole-batch": lambda f: f - np.mean(f),
    "other-images": lambda f: f - (f.sum(0) - f) / (len(f) - 1),
    "image-mean-of-batch": lambda f: f - np.mean(f, axis=0),
    "baseline-only": lambda f: (f.sum(1)[:, None] - f) / (f.shape[1] - 1),
    "turned": lambda f: -leave_one_out(f),
    "divided-by-S": lambda f: f - (f.mean(1, keepdims=True) - f / f.shape[1]),
    "sum-of-all": lambda f: f - f.mean(1, keepdims=True) * f.shape[1] / (f.shape[1] - 1),
    "others-not-averaged": lambda f: 2 * f - f.sum(1, keepdims=True),
    "standardised": lambda f: (f - f.mean(1)[:, None]) / f.std(1)[:, None],
    "one-other": lambda f: f - f[:, np.arange(-1, f.shape[1] - 1)],
    "as-it-came": lambda f: +f,
    "shape": lambda f: leave_one_out(f).mean(1),
    "random": lambda f: leave_one_out(f) + np.random.default_rng().normal(size=f.shape),
    "changes:f": lambda f: np.subtract(f, 1, out=f),
}

RIGHT = {
    "05/kumaraswamy": KUMARASWAMY_RIGHT,
    "05/score": SCORE_RIGHT,
    "05/leave-one-out": LEAVE_ONE_OUT_RIGHT,
}
WRONG = {
    "05/kumaraswamy": KUMARASWAMY_WRONG,
    "05/score": SCORE_WRONG,
    "05/leave-one-out": LEAVE_ONE_OUT_WRONG,
}
