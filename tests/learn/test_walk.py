"""The animated walk: it comes back to where it began, passes its stops, and is a small GIF with the wanted frames."""

import numpy as np
import pytest
from PIL import Image

from minivae.errors import ShapeError
from minivae.learn import walk
from minivae.models import VAE


def test_a_round_trip_passes_its_stops_and_has_no_jump():
    codes = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    places = walk.round_trip(codes, 30)
    assert places.shape == (30, 2, 4) and places.dtype == np.float32
    np.testing.assert_array_equal(places[::10], codes)
    steps = np.abs(np.diff(np.concatenate([places, places[:1]]), axis=0))
    longest = np.abs(np.diff(np.concatenate([codes, codes[:1]]), axis=0)).max()
    assert steps.max() < 0.16 * longest  # 1.5 / 10 of a leg at its fastest
    halfway = places[5]
    np.testing.assert_allclose(halfway, (codes[0] + codes[1]) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "frames"), [((1, 2, 4), 10), ((3, 2, 4), 10), ((3, 2, 4), 0), ((3, 4), 30)])
def test_a_trip_that_cannot_be_cut_into_equal_legs_is_refused(shape, frames):
    with pytest.raises(ShapeError, match="walk: codes are"):
        walk.round_trip(np.zeros(shape, np.float32), frames)


def test_a_walk_shows_all_walkers_in_each_frame():
    vae = VAE(784, 16, 4, likelihood="gaussian", rng=np.random.default_rng(0))
    x = np.random.default_rng(1).random((3 * 4, 784), np.float32)
    pictures = walk.walk(vae, x, stops=3, frames=6, columns=2)
    assert len(pictures) == 6 and {picture.shape for picture in pictures} == {(57, 57)}  # 2 x 2 faces and a gap of 1
    np.testing.assert_allclose(pictures[0][:28, :28].ravel(), vae.reconstruct(x[:1])[0], atol=1e-6)


def test_the_gif_repeats_and_has_the_frames_that_it_was_given(tmp_path):
    pictures = [np.full((8, 12), level) for level in (0.0, 0.5, 1.0)]
    walk.gif(tmp_path / "a.gif", pictures, scale=3)
    walk.gif(tmp_path / "b.gif", pictures, scale=3)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (36, 24), 0)
        assert image.info["duration"] == walk.MILLISECONDS
        for k, shade in enumerate((0, 120, 255)):  # 8 / 17 is the shade nearest to a half, rounded to even
            image.seek(k)
            assert np.abs(np.asarray(image.convert("L"), int) - shade).max() <= 1


def test_the_command_writes_a_small_gif(tmp_path):
    target = tmp_path / "walk.gif"
    walk.main([str(target), "--epochs", "1", "--frames", "8"])
    with Image.open(target) as image:
        assert image.n_frames == 8
    assert target.stat().st_size < 88_000  # so all 36 frames stay below 400 kB
