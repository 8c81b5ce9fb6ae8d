"""The comparison forgives rounding and faint shades, and nothing else; each tolerance is shown from both sides."""

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.notebooks.compare import figure_difference, text_difference

ROUNDING = [
    ("ELBO ≈ -161 · KL ≈ 9", "ELBO ≈ -162 · KL ≈ 10"),
    ("≈-9", "≈-10"),
    ("elbo -104.25", "elbo -104.26"),
    ("9.99 nats", "10.00 nats"),  # one digit more
    ("| 9.99|10.00|", "|10.00|10.01|"),
    ("[ 0.00 -0.01]", "[ 0.00  0.00]"),  # the sign's place is padding
    ("1,999.9 and 2.0e-05", "2,000.0 and 1.9e-05"),
    ("1.0e-05", "9.9e-06"),
    ("-0.00", "0.00"),
    ("<td>3.14</td>", "<td>3.15</td>"),
]
CHANGES = [
    ("ELBO ≈ -161", "ELBO ≈ -163"),
    ("ELBO ≈ -161", "ELBO -161"),
    ("ELBO -161", "ELBO -162"),
    ("≈ 9 of 20", "≈ 9 of 21"),
    ("elbo -104.25", "elbo -104.27"),
    ("elbo -104.25", "elbo 104.25"),
    ("epoch 3", "epoch 4"),
    ("epoch 3.", "epoch 4."),  # the end of a sentence is no decimal point
    ("0.5", "0.50"),
    ("1.0e-05", "1.0e-06"),
    ("1.0e-05", "9.8e-06"),
    ("2,000.0", "3,000.0"),
    ("matplotlib 3.11.2", "matplotlib 3.11.3"),
    ("matplotlib 3.11.2", "matplotlib 3.12.2"),
    ("width: 1.5em", "width: 1.6em"),
    ("0.1 0.2", "0.1"),
    ("0.1 nats", "0.1 bits"),
    ("a\nb", "a"),
    ("a", "a\n"),
    ("a  b", "a b"),
    ("nan", "0.0"),
]


@pytest.mark.parametrize(("old", "new"), ROUNDING)
def test_text_may_differ_by_one_unit_in_the_last_place(old: str, new: str) -> None:
    assert text_difference(old, new) == text_difference(new, old) == ""


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_any_other_text_is_a_difference(old: str, new: str) -> None:
    assert text_difference(old, new)
    assert text_difference(new, old)


def encoded(figure: Figure) -> str:
    """A figure as notebooks keep it."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return base64.b64encode(png.getvalue()).decode()


def page(colour: str, inches: tuple[int, int] = (2, 2)) -> str:
    """A figure of one colour."""
    return encoded(Figure(figsize=inches, facecolor=colour))


def curves(noise: float = 0, lift: float = 0, tick: str = "150", title: str = "loss by epoch") -> str:
    """A lesson's usual figure: two noisy curves, labelled."""
    rng = np.random.default_rng(1)
    epoch = np.arange(200)
    loss = 160 * np.exp(-epoch / 40) + 90 + rng.normal(size=200)
    loss *= 1 + noise * rng.normal(size=200)
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    axes.plot(epoch, loss + lift, label="train")
    axes.plot(epoch, loss + 5, label=r"test $-\mathrm{KL}$")
    axes.set(title=title, xlabel="epoch", ylabel="nats per image", xlim=(0, 200), ylim=(80, 270))
    axes.set_xticks([0, 50, 100, 150, 200], ["0", "50", "100", tick, "200"])
    axes.legend()
    return encoded(figure)


def digits(noise: float = 0, other_tile: float = 0, dim: float = 1) -> str:
    """8x8 smooth tiles of 28x28 pixels; `other_tile` mixes one of them with its neighbour, `dim` fades them all."""
    rng = np.random.default_rng(2)
    ramp = np.linspace(-2, 2, 28)
    centres = rng.uniform(-1, 1, size=(64, 2, 1))
    tiles = np.exp(-((ramp - centres[:, 0]) ** 2)[:, :, None] - ((ramp - centres[:, 1]) ** 2)[:, None, :])
    tiles[27] += other_tile * (tiles[28] - tiles[27])
    tiles = tiles * dim + noise * rng.normal(size=tiles.shape)
    figure = Figure(figsize=(4, 4))
    axes = figure.subplots()
    axes.imshow(tiles.reshape(8, 8, 28, 28).swapaxes(1, 2).reshape(224, 224), cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
    return encoded(figure)


@pytest.mark.parametrize("noise", [0, 1e-7, 1e-5, 1e-4])
def test_noise_in_the_data_is_no_difference(noise: float) -> None:
    assert figure_difference(curves(), curves(noise)) == ""
    assert figure_difference(digits(), digits(noise)) == ""


PLANTS: dict[str, tuple[Callable[..., str], dict[str, object]]] = {
    "one digit of a tick label": (curves, {"tick": "158"}),
    "one letter of the title": (curves, {"title": "loss by epoph"}),
    "a curve moved by 0.25 % of its axis": (curves, {"lift": 0.5}),
    "noise of 1 % in a curve": (curves, {"noise": 0.01}),
    "one tile of 64 changed by a third": (digits, {"other_tile": 0.33}),
    "all tiles 5 % darker": (digits, {"dim": 0.95}),
    "noise of 5 % in the tiles": (digits, {"noise": 0.05}),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_changed_figure_is_a_difference(name: str) -> None:
    draw, change = PLANTS[name]
    assert "of 255" in figure_difference(draw(), draw(**change))


def test_a_faint_shade_over_the_whole_figure_is_a_difference() -> None:
    assert "RMS 3" in figure_difference(
        page("#808080"), page("#838383")
    )  # 3 of 255: less than one block alone may have
    assert figure_difference(page("#808080"), page("#818181")) == ""


def test_colours_of_one_brightness_are_a_difference() -> None:
    assert figure_difference(page("#ff0000"), page("#008200"))


def test_a_figure_of_another_size_is_a_difference() -> None:
    assert "200 x 200 pixels, now 200 x 300" in figure_difference(page("white"), page("white", (2, 3)))


def test_a_transparent_figure_is_compared_on_white_paper() -> None:
    assert figure_difference(page("none"), page("white")) == ""
