"""Lesson 06, The loss with two forces: many right ways are taken, and each known mistake meets its own hint."""

import numpy as np

from minivae.learn.exercises.lesson06 import effective_beta, free_bits, monte_carlo_kl, per_dimension_kl

LOG_2PI = np.log(2 * np.pi)


# Monte Carlo KL ------------------------------------------------------------------------------------------------------


def densities(mu, logvar, eps):
    """log q and log p at the draws, written out: (N, L) each."""
    std = np.sqrt(np.exp(logvar))
    z = mu + std * eps
    return -0.5 * ((z - mu) / std) ** 2 - np.log(std) - 0.5 * LOG_2PI, -0.5 * z**2 - 0.5 * LOG_2PI


def draws(mu, logvar, eps):
    log_q, log_p = densities(mu, logvar, eps)
    return log_q.sum(1) - log_p.sum(1)


def error(d):
    return np.std(d, ddof=1) / np.sqrt(len(d))


def draw_by_draw(mu, logvar, eps):
    found = []
    for e in eps:
        total = 0.0
        for m, lv, one in zip(mu, logvar, e, strict=True):
            z = m + np.exp(lv / 2) * one
            total += (z * z - one * one - lv) / 2
        found.append(total)
    n = len(found)
    mean = sum(found) / n
    return mean, (sum((d - mean) ** 2 for d in found) / (n - 1) / n) ** 0.5


def ratio_of_densities(mu, logvar, eps):
    std = np.exp(0.5 * logvar.astype(np.float64))
    z = mu + std * eps
    q = np.exp(-0.5 * eps**2) / std
    p = np.exp(-0.5 * z**2)
    d = np.log(q / p).sum(axis=1)
    return d.mean(), error(d)


def in_place_on_a_copy(mu, logvar, eps):
    z = eps.copy()
    z *= np.exp(0.5 * logvar)
    z += mu
    z **= 2
    z -= eps**2
    z -= logvar
    d = z.sum(1) / 2
    return d.mean(), error(d)


MONTE_CARLO_KL_RIGHT = {
    "the solution": monte_carlo_kl,
    "densities written out": lambda m, lv, e: (draws(m, lv, e).mean(), error(draws(m, lv, e))),
    "a dict": lambda m, lv, e: {"se": error(draws(m, lv, e)), "kl": draws(m, lv, e).mean()},
    "Python floats": lambda m, lv, e: (float(draws(m, lv, e).mean()), float(error(draws(m, lv, e)))),
    "draw by draw": draw_by_draw,
    "ratio of densities, float64": ratio_of_densities,
    "in place on a copy": in_place_on_a_copy,
    "root of the variance": lambda m, lv, e: (
        np.average(draws(m, lv, e)),
        (draws(m, lv, e).var(ddof=1) / e.shape[0]) ** 0.5,
    ),
}

MONTE_CARLO_KL_WRONG = {
    "own-noise": lambda m, lv, e: monte_carlo_kl(m, lv, np.random.default_rng().normal(size=e.shape)),
    "sign": lambda m, lv, e: (-draws(m, lv, e).mean(), error(draws(m, lv, e))),
    "closed-form": lambda m, lv, e: (
        np.sum(0.5 * (np.exp(lv) + m * m - lv - 1)),
        error(draws(m, lv, e)),
    ),
    "spread-for-error": lambda m, lv, e: (draws(m, lv, e).mean(), np.std(draws(m, lv, e), ddof=1)),
    "over-n": lambda m, lv, e: (draws(m, lv, e).mean(), np.std(draws(m, lv, e), ddof=1) / e.shape[0]),
    "ddof": lambda m, lv, e: (draws(m, lv, e).mean(), np.std(draws(m, lv, e)) / np.sqrt(len(e))),
    "variance-for-error": lambda m, lv, e: (draws(m, lv, e).mean(), np.var(draws(m, lv, e), ddof=1) / len(e)),
    "mean-over-everything": lambda m, lv, e: (
        np.mean(np.subtract(*densities(m, lv, e))),
        np.std(np.subtract(*densities(m, lv, e)), ddof=1) / e.size**0.5,
    ),
    "sum-over-draws": lambda m, lv, e: (draws(m, lv, e).sum(), error(draws(m, lv, e))),
    "one-by-one": lambda m, lv, e: (
        np.subtract(*densities(m, lv, e)).mean(0),
        np.subtract(*densities(m, lv, e)).std(0, ddof=1) / len(e) ** 0.5,
    ),
    "variance-for-std": lambda m, lv, e: (
        np.mean((0.5 * ((m + np.exp(lv) * e) ** 2 - e**2 - lv)).sum(1)),
        error((0.5 * ((m + np.exp(lv) * e) ** 2 - e**2 - lv)).sum(1)),
    ),
    "draws-of-the-prior": lambda m, lv, e: (
        np.mean((-0.5 * ((e - m) ** 2 * np.exp(-lv) + lv) + 0.5 * e**2).sum(1)),
        error((-0.5 * ((e - m) ** 2 * np.exp(-lv) + lv) + 0.5 * e**2).sum(1)),
    ),
    "no-logvar": lambda m, lv, e: (
        np.mean(draws(m, lv, e) + lv.sum() / 2),
        error(draws(m, lv, e)),
    ),
    "no-half": lambda m, lv, e: (2 * draws(m, lv, e).mean(), 2 * error(draws(m, lv, e))),
    "order": lambda m, lv, e: (error(draws(m, lv, e)), draws(m, lv, e).mean()),
    "form": lambda m, lv, e: draws(m, lv, e).mean(),
}


