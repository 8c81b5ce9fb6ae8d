"""The exercises of lesson 04: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np
import pytest

from minivae.learn.checker import examine
from minivae.learn.exercises.lesson04 import GAUSSIAN_KL, REPARAMETERIZE, gaussian_kl, reparameterize


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

TABLES = [
    (REPARAMETERIZE, REPARAMETERIZE_RIGHT, REPARAMETERIZE_WRONG),
    (GAUSSIAN_KL, GAUSSIAN_KL_RIGHT, GAUSSIAN_KL_WRONG),
]
RIGHT = [pytest.param(e, f, id=f"{e.ref}: {name}") for e, right, _ in TABLES for name, f in right.items()]
WRONG = [pytest.param(e, f, name, id=f"{e.ref}: {name}") for e, _, wrong in TABLES for name, f in wrong.items()]


@pytest.mark.parametrize(("exercise", "function"), RIGHT)
def test_a_right_function_is_taken(exercise, function):
    verdict = examine(exercise, function)
    assert verdict.outcome == "right", str(verdict.note)


@pytest.mark.parametrize(("exercise", "function", "name"), WRONG)
def test_a_known_mistake_meets_its_own_hint(exercise, function, name):
    verdict = examine(exercise, function)
    assert (verdict.outcome, verdict.misconception) == ("wrong", name), str(verdict.note)


@pytest.mark.parametrize(("exercise", "right", "wrong"), TABLES, ids=lambda v: getattr(v, "ref", ""))
def test_every_mistake_on_the_list_is_in_the_table_above(exercise, right, wrong):
    assert {mistake.name for mistake in exercise.misconceptions} == set(wrong)
    assert len(right) >= 6 and len(wrong) >= 8


@pytest.mark.parametrize("exercise", [REPARAMETERIZE, GAUSSIAN_KL], ids=lambda e: e.ref)
def test_no_two_mistakes_look_the_same(exercise):
    inputs = exercise.draw(exercise.rng(), 5, 3)
    with np.errstate(all="ignore"):
        results = [exercise.solution(*inputs)] + [m.wrong(*inputs) for m in exercise.misconceptions if m.wrong]
    for k, one in enumerate(results):
        for other in results[:k]:
            assert one.shape != other.shape or not np.allclose(one, other, rtol=1e-2, equal_nan=True)


def test_the_solution_of_gaussian_kl_is_the_integral():
    """A sum over a fine grid, with the two densities written out: nothing shared with the closed form."""
    mu, logvar = np.array([[0.7, -1.2]]), np.array([[-1.0, 0.8]])
    z = np.linspace(-12, 12, 20001)[:, None]
    log_q = -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi))
    log_p = -0.5 * (z**2 + np.log(2 * np.pi))
    integral = (np.exp(log_q) * (log_q - log_p)).sum() * (z[1, 0] - z[0, 0])
    np.testing.assert_allclose(gaussian_kl(mu, logvar), integral, rtol=1e-9)  # the grid's error is far below


def test_the_solution_of_reparameterize_has_the_right_mean_and_variance():
    n = 200_000
    mu, logvar = np.full((n, 1), 0.5), np.full((n, 1), -2.0)
    z = reparameterize(mu, logvar, np.random.default_rng(0).normal(size=(n, 1)))
    np.testing.assert_allclose(z.mean(), 0.5, atol=4 * np.exp(-1) / n**0.5)  # four standard errors
    np.testing.assert_allclose(z.var(), np.exp(-2.0), rtol=4 * (2 / n) ** 0.5)
