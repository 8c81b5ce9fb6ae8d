"""Sliders over a latent code with the decoded picture beside them, redrawn while a slider moves."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import anywidget
import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn import lab
from minivae.learn.png import png

PICTURE_SIDE = 280  # screen pixels, about; a whole number of them to each pixel of the picture


class Explore(anywidget.AnyWidget):
    """One slider for each number of a code, and what the decoder makes of it.

    Parameters
    ----------
    decode : callable
        Takes z, a float32 array of shape (z_dim,), and returns a picture: (H, W), or (H, W, 3), in [0, 1].
    z_dim : int
        How many numbers a code has.
    ranges : pair of float, or one pair for each slider
        Lowest and highest value. Nearly all codes drawn from N(0, I) lie within -3 to 3.
    names : sequence of str, optional
        What the sliders are called; z1, z2, ... unless told.
    start : sequence of float, optional
        Where the sliders stand at first; at 0, or at the nearest end, unless told.
    step : float
        How far one press of an arrow key moves.

    Raises
    ------
    ConfigError
        If the arguments do not fit each other.
    DataError
        If `decode` returns no picture in [0, 1].

    Examples
    --------
    >>> from minivae.learn import Explore
    >>> Explore(lambda z: np.full((8, 8), 1 / (1 + np.exp(-z.sum()))), z_dim=2)
    Explore(z1, z2)
    """

    _esm = lab.source("explore.js")
    _css = lab.source("look.css", "explore.css")
    sliders: traitlets.List = traitlets.List().tag(sync=True)
    values: traitlets.List = traitlets.List().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        z_dim: int,
        ranges: Sequence = (-3.0, 3.0),
        names: Sequence[str] | None = None,
        start: Sequence[float] | None = None,
        step: float = 0.1,
    ) -> None:
        if z_dim < 1 or not step > 0:
            raise ConfigError(f"Explore: got z_dim={z_dim}, step={step}; wanted z_dim of 1 or more and a step above 0")
        pairs = _pairs(ranges, z_dim)
        names = _one_each("names", names, [f"z{k}" for k in range(1, z_dim + 1)])
        start = _one_each("start", start, [0.0] * z_dim)
        self._decode = decode
        self._low, self._high = np.array(pairs, np.float64).T
        values = np.clip(np.array(start, np.float64), self._low, self._high).tolist()
        sliders = [
            dict(name=str(name), low=low, high=high, step=step) for name, (low, high) in zip(names, pairs, strict=True)
        ]
        picture, width = self._drawn(values)  # a fault in `decode` shows here, in the learner's cell
        super().__init__(sliders=sliders, values=values, picture=picture, width=width)
        self.observe(self._redraw, "values")

    def _drawn(self, values: list[float]) -> tuple[bytes, int]:
        z = np.clip(np.array(values, np.float64), self._low, self._high).astype(np.float32)
        image = np.asarray(self._decode(z))
        scale = max(1, PICTURE_SIDE // max(image.shape[:2], default=1))
        return png(image, scale), scale * image.shape[1]

    def _redraw(self, change) -> None:
        try:
            self.picture, self.width = self._drawn(change["new"])
            self.problem = ""
        except Exception as error:  # it would vanish in the kernel's log; the learner shall read it
            self.problem = f"The decoder raised {type(error).__name__}: {error}"

    def __repr__(self) -> str:
        return f"Explore({', '.join(slider['name'] for slider in self.sliders)})"

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        still = base64.b64encode(self.picture).decode("ascii")
        return {**data, "text/plain": repr(self), "image/png": still}, metadata


def _pairs(ranges: Sequence, z_dim: int) -> list[tuple[float, float]]:
    array = np.array(ranges, np.float64) if _is_regular(ranges) else np.empty(0)
    if array.shape == (2,):
        array = np.tile(array, (z_dim, 1))
    if array.shape != (z_dim, 2) or not (array[:, 0] < array[:, 1]).all():
        raise ConfigError(
            f"Explore: got ranges={ranges!r}, wanted (low, high) with low < high, or one such pair for each of "
            f"{z_dim} sliders"
        )
    return [(float(low), float(high)) for low, high in array]


def _is_regular(ranges: Sequence) -> bool:
    try:
        np.array(ranges, np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _one_each(argument: str, given: Sequence | None, otherwise: list) -> list:
    if given is None:
        return otherwise
    if len(given) != len(otherwise):
        raise ConfigError(
            f"Explore: got {len(given)} {argument}, wanted one for each of {len(otherwise)} sliders, or none at all"
        )
    return list(given)
