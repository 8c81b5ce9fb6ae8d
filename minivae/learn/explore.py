"""Sliders over a latent code with the decoded picture beside them, redrawn while a slider moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn import lab
from minivae.learn.live import Live, axes, decoded, inside, one_each


class Explore(Live):
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

    _esm = lab.source("live.js", "explore.js")
    _css = lab.source("look.css", "explore.css")
    sliders: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        z_dim: int,
        ranges: Sequence = (-3.0, 3.0),
        names: Sequence[str] | None = None,
        start: Sequence[float] | None = None,
        step: float = 0.1,
    ) -> None:
        if z_dim < 1:
            raise ConfigError(f"Explore: got z_dim={z_dim}, wanted 1 or more")
        sliders = axes("Explore", ranges, names, z_dim, step)
        values = inside(one_each("Explore", "start", start, [0.0] * z_dim), sliders)
        self._decode = decode
        super().__init__(sliders=sliders, values=values)
        self._follow()

    def _draw(self, values: list[float]) -> list[np.ndarray]:
        return [decoded(self._decode, inside(values, self.sliders))]

    def __repr__(self) -> str:
        return f"Explore({', '.join(slider['name'] for slider in self.sliders)})"
