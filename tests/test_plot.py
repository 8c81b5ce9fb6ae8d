"""Pictures: tiles to the pixel, figures that come out, and files that are whole or not there."""

import os
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae import plot
from minivae.errors import CheckpointError, ConfigError, ShapeError
from tests.small import digits, tiny_autoencoder, tiny_vae

matplotlib.use("agg")


HISTORY = [dict(epoch=k, elbo=-200.0 + k, reconstruction=-180.0, kl=20.0 - k, test_elbo=-201.0) for k in (1, 2, 3)]


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def pixels(fig):
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


class TestTile:
    @settings(deadline=None)  # a busy machine is no failure
    @given(
        n=st.integers(1, 12),
        height=st.integers(1, 5),
        width=st.integers(1, 5),
        columns=st.integers(1, 6),
        gap=st.integers(0, 3),
        flat=st.booleans(),
    )
    def test_every_image_is_in_its_place_and_all_else_is_white(self, n, height, width, columns, gap, flat):
        images = np.random.default_rng(0).random((n, height, width), dtype=np.float32)
        if flat:
            whole = plot.tile(images.reshape(n, -1), columns, gap, shape=(height, width))
        else:
            whole = plot.tile(images, columns, gap)
        rows = -(-n // columns)
        assert whole.shape == (rows * (height + gap) - gap, columns * (width + gap) - gap)
        assert whole.dtype == np.float32
        rest = whole.copy()
        for k, image in enumerate(images):
            top, left = k // columns * (height + gap), k % columns * (width + gap)
            assert np.array_equal(whole[top : top + height, left : left + width], image)
            rest[top : top + height, left : left + width] = 1
        assert np.all(rest == 1)

    def test_three_small_images_by_hand(self):
        images = np.array([[[0.1]], [[0.2]], [[0.3]]], np.float32)
        want = np.array([[0.1, 1, 0.2], [1, 1, 1], [0.3, 1, 1]], np.float32)
        assert np.array_equal(plot.tile(images, 2, gap=1), want)

    def test_flat_images_are_taken_to_be_square(self):
        assert plot.tile(digits(3), 3, gap=0).shape == (28, 84)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((np.ones((2, 6)), 2), r"6 pixels are not 2 x 2; pass shape=\(H, W\)"),
            ((np.ones((2, 6)), 2, 2, (4, 2)), "6 pixels are not 4 x 2"),
            ((np.ones(6), 2), r"images are \(6,\); wanted \(N, H \* W\), \(N, H, W\) or"),
            ((np.ones((2, 3, 3, 3)), 2), r"images are \(2, 3, 3, 3\)"),
            ((np.ones((0, 9)), 2), "got 0 images, columns=2, gap=2; wanted 1, 1 and 0 or more"),
            ((np.ones((1, 9)), 0), "columns=0"),
            ((np.ones((1, 9)), 1, -1), "gap=-1"),
        ],
    )
    def test_what_cannot_be_tiled_is_named(self, arguments, words):
        with pytest.raises(ShapeError, match=f"tile: .*{words}"):
            plot.tile(*arguments)


def figures():
    big = dict(x_dim=784, hidden=4)
    y = np.arange(30) % 10
    yield "samples", lambda: plot.samples(digits(7), "seven digits")
    yield "reconstructions", lambda: plot.reconstructions(tiny_vae(**big), digits(30))
    yield "reconstructions of three", lambda: plot.reconstructions(tiny_vae(**big), digits(3))
    yield "curves", lambda: plot.curves(HISTORY)
    yield "curves of one epoch", lambda: plot.curves(HISTORY[:1])
    yield "curves of an autoencoder", lambda: plot.curves([dict(epoch=1, reconstruction=-100.0)])
    yield "latent map", lambda: plot.latent_map(tiny_vae(**big), digits(30), y)
    yield "latent map of an autoencoder", lambda: plot.latent_map(tiny_autoencoder(**big), digits(30), y)
    yield "latent map of a factor", lambda: plot.latent_map(tiny_vae(**big), digits(30), np.linspace(-1, 1, 30))
    yield "latent map of one digit", lambda: plot.latent_map(tiny_vae(**big), digits(30), 0 * y)


FIGURES = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in figures()])


