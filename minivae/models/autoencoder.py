"""The plain autoencoder: squeeze an image into a few numbers, and unfold it again."""

from typing import Any

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.models.likelihood import likelihood as make_likelihood
from minivae.nn import Linear, Module, Sequential
from minivae.ops import relu


class Autoencoder(Module):
    """x -> z -> x_hat with one hidden layer on each side.

    Parameters
    ----------
    x_dim, hidden, latent : values in an image, units in each hidden layer, numbers in the code z.
    likelihood : "bernoulli" or "gaussian": how a reconstruction is scored.
    sigma : the Gaussian's standard deviation; unused by "bernoulli".
    rng : draws the initial weights.

    Source: Hinton & Salakhutdinov 2006, with one hidden layer in place of three.
    """

    def __init__(
        self,
        x_dim: int = 784,
        hidden: int = 400,
        latent: int = 20,
        *,
        likelihood: str = "bernoulli",
        sigma: float = 0.1,
        rng: np.random.Generator,
    ):
        self.config = dict(x_dim=x_dim, hidden=hidden, latent=latent, likelihood=likelihood, sigma=sigma)
        self.x_shape, self.code_shape = (x_dim,), (latent,)
        self.likelihood = make_likelihood(likelihood, sigma)
        self.encoder = Sequential(Linear(x_dim, hidden, rng=rng), relu, Linear(hidden, latent, rng=rng))
        self.decoder = Sequential(Linear(latent, hidden, rng=rng), relu, Linear(hidden, x_dim, rng=rng))

    def encode(self, x: Tensor) -> Tensor:
        """The code: (B, D) -> z (B, L)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """What the likelihood turns into an image: (B, L) -> logits (B, D)."""
        return self.decoder(z)

    def loss(self, x: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        """What training lowers, and what to report.

        Parameters
        ----------
        x : (B, D) images in [0, 1].
        rng : unused; a VAE needs it.

        Returns
        -------
        loss : nats per image, the mean over B.
        terms : "reconstruction": log p(x | z), (B,) nats.
        """
        nll = self.likelihood.nll(self.decode(self.encode(x)), x)
        return nll.mean(), {"reconstruction": -nll.data}

    @no_grad()
    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Images after a round trip through the code: (B, D) -> x_hat (B, D) in [0, 1]."""
        return self.likelihood.x_hat(self.decode(self.encode(Tensor(x)))).numpy()

    @no_grad()
    def generate(self, z: np.ndarray) -> np.ndarray:
        """Images from codes: (B, L) -> x_hat (B, D) in [0, 1]."""
        return self.likelihood.x_hat(self.decode(Tensor(z))).numpy()
