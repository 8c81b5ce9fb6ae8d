"""Sliders over a code: what is decoded, what is stored, and what is refused. The browser half is in tests/browser."""

import base64
import io
import time

import numpy as np
import pytest

from minivae.errors import ConfigError, DataError
from minivae.learn.png import png

pytest.importorskip("anywidget")


def ramp(z):
    """A picture whose left column is z[0] and whose right column is z[1], squashed into (0, 1)."""
    assert z.dtype == np.float32 and z.ndim == 1
    left, right = 1 / (1 + np.exp(-z[:2]))
    return np.repeat(np.linspace(left, right, 28)[None], 28, axis=0)


@pytest.fixture
def explore():
    from minivae.learn import Explore

    return Explore


def pixels(data):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(data)))


def test_the_first_picture_is_the_decoded_start(explore):
    widget = explore(ramp, z_dim=2, start=[2, -2])
    assert widget.values == [2, -2]
    assert widget.picture == png(ramp(np.float32([2, -2])), 10)
    assert widget.width == 280  # 28 pixels, each ten on the screen


def test_moving_a_slider_decodes_anew(explore):
    widget = explore(ramp, z_dim=2)
    before = widget.picture
    widget.values = [1.5, 0.0]  # as the browser sets it
    assert widget.picture != before
    assert widget.picture == png(ramp(np.float32([1.5, 0])), 10)


def test_the_picture_comes_within_a_tenth_of_a_second(explore):
    widget = explore(ramp, z_dim=2)
    start = time.perf_counter()
    for k in range(10):
        widget.values = [k / 10 + 0.1, 0.0]
    assert (time.perf_counter() - start) / 10 < 0.1  # 1 ms here; the rest is left to the decoder and the wire


def test_the_output_has_words_a_picture_and_the_widget(explore):
    widget = explore(ramp, z_dim=2, names=["tilt", "width"])
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == "Explore(tilt, width)"
    assert base64.b64decode(data["image/png"]) == widget.picture
    assert "application/vnd.jupyter.widget-view+json" in data
    again, _ = explore(ramp, z_dim=2, names=["tilt", "width"])._repr_mimebundle_()
    assert again["image/png"] == data["image/png"]


def test_a_fault_in_the_decoder_shows_at_once_and_later_in_the_widget(explore):
    with pytest.raises(ZeroDivisionError):
        explore(lambda z: 1 / 0, z_dim=2)
    widget = explore(lambda z: ramp(z) / (z[0] < 2), z_dim=2)
    widget.values = [1.0, 0.0]
    good = widget.picture
    with np.errstate(divide="ignore"):
        widget.values = [2.5, 0.0]
    assert "DataError" in widget.problem and widget.picture == good
    widget.values = [0.0, 0.0]
    assert widget.problem == ""


def test_ranges_may_be_one_for_all_or_one_for_each(explore):
    assert [s["low"] for s in explore(ramp, z_dim=3, ranges=(-2, 2)).sliders] == [-2, -2, -2]
    widget = explore(ramp, z_dim=2, ranges=[(-1, 1), (2, 4)])
    assert [(s["low"], s["high"]) for s in widget.sliders] == [(-1, 1), (2, 4)]
    assert widget.values == [0, 2]  # 0, or the end that is nearest to it


def test_values_outside_the_range_are_held_inside(explore):
    seen = []
    widget = explore(lambda z: (seen.append(z), ramp(z))[1], z_dim=2)
    widget.values = [99.0, -99.0]
    assert seen[-1].tolist() == [3, -3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(z_dim=0), "got z_dim=0"),
        (dict(z_dim=2, step=0), "a step above 0"),
        (dict(z_dim=2, ranges=(3, -3)), "low < high"),
        (dict(z_dim=2, ranges=[(-1, 1)] * 3), "one such pair for each of 2 sliders"),
        (dict(z_dim=2, ranges=[(-1, 1), 3]), "one such pair for each of 2 sliders"),
        (dict(z_dim=2, names=["a"]), "got 1 names, wanted one for each of 2 sliders"),
        (dict(z_dim=2, start=[1, 2, 3]), "got 3 start"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(explore, arguments, message):
    with pytest.raises(ConfigError, match=message):
        explore(ramp, **arguments)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros(784), "got shape \\(784,\\), wanted \\(H, W\\)"),
        (np.zeros((28, 28, 4)), "got shape \\(28, 28, 4\\)"),
        (np.full((2, 2), 3.0), "got values from 3 to 3, wanted 0 to 1; logits"),
        (np.full((2, 2), np.nan), "got values from nan"),
        (np.zeros((0, 4)), "got shape \\(0, 4\\)"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    with pytest.raises(DataError, match=message):
        png(image)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1)])
def test_a_png_holds_the_very_pixels(shape):
    image = np.random.default_rng(0).uniform(size=shape)
    wanted = np.round(image * 255).repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(pixels(png(image, 3)), wanted)
