"""The noise that the kernels make: the published bits, the normal distribution, and the same noise again."""

import math

import numpy as np
import pytest

from minivae.cuda import Simulator, find, launch, using
from tests.cuda.harness import run
from tests.cuda.philox import KNOWN_ANSWERS, RADII, noise, philox, radii, words

N = 200_001


@pytest.fixture(autouse=True)
def simulator():
    with using(Simulator()):
        yield


def made(n, seed=1, draw=0):
    eps = np.empty(n, np.float32)
    launch("philox_normal", eps, seed, draw, n)
    return eps


@pytest.mark.parametrize("counter, key, bits", KNOWN_ANSWERS)
def test_the_bits_are_the_published_ones(counter, key, bits):
    inputs = {"counter": np.uint32([words(counter)]), "key": np.uint32([words(key)]), "n": 1}
    assert run(find("philox_bits"), inputs)["bits"].tolist() == [words(bits)]
    assert philox(inputs["counter"], inputs["key"]).tolist() == [words(bits)]  # and the reference's


class TestNoise:
    def test_its_moments_are_those_of_a_normal_distribution(self):
        """Each within 4.5 standard errors, for a sample of N: 1 in 100,000 seeds would fail; this one is fixed."""
        eps = made(N).astype(np.float64)
        for power, moment in enumerate([0, 1, 0, 3, 0, 15], start=1):
            error = math.sqrt((math.prod(range(1, 2 * power, 2)) - moment**2) / N)
            assert abs((eps**power).mean() - moment) < 4.5 * error

    def test_its_quantiles_are_those_of_a_normal_distribution(self):
        """Kolmogorov's distance; 1.95 / sqrt(N) is passed in 1 of 1,000 samples."""
        eps = np.sort(made(N).astype(np.float64))
        below = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in eps])
        assert abs(below - (np.arange(N) + 0.5) / N).max() < 1.95 / math.sqrt(N)

    @pytest.mark.parametrize("lag", [1, 2, 3, 4, 8, 1024])
    def test_neighbours_have_nothing_to_do_with_each_other(self, lag):
        """Nor have their squares, where sine and cosine of one angle would show if their radius were not random too."""
        eps = made(N).astype(np.float64)
        for values in (eps, eps**2):
            centred = (values - values.mean()) / values.std()
            assert abs((centred[lag:] * centred[:-lag]).mean()) < 4.5 / math.sqrt(N)

    def test_no_draw_is_infinite(self):
        got = radii(find("philox_normal").source)
        np.testing.assert_allclose(got, RADII, rtol=1e-6)  # float32
        assert got[0] < 6.8

    def test_it_depends_on_the_position_and_not_on_how_many_are_drawn(self):
        assert np.array_equal(made(1000), made(7777)[:1000])

    def test_seeds_and_draws_are_all_different(self):
        """Also where they differ above the 32nd bit alone."""
        drawn = [made(64, seed, draw) for seed in (0, 1, 2**32) for draw in (0, 1, 2**32)]
        assert len({eps.tobytes() for eps in drawn}) == 9
        joined = np.concatenate(drawn)
        assert len(np.unique(joined)) > 0.99 * joined.size

    def test_the_reference_makes_the_same(self):
        np.testing.assert_allclose(made(N, 5, 6), noise(5, 6, N), rtol=1e-6, atol=3e-6)  # float32 angle


class TestTheForwardAndTheBackward:
    def test_see_the_same_noise(self):
        """With mu = 0 and sigma = 1, z is eps; with g = 1 the gradient of logvar is eps / 2, to the last bit."""
        n = 5000
        zero, one, z, g_logvar = np.zeros(n, "f4"), np.ones(n, "f4"), np.empty(n, "f4"), np.empty(n, "f4")
        launch("reparameterize_philox", zero, zero, z, 3, 4, n)
        launch("reparameterize_philox_backward", one, zero, g_logvar, 3, 4, n)
        assert np.array_equal(z, 2 * g_logvar) and np.array_equal(z, made(n, 3, 4))

    def test_are_those_of_a_given_eps(self):
        n, rng = 5000, np.random.default_rng(0)
        mu, logvar, g = (rng.standard_normal(n).astype("f4") for _ in range(3))
        eps, z, z_given, g_made, g_given = made(n, 8, 9), *(np.empty(n, "f4") for _ in range(4))
        launch("reparameterize", mu, logvar, eps, z_given, n)
        launch("reparameterize_philox", mu, logvar, z, 8, 9, n)
        launch("reparameterize_backward", g, logvar, eps, g_given, n)
        launch("reparameterize_philox_backward", g, logvar, g_made, 8, 9, n)
        assert np.array_equal(z, z_given) and np.array_equal(g_made, g_given)
