"""The variational autoencoder: send a range instead of a point."""

import math
from typing import Any, NamedTuple

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError
from minivae.models.likelihood import likelihood as make_likelihood
from minivae.nn import Linear, Module, Sequential
from minivae.ops import gaussian_kl, relu, reparameterize


class Elbo(NamedTuple):
    """The evidence lower bound, image by image, and its two parts: elbo = reconstruction - kl, each (B,) nats."""

    elbo: Tensor
    reconstruction: Tensor
    kl: Tensor


class VAE(Module):
    """The model of Kingma & Welling 2013 with one hidden layer on each side.

    The encoder sends q(z | x) = N(mu, exp(logvar)); the decoder scores x under p(x | z); the prior is N(0, I).

    Parameters
    ----------
    x_dim, hidden, latent : values in an image, units in each hidden layer, numbers in the code z.
    likelihood : "bernoulli" or "gaussian": the p(x | z).
    sigma : the Gaussian's standard deviation; unused by "bernoulli".
    beta : weight of the KL term in the loss; only 1 makes the loss minus the bound (Higgins et al. 2017 use more).
    rng : draws the initial weights.

    Raises
    ------
    ConfigError
        For an unknown likelihood, or a size, sigma or beta outside its range.
    """

    def __init__(
        self,
        x_dim: int = 784,
        hidden: int = 400,
        latent: int = 20,
        *,
        likelihood: str = "bernoulli",
        sigma: float = 0.1,
        beta: float = 1.0,
        rng: np.random.Generator,
    ):
        if not 0 <= beta < math.inf:
            raise ConfigError(f"VAE: beta is {beta}; it has to be 0 or more, and 1 is the true bound")
        self.config = dict(x_dim=x_dim, hidden=hidden, latent=latent, likelihood=likelihood, sigma=sigma, beta=beta)
        self.latent, self.beta = latent, beta
        self.x_shape, self.code_shape = (x_dim,), (latent,)
        self.likelihood = make_likelihood(likelihood, sigma)
        self.encoder = Sequential(Linear(x_dim, hidden, rng=rng), relu, Linear(hidden, 2 * latent, rng=rng))
        self.decoder = Sequential(Linear(latent, hidden, rng=rng), relu, Linear(hidden, x_dim, rng=rng))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The range in which the code may lie: (B, D) -> mu (B, L), logvar (B, L)."""
        h = self.encoder(x)  # (B, 2 L)
        return h[:, : self.latent], h[:, self.latent :]

    def decode(self, z: Tensor) -> Tensor:
        """What the likelihood turns into an image: (B, L) -> logits (B, D)."""
        return self.decoder(z)

    def elbo(self, x: Tensor, eps: np.ndarray) -> Elbo:
        """The bound log p(x) >= log p(x | z) - KL(q(z | x) || p(z)), in nats, with one draw of z for each image.

        Parameters
        ----------
        x : (B, D) images in [0, 1].
        eps : (B, L) float32 draw from N(0, I).

        Source: Kingma & Welling 2013, equation 10.
        """
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar, eps)
        reconstruction = -self.likelihood.nll(self.decode(z), x)
        kl = gaussian_kl(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)

    def loss(self, x: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        """What training lowers, and what to report.

        Parameters
        ----------
        x : (B, D) images in [0, 1].
        rng : draws eps.

        Returns
        -------
        loss : nats per image, the mean over B of beta * kl - reconstruction.
        terms : "elbo", "reconstruction" and "kl", each (B,) nats.
        """
        eps = rng.standard_normal((len(x), self.latent), dtype=np.float32)
        elbo, reconstruction, kl = self.elbo(x, eps)
        loss = (self.beta * kl - reconstruction).mean()
        return loss, {"elbo": elbo.data, "reconstruction": reconstruction.data, "kl": kl.data}

    @no_grad()
    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Images after a round trip through the middle of their range, z = mu: (B, D) -> x_hat (B, D) in [0, 1]."""
        mu, _ = self.encode(Tensor(x))
        return self.likelihood.x_hat(self.decode(mu)).numpy()

    @no_grad()
    def generate(self, z: np.ndarray) -> np.ndarray:
        """Images from codes: (B, L) -> x_hat (B, D) in [0, 1]."""
        return self.likelihood.x_hat(self.decode(Tensor(z))).numpy()

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` images from codes drawn from the prior: x_hat (n, D) in [0, 1]."""
        return self.generate(rng.standard_normal((n, self.latent), dtype=np.float32))
