"""Evaluation: the same figures however the images are batched, and active units on models known by hand."""

import numpy as np
import pytest

from minivae import Tensor
from minivae.cli.train import BinarizationName
from minivae.data import binarize, threshold
from minivae.errors import ConfigError, DataError, ShapeError
from minivae.evaluate import BINARIZATIONS, active_units, evaluate
from tests.small import dots, tiny_autoencoder, tiny_vae

X = dots(50)


def scores(model=None, seed=0, x=X, **settings):
    return evaluate(model or tiny_vae(), x, rng=np.random.default_rng(seed), **settings)


class TestMeans:
    @pytest.mark.parametrize("binarization", BINARIZATIONS)
    def test_the_batch_size_changes_rounding_and_nothing_else(self, binarization):
        """Binarisation is drawn first and eps in the order of the images, so the draws are the same for all sizes."""
        results = []
        for batch in (1, 7, 50, 1000):
            rng = np.random.default_rng(0)
            results.append((evaluate(tiny_vae(), X, rng=rng, binarization=binarization, batch=batch), rng))
        for got, rng in results[1:]:
            assert got == pytest.approx(results[0][0], rel=1e-6)  # float32 products of another shape
            assert rng.bit_generator.state == results[0][1].bit_generator.state

    def test_they_are_means_over_the_images(self):
        rng = np.random.default_rng(0)
        x = binarize(X, rng)
        eps = rng.standard_normal((50, 2), dtype=np.float32)
        for name, values in tiny_vae().elbo(Tensor(x), eps)._asdict().items():
            assert scores()[name] == pytest.approx(values.data.astype(np.float64).mean(), rel=1e-12)

    def test_the_elbo_is_the_reconstruction_less_the_kl(self):
        got = scores()
        assert got["elbo"] == pytest.approx(got["reconstruction"] - got["kl"], rel=1e-6)  # float32 for each image

    def test_beta_has_no_part_in_them(self):
        assert scores(tiny_vae(beta=4.0)) == scores(tiny_vae(beta=1.0))

    def test_the_same_rng_gives_the_same_numbers_and_another_does_not(self):
        assert scores(seed=1) == scores(seed=1)
        assert scores(seed=1) != scores(seed=2)

    def test_an_autoencoder_has_a_reconstruction_alone(self):
        assert scores(tiny_autoencoder()).keys() == {"reconstruction"}

    def test_binarisations_are_what_they_say(self):
        assert scores(binarization="threshold") == scores(x=threshold(X), binarization="none")
        assert scores(binarization="dynamic") != scores(binarization="threshold")

    def test_nothing_is_trained_and_no_tape_is_left(self):
        model = tiny_vae()
        before = model.state_dict()
        scores(model)
        assert all(np.array_equal(before[name], p.data) for name, p in model.named_parameters())
        assert all(p.grad is None for p in model.parameters())


class Known:
    """A model whose mu is ten times as many chosen pixels: its variance over images can be said beforehand."""

    def __init__(self, *scales):
        self.scales = np.array(scales, np.float32)

    def encode(self, x):
        mu = x.data[:, : len(self.scales)] * self.scales
        return Tensor(mu), Tensor(np.zeros_like(mu))


class TestActiveUnits:
    # Half of the images are 0 and half are 1 in every pixel, so a mu of s * pixel has the variance (s / 2)^2.
    COIN = np.repeat(np.array([[0.0], [1.0]], np.float32), 4, axis=1)

    def test_those_whose_mean_varies_by_more_than_a_hundredth_are_counted(self):
        assert active_units(Known(0, 0.19, 0.21, 3), self.COIN) == 2  # variances 0, 0.009, 0.011, 2.25
        assert active_units(Known(0, 0, 0, 0), self.COIN) == 0

    def test_the_threshold_can_be_chosen(self):
        assert active_units(Known(0, 0.19, 0.21, 3), self.COIN, least=1) == 1
        assert active_units(Known(0, 0.19, 0.21, 3), self.COIN, least=0.001) == 3

    def test_a_mean_that_is_far_from_zero_and_always_the_same_is_not_active(self):
        class Shifted(Known):
            def encode(self, x):
                mu, logvar = super().encode(x)
                return Tensor(mu.data + 100), logvar

        assert active_units(Shifted(0, 0), self.COIN) == 0

    def test_a_vae_whose_encoder_is_cut_has_none(self):
        model = tiny_vae()
        model.encoder.layers[2].W.data[...] = 0
        assert scores(model)["active_units"] == 0


class TestWrongInput:
    def test_an_unknown_binarisation_lists_those_there_are(self):
        with pytest.raises(ConfigError, match="evaluate: binarization is 'odd'; there are dynamic, threshold, none"):
            scores(binarization="odd")

    def test_the_command_line_offers_the_same_binarisations(self):
        assert [str(name) for name in BinarizationName] == list(BINARIZATIONS)

    def test_images_that_do_not_fit_and_no_images_are_refused(self):
        with pytest.raises(ShapeError, match=r"evaluate: x is of shape \(50, 7\), but \(N, 6\) is wanted"):
            scores(x=dots(50, 7))
        with pytest.raises(DataError, match="evaluate: x is empty"):
            scores(x=X[:0])
        with pytest.raises(DataError, match="evaluate: x is from"):
            scores(x=X * 255)

    def test_a_batch_of_none_is_refused(self):
        with pytest.raises(ConfigError, match="evaluate: batch is 0; wanted 1 or more"):
            scores(batch=0)
