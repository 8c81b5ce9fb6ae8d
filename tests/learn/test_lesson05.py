"""Lesson 05: its solutions against closed forms, and that what it prints is what its text says."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from minivae import Tensor
from minivae.distributions import Normal
from minivae.learn.build import parse
from minivae.learn.exercises.lesson05 import kumaraswamy, leave_one_out, score_gradients
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "05_the_reparameterization_trick.py"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_draws_of_kumaraswamy_have_its_moments(rng):
    """E[x^n] = b B(1 + n / a, b), Kumaraswamy 1980: not the distribution function that check() compares with."""
    a, b, N = 2.0, 4.5, 200_000
    x = kumaraswamy(a, b, N, rng)
    for n in (1, 2, 3):
        moment = b * math.gamma(1 + n / a) * math.gamma(b) / math.gamma(1 + n / a + b)
        np.testing.assert_allclose((x**n).mean(), moment, atol=4 * (x**n).std() / N**0.5)  # four standard errors


def test_the_score_gradients_have_the_closed_form_as_their_mean(rng):
    """E (z - 3)^2 summed over two numbers; its gradients are 2 (mu - 3) and sigma^2."""
    N, mu, logvar = 400_000, np.array([1.0, 2.5]), np.array([-1.0, 0.3])
    z = mu + np.exp(0.5 * logvar) * rng.standard_normal((N, 2))
    f = ((z - 3) ** 2).sum(axis=1)
    parts = np.array([score_gradients(f[k::100], z[k::100], mu, logvar) for k in range(100)])  # (100, 2, 2)
    error = 4 * parts.std(axis=0) / 10  # four standard errors
    assert (np.abs(parts.mean(axis=0) - [2 * (mu - 3), np.exp(logvar)]) < error).all()
    assert (error < 0.3).all()


def test_the_score_gradients_are_those_of_the_librarys_log_prob(rng):
    z, f = rng.normal(size=(7, 3)), rng.uniform(1, 9, 7)
    mu, logvar = (Tensor(rng.normal(size=3), requires_grad=True) for _ in range(2))
    (Normal(mu, logvar).log_prob(z) * f).mean().backward()
    for mine, leaf in zip(score_gradients(f, z, mu.data, logvar.data), (mu, logvar), strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-12)  # the same sums in another order


@pytest.mark.parametrize("S", [2, 3, 4])
def test_leave_one_out_has_no_bias_and_a_mean_with_the_draw_itself_has(S):
    """All outcomes of S coins, each with its probability: nothing is drawn."""
    p, price = 0.3, np.array([1.0, 5.0])
    without, within = 0.0, 0.0
    for outcome in itertools.product((0, 1), repeat=S):
        b = np.array(outcome)
        chance, f = np.prod(np.where(b, p, 1 - p)), price[b][None]
        without += chance * np.mean(leave_one_out(f) * (b - p))
        within += chance * np.mean((f - f.mean(axis=1, keepdims=True)) * (b - p))
    exact = p * (1 - p) * (price[1] - price[0])
    np.testing.assert_allclose(without, exact, rtol=1e-12)
    np.testing.assert_allclose(within, exact * (S - 1) / S, rtol=1e-12)


def test_no_estimator_is_imported_before_the_learner_has_built_it():
    cells = parse(SOURCE).cells
    section = next(k for k, cell in enumerate(cells) if "## 5. Meet the library" in cell.source)
    before = set().union(*(imported(cell.source) for cell in cells[:section] if cell.cell_type == "code"))
    tools = {f"minivae.learn.{name}" for name in ("check", "hint", "quiz", "solution")}
    tape = {"minivae.Tensor", "minivae.errors.GradientError", "minivae.graph.explain", "minivae.graph.graph"}
    assert before == tools | tape | {"minivae.plot"}


@pytest.fixture(scope="module")
def printed():
    cells = json.loads((SOURCE.parent.parent / f"{SOURCE.stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(out.get("text", "")) for cell in cells for out in cell.get("outputs", []))


def test_the_lesson_finds_no_bias_and_the_order_of_the_spreads_that_it_claims(printed):
    spreads = []
    for name in ("pathwise", "score, baseline", "score"):
        rows = re.search(rf"^{name} +(\S+) ± (\S+) +± +(\S+) +(\S+) ± (\S+) +± +(\S+)$", printed, re.M)
        mean, error, one, mean2, error2, one2 = map(float, rows.groups())
        assert abs(mean + 4) <= 2 * error + 0.0005  # the last digit is rounded
        assert abs(mean2 - 0.25) <= 2 * error2 + 0.0005
        spreads.append((one, one2))
    assert spreads == sorted(spreads)
    assert [a for _, a in spreads] == sorted(a for _, a in spreads)


def test_the_printed_variances_are_those_of_the_closed_forms(printed):
    """With D arms 2 off the gold and sigma 0.5: f is a sum of D terms with mean 4.25 and variance 4.125."""
    e, D = np.random.default_rng(1).standard_normal(2_000_000), 256
    first, rest, var = (-2 + 0.5 * e) ** 2, (D - 1) * 4.25, (D - 1) * 4.125
    second = np.mean(first**2 * e**2) + 2 * rest * np.mean(first * e**2) + (rest**2 + var)  # of f * eps
    score = 4 * second - 16  # sigma 0.5, and the mean is -4
    told = re.search(r"^score +[\d,]+ +[\d,]+ +([\d,]+)$", printed, re.M)[1]
    np.testing.assert_allclose(float(told.replace(",", "")), score, rtol=0.05)  # 20,000 draws of a heavy tail
    baseline = 4 * np.mean(((first - 4.25) ** 2 + var) * e**2) - 16
    told = re.search(r"^score, baseline +[\d,]+ +[\d,]+ +([\d,]+)$", printed, re.M)[1]
    np.testing.assert_allclose(float(told.replace(",", "")), baseline * 10 / 9, rtol=0.05)  # of nine others


def test_a_baseline_leaves_the_score_with_the_factor_that_the_text_names(printed):
    path = float(re.search(r"^  pathwise +(\d+)$", printed, re.M)[1]) / 3  # forward passes -> draws
    score = float(re.search(r"^  score, baseline +([\d,]+)$", printed, re.M)[1].replace(",", ""))
    assert round(score / path, -2) == 1200


def test_the_five_ways_come_out_in_the_order_that_the_text_says(printed):
    ways = ("pathwise", "score, two draws", "score, batch", "score", "naive")
    elbos = [float(re.search(rf"^{way} +≈ +(-\d+) +≈", printed, re.M)[1]) for way in ways]
    assert elbos == sorted(elbos, reverse=True)
    assert elbos[0] - elbos[1] < 10 < elbos[1] - elbos[2]
    wobbles = [float(re.search(rf"^{way} +≈ +(\d+) times the pathwise", printed, re.M)[1]) for way in ways[:4]]
    assert wobbles == sorted(wobbles)
    assert wobbles[3] ** 2 > 8000  # "some nine thousand times the draws"


def test_straight_through_has_the_wrong_sign_and_the_score_none_of_its_bias(printed):
    for p, exact in ((0.2, 0.016), (0.45, 0.02475), (0.7, 0.021)):
        rows = re.search(rf"^{p:.2f} +\S+ +(\S+) ± (\S+) +(\S+) ± (\S+)$", printed, re.M)
        score, error, through, wide = map(float, rows.groups())
        assert abs(score - exact) < 4 * error + 0.0005
        assert abs(through - 2 * p * (1 - p) * (p - 0.45)) < 4 * wide + 0.0005
    assert re.search(r"straight-through +ends at p = 0.4\d", printed)
    assert re.search(r"score +ends at p = 0.0\d, price 0.20", printed)


def test_library_and_learner_agree_in_the_lesson(printed):
    assert "pathwise agrees: True True" in printed
    assert "score agrees:    True" in printed
    assert "agrees: True\n" in printed
    assert "gradient of mu: None" in printed


def test_the_patient_gained_some_twenty_nats_that_are_none(printed):
    by_itself = float(re.search(r"patient by itself: +ELBO ≈ (-\d+)", printed)[1])
    honest = float(re.search(r"the same, sound model: +ELBO ≈ (-\d+)", printed)[1])
    yours = float(re.search(r"^yours +elbo ≈ (-\d+)", printed, re.M)[1])
    assert 15 < by_itself - yours < 25
    assert honest < yours - 50