# Effective beta ------------------------------------------------------------------------------------------------------


def by_cases(D, L, mean_x, mean_kl, sigma):
    beta = 1 / (2 * sigma * sigma)
    if mean_x:
        beta *= D
    if mean_kl:
        beta /= L
    return beta


def by_a_table(D, L, mean_x, mean_kl, sigma):
    factor = {(True, True): D / L, (True, False): D, (False, True): 1 / L, (False, False): 1}
    return factor[bool(mean_x), bool(mean_kl)] / 2 / sigma**2


def scaled_until_right(D, L, mean_x, mean_kl, sigma):
    scale = (0.5 / sigma**2) / (1 / D if mean_x else 1)  # brings the squared errors to their weight in the bound
    return scale * (1 / L if mean_kl else 1)


EFFECTIVE_BETA_RIGHT = {
    "the solution": effective_beta,
    "by cases": by_cases,
    "by a table": by_a_table,
    "the whole loss scaled": scaled_until_right,
    "powers": lambda D, L, mx, mk, s: 0.5 * s**-2.0 * D ** int(mx) / L ** int(mk),
    "an array": lambda D, L, mx, mk, s: np.float64(D if mx else 1) / (L if mk else 1) / (2 * s**2),
    "np.where": lambda a, b, c, d, e: np.where(c, a, 1.0) / np.where(d, b, 1.0) / (2 * e * e),
}

EFFECTIVE_BETA_WRONG = {
    "upside-down": lambda D, L, mx, mk, s: 2 * s**2 * (L if mk else 1) / (D if mx else 1),
    "no-sigma": lambda D, L, mx, mk, s: (D if mx else 1) / (L if mk else 1),
    "sigma-not-squared": lambda D, L, mx, mk, s: (D if mx else 1) / (L if mk else 1) / (2 * s),
    "no-two": lambda D, L, mx, mk, s: (D if mx else 1) / (L if mk else 1) / s**2,
    "sigma-upside-down": lambda D, L, mx, mk, s: (D if mx else 1) / (L if mk else 1) * 2 * s**2,
    "latents-only": lambda D, L, mx, mk, s: 1 / (L if mk else 1) / (2 * s**2),
    "pixels-only": lambda D, L, mx, mk, s: (D if mx else 1) / (2 * s**2),
    "latents-multiply": lambda D, L, mx, mk, s: (D if mx else 1) * (L if mk else 1) / (2 * s**2),
    "always-averaged": lambda D, L, mx, mk, s: D / L / (2 * s**2),
    "flags-turned": lambda D, L, mx, mk, s: (1 if mx else D) / (1 if mk else L) / (2 * s**2),
    "the-weight-in-front": lambda D, L, mx, mk, s: 1 / L if mk else 1.0,
    "values": lambda D, L, mx, mk, s: 1.01 * by_cases(D, L, mx, mk, s),
}


# Per-dimension KL ----------------------------------------------------------------------------------------------------


def table_of(mu, logvar):
    return -0.5 * (1 + logvar - mu * mu - np.exp(logvar))


def column_by_column(mu, logvar):
    return np.array([np.mean(table_of(mu[:, j], logvar[:, j])) for j in range(mu.shape[1])])


def image_by_image(mu, logvar):
    kl = np.zeros(mu.shape[1])
    for m, lv in zip(mu, logvar, strict=True):
        kl += (m**2 + np.exp(lv) - 1 - lv) / 2
    return kl / len(mu)


def copy_in_place(mu, logvar):
    t = np.exp(logvar)
    t += mu**2
    t -= 1
    t -= logvar
    t *= 0.5
    return np.add.reduce(t) / t.shape[0]


