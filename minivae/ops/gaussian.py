"""What a VAE does with Gaussians: draw from one, measure it against the prior, score an image with one."""

import math

from minivae.checks import same_shape
from minivae.engine import op
from minivae.ops.cases import normal

LOG_2PI = math.log(2 * math.pi)


@op(normal((5, 3), (5, 3), (5, 3)))
def reparameterize(xp, mu, logvar, eps):
    """z = mu + sigma * eps, a draw from N(mu, exp(logvar)) whose noise came from outside: three (B, L) -> (B, L).

    Raises ShapeError if the shapes differ. Source: Kingma & Welling 2013, section 2.4.
    """
    same_shape("reparameterize", "draw eps with rng.standard_normal(mu.shape)", mu=mu, logvar=logvar, eps=eps)
    std = xp.exp(0.5 * logvar)
    return mu + std * eps, (
        lambda g: g,
        lambda g: 0.5 * g * std * eps,
        lambda g: g * std,
    )


@op(normal((5, 3), (5, 3)))
def gaussian_kl(xp, mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, I)): (B, L), (B, L) -> (B,) nats, summed over L.

    Raises ShapeError if the shapes differ. Source: Kingma & Welling 2013, appendix B.
    """
    same_shape("gaussian_kl", "split the encoder output in half", mu=mu, logvar=logvar)
    var = xp.exp(logvar)
    kl = 0.5 * (mu * mu + var - 1 - logvar).sum(-1)
    return kl, (
        lambda g: g[..., None] * mu,
        lambda g: 0.5 * g[..., None] * (var - 1),
    )


@op(normal((5, 3), (5, 3), (5, 3)), normal((5, 3), (5, 3), ()))
def gaussian_nll(xp, x, mu, logvar):
    """-log N(x; mu, exp(logvar)): (B, D), (B, D), (B, D) or one number -> (B,) nats, summed over D.

    Raises ShapeError if x and mu differ in shape. Source: Kingma & Welling 2013, appendix C.2.
    """
    same_shape("gaussian_nll", "reshape images to (B, D)", x=x, mu=mu)
    per_sigma = xp.exp(-0.5 * logvar)  # not the precision: its square overflows long before
    u = (x - mu) * per_sigma
    nll = 0.5 * (u * u + logvar + LOG_2PI).sum(-1)
    return nll, (
        lambda g: g[..., None] * u * per_sigma,
        lambda g: -g[..., None] * u * per_sigma,
        lambda g: 0.5 * g[..., None] * (1 - u * u),
    )
