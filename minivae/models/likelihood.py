"""What the decoder's output means: a probability for each pixel, or the mean of a Gaussian for each pixel."""

import math

from minivae import ops
from minivae.checks import demand
from minivae.engine import Tensor
from minivae.errors import ConfigError, DataError


class Bernoulli:
    """Each pixel is black or white: P(1) = sigmoid(logits). For binarised images."""

    def nll(self, logits: Tensor, x: Tensor) -> Tensor:
        """-log p(x | z): (B, D), (B, D) -> (B,) nats, summed over D."""
        return ops.bernoulli_nll(logits, x)

    def x_hat(self, logits: Tensor) -> Tensor:
        """The probability of white for each pixel: (B, D) -> (B, D)."""
        return ops.sigmoid(logits)


class Gaussian:
    """Each pixel is N(sigmoid(logits), sigma^2). For grey images: squared error, with its scale said aloud."""

    def __init__(self, sigma: float):
        if not 0 < sigma < math.inf:
            raise ConfigError(f"Gaussian: sigma is {sigma}; a standard deviation has to be positive")
        self.logvar = 2 * math.log(sigma)

    def nll(self, logits: Tensor, x: Tensor) -> Tensor:
        """-log p(x | z): (B, D), (B, D) -> (B,) nats, summed over D. A density: it can be negative.

        Raises DataError if x leaves [0, 1], where no mean can follow it, or holds NaN.
        """
        pixels = x.data if isinstance(x, Tensor) else x
        if pixels.size:
            low, high = pixels.min(), pixels.max()
            demand(  # said so that NaN fails it too
                (low >= 0) & (high <= 1),
                lambda: DataError(f"Gaussian: x spans {low} to {high}; pixels have to lie in [0, 1]: divide by 255"),
            )
        return ops.gaussian_nll(x, self.x_hat(logits), self.logvar)

    def x_hat(self, logits: Tensor) -> Tensor:
        """The mean of each pixel: (B, D) -> (B, D)."""
        return ops.sigmoid(logits)


def likelihood(name: str, sigma: float) -> Bernoulli | Gaussian:
    """ "bernoulli" or "gaussian" as an object; `sigma` is the Gaussian's standard deviation, in pixel units."""
    if name == "bernoulli":
        return Bernoulli()
    if name == "gaussian":
        return Gaussian(sigma)
    raise ConfigError(f"likelihood: got {name!r}; there are 'bernoulli' and 'gaussian'")