class TestFigures:
    @FIGURES
    def test_each_comes_out_in_a_size_that_fits_a_page(self, make):
        fig = make()
        width, height = fig.get_size_inches()
        assert 2 <= width <= 10
        assert 0.5 <= height <= 10
        assert len(np.unique(pixels(fig))) > 2, "something is drawn"

    @FIGURES
    def test_none_depends_on_what_the_user_has_set(self, make, tmp_path):
        plot.save(make(), tmp_path / "plain.png")
        odd = {
            "axes.facecolor": "red",
            "savefig.facecolor": "blue",
            "savefig.dpi": 30,
            "savefig.bbox": "tight",
            "font.size": 25,
            "font.family": "serif",
            "text.color": "green",
            "lines.linewidth": 9,
            "lines.color": "red",
            "axes.prop_cycle": matplotlib.cycler(color=["pink"]),
            "axes.labelsize": 30,
            "image.cmap": "viridis",
            "image.origin": "lower",
            "legend.loc": "lower left",
            "xtick.labelsize": 3,
            "figure.figsize": (1, 1),
        }
        with matplotlib.rc_context(odd):
            plot.save(make(), tmp_path / "odd.png")
            assert matplotlib.rcParams["font.size"] == 25, "and what the user has set stays"
        assert (tmp_path / "odd.png").read_bytes() == (tmp_path / "plain.png").read_bytes()

    @pytest.mark.parametrize(("images", "shown"), [(30, 10), (3, 3)])
    def test_reconstructions_stand_below_their_images_even_when_those_are_few(self, images, shown):
        model, x = tiny_vae(x_dim=784, hidden=4), digits(images)
        picture = plot.reconstructions(model, x).axes[0].images[0].get_array()
        assert np.array_equal(picture, plot.tile(np.concatenate([x[:shown], model.reconstruct(x[:shown])]), shown))

    def test_curves_show_every_figure_and_the_test_figures_that_there_are(self):
        elbo, reconstruction, kl = plot.curves(HISTORY).axes
        assert [len(ax.lines) for ax in (elbo, reconstruction, kl)] == [2, 1, 1]
        assert elbo.lines[0].get_ydata().tolist() == [-199, -198, -197]
        assert kl.get_ylabel() == "nats per image"

    def test_curves_leave_a_gap_where_an_epoch_had_no_test_images(self):
        rows = [{"epoch": 1, "elbo": -2.0}, {"epoch": 2, "elbo": -1.0, "test_elbo": -1.5}]
        _, tested = plot.curves(rows).axes[0].lines
        assert np.isnan(tested.get_ydata()).tolist() == [True, False]

    def test_curves_before_the_first_epoch_say_so(self):
        with pytest.raises(ConfigError, match="curves: the history is empty; train for one epoch at least"):
            plot.curves([])

    def test_a_map_wants_two_latents(self):
        with pytest.raises(ConfigError, match="the model has 3 latent dimensions; it takes 2 to draw"):
            plot.latent_map(tiny_vae(latent=3), digits(1), np.zeros(1))


NOTEBOOK = """
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

matplotlib.interactive(True)
"""


def test_a_backend_that_sets_something_as_it_loads_keeps_it(tmp_path):
    """As that of notebooks does, which shows figures only while matplotlib is interactive."""
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    code = "import matplotlib; from minivae import plot; plot.figure(1, 1); print(matplotlib.is_interactive())"
    environment = os.environ | {"MPLBACKEND": "module://notebook", "PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"


class TestSave:
    def test_it_writes_a_png_and_closes_the_figure(self, tmp_path):
        fig = plot.samples(digits(2), "two")
        plot.save(fig, tmp_path / "new" / "a.png")
        assert (tmp_path / "new" / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert not plt.get_fignums()

    def test_the_same_figure_is_the_same_file(self, tmp_path):
        for name in "ab":
            plot.save(plot.curves(HISTORY), tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_full_disk_leaves_the_picture_before(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        path.write_bytes(b"before")

        def full_disk(*_):
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(CheckpointError, match="No space left on device.*previous file is unchanged"):
            plot.save(plot.samples(digits(2), "two"), path)
        assert path.read_bytes() == b"before"
        assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
