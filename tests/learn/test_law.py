"""The tests of samplers: how often they are wrong about a right one, what they find, what they take for the same."""

import math

import numpy as np
import pytest

from minivae.learn import law
from minivae.learn.law import ALARM, DRAWS, alike, from_uniform, measure, verdict


def scores(seed, n=DRAWS, k=2):
    return np.random.default_rng(seed).standard_normal((n, k))


def test_the_rate_of_false_alarms_is_the_one_stated():
    """At 5 % and 20 %, where it can be counted; the union bound makes the real rate smaller, never larger."""
    runs = 1500
    alarms = dict.fromkeys((0.05, 0.2), 0)
    rng = np.random.default_rng(0)
    for _ in range(runs):
        signs = measure(rng.standard_normal((400, 2)))
        for level in alarms:
            alarms[level] += verdict(signs, level) != ""
    for level, count in alarms.items():
        rate, error = count / runs, math.sqrt(level * (1 - level) / runs)
        assert 0.3 * level < rate < level + 4 * error  # four standard errors


@pytest.mark.parametrize("level", [1e-2, 1e-4])
def test_the_test_of_spread_keeps_its_rate_far_into_the_tails(level):
    """The sum of n squares is chi-squared: drawn directly, so many that even a rate of 1e-4 can be counted."""
    draws = 2_000_000
    square = np.random.default_rng(0).chisquare(DRAWS, draws) / DRAWS
    z = (np.cbrt(square) - (1 - 2 / (9 * DRAWS))) / math.sqrt(2 / (9 * DRAWS))
    rate = (np.abs(z) > law.STANDARD.inv_cdf(1 - level / 2)).mean()
    assert abs(rate - level) < 5 * math.sqrt(level / draws) + 0.01 * level


def test_right_samplers_pass():
    assert {verdict(measure(scores(seed))) for seed in range(30)} == {""}
    assert verdict(measure(scores(0, n=2, k=1))) == ""  # no lag is that long


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda g: g + 0.07, "mean"),
        (lambda g: g - [0, 0.07], "mean"),
        (lambda g: g * 1.06, "spread"),
        (lambda g: g * [1, 0.94], "spread"),
        (lambda g: np.sign(g) * np.abs(g) ** 1.5 / 1.2632, "distribution"),
        (lambda g: np.sqrt(3) * (2 * np.argsort(np.argsort(g, 0), 0) / len(g) - 1), "distribution"),
        (lambda g: np.repeat(g, 2, axis=0)[: len(g)], "dependent"),
        (lambda g: np.concatenate([g[: len(g) // 2]] * 2), "dependent"),
        (lambda g: np.stack([g[:, 0], -g[:, 0]], axis=1), "dependent"),
        (lambda g: np.sort(g, axis=0), "dependent"),
        (lambda g: np.broadcast_to(g[0], g.shape), "dependent"),
        (lambda g: np.zeros_like(g), "dependent"),
        (lambda g: 0.1 * np.roll(g, 1, axis=0) + math.sqrt(0.99) * g, "dependent"),
    ],
)
def test_each_fault_is_found_and_named(change, fault):
    for seed in range(3):
        assert verdict(measure(change(scores(seed)))) == fault


def test_two_wrong_samplers_of_one_kind_are_alike_and_of_two_kinds_are_not():
    kinds = [
        lambda g: g * 1.3,
        lambda g: g + 0.5,
        lambda g: g**3 / math.sqrt(15),
        lambda g: np.sort(g, axis=0),
        lambda g: g * 0.8 + 0.5,
    ]
    for k, one in enumerate(kinds):
        for m, other in enumerate(kinds):
            assert alike(measure(one(scores(1))), measure(other(scores(2)))) == (k == m)


def test_uniform_numbers_become_scores_and_the_ends_stay_finite():
    u = np.array([[0.0, 1.0, 0.5], [0.975, 0.025, -3]])
    got = from_uniform(u)
    np.testing.assert_allclose(got[1, :2], [1.959964, -1.959964], atol=1e-6)  # from any table
    assert got[0, 2] == 0 and np.isfinite(got).all() and got[0, 0] < -7 and got[0, 1] > 7


def test_one_in_a_million_is_what_the_learner_is_told():
    from minivae.learn.words import unlike

    assert ALARM == 1e-6
    for fault in ("mean", "spread", "dependent", "distribution"):
        assert "fails this test once in 1,000,000 times" in unlike(fault, measure(scores(0)), DRAWS)[1]
