"""Live pictures: what is decoded, what is stored, and what is refused. The browser half is in tests/browser."""

import base64
import io
import time

import numpy as np
import pytest

from minivae import learn
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
    assert widget.pictures[0] == png(ramp(np.float32([2, -2])), 10)
    assert widget.widths == [280]  # 28 pixels, each ten on the screen


def test_moving_a_slider_decodes_anew(explore):
    widget = explore(ramp, z_dim=2)
    before = widget.pictures[0]
    widget.values = [1.5, 0.0]  # as the browser sets it
    assert widget.pictures[0] != before
    assert widget.pictures[0] == png(ramp(np.float32([1.5, 0])), 10)


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
    assert base64.b64decode(data["image/png"]) == widget.pictures[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    again, _ = explore(ramp, z_dim=2, names=["tilt", "width"])._repr_mimebundle_()
    assert again["image/png"] == data["image/png"]


def test_a_fault_in_the_decoder_shows_at_once_and_later_in_the_widget(explore):
    with pytest.raises(ZeroDivisionError):
        explore(lambda z: 1 / 0, z_dim=2)
    widget = explore(lambda z: ramp(z) / (z[0] < 2), z_dim=2)
    widget.values = [1.0, 0.0]
    good = widget.pictures[0]
    with np.errstate(divide="ignore"):
        widget.values = [2.5, 0.0]
    assert "DataError" in widget.problem and widget.pictures[0] == good
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


# The other live pictures -------------------------------------------------------------------------------------------


def colour(z):
    """An 8 by 6 picture in colour that hangs on both numbers."""
    left, right = 1 / (1 + np.exp(-z[:2]))
    return np.stack([np.full((8, 6), left), np.full((8, 6), right), np.zeros((8, 6))], axis=-1)


WIDGETS = {
    "a map of tiles": lambda: learn.LatentMap(ramp, grid=3),
    "a map of tiles in colour": lambda: learn.LatentMap(colour, start=(1, -1)),
    "a map of codes": lambda: learn.LatentMap(
        ramp, codes=np.random.default_rng(0).normal(size=(50, 2)), labels=range(50)
    ),
    "an interpolation": lambda: learn.Interpolation(ramp, [-2, 0], [2, 1], names=("left", "right")),
    "a scrubber": lambda: learn.Scrub(lambda t: np.full((8, 8), t / 9), steps=10, start=3),
    "a scrubber of two": lambda: learn.Scrub(
        lambda t: {"x_t": colour(np.array([t, 0])), "noise": np.full((4, 4), t / 9)},
        10,
        curves={"alpha_bar": np.linspace(1, 0, 10)},
    ),
}
TEXTS = {
    "a map of tiles": "LatentMap(z1, z2)",
    "a map of tiles in colour": "LatentMap(z1, z2)",
    "a map of codes": "LatentMap(z1, z2)",
    "an interpolation": "Interpolation(left, right)",
    "a scrubber": "Scrub(t = 3 of 0 to 9)",
    "a scrubber of two": "Scrub(t = 0 of 0 to 9)",
}


@pytest.mark.parametrize("name", WIDGETS)
def test_each_output_has_words_a_picture_and_the_widget_the_same_in_every_run(name):
    first, second = (WIDGETS[name]()._repr_mimebundle_()[0] for _ in range(2))
    assert "application/vnd.jupyter.widget-view+json" in first
    assert first["text/plain"] == second["text/plain"] == TEXTS[name]
    assert first["image/png"] == second["image/png"]
    assert 100 < max(pixels(base64.b64decode(first["image/png"])).shape[:2]) <= 800


def test_the_ring_moves_and_stays_on_the_map():
    seen = []
    widget = learn.LatentMap(lambda z: (seen.append(z), ramp(z))[1], ranges=[(-1, 1), (0, 4)], grid=2)
    assert widget.values == [0, 0]
    widget.values = [9.0, 2.5]
    assert seen[-1].tolist() == [1, 2.5] and seen[-1].dtype == np.float32
    assert widget.pictures[0] == png(ramp(np.float32([1, 2.5])), 10)


def test_the_tiles_are_what_decodes_at_their_middle_with_up_on_top():
    widget = learn.LatentMap(lambda z: np.full((8, 8), 0.5 + z[1] / 10 + z[0] / 100), grid=3)
    ground = pixels(widget.ground).astype(float)
    side = len(ground) // 3
    middles = ground[side // 2 :: side, side // 2 :: side][:3, :3]
    wanted = 0.5 + np.array([[2], [0], [-2]]) / 10 + np.array([[-2, 0, 2]]) / 100
    np.testing.assert_allclose(middles, 255 * wanted, atol=0.6)  # rounded to whole grey levels


def test_many_codes_are_thinned_out_and_keep_their_labels():
    codes = np.arange(2000.0).reshape(1000, 2)
    widget = learn.LatentMap(ramp, ranges=(0, 2000), codes=codes, labels=np.arange(1000) % 7)
    assert len(widget.marks) <= 400
    assert all([a, b, str(int(a / 2) % 7)] == [a, a + 1, text] for a, b, text in widget.marks)
    assert widget.ground == b""


def test_the_strip_goes_from_one_code_to_the_other():
    a, b = np.array([-2.0, 0.0]), np.array([2.0, 1.0])
    widget = learn.Interpolation(ramp, a, b, steps=5)
    assert len(widget.strip) == 5
    for k in range(5):
        widget.values = [k / 4]
        assert widget.pictures[0] == png(ramp(((1 - k / 4) * a + k / 4 * b).astype(np.float32)), 10)
    widget.values = [7.0]
    assert widget.pictures[0] == png(ramp(b.astype(np.float32)), 10)


def test_the_scrubber_shows_the_step_and_names_what_it_shows():
    widget = WIDGETS["a scrubber of two"]()
    assert widget.names == ["x_t", "noise"] and len(widget.pictures) == len(widget.widths) == 2
    widget.values = [9]
    assert pixels(widget.pictures[1]).min() == 255
    assert widget.curves == [{"name": "alpha_bar", "values": [round(v, 5) for v in np.linspace(1, 0, 10)]}]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: learn.LatentMap(ramp, grid=0), "got grid=0"),
        (lambda: learn.LatentMap(ramp, start=[1]), "got 1 start"),
        (lambda: learn.LatentMap(ramp, codes=np.zeros((5, 3))), "codes of shape \\(5, 3\\), wanted \\(N, 2\\)"),
        (lambda: learn.LatentMap(ramp, codes=np.zeros((5, 2)), labels="ab"), "got 2 labels"),
        (lambda: learn.Interpolation(ramp, [0], [0, 1]), "shape \\(1,\\) and \\(2,\\), wanted equal ones"),
        (lambda: learn.Interpolation(ramp, [0, 0], [0, 1], steps=1), "got 1 steps"),
        (lambda: learn.Scrub(ramp, steps=1), "got steps=1"),
        (lambda: learn.Scrub(ramp, steps=5, start=5), "start=5"),
        (lambda: learn.Scrub(ramp, 5, curves={"a": [1, 2, 3, 4, 5]}), "from 1 to 5, wanted 0 to 1"),
        (lambda: learn.Scrub(ramp, 5, curves={"a": [0.0]}), "of shape \\(1,\\), wanted \\(5,\\)"),
        (lambda: learn.Scrub(ramp, 2, curves={key: [0, 1] for key in "abcd"}), "got 4 curves"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda f: learn.LatentMap(f),
        lambda f: learn.Interpolation(f, [0, 0], [1, 1]),
        lambda f: learn.Scrub(f, steps=3),
    ],
)
def test_a_fault_in_the_function_shows_in_the_cell(make):
    with pytest.raises(ZeroDivisionError):
        make(lambda z: 1 / 0)


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