PER_DIMENSION_KL_RIGHT = {
    "the solution": per_dimension_kl,
    "the form of the paper": lambda m, lv: table_of(m, lv).mean(0),
    "einsum": lambda m, lv: np.einsum("bl->l", table_of(m, lv)) / len(m),
    "column by column": column_by_column,
    "image by image": image_by_image,
    "in place on a copy": copy_in_place,
    "means apart": lambda m, lv: 0.5 * ((m**2).mean(0) + np.exp(lv).mean(0) - 1 - lv.mean(0)),
    "float64 inside": lambda m, lv: table_of(m.astype(float), lv.astype(float)).mean(axis=0),
}

PER_DIMENSION_KL_WRONG = {
    "per-image": lambda m, lv: np.sum(table_of(m, lv), axis=-1),
    "mean-over-dimensions": lambda m, lv: np.mean(table_of(m, lv), axis=-1),
    "sum-over-images": lambda m, lv: np.sum(table_of(m, lv), axis=0),
    "total": lambda m, lv: np.sum(table_of(m, lv)) / len(m),
    "mean-of-all": lambda m, lv: np.mean(table_of(m, lv)),
    "no-mean": table_of,
    "kept-axis": lambda m, lv: table_of(m, lv).mean(0)[None],
    "average-range": lambda m, lv: table_of(np.mean(m, 0), np.mean(lv, 0)),
    "variance-of-mu": lambda m, lv: np.mean((m - m.mean(0)) ** 2, axis=0),
    "sign": lambda m, lv: 0.5 * (1 + lv - m**2 - np.exp(lv)).mean(0),
    "no-half": lambda m, lv: (m**2 + np.exp(lv) - 1 - lv).mean(0),
    "logvar-as-log-std": lambda m, lv: (0.5 * (m**2 + np.exp(lv) ** 2 - 1) - lv).mean(0),
}


# Free bits -----------------------------------------------------------------------------------------------------------


def free_bits_by_loop(kl, lam):
    charge = 0.0
    for j in range(kl.shape[1]):
        mean = float(kl[:, j].mean())
        charge += mean if mean > lam else lam
    return charge


FREE_BITS_RIGHT = {
    "the solution": free_bits,
    "np.where": lambda kl, lam: np.where(kl.mean(0) > lam, kl.mean(0), lam).sum(),
    "a loop": free_bits_by_loop,
    "clip": lambda kl, lam: np.sum(np.clip(np.mean(kl, axis=0), lam, None)),
    "the floor and the surplus": lambda kl, lam: np.maximum(kl.mean(0) - lam, 0).sum() + lam * kl.shape[1],
    "Python's max": lambda k, lam: float(sum(max(lam, c) for c in k.mean(axis=0))),
    "einsum, float64": lambda kl, lam: np.maximum(np.einsum("bl->l", kl.astype(float)) / len(kl), lam).sum(),
}

FREE_BITS_WRONG = {
    "clamp-first": lambda kl, lam: np.mean(np.sum(np.clip(kl, lam, None), axis=1)),
    "clamp-the-sum": lambda kl, lam: max(lam, np.mean(np.sum(kl, axis=1))),
    "clamp-the-images": lambda kl, lam: np.mean(np.clip(np.sum(kl, axis=1), lam, None)),
    "minimum": lambda kl, lam: np.clip(kl.mean(0), None, lam).sum(),
    "only-the-surplus": lambda kl, lam: sum(max(0.0, c - lam) for c in kl.mean(0)),
    "sum-over-images": lambda kl, lam: np.clip(np.sum(kl, axis=0), lam, None).sum(),
    "mean-over-dimensions": lambda kl, lam: np.mean(np.clip(np.mean(kl, axis=0), lam, None)),
    "no-sum": lambda kl, lam: np.clip(np.mean(kl, axis=0), lam, None),
    "floor-added": lambda kl, lam: np.sum(np.mean(kl, axis=0)) + lam * kl.shape[1],
    "no-floor": lambda kl, lam: np.mean(np.sum(kl, axis=1)),
}

RIGHT = {
    "06/monte-carlo-kl": MONTE_CARLO_KL_RIGHT,
    "06/effective-beta": EFFECTIVE_BETA_RIGHT,
    "06/per-dimension-kl": PER_DIMENSION_KL_RIGHT,
    "06/free-bits": FREE_BITS_RIGHT,
}
WRONG = {
    "06/monte-carlo-kl": MONTE_CARLO_KL_WRONG,
    "06/effective-beta": EFFECTIVE_BETA_WRONG,
    "06/per-dimension-kl": PER_DIMENSION_KL_WRONG,
    "06/free-bits": FREE_BITS_WRONG,
}
