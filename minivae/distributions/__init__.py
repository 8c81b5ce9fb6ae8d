"""Distributions to draw from, to score with, and to measure against each other; every result can be differentiated.

Shapes, once for all. Parameters are (..., K). **The last axis is the event**: one code, one image, one choice. What
stands in front is the batch. `log_prob`, `entropy` and `kl` sum over the event, in nats, and leave the batch:

==============  ========================  ====================================================================
distribution    an event, on the last     how the last axis is summed
                axis
==============  ========================  ====================================================================
`Normal`        K real numbers            over K independent numbers
`Bernoulli`     K zeros and ones          over K independent coins
`Categorical`   a single 1 among zeros    the axis holds the K classes of *one* choice, as a one-hot vector
==============  ========================  ====================================================================

So with parameters (B, K), `sample(rng, shape=(S,))` is (S, B, K), and the `log_prob` of that is (S, B). In `log_prob`
and `kl` the batch axes broadcast; the event axis has to fit exactly.

`sample` returns a plain array: numbers out of a hat, with no history, and so nothing to send a gradient through.
`rsample` returns a Tensor whose history leads back to the parameters; the noise comes from outside. That difference is
what the reparameterization trick is about.
"""

from minivae.distributions.base import Distribution
from minivae.distributions.discrete import Bernoulli, Categorical
from minivae.distributions.divergence import CLOSED_FORMS, kl
from minivae.distributions.normal import Normal, StandardNormal

__all__ = ["CLOSED_FORMS", "Bernoulli", "Categorical", "Distribution", "Normal", "StandardNormal", "kl"]
