"""The convolutional VAE: a picture in, a small picture of codes out. The first stage of latent diffusion."""

import itertools
import math
from typing import Any

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError, ShapeError
from minivae.models.blocks import Down, ResBlock, Up, norm
from minivae.models.likelihood import likelihood as make_likelihood
from minivae.models.vae import Elbo
from minivae.nn import Conv2d, Module, Sequential
from minivae.ops import gaussian_kl, reparameterize, silu


class ConvVAE(Module):
    """A VAE whose code keeps the plan of the picture: (B, 1, S, S) -> z (B, L, s, s) -> (B, 1, S, S).

    Each code pixel describes its own neighbourhood, so the decoder need not learn where things are, and a denoiser can
    work on codes as on images. The encoder goes down at once, by strided convolutions: a layer at S costs four times
    one at S / 2. The decoder ends at S, for there the edges are drawn.

    Parameters
    ----------
    side : S; `padded` frames smaller images.
    channels : widths of the layers at S (in the decoder alone), S / 2, S / 4 and so on to s, where the code is.
    latent : L, numbers in each pixel of the code.
    likelihood : "bernoulli" or "gaussian": the p(x | z).
    sigma : the Gaussian's standard deviation; unused by "bernoulli".
    beta : weight of the KL term in the loss, with both terms summed over an image, in nats; 1 is the true bound. It is
        small here: nothing draws from N(0, I) later, the diffusion model learns where codes lie. The KL has only to
        keep them from spreading without limit, and sigma from shrinking to 0. Rombach et al. take 1e-6, also on a sum.
    rng : draws the initial weights.

    Raises
    ------
    ConfigError
        For an unknown likelihood, or a setting outside its range.

    Source: Rombach et al. 2022, section 3.1 and appendix G, without their discriminator and perceptual loss.
    """

    def __init__(
        self,
        side: int = 32,
        channels: tuple[int, ...] = (8, 16, 32),
        latent: int = 4,
        *,
        likelihood: str = "bernoulli",
        sigma: float = 0.1,
        beta: float = 0.01,
        rng: np.random.Generator,
    ):
        if len(channels) < 2 or min(channels) < 1 or latent < 1:
            raise ConfigError(
                f"ConvVAE: got channels={channels}, latent={latent}; wanted 2 widths or more, and 1 or more"
            )
        shrink = 2 ** (len(channels) - 1)
        if side < shrink or side % shrink:
            raise ConfigError(
                f"ConvVAE: side is {side}; wanted a multiple of {shrink}, for {len(channels)} widths halve it "
                f"{len(channels) - 1} times: pad the images, or take fewer widths"
            )
        if not 0 <= beta < math.inf:
            raise ConfigError(f"ConvVAE: beta is {beta}; it has to be 0 or more, and 1 is the true bound")
        self.config = dict(
            side=side, channels=list(channels), latent=latent, likelihood=likelihood, sigma=sigma, beta=beta
        )
        self.side, self.latent, self.beta = side, latent, beta
        self.x_shape, self.code_shape = (1, side, side), (latent, side // shrink, side // shrink)
        self.likelihood = make_likelihood(likelihood, sigma)
        full, deepest, steps = channels[0], channels[-1], list(itertools.pairwise(channels))
        down: list[Any] = []
        for above, below in steps:
            down += [Down(above if down else 1, below, rng=rng), ResBlock(below, below, rng=rng)]
        last = Conv2d(deepest, 2 * latent, 3, padding=1, rng=rng)
        self.encoder = Sequential(*down, norm(deepest), silu, last)
        up: list[Any] = [Conv2d(latent, deepest, 3, padding=1, rng=rng)]
        for above, below in reversed(steps):
            up += [ResBlock(below, below, rng=rng), Up(below, above, rng=rng)]
        self.decoder = Sequential(*up, norm(full), silu, Conv2d(full, 1, 3, padding=1, rng=rng))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The range in which the code may lie: (B, 1, S, S) -> mu, logvar, each (B, L, s, s).

        Raises ShapeError if x is of another shape.
        """
        if x.shape[1:] != self.x_shape:
            raise ShapeError(
                f"ConvVAE: x is {x.shape}; wanted (B, 1, {self.side}, {self.side}): padded(x, {self.side}) makes such "
                "images of smaller ones, and of rows of pixels"
            )
        h = self.encoder(x)  # (B, 2 L, s, s)
        return h[:, : self.latent], h[:, self.latent :]

    def decode(self, z: Tensor) -> Tensor:
        """What the likelihood turns into an image: (B, L, s, s) -> logits (B, 1, S, S).

        Raises ShapeError if z is of another shape.
        """
        if z.shape[1:] != self.code_shape:
            raise ShapeError(f"ConvVAE: z is {z.shape}; wanted (B, {', '.join(map(str, self.code_shape))})")
        return self.decoder(z)

    def elbo(self, x: Tensor, eps: np.ndarray) -> Elbo:
        """The bound log p(x) >= log p(x | z) - KL(q(z | x) || p(z)), with one draw of z for each image, (B,) nats.

        Parameters
        ----------
        x : (B, 1, S, S) images in [0, 1].
        eps : (B, L, s, s) float32 draw from N(0, I).

        Source: Kingma & Welling 2013, equation 10.
        """
        mu, logvar = self.encode(x)
        logits = self.decode(reparameterize(mu, logvar, eps))
        reconstruction = -self.likelihood.nll(_rows(logits), _rows(x))
        kl = gaussian_kl(_rows(mu), _rows(logvar))
        return Elbo(reconstruction - kl, reconstruction, kl)

    def loss(self, x: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        """What training lowers, and what to report.

        Parameters
        ----------
        x : (B, 1, S, S) images in [0, 1].
        rng : draws eps.

        Returns
        -------
        loss : nats per image, the mean over B of beta * kl - reconstruction.
        terms : "elbo", "reconstruction" and "kl", each (B,) nats.
        """
        eps = rng.standard_normal((len(x), *self.code_shape), dtype=np.float32)
        elbo, reconstruction, kl = self.elbo(x, eps)
        loss = (self.beta * kl - reconstruction).mean()
        return loss, {"elbo": elbo.data, "reconstruction": reconstruction.data, "kl": kl.data}

    @no_grad()
    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Images after a round trip through the middle of their range, z = mu: (B, 1, S, S) to the same, in [0, 1]."""
        mu, _ = self.encode(Tensor(x))
        return self.likelihood.x_hat(self.decode(mu)).numpy()

    @no_grad()
    def generate(self, z: np.ndarray) -> np.ndarray:
        """Images from codes: (B, L, s, s) -> x_hat (B, 1, S, S) in [0, 1]."""
        return self.likelihood.x_hat(self.decode(Tensor(z))).numpy()

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` images from codes drawn from N(0, I): (n, 1, S, S) in [0, 1]. With a small beta, no good ones."""
        return self.generate(rng.standard_normal((n, *self.code_shape), dtype=np.float32))


def _rows(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C * H * W)."""
    return x.reshape(len(x), -1)


def frame(side: int) -> dict[str, Any]:
    """The `side` and `channels` of a ConvVAE for pictures of shape (side, side): codes of about 8 x 8.

    The frame that `padded` needs may be larger: it can be halved once more than the VAE does, by a U-Net.
    """
    halvings = max(2, round(math.log2(side / 8)))
    multiple = 2 ** (halvings + 1)
    return dict(side=-(-side // multiple) * multiple, channels=(8, 16, *[32] * (halvings - 1)))


def padded(x: np.ndarray, side: int) -> np.ndarray:
    """Images in the middle of a frame of zeros: (N, D), (N, H, W) or (N, 1, H, W) -> (N, 1, side, side).

    Rows of D pixels are taken to be square. Raises ShapeError if images are not, or do not fit into `side`.
    """
    height, width = (math.isqrt(x.shape[-1]),) * 2 if x.ndim == 2 else x.shape[-2:] if x.ndim in (3, 4) else (0, 0)
    if x.size != len(x) * height * width:
        raise ShapeError(f"padded: x is {x.shape}; wanted square images as (N, D), or (N, H, W), or (N, 1, H, W)")
    if max(height, width) > side:
        raise ShapeError(f"padded: images of {height} x {width} do not fit into {side} x {side}; take a larger side")
    top, left = (side - height) // 2, (side - width) // 2
    whole = np.zeros((len(x), 1, side, side), x.dtype)
    whole[:, 0, top : top + height, left : left + width] = x.reshape(-1, height, width)
    return whole


def cropped(images: np.ndarray, side: int) -> np.ndarray:
    """The middle `side` x `side` pixels, what `padded` framed: (N, 1, S, S) -> (N, side * side).

    Raises ShapeError for images of another shape, or a `side` that they do not have.
    """
    if images.ndim != 4 or images.shape[1] != 1 or not 1 <= side <= min(images.shape[2:]):
        raise ShapeError(f"cropped: images are {images.shape} and side {side}; wanted (N, 1, S, S), and 1 to S")
    top, left = ((n - side) // 2 for n in images.shape[2:])
    return images[:, 0, top : top + side, left : left + side].reshape(len(images), -1)
