"""A map of two latent numbers: drag a ring over it, and see what decodes from that place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn import lab
from minivae.learn.live import PICTURE_SIDE, Live, axes, decoded, inside, one_each, scale_of
from minivae.learn.png import png

MOST_CODES = 400  # so many labels can still be read


class LatentMap(Live):
    """A square to drag over, two numbers of a code wide and high, and what the decoder makes of the place.

    On the square lie small pictures of what decodes there, or, with `codes`, the labels of those codes.

    Parameters
    ----------
    decode : callable
        Takes z, a float32 array of shape (2,), and returns a picture: (H, W), or (H, W, 3), in [0, 1].
    ranges : pair of float, or two pairs
        From where to where, across and upwards.
    names : two str, optional
        Of the numbers; z1 and z2 unless told.
    start : two float, optional
        Where the ring is at first; in the middle of the codes, at 0, unless told.
    codes : ndarray of shape (N, 2), optional
        Codes to mark, of images for example; of more than 400, every so many.
    labels : sequence of N, optional
        What marks them: one sign each, a digit's class for example.
    grid : int
        Small pictures along a side, where there are no codes.
    step : float
        How far one press of an arrow key moves; with Shift ten times as far.

    Raises
    ------
    ConfigError
        If the arguments do not fit each other.
    DataError
        If `decode` returns no picture in [0, 1].

    Examples
    --------
    >>> from minivae.learn import LatentMap
    >>> LatentMap(lambda z: np.full((8, 8), 1 / (1 + np.exp(-z.sum()))))
    LatentMap(z1, z2)
    """

    _esm = lab.source("live.js", "latent_map.js")
    _css = lab.source("look.css", "explore.css")
    axes: traitlets.List = traitlets.List().tag(sync=True)
    ground = traitlets.Bytes().tag(sync=True)
    marks: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        ranges: Sequence = (-3.0, 3.0),
        names: Sequence[str] | None = None,
        start: Sequence[float] | None = None,
        codes: np.ndarray | None = None,
        labels: Sequence | None = None,
        grid: int = 9,
        step: float = 0.1,
    ) -> None:
        both = axes("LatentMap", ranges, names, 2, step)
        values = inside(one_each("LatentMap", "start", start, [0.0, 0.0]), both)
        if not 1 <= grid <= 30:
            raise ConfigError(f"LatentMap: got grid={grid}, wanted 1 to 30 pictures along a side")
        self._decode = decode
        marks = [] if codes is None else _marks(codes, labels)
        self._tiles = _plain(marks, both) if marks else _tiled(decode, both, grid)
        super().__init__(axes=both, values=values, marks=marks, ground=b"" if marks else png(self._tiles))
        self._follow()

    def _draw(self, values: list[float]) -> list[np.ndarray]:
        return [decoded(self._decode, inside(values, self.axes))]

    def _still(self) -> bytes:
        """The square with its ring, and the picture beside it."""
        square = np.array(_colour(self._tiles))
        image = _colour(self._draw(self.values)[0])
        scale = scale_of(image, len(square))
        image = image.repeat(scale, 0).repeat(scale, 1)
        height = max(len(square), len(image))
        whole = np.ones((height, square.shape[1] + 16 + image.shape[1], 3))
        places = [(v - a["low"]) / (a["high"] - a["low"]) for v, a in zip(self.values, self.axes, strict=True)]
        _ring(square, (1 - places[1]) * len(square), places[0] * square.shape[1])
        whole[: len(square), : square.shape[1]] = square
        whole[: len(image), square.shape[1] + 16 :] = image
        return png(whole)

    def __repr__(self) -> str:
        return f"LatentMap({', '.join(axis['name'] for axis in self.axes)})"


def _marks(codes: np.ndarray, labels: Sequence | None) -> list[list]:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or codes.shape[1] != 2 or not len(codes):
        raise ConfigError(f"LatentMap: got codes of shape {codes.shape}, wanted (N, 2); choose two columns")
    if labels is not None and len(labels) != len(codes):
        raise ConfigError(f"LatentMap: got {len(labels)} labels, wanted one for each of {len(codes)} codes")
    every = -(-len(codes) // MOST_CODES)
    said = ["•"] * len(codes) if labels is None else [str(label)[:3] for label in labels]
    return [[float(a), float(b), text] for (a, b), text in zip(codes[::every], said[::every], strict=True)]


def _tiled(decode: Callable, both: list[dict], grid: int) -> np.ndarray:
    """Small pictures of what decodes at the middle of each field, the largest second number on top."""
    across, up = ([(k + 0.5) / grid * (a["high"] - a["low"]) + a["low"] for k in range(grid)] for a in both)
    rows = []
    for z2 in reversed(up):
        tiles = [_shrunk(decoded(decode, (z1, z2)), PICTURE_SIDE * 4 // 3 // grid) for z1 in across]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows, axis=0)


def _shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """The picture in about this size: means over squares of pixels, or each pixel as a square."""
    times = -(-max(image.shape[:2], default=1) // max(side, 1))
    if times <= 1:
        scale = scale_of(image, side)
        return image.repeat(scale, 0).repeat(scale, 1) if image.ndim > 1 else image
    height, width = (n // times for n in image.shape[:2])
    part = image[: height * times, : width * times]
    return part.reshape(height, times, width, times, *image.shape[2:]).mean(axis=(1, 3))


def _plain(marks: list[list], both: list[dict]) -> np.ndarray:
    """A white square with a dark dot at each mark, for the saved notebook: there are no letters without a browser."""
    side = PICTURE_SIDE * 4 // 3
    square = np.ones((side, side))
    for z1, z2, _ in marks:
        x, y = ((v - a["low"]) / (a["high"] - a["low"]) for v, a in zip((z1, z2), both, strict=True))
        if 0 < x < 1 and 0 < y < 1:
            row, column = int((1 - y) * side), int(x * side)
            square[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0.35
    return square


def _ring(square: np.ndarray, row: float, column: float) -> None:
    """Draw a ring, dark between two light ones, so that it is seen on any ground."""
    rows, columns = np.ogrid[: square.shape[0], : square.shape[1]]
    distance = np.hypot(rows - row, columns - column)
    square[(distance > 6) & (distance < 14)] = 1.0
    square[(distance > 8) & (distance < 12)] = (0.14, 0.34, 0.72)


def _colour(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
