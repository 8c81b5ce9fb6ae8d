"""Writes an animated walk over the map of lesson 07: `python -m minivae.learn.walk docs/pictures/walk.gif`.

Synthetic faces, each on a round trip between codes of its own. Trains the VAE of the lesson first: some ten seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minivae import checkpoint, plot
from minivae.data.faces import faces
from minivae.engine import Tensor, no_grad
from minivae.errors import ShapeError
from minivae.models import VAE
from minivae.progress import Quiet
from minivae.train import fit

SIZE, SHADES, MILLISECONDS = 28, 18, 110


def round_trip(codes: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Places on the way from code to code and back to the first, slow at each code.

    Parameters
    ----------
    codes : (K, N, L), K stops of N walkers.
    frames : places in all, an equal number from stop to stop; the last is one step before the first.

    Returns
    -------
    (frames, N, L) float32

    Raises
    ------
    ShapeError
        If there are not two stops or more, or `frames` is no multiple of them.
    """
    if codes.ndim != 3 or len(codes) < 2 or frames < 1 or frames % len(codes):
        raise ShapeError(
            f"walk: codes are {codes.shape} and frames {frames}; wanted (K, N, L) with 2 stops or more, "
            "and a multiple of K frames"
        )
    each = frames // len(codes)
    t = np.arange(each, dtype=np.float32)[:, None, None] / each
    t = t * t * (3 - 2 * t)
    legs = [(1 - t) * here + t * there for here, there in zip(codes, np.roll(codes, -1, axis=0), strict=True)]
    return np.concatenate(legs).astype(np.float32)


def gif(path: str | Path, pictures: Sequence[NDArray[np.floating]], scale: int = 2) -> None:
    """Write pictures (H, W) in [0, 1] as a GIF that repeats for ever: equal pictures, equal bytes.

    Raises CheckpointError if the file cannot be written.
    """
    from PIL import Image

    # Few shades: half the bytes, and no eye sees it while things move.
    shades = [np.rint(picture * (SHADES - 1)) * (255 / (SHADES - 1)) for picture in pictures]
    large = [np.rint(shade).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1) for shade in shades]
    first, *rest = [Image.fromarray(picture) for picture in large]
    with checkpoint.replacing(path) as file:
        first.save(file, format="GIF", save_all=True, append_images=rest, duration=MILLISECONDS, loop=0, optimize=False)


def walk(model: Any, x: NDArray[np.float32], stops: int, frames: int, columns: int) -> list[NDArray[np.float32]]:
    """Frames of a walk: the images x (stops * N, D) are where N walkers stop, in turn; each frame shows all N."""
    with no_grad():
        mu, _ = model.encode(Tensor(x))
    places = round_trip(mu.numpy().reshape(stops, -1, model.latent), frames)
    return [plot.tile(model.generate(z), columns, gap=1) for z in places]


def main(arguments: Sequence[str] | None = None) -> None:
    import argparse

    parser = argparse.ArgumentParser(prog="python -m minivae.learn.walk", description="An animated latent walk.")
    parser.add_argument("file", help="GIF to write")
    parser.add_argument("--frames", type=int, default=36, help="a multiple of the stops (36)")
    parser.add_argument("--stops", type=int, default=4, help="faces on each round trip (4)")
    parser.add_argument("--columns", type=int, default=5, help="walkers in a row, of two rows (5)")
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args(arguments)
    (x, _), (new, _) = (faces(n, SIZE, rng=np.random.default_rng(n)) for n in (5000, asked.stops * 2 * asked.columns))
    x, new = x.reshape(len(x), -1), new.reshape(len(new), -1)
    vae = VAE(latent=20, likelihood="gaussian", rng=np.random.default_rng(0))
    rng, late = np.random.default_rng(1), asked.epochs // 4
    for epochs, lr in [(asked.epochs - late, 2e-3), (late, 3e-4)]:
        fit(vae, x, epochs=epochs, batch=64, lr=lr, binarization="none", rng=rng, report=Quiet())
    gif(asked.file, walk(vae, new, asked.stops, asked.frames, asked.columns))


if __name__ == "__main__":
    main()
