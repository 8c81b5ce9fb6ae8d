"""The solutions of lesson 04 against what they mean: an integral, a mean, a variance."""

import numpy as np

from minivae.learn.exercises.lesson04 import gaussian_kl, reparameterize


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
