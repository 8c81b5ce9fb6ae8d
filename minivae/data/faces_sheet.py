"""Writes a picture of the synthetic faces: `python -m minivae.data.faces_sheet docs/pictures/faces.png --size 48`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minivae.data.faces import FACTORS, draw, face, faces

COLUMNS, ROWS, GAP = 12, 3, 2


def sweep(steps: int, size: int) -> NDArray[np.float32]:
    """One factor a row, from its lowest to its highest value, the others as usual: (F * steps, size, size)."""
    rows = np.tile(face(), (len(FACTORS), steps, 1))
    for k, factor in enumerate(FACTORS):
        rows[k, :, k] = np.linspace(factor.low, factor.high, steps)
    return draw(rows.reshape(-1, len(FACTORS)), size)


def sheet(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Above, faces drawn at random; below, each factor in the order of `FACTORS`: one picture in [0, 1]."""
    pictures = np.concatenate([faces(ROWS * COLUMNS, size, rng=rng)[0], sweep(COLUMNS, size)])
    framed = np.pad(pictures, ((0, 0), (0, GAP), (0, GAP)), constant_values=1)
    side = size + GAP
    grid = framed.reshape(-1, COLUMNS, side, side).swapaxes(1, 2)  # (rows, side, COLUMNS, side)
    return grid.reshape(-1, COLUMNS * side)[:-GAP, :-GAP]


def main(arguments: Sequence[str] | None = None) -> None:
    import argparse

    from PIL import Image

    parser = argparse.ArgumentParser(prog="python -m minivae.data.faces_sheet", description=sheet.__doc__)
    parser.add_argument("file", help="PNG to write")
    parser.add_argument("--size", type=int, default=48, help="pixels of each face, 16 to 128 (48)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    whole = sheet(asked.size, np.random.default_rng(asked.seed))
    Image.fromarray(np.rint(whole * 255).astype(np.uint8)).save(asked.file, optimize=True)


if __name__ == "__main__":
    main()
