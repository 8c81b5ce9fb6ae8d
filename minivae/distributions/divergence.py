"""How far one distribution is from another: the Kullback-Leibler divergence where it has a closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minivae import ops
from minivae.distributions.base import Distribution, fits
from minivae.distributions.discrete import Bernoulli, Categorical, expected
from minivae.distributions.normal import Normal, StandardNormal
from minivae.engine import Tensor
from minivae.errors import ConfigError, ShapeError


def kl(q: Distribution, p: Distribution) -> Tensor:
    """KL(q || p) = E_q[log q(x) - log p(x)] in closed form: (..., K), (..., K) -> (...) nats, summed over K.

    Never negative, but for rounding; 0 where q and p are the same; inf where q can draw what p cannot. The batch axes
    broadcast: `kl(posterior, StandardNormal(20))`.

    Raises
    ------
    ConfigError
        If there is no closed form here for this pair.
    ShapeError
        If the events differ in size or the batches do not broadcast.
    """
    for pair in [(a, b) for a in type(q).__mro__ for b in type(p).__mro__]:  # the closest relatives first
        if pair in CLOSED_FORMS:
            if not fits(q.shape, p.shape):
                raise ShapeError(
                    f"kl: q is {q.shape} but p is {p.shape}; the last axes have to be equal, those in front broadcast"
                )
            return CLOSED_FORMS[pair](q, p)
    known = ", ".join(f"{a.__name__} || {b.__name__}" for a, b in CLOSED_FORMS)
    raise ConfigError(
        f"kl: there is no closed form for {type(q).__name__} || {type(p).__name__}; there are {known}; "
        "else estimate it: the mean of q.log_prob(x) - p.log_prob(x) over draws x from q"
    )


def _kl_normal_standard(q: Normal, p: StandardNormal) -> Tensor:
    """(mu^2 + sigma^2 - 1 - log sigma^2) / 2. Source: Kingma & Welling 2013, appendix B."""
    rows = (math.prod(q.batch), q.shape[-1])
    return ops.gaussian_kl(q.mu.reshape(*rows), q.logvar.reshape(*rows)).reshape(*q.batch)


def _kl_normal(q: Normal, p: Normal) -> Tensor:
    """((mu_q - mu_p)^2 / var_p + r - 1 - log r) / 2, where r = var_q / var_p.

    Source: Kullback 1959; the diagonal case of Rasmussen & Williams 2006, equation A.23.
    """
    log_r = q.logvar - p.logvar
    u = (q.mu - p.mu) * (-0.5 * p.logvar).exp()
    return 0.5 * (u * u + (ops.expm1(log_r) - log_r)).sum(-1)  # expm1: r - 1 would round for r near 1


def _kl_bernoulli(q: Bernoulli, p: Bernoulli) -> Tensor:
    """The two sides of each coin, as for Categorical."""
    q_1, q_0 = q._log_probs()
    p_1, p_0 = p._log_probs()
    gained = expected(q_1, q_1) - expected(q_1, p_1)
    return (gained + (expected(q_0, q_0) - expected(q_0, p_0))).sum(-1)


def _kl_categorical(q: Categorical, p: Categorical) -> Tensor:
    """The sum over classes of q (log q - log p). Source: Cover & Thomas 2006, equation 2.26."""
    log_q, log_p = q._log_probs(), p._log_probs()
    return (expected(log_q, log_q) - expected(log_q, log_p)).sum(-1)


CLOSED_FORMS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {
    (Normal, StandardNormal): _kl_normal_standard,
    (Normal, Normal): _kl_normal,
    (Bernoulli, Bernoulli): _kl_bernoulli,
    (Categorical, Categorical): _kl_categorical,
}
