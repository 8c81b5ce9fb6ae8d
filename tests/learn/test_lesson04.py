"""The solutions of lesson 04 against what they mean: an integral, a mean, a variance."""

import re
from pathlib import Path

import numpy as np

from minivae.learn.build import parse
from minivae.learn.exercises.lesson04 import gaussian_kl, reparameterize
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "04_send_a_range.py"


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


def test_neither_the_ops_nor_the_model_are_imported_before_the_learner_has_built_them():
    code = [cell.source for cell in parse(SOURCE).cells if cell.cell_type == "code"]

    def first(what):
        return next(k for k, source in enumerate(code) if what in source)

    for taught, written in [
        ("minivae.ops", "def latent_gradients"),
        ("minivae.ops.reparameterize", "def latent_gradients"),
        ("minivae.ops.gaussian_kl", "def latent_gradients"),
        ("minivae.models.VAE", "class MyVAE"),
    ]:
        before = set().union(*(imported(source) for source in code[: first(written)]))
        assert taught not in before
    assert "class MyVAE" in code[first("from minivae.models import VAE")].split("from minivae.models import VAE")[0]


def test_learner_and_library_agree_in_the_lesson():
    text = SOURCE.parent.parent.joinpath(f"{SOURCE.stem}.ipynb").read_text(encoding="utf-8")
    assert "values agree:    True True" in text and "gradients agree: True True" in text
    mine, theirs = re.findall(r"mine ([\d.]+), the library's ([\d.]+) nats", text)[0]
    assert mine == theirs
