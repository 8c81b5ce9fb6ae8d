"""Writes a film of a latent map while it is learnt.

    python -m minivae.learn.growing_map docs/pictures/growing_map.gif

Left, where the encoder puts test digits; right, what the decoder draws from each place. A VAE with two latent numbers,
on mnist-small; the whole takes about half a minute.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minivae import checkpoint, plot
from minivae.data import load
from minivae.engine import Tensor, no_grad
from minivae.evaluate import binarization_by_name
from minivae.models import VAE
from minivae.optim import Adam

MILLISECONDS, LAST, COLOURS = 160, 2500, 64  # of a frame; of the last one; in a frame's palette
BATCH, LR, SIDE, SHOWN = 100, 2e-3, 13, 400


def moments(frames: int, steps: int) -> list[int]:
    """After how many steps each frame is taken: closely at first, when most happens. The last is `steps`."""
    return sorted({round(steps * (k / (frames - 1)) ** 2) for k in range(frames)})


def training(frames: int, steps: int) -> Iterator[tuple[int, VAE]]:
    """A VAE at those moments of its training, with the number of steps."""
    x, _ = load("mnist-small", "train")
    vae, rng = VAE(hidden=128, latent=2, rng=np.random.default_rng(0)), np.random.default_rng(1)
    adam, binarize = Adam(vae.parameters(), LR), binarization_by_name("dynamic", "growing_map")
    wanted = moments(frames, steps)
    for step in range(steps + 1):
        if step in wanted:
            yield step, vae
        loss, _ = vae.loss(Tensor(binarize(x[rng.integers(len(x), size=BATCH)], rng)), rng)
        adam.zero_grad()
        loss.backward()
        adam.step()


def frame(vae: VAE, step: int, x: np.ndarray, y: np.ndarray) -> Any:
    """One picture of the map, a figure of matplotlib."""
    with no_grad():
        mu, _ = vae.encode(Tensor(x))
    fig, (left, right) = plot.figure(6.0, 3.2, columns=2)
    left.scatter(*mu.data.T, c=y, cmap="tab10", s=9, vmin=-0.5, vmax=9.5)
    for digit in range(10):
        place = np.median(mu.data[y == digit], axis=0)
        name = left.text(*place, digit, weight="bold", size=12, ha="center", va="center")
        name.set(clip_on=True, in_layout=False)  # at first the codes wander off
    left.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xticks=range(-3, 4), aspect="equal")
    left.set_title(f"{len(x)} test digits, after {step:,} steps")
    axis = np.linspace(-2.5, 2.5, SIDE, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis[::-1]), axis=-1).reshape(-1, 2)
    plot.show(right, vae.generate(grid), SIDE, "what decodes from each place")
    return fig


def film(path: str | Path, figures: Iterator[Any]) -> None:
    """Write figures as a GIF that rests on the last one and begins again.

    Raises CheckpointError if the file cannot be written.
    """
    from matplotlib import pyplot as plt
    from PIL import Image

    pictures = []
    for fig in figures:
        memory = io.BytesIO()
        fig.savefig(memory, format="png", dpi=80)
        plt.close(fig)
        pictures.append(Image.open(memory).convert("RGB"))
    # One palette for all, that of the last frame: a digit keeps its colour.
    palette = pictures[-1].quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    lasts = [MILLISECONDS] * (len(pictures) - 1) + [LAST]
    with checkpoint.replacing(path) as file:
        pictures[0].save(
            file, format="GIF", save_all=True, append_images=pictures[1:], duration=lasts, loop=0, optimize=False
        )


def main(words: Sequence[str] | None = None) -> None:
    """Train, draw and write."""
    import matplotlib

    matplotlib.use("agg")
    parser = argparse.ArgumentParser(prog="python -m minivae.learn.growing_map", description=main.__doc__)
    parser.add_argument("file", help="GIF to write")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--steps", type=int, default=3000)
    asked = parser.parse_args(words)
    x, y = load("mnist-small", "test")
    film(
        asked.file,
        (frame(vae, step, x[:SHOWN], y[:SHOWN]) for step, vae in training(asked.frames, asked.steps)),
    )


if __name__ == "__main__":
    main()
