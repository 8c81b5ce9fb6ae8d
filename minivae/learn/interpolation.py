"""The straight way from one code to another, as a strip of pictures and a slider along it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn import lab
from minivae.learn.live import PICTURE_SIDE, Live, decoded, scale_of
from minivae.learn.png import png


class Interpolation(Live):
    """What decodes on the straight line between two codes.

    Parameters
    ----------
    decode : callable
        Takes z, a float32 array of the shape of the codes, and returns a picture: (H, W), or (H, W, 3), in [0, 1].
    a, b : array
        The two codes.
    steps : int
        Pictures in the strip, both ends included.
    names : two str
        What the ends are called.

    Raises
    ------
    ConfigError
        If the codes differ in shape, or there are fewer than 2 steps.
    DataError
        If `decode` returns no picture in [0, 1].

    Examples
    --------
    >>> from minivae.learn import Interpolation
    >>> Interpolation(lambda z: np.full((8, 8), 1 / (1 + np.exp(-z.sum()))), [-1, 0], [1, 2], names=("dark", "light"))
    Interpolation(dark, light)
    """

    _esm = lab.source("live.js", "interpolation.js")
    _css = lab.source("look.css", "explore.css")
    strip: traitlets.List = traitlets.List().tag(sync=True)
    names: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        a: Sequence[float] | np.ndarray,
        b: Sequence[float] | np.ndarray,
        steps: int = 9,
        names: Sequence[str] = ("a", "b"),
    ) -> None:
        self._decode, self._a, self._b = decode, np.asarray(a, np.float64), np.asarray(b, np.float64)
        if self._a.shape != self._b.shape:
            raise ConfigError(
                f"Interpolation: got codes of shape {self._a.shape} and {self._b.shape}, wanted equal ones"
            )
        if steps < 2 or len(names) != 2:
            raise ConfigError(f"Interpolation: got {steps} steps and {len(names)} names, wanted 2 or more, and 2")
        self._frames = [self._at(k / (steps - 1)) for k in range(steps)]
        strip = [png(frame, scale_of(frame, PICTURE_SIDE // 4)) for frame in self._frames]
        super().__init__(values=[0.0], names=[str(name) for name in names], strip=strip)
        self._follow()

    def _at(self, t: float) -> np.ndarray:
        return decoded(self._decode, (1 - t) * self._a + t * self._b)

    def _draw(self, values: list[float]) -> list[np.ndarray]:
        return [self._at(float(np.clip(values[0], 0, 1)))]

    def _still(self) -> bytes:
        whole = np.concatenate(self._frames, axis=1)
        return png(whole, scale_of(self._frames[0], PICTURE_SIDE // 4))

    def __repr__(self) -> str:
        return f"Interpolation({', '.join(self.names)})"
