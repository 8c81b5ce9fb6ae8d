"""Every factor shows in the pixels, can be read out of them, and survives a small VAE."""

import numpy as np
import pytest

from minivae.data import faces_measure
from minivae.data.faces import NAMES, draw, faces
from minivae.data.faces_measure import correlations, reader, shares, strangeness
from minivae.errors import ConfigError, ShapeError
from minivae.models import VAE
from minivae.train import fit


def rng(seed=0):
    return np.random.default_rng(seed)


def test_each_factor_has_its_share_of_the_variance_and_none_drowns_the_rest():
    found = shares(500, rng=rng())
    assert list(found) == list(NAMES)
    # Measured with 1,000 faces: smile 0.033, brow 0.063, beard 0.062; eyes have the least, 0.018, and hair 0.42.
    assert min(found.values()) > 0.012 and max(found.values()) < 0.5
    assert found["smile"] > 0.025 and found["brow"] > 0.045 and found["beard"] > 0.045


def test_a_factor_that_is_not_drawn_has_no_share(monkeypatch):
    def blind(factors, size):
        return draw(factors * (np.array(NAMES) != "smile"), size)

    monkeypatch.setattr(faces_measure, "draw", blind)
    assert shares(20, 16, rng=rng())["smile"] == 0


def test_shares_of_one_face_are_refused():
    with pytest.raises(ConfigError, match="n is 1, but 2 or more faces"):
        shares(1, rng=rng())


def test_factors_can_be_read_out_of_pixels():
    x, factors = faces(3000, 24, rng=rng(1))
    new, truth = faces(500, 24, rng=rng(2))
    r = correlations(reader(x, factors)(new), truth)
    assert min(r.values()) > 0.9


def test_a_reader_of_shuffled_factors_reads_nothing():
    x, factors = faces(1000, 16, rng=rng(1))
    new, truth = faces(500, 16, rng=rng(2))
    r = correlations(reader(x, rng().permutation(factors))(new), truth)
    assert max(map(abs, r.values())) < 0.4  # a reader of 256 pixels from 1,000 pictures is noisy


def test_two_faces_laid_over_each_other_are_stranger_than_one():
    read = reader(*faces(2000, 24, rng=rng(1)))
    some, _ = faces(200, 24, rng=rng(2))
    laid = (some[:100] + some[100:]) / 2
    one, two = strangeness(some, read), strangeness(laid, read)
    assert one.shape == (200,) and two.shape == (100,)
    assert np.median(two) > 2 * np.median(one)
    assert np.array_equal(one, strangeness(some.reshape(200, -1), read))


def test_a_reader_that_knows_the_truth_finds_nothing_strange():
    some, truth = faces(20, 24, rng=rng())
    assert strangeness(some, lambda _: truth.astype(np.float64)).max() == 0


def test_a_reader_wants_as_many_rows_as_pictures():
    with pytest.raises(ShapeError, match="got 2 pictures and 3 rows of factors"):
        reader(np.zeros((2, 4)), np.zeros((3, 11)))


def test_a_small_vae_keeps_smile_and_beard():
    """The faces look straight ahead, so that few epochs are enough."""
    ahead = dict(turn=0.0, tilt=0.0)
    (x, factors), (new, truth) = (faces(n, 28, rng=rng(n), **ahead) for n in (3000, 500))
    x, new = x.reshape(len(x), -1), new.reshape(len(new), -1)
    vae = VAE(784, 256, 16, likelihood="gaussian", rng=rng())
    fit(vae, x, epochs=15, batch=50, lr=2e-3, binarization="none", rng=rng(1))
    r = correlations(reader(x, factors)(vae.reconstruct(new)), truth)
    # Measured with four seeds: 0.97, 0.95 and 0.99.
    assert r["smile"] > 0.9 and r["beard"] > 0.9 and r["hair"] > 0.95
    assert np.isnan(r["turn"])
