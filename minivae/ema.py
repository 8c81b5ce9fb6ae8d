"""The average of the weights over time, which often makes better images than the last weights do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minivae.backend import current
from minivae.errors import ConfigError
from minivae.nn.flat import FlatParameters, FlatState, Parameter


class EMA(FlatState):
    """An exponential moving average of a model's parameters: at each update old weights lose the share 1 - decay.

    After t updates with the weights p_1 ... p_t it is their mean with the shares decay^(t - k), corrected for its start
    as Adam's m is: the random weights from before training are not in it, after one update it is p_1, and while t is
    far below 1 / (1 - decay) it is nearly the plain mean. Adam keeps a = decay a + (1 - decay) p and divides by
    1 - decay^t where it needs a; here the quotient is kept: it moves towards p by (1 - decay) / (1 - decay^t).

    Parameters
    ----------
    parameters : an optimiser's `flat`; or all parameters of a model, before or after an optimiser gathered them.
    decay : 0.999 averages over about the last 1,000 updates.

    Attributes
    ----------
    average : (n,) the averages, in the order of `flat.data`. Before the first update, the parameters themselves.
    t : updates done.

    Raises
    ------
    ConfigError
        For a decay outside [0, 1), or some but not all parameters of an optimiser.

    Source: Kingma & Ba 2015, section 7.2, after Polyak & Juditsky 1992.
    """

    names = ("average",)
    average: Any

    def __init__(self, parameters: FlatParameters | Iterable[Parameter], decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ConfigError(f"EMA: decay is {decay}; it has to lie in [0, 1), 0.999 is usual")
        super().__init__(FlatParameters.of(parameters))
        self.decay = decay
        self.average[...] = self.flat.data
        self._inside = False

    def update(self) -> None:
        """Take in the parameters as a step of the optimiser left them; raises ConfigError as `swapped` does."""
        self._check()
        self.t += 1
        share = (1 - self.decay) / (1 - self.decay**self.t)
        for part in self.flat.chunks():
            p, average = self.flat.data[part], self.average[part]
            s = self._scratch[: p.size]
            current().xp.subtract(p, average, out=s)
            s *= share
            average += s

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Inside `with ema.swapped():` the model has the averaged weights; afterwards its own again, come what may.

        Raises
        ------
        ConfigError
            If the parameters live elsewhere by now (an optimiser was made after this), or inside of another `swapped`.
        """
        self._exchange()
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
            self._exchange()

    def state(self) -> dict[str, np.ndarray]:
        self._check()
        return super().state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        self._check()
        super().load_state(state)

    def _exchange(self) -> None:
        self._check()
        for part in self.flat.chunks():
            p, average = self.flat.data[part], self.average[part]
            s = self._scratch[: p.size]
            s[...] = p
            p[...] = average
            average[...] = s

    def _check(self) -> None:
        if self._inside:
            raise ConfigError("EMA: inside `with ema.swapped()` the model holds the average; leave the block before")
        if not self.flat.still_gathered():
            raise ConfigError("EMA: the parameters moved to an optimiser made since; make the EMA after it")
