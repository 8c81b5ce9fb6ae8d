"""Draws map_of_digits.svg: where the encoder of a VAE with two latent numbers puts 300 digits that it has not seen.

    python minivae/learn/questions/figures/map_of_digits.py

The picture is kept, not made anew by the tests: on another processor the training ends a hair elsewhere. The question
that shows it (00/the-map) is checked against the numerals in the file.
"""

from pathlib import Path

import numpy as np

from minivae import Tensor, no_grad
from minivae.data import load
from minivae.models import VAE
from minivae.train import fit

SIDE, REACH = 520, 3.4  # pixels; the map goes from -REACH to REACH both ways
# Dark enough for text on white (4.5:1), and each numeral says itself what the colour says.
COLOURS = ("#1f5fa8", "#a34700", "#1e7431", "#b3261e", "#6b3fa0", "#7a4a2b", "#b0257a", "#4d5560", "#6b6400", "#00707a")
PLACES = {"A": (0.2, -1.75), "B": (-0.8, 0.15)}
STYLE = (
    "text{font:12px sans-serif;text-anchor:middle;dominant-baseline:central}"
    ".axis{stroke:#8a93a3;stroke-width:1}.tick{fill:#4d5560}"
    ".place{font-weight:bold;font-size:17px;fill:#000;stroke:#fff;stroke-width:5px;paint-order:stroke}"
    + "".join(f".d{digit}{{fill:{colour}}}" for digit, colour in enumerate(COLOURS))
)


def pixels(z: np.ndarray) -> tuple[int, int]:
    """A place on the map in pixels from the upper left corner."""
    x, y = SIDE / 2 * (1 + np.array([z[0], -z[1]]) / REACH)
    return round(float(x)), round(float(y))


def draw(codes: np.ndarray, digits: np.ndarray) -> str:
    """The map as SVG."""
    middle = SIDE // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">',
        f'<style>{STYLE}</style><rect width="{SIDE}" height="{SIDE}" fill="#fff"/>',
        f'<path class="axis" d="M0 {middle}H{SIDE}M{middle} 0V{SIDE}"/>',
    ]
    for value in (-3, -2, -1, 1, 2, 3):
        along, _ = pixels(np.array([value, 0]))
        parts.append(f'<text class="tick" x="{along}" y="{SIDE - 10}">{value}</text>'.replace(">-", ">−"))
        parts.append(f'<text class="tick" x="12" y="{SIDE - along}">{value}</text>'.replace(">-", ">−"))
    for code, digit in zip(codes, digits, strict=True):
        x, y = pixels(code)
        if 24 < x < SIDE - 8 and 8 < y < SIDE - 24:
            parts.append(f'<text x="{x}" y="{y}" class="d{digit}">{digit}</text>')
    for name, place in PLACES.items():
        x, y = pixels(np.array(place))
        parts.append(f'<circle cx="{x}" cy="{y}" r="6" stroke="#fff" stroke-width="2"/>')
        parts.append(f'<text x="{x - 15}" y="{y}" class="place">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    """Train, encode and draw; half a minute."""
    x, _ = load("mnist-small", "train")
    x_test, y_test = load("mnist-small", "test")
    vae = VAE(latent=2, rng=np.random.default_rng(0))
    fit(vae, x, x_test, epochs=30, rng=np.random.default_rng(1))
    with no_grad():
        mu = vae.encode(Tensor(x_test[:300]))[0]
    Path(__file__).with_suffix(".svg").write_text(draw(mu.numpy(), y_test[:300]), encoding="utf-8")


if __name__ == "__main__":
    main()
