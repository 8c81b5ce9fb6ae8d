"""What live pictures share: a value that the browser changes, a picture that Python draws for it, and a saved copy."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import anywidget
import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn.png import png

PICTURE_SIDE = 280  # screen pixels, about; a whole number of them to each pixel of a picture


class Live(anywidget.AnyWidget):
    """A widget that redraws when its values change.

    A subclass sets `_esm` and `_css`, defines `_draw`, calls `_follow` when it is ready, and returns from `_still` what
    the saved notebook shall show.
    """

    values: traitlets.List = traitlets.List().tag(sync=True)
    pictures: traitlets.List = traitlets.List().tag(sync=True)
    widths: traitlets.List = traitlets.List().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def _draw(self, values: list[float]) -> list[np.ndarray]:
        """Return the pictures for these values; what it raises is told to the learner."""
        raise NotImplementedError

    def _still(self) -> bytes:
        """Return a PNG for the saved notebook."""
        return self.pictures[0]

    def _show(self, values: list[float]) -> None:
        images = [np.asarray(image) for image in self._draw(values)]
        scales = [scale_of(image, PICTURE_SIDE // len(images)) for image in images]
        pictures = [png(image, scale) for image, scale in zip(images, scales, strict=True)]
        with self.hold_sync():  # one message: a picture never stands in another's width
            self.widths = [scale * image.shape[1] for image, scale in zip(images, scales, strict=True)]
            self.pictures = pictures
            self.problem = ""

    def _follow(self) -> None:
        self._show(self.values)  # a fault of the learner's function shows here, in the learner's cell
        self.observe(self._moved, "values")

    def _moved(self, change) -> None:
        try:
            self._show(change["new"])
        except Exception as error:  # it would vanish in the kernel's log; the learner shall read it
            self.problem = f"Your function raised {type(error).__name__}: {error}"

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        still = base64.b64encode(self._still()).decode("ascii")
        return {**data, "text/plain": repr(self), "image/png": still}, metadata


def scale_of(image: np.ndarray, side: int) -> int:
    """Return how many screen pixels a pixel gets, so that the longer side is about `side`."""
    return max(1, side // max(image.shape[:2], default=1))


def axes(call: str, ranges: Sequence, names: Sequence[str] | None, count: int, step: float) -> list[dict]:
    """Return name, low, high and step of each number that can be moved.

    Raises
    ------
    ConfigError
        If ranges, names or step do not fit.
    """
    if not step > 0:
        raise ConfigError(f"{call}: got step={step}, wanted a step above 0")
    pairs = _pairs(call, ranges, count)
    named = one_each(call, "names", names, [f"z{k}" for k in range(1, count + 1)])
    return [dict(name=str(n), low=low, high=high, step=step) for n, (low, high) in zip(named, pairs, strict=True)]


def one_each(call: str, argument: str, given: Sequence | None, otherwise: list) -> list:
    """Return what was given, one for each of `otherwise`, or `otherwise` where nothing was."""
    if given is None:
        return otherwise
    if len(given) != len(otherwise):
        raise ConfigError(
            f"{call}: got {len(given)} {argument}, wanted one for each of {len(otherwise)} sliders, or none at all"
        )
    return list(given)


def inside(values: Sequence[float], axes: Sequence[dict]) -> list[float]:
    """Return the values, held between the ends of their axes."""
    return [float(np.clip(v, axis["low"], axis["high"])) for v, axis in zip(values, axes, strict=True)]


def decoded(decode: Callable, z: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the picture of a code, which is handed over as float32."""
    return np.asarray(decode(np.array(z, np.float32)))


def _pairs(call: str, ranges: Sequence, count: int) -> list[tuple[float, float]]:
    try:
        array = np.array(ranges, np.float64)
    except (TypeError, ValueError):  # ragged, or no numbers
        array = np.empty(0)
    if array.shape == (2,):
        array = np.tile(array, (count, 1))
    if array.shape != (count, 2) or not (array[:, 0] < array[:, 1]).all():
        raise ConfigError(
            f"{call}: got ranges={ranges!r}, wanted (low, high) with low < high, or one such pair for each of "
            f"{count} sliders"
        )
    return [(float(low), float(high)) for low, high in array]
