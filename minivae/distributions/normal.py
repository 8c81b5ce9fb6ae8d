"""Gaussians: what an encoder sends, and the prior that it is measured against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minivae import ops
from minivae.backend import current
from minivae.distributions.base import Distribution, generator
from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError

LOG_2PI = math.log(2 * math.pi)


class Normal(Distribution):
    """N(mu, exp(logvar)), each number on its own.

    Parameters
    ----------
    mu, logvar : (..., K) of one shape, tensors or float arrays; one of them may be a Python number.

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no axis to be the event.
    DataError
        If a parameter holds NaN or infinity.
    DtypeError
        If float32 meets float64.
    """

    def __init__(self, mu: Any, logvar: Any):
        super().__init__(mu=mu, logvar=logvar)
        self.mu, self.logvar = self._parameters["mu"], self._parameters["logvar"]
        self._finite("", "mu", self.mu.data)
        self._finite("", "logvar", self.logvar.data)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        with no_grad():
            return self.rsample(generator(self, rng), shape).data

    def rsample(self, eps: Any, shape: int | tuple[int, ...] = ()) -> Tensor:
        """z = mu + sigma * eps: draws that move with mu and logvar.

        Parameters
        ----------
        eps : (..., *self.shape) draw from N(0, I), or the generator to draw it with.
        shape : how many draws, where `eps` is a generator.

        Returns
        -------
        z : the shape of eps.

        Source: Kingma & Welling 2013, section 2.4.
        """
        eps = self._draw("rsample", eps, shape, lambda rng, full: rng.standard_normal(full, dtype=self.dtype.type))
        return ops.reparameterize(_stretch(self.mu, eps.shape), _stretch(self.logvar, eps.shape), eps)

    def log_prob(self, x: Any) -> Tensor:
        """log N(x; mu, exp(logvar)), a density, which may be positive: (..., K) -> (...) nats, summed over K.

        Raises ShapeError if x does not fit, DataError if it holds NaN or infinity.
        Source: Kingma & Welling 2013, appendix C.2.
        """
        u = (self._event(x) - self.mu) * (-0.5 * self.logvar).exp()
        return -0.5 * (u * u + self.logvar + LOG_2PI).sum(-1)

    def entropy(self) -> Tensor:
        """(logvar + 1 + log 2 pi) / 2: (..., K) -> (...) nats, summed over K. Of a density: it may be negative."""
        return 0.5 * (self.logvar + (1 + LOG_2PI)).sum(-1)


class StandardNormal(Normal):
    """N(0, I) over `size` numbers: the prior. It has no batch of its own and broadcasts over any.

    Raises ConfigError if `size` is below 1.
    """

    def __init__(self, size: int, dtype: str = "float32"):
        if size < 1:
            raise ConfigError(f"StandardNormal: size is {size}; wanted 1 or more, the numbers in one code")
        zeros = Tensor(current().xp.zeros(size, dtype))
        super().__init__(zeros, zeros)


def _stretch(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`x` repeated along new axes in front; its gradient is summed over them."""
    return x if x.shape == shape else x + current().xp.zeros(shape, x.dtype)
