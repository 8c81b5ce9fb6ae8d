"""Scoring black-and-white images: each pixel is a coin, the decoder says how it is biased."""

from minivae.engine import op
from minivae.errors import DataError, ShapeError
from minivae.ops.cases import logits_and_probabilities
from minivae.ops.fast import positive_part, row_sum


@op(logits_and_probabilities((5, 3)))
def bernoulli_nll(xp, logits, x):
    """-log p(x) for pixels with P(1) = sigmoid(logits): (B, D), (B, D) -> (B,) nats, summed over D.

    With s = sigmoid(logits) this is -x log s - (1 - x) log(1 - s), in a form that no logit can overflow.

    Raises ShapeError if the shapes differ, DataError if x leaves [0, 1] or holds NaN.
    Source: Kingma & Welling 2013, appendix C.1.
    """
    if logits.shape != x.shape:
        raise ShapeError(f"bernoulli_nll: x is {x.shape} but logits is {logits.shape}; reshape images to (B, D)")
    if not (x.size == 0 or (x.min() >= 0 and x.max() <= 1)):  # said so that NaN fails it too
        raise DataError(f"bernoulli_nll: x spans {x.min()} to {x.max()}; pixels have to lie in [0, 1]: divide by 255")
    # With t = tanh(logits / 2): sigmoid = (1 + t) / 2, and log(1 + exp(-|logits|)) = -log((1 + |t|) / 2).
    t = xp.tanh(0.5 * logits)
    nll = positive_part(xp, logits) - x * logits - xp.log(0.5 + 0.5 * xp.abs(t))
    return row_sum(xp, nll), (
        lambda g: g[..., None] * (0.5 + 0.5 * t - x),
        lambda g: -g[..., None] * logits,
    )
