"""Lesson 04: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson04 import gaussian_kl, reparameterize


def in_place_on_a_copy(m, lv, e):
    z = e.copy()
    z *= np.exp(lv / 2)
    z += m
    return z


def row_by_row(mu, logvar, eps):
    z = np.empty_like(mu)
    for b in range(len(mu)):
        z[b] = mu[b] + np.exp(0.5 * logvar[b]) * eps[b]
    return z


def number_by_number(mu, logvar, eps):
    z = np.zeros(mu.shape, mu.dtype)
    for b in range(mu.shape[0]):
        for d in range(mu.shape[1]):
            z[b, d] = mu[b, d] + eps[b, d] * float(np.exp(logvar[b, d])) ** 0.5
    return z


REPARAMETERIZE_RIGHT = {
    "the solution": reparameterize,
    "other names, one line": lambda a, b, c: a + c * np.exp(b / 2),
    "root of the variance": lambda mu, logvar, eps: mu + np.sqrt(np.exp(logvar)) * eps,
    "power": lambda mu, logvar, eps: np.exp(logvar) ** 0.5 * eps + mu,
    "einsum": lambda mu, logvar, eps: mu + np.einsum("bl,bl->bl", np.exp(0.5 * logvar), eps),
    "float64 inside": lambda mu, logvar, eps: mu + np.exp(0.5 * logvar.astype(np.float64)) * eps,
    "float32 out": lambda mu, logvar, eps: (mu + np.exp(0.5 * logvar) * eps).astype(np.float32),
    "in place on a copy": in_place_on_a_copy,
    "row by row": row_by_row,
    "number by number": number_by_number,
    "an argument more": lambda mu, logvar, eps, scale=1.0: mu + scale * np.exp(0.5 * logvar) * eps,
}

REPARAMETERIZE_WRONG = {
    "logvar-for-std": lambda mu, logvar, eps: mu + eps * logvar,
    "variance-for-std": lambda mu, logvar, eps: np.exp(logvar) * eps + mu,
    "half-doubled": lambda mu, logvar, eps: mu + np.exp(logvar) ** 2 * eps,
    "half-outside": lambda mu, logvar, eps: mu + np.exp(logvar) / 2 * eps,
    "root-of-logvar": lambda mu, logvar, eps: mu + logvar**0.5 * eps,
    "inverse-std": lambda mu, logvar, eps: mu + eps / np.sqrt(np.exp(logvar)),
    "minus": lambda mu, logvar, eps: mu - eps * np.exp(logvar / 2),
    "no-noise": lambda mu, logvar, eps: mu.copy(),
    "no-spread": lambda mu, logvar, eps: mu + eps,
    "no-centre": lambda mu, logvar, eps: eps * np.exp(logvar / 2),
    "noise-added-to-std": lambda mu, logvar, eps: mu + (np.exp(logvar / 2) + eps),
    "noise-times-mu": lambda mu, logvar, eps: mu * eps + np.exp(logvar / 2),
    "noise-times-both": lambda mu, logvar, eps: eps * (mu + np.exp(logvar / 2)),
    "one-std-for-all": lambda mu, logvar, eps: mu + np.exp(np.mean(logvar) / 2) * eps,
    "mean-std-for-all": lambda mu, logvar, eps: mu + np.mean(np.exp(logvar / 2)) * eps,
    "own-noise": lambda mu, logvar, eps: mu + np.exp(logvar / 2) * np.random.default_rng().normal(size=mu.shape),
    "eps-unused": lambda mu, logvar, eps: mu + np.exp(logvar / 2) * np.random.default_rng(0).normal(size=mu.shape),
}


def kl_row_by_row(mu, logvar):
    out = []
    for m, lv in zip(mu, logvar, strict=True):
        out.append(-0.5 * np.sum(1 + lv - m * m - np.exp(lv)))
    return np.array(out)


def kl_in_place_on_a_copy(mu, logvar):
    terms = np.exp(logvar)
    terms -= 1
    terms -= logvar
    terms += mu * mu
    return terms.sum(1) / 2


def kl_through_std(mu, logvar):
    std = np.exp(logvar / 2)
    return np.sum(-np.log(std) + (std**2 + mu**2) / 2 - 0.5, axis=1)


GAUSSIAN_KL_RIGHT = {
    "the solution": gaussian_kl,
    "the form of the paper": lambda m, lv: -0.5 * (1 + lv - m**2 - np.exp(lv)).sum(1),
    "through the standard deviation": kl_through_std,
    "einsum": lambda m, lv: 0.5 * (np.einsum("bl,bl->b", m, m) + np.einsum("bl->b", np.exp(lv) - lv - 1)),
    "float64 inside": lambda m, lv: 0.5 * (m.astype(float) ** 2 + np.exp(lv.astype(float)) - 1 - lv).sum(-1),
    "expm1": lambda m, lv: 0.5 * (m**2 + np.expm1(lv) - lv).sum(-1),
    "row by row": kl_row_by_row,
    "in place on a copy": kl_in_place_on_a_copy,
    "sums apart": lambda m, lv: 0.5 * ((m**2).sum(1) + np.exp(lv).sum(1) - m.shape[1] - lv.sum(1)),
}


def terms(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)


GAUSSIAN_KL_WRONG = {
    "sign": lambda m, lv: 0.5 * (1 + lv - m**2 - np.exp(lv)).sum(1),
    "mean-over-code": lambda m, lv: np.mean(terms(m, lv), axis=1),
    "sum-over-batch": lambda m, lv: np.sum(terms(m, lv), axis=0),
    "total": lambda m, lv: float(np.sum(terms(m, lv))),
    "batch-mean": lambda m, lv: np.mean(np.sum(terms(m, lv), axis=1)),
    "mean-of-all": lambda m, lv: terms(m, lv).mean(),
    "no-sum": terms,
    "kept-axis": lambda m, lv: terms(m, lv).sum(1)[:, None],
    "no-half": lambda m, lv: (m**2 + np.exp(lv) - 1 - lv).sum(1),
    "logvar-as-log-std": lambda m, lv: (0.5 * (m**2 + np.exp(lv) ** 2 - 1) - lv).sum(1),
    "variance-squared": lambda m, lv: 0.5 * (m**2 + np.exp(lv) ** 2 - 1 - lv).sum(1),
    "std-for-variance": lambda m, lv: 0.5 * (m**2 + np.exp(lv / 2) - 1 - lv).sum(1),
    "no-minus-one": lambda m, lv: 0.5 * (m**2 + np.exp(lv) - lv).sum(1),
    "plus-logvar": lambda m, lv: 0.5 * (m**2 + np.exp(lv) - 1 + lv).sum(1),
    "no-logvar": lambda m, lv: 0.5 * (m**2 + np.exp(lv) - 1).sum(1),
    "no-variance": lambda m, lv: 0.5 * (m**2 - 1 - lv).sum(1),
    "no-mu": lambda m, lv: 0.5 * (np.exp(lv) - 1 - lv).sum(1),
    "mu-not-squared": lambda m, lv: 0.5 * (m + np.exp(lv) - 1 - lv).sum(1),
    "other-way-round": lambda m, lv: (0.5 * ((1 + m**2) * np.exp(-lv) - 1 + lv)).sum(1),
    "bits": lambda m, lv: terms(m, lv).sum(1) * np.log2(np.e),
    "monte-carlo": lambda m, lv: terms(m, lv).sum(1) + np.random.default_rng().normal(size=len(m)),
}

RIGHT = {"04/reparameterize": REPARAMETERIZE_RIGHT, "04/gaussian-kl": GAUSSIAN_KL_RIGHT}
WRONG = {"04/reparameterize": REPARAMETERIZE_WRONG, "04/gaussian-kl": GAUSSIAN_KL_WRONG}
