"""Lesson 06: its solutions against integrals and the library, and that the notebook shows what its text says."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivae import Tensor, ops
from minivae.learn.build import parse
from minivae.learn.exercises.lesson06 import effective_beta, free_bits, monte_carlo_kl, per_dimension_kl
from minivae.learn.recompute import in_lesson
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "06_the_loss_with_two_forces.py"


def integral(mu, sigma):
    """KL(N(mu, sigma^2) || N(0, 1)) by a sum over a fine grid."""
    z = np.linspace(mu - 12 * sigma, mu + 12 * sigma, 20_001)
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
    log_p = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    return (np.exp(log_q) * (log_q - log_p)).sum() * (z[1] - z[0])


def test_the_estimate_of_the_kl_is_the_integral_within_its_own_error():
    mu, logvar = np.array([0.7, -1.2, 0.0]), np.array([-1.0, 0.8, 0.3])
    truth = sum(integral(m, np.exp(lv / 2)) for m, lv in zip(mu, logvar, strict=True))
    kl, se = monte_carlo_kl(mu, logvar, np.random.default_rng(0).normal(size=(50_000, 3)))
    assert abs(kl - truth) < 4 * se
    assert se < 0.02


def test_the_standard_error_is_the_spread_of_many_estimates():
    rng, mu, logvar = np.random.default_rng(0), np.array([0.7, -1.2]), np.array([-1.0, 0.8])
    found = np.array([monte_carlo_kl(mu, logvar, rng.normal(size=(100, 2))) for _ in range(2000)])
    np.testing.assert_allclose(found[:, 0].std(), found[:, 1].mean(), rtol=0.08)  # five errors of a spread of 2,000


def test_per_dimension_kl_is_the_integral_averaged_over_images_and_adds_up_to_the_library():
    rng = np.random.default_rng(0)
    mu, logvar = rng.normal(size=(2, 4, 3))
    truth = np.array(
        [[integral(m, np.exp(lv / 2)) for m, lv in zip(*row, strict=True)] for row in zip(mu, logvar, strict=True)]
    )
    np.testing.assert_allclose(per_dimension_kl(mu, logvar), truth.mean(axis=0), rtol=1e-8)  # the grid's error is below
    library = ops.gaussian_kl(Tensor(mu), Tensor(logvar)).data.mean()
    np.testing.assert_allclose(per_dimension_kl(mu, logvar).sum(), library, rtol=1e-12)  # other order of sums


@pytest.mark.parametrize("mean_x", [True, False])
@pytest.mark.parametrize("mean_kl", [True, False])
def test_a_loss_is_the_bound_with_its_effective_beta_up_to_one_factor(mean_x, mean_kl):
    """For any three models: their loss / (NLL + beta KL), without the NLL's constant, is one number."""
    rng, D, L, sigma = np.random.default_rng(0), 12, 5, 0.3
    x, x_hat = rng.uniform(size=(2, 3, D))
    kl = rng.uniform(size=(3, L))
    se = (x - x_hat) ** 2
    theirs = (se.mean(1) if mean_x else se.sum(1)) + (kl.mean(1) if mean_kl else kl.sum(1))
    nll = ops.gaussian_nll(Tensor(x), Tensor(x_hat), 2 * np.log(sigma)).data - D / 2 * np.log(2 * np.pi * sigma**2)
    ratio = (nll + effective_beta(D, L, mean_x, mean_kl, sigma) * kl.sum(1)) / theirs
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)  # a handful of float64 operations


def test_free_bits_take_the_force_from_a_quiet_dimension_alone():
    rng = np.random.default_rng(0)
    kl = rng.uniform(size=(4, 3)) * [0.1, 1.0, 2.0]
    h, lam = 1e-6, 0.3
    moved = np.array(
        [free_bits(kl + h * (np.arange(3) == j) * 4 * (np.arange(4) == 0)[:, None], lam) for j in range(3)]
    )
    np.testing.assert_allclose((moved - free_bits(kl, lam)) / h, [0, 1, 1], atol=1e-6)  # h times rounding
    assert free_bits(kl, 0.0) == pytest.approx(kl.sum(axis=1).mean())


def test_nothing_of_the_subject_is_imported_before_it_was_written():
    cells = parse(SOURCE).cells
    meeting = next(k for k, cell in enumerate(cells) if "inspect.getsource(" in cell.source)
    before = set().union(*(imported(cell.source) for cell in cells[:meeting] if cell.cell_type == "code"))
    tools = {f"minivae.learn.{name}" for name in ("check", "hint", "quiz", "solution")}
    assert before == tools | {"minivae.plot", "minivae.data.load"}


def outputs():
    return (SOURCE.parent.parent / f"{SOURCE.stem}.ipynb").read_text(encoding="utf-8")


def test_the_notebook_agrees_with_the_library_and_with_differences():
    text = outputs()
    for line in ("postage agrees:  True", "telegram agrees: True", "units agree:     True"):
        assert line in text
    assert len(re.findall(r"g_(?:mu|logvar) right: +True", text)) == 2


def test_bound_and_gap_add_up_to_log_p_in_every_row_of_the_toy():
    rows = re.findall(r"(-\d+\.\d\d) +(\d+\.\d\d) +(-\d\.\d{4}) +(-\d\.\d{4})", outputs())
    assert len(rows) == 4
    for elbo, gap, total, log_px in np.array(rows, dtype=float):
        assert total == log_px
        assert abs(elbo + gap - log_px) <= 0.0101  # two numbers rounded to 0.01


def test_what_a_nat_saves_lies_between_the_two_prices_six_times():
    rows = re.findall(r"between beta +([\d.]+) and +([\d.]+): a nat of postage saves +([\d.]+)", outputs())
    assert len(rows) == 6
    for low, high, saved in np.array(rows, dtype=float):
        assert low <= saved <= high


def test_the_cures_cure_and_the_shallow_decoder_is_better_still():
    elbo = {name: in_lesson("06", rf"{name} +ELBO ≈ (-\d+)") for name in ("full price", "warm-up", r"free bits 0\.5")}
    shallow = in_lesson("06", r"one hidden layer, full price: +ELBO ≈ (-\d+)")
    assert elbo["full price"] + 3 < elbo[r"free bits 0\.5"] < elbo["warm-up"] < shallow
    assert in_lesson("06", r"one hidden layer, warm-up: +ELBO ≈ (-\d+)") <= shallow  # "gains nothing"


def test_two_six_and_twenty_dimensions_are_worth_something():
    names = ("full price", "warm-up", r"free bits 0\.5")
    assert [in_lesson("06", rf"{name} +median .*, +(\d+) worth more") for name in names] == [2, 6, 20]
    assert in_lesson("06", r"free bits 0\.5 +median dimension worth (\d\.\d)") > 1  # "more than a nat"
