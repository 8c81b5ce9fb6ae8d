"""A slider over the steps of a process, a noise schedule for example, with pictures and curves that follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import traitlets

from minivae.errors import ConfigError
from minivae.learn import lab
from minivae.learn.live import Live, scale_of
from minivae.learn.png import png


class Scrub(Live):
    """Pictures of step t, for a t that a slider moves.

    Parameters
    ----------
    show : callable
        Takes t, an int from 0 to steps - 1, and returns a picture, (H, W) or (H, W, 3) in [0, 1], or several by name:
        ``{"x_t": ..., "what the model takes it for": ...}``.
    steps : int
        How many there are.
    start : int
        Where the slider stands at first.
    name : str
        What the step is called.
    curves : mapping, optional
        Name -> `steps` numbers from 0 to 1, drawn below with a mark at t: ``{"alpha_bar": alpha_bar}``.

    Raises
    ------
    ConfigError
        If the arguments do not fit each other.
    DataError
        If `show` returns no picture in [0, 1].

    Examples
    --------
    >>> from minivae.learn import Scrub
    >>> alpha_bar = np.linspace(1, 0, 50)
    >>> Scrub(lambda t: np.full((8, 8), alpha_bar[t]), steps=50, curves={"alpha_bar": alpha_bar})
    Scrub(t = 0 of 0 to 49)
    """

    _esm = lab.source("live.js", "scrub.js")
    _css = lab.source("look.css", "explore.css")
    steps = traitlets.Int().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    names: traitlets.List = traitlets.List().tag(sync=True)
    curves: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        show: Callable[[int], np.ndarray | Mapping[str, np.ndarray]],
        steps: int,
        start: int = 0,
        name: str = "t",
        curves: Mapping[str, Sequence[float] | np.ndarray] | None = None,
    ) -> None:
        if steps < 2 or not 0 <= start < steps:
            raise ConfigError(f"Scrub: got steps={steps} and start={start}, wanted 2 or more, and a start among them")
        drawn = [_curve(name, values, steps) for name, values in (curves or {}).items()]
        if len(drawn) > 3:
            raise ConfigError(f"Scrub: got {len(drawn)} curves, wanted 3 at most: more cannot be told apart")
        self._function = show
        super().__init__(values=[start], steps=steps, name=name, curves=drawn)
        self._follow()

    def _draw(self, values: list[float]) -> list[np.ndarray]:
        shown = self._function(round(float(np.clip(values[0], 0, self.steps - 1))))
        several = shown if isinstance(shown, Mapping) else {"": shown}
        self.names = [str(name) for name in several]
        return [np.asarray(image) for image in several.values()]

    def _still(self) -> bytes:
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, 2) for image in self._draw(self.values)]
        scaled = [image.repeat(s, 0).repeat(s, 1) for image in images for s in [scale_of(image, 160)]]
        height = max(map(len, scaled))
        parts: list[np.ndarray] = []
        for image in scaled:
            part = np.ones((height, image.shape[1] + (16 if parts else 0), 3))
            part[: len(image), -image.shape[1] :] = image
            parts.append(part)
        return png(np.concatenate(parts, axis=1))

    def __repr__(self) -> str:
        return f"Scrub({self.name} = {round(self.values[0])} of 0 to {self.steps - 1})"


def _curve(name: str, values: Sequence[float] | np.ndarray, steps: int) -> dict:
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (steps,):
        raise ConfigError(f"Scrub: got a curve {name!r} of shape {numbers.shape}, wanted ({steps},)")
    if not (numbers.min() >= 0 and numbers.max() <= 1):
        span = f"{numbers.min():.3g} to {numbers.max():.3g}"
        raise ConfigError(f"Scrub: got a curve {name!r} from {span}, wanted 0 to 1; divide by its largest value")
    return {"name": str(name), "values": [round(float(v), 5) for v in numbers]}
