"""Scoring black-and-white images: each pixel is a coin, the decoder says how it is biased."""

from minivae.checks import same_shape
from minivae.engine import op
from minivae.errors import DataError
from minivae.ops.cases import logits_and_probabilities
from minivae.ops.fast import row_sum, row_sum_of_log


@op(logits_and_probabilities((5, 3)))
def bernoulli_nll(xp, logits, x):
    """-log p(x) for pixels with P(1) = sigmoid(logits): (B, D), (B, D) -> (B,) nats, summed over D.

    With s = sigmoid(logits) this is -x log s - (1 - x) log(1 - s), in a form that no logit can overflow.

    Raises ShapeError if the shapes differ, DataError if x leaves [0, 1] or holds NaN.
    Source: Kingma & Welling 2013, appendix C.1.
    """
    same_shape("bernoulli_nll", "reshape images to (B, D)", logits=logits, x=x)
    if not (x.size == 0 or (x.min() >= 0 and x.max() <= 1)):  # said so that NaN fails it too
        raise DataError(f"bernoulli_nll: x spans {x.min()} to {x.max()}; pixels have to lie in [0, 1]: divide by 255")
    # With t = tanh(logits / 2) the sigmoid is (1 + t) / 2, and
    # -log p(x) = |logits| / 2 - log((1 + |t|) / 2) - logits * (x - 1/2).
    half, centred = xp.multiply(logits, 0.5, out=xp.empty_like(logits)), x - 0.5
    size = xp.abs(half)
    size -= logits * centred  # pixel by pixel: sums of large numbers would lose the small difference
    nll = row_sum(xp, size)
    t = xp.tanh(half, out=half)
    t *= 0.5
    xp.abs(t, out=size)
    size += 0.5
    nll -= row_sum_of_log(xp, size)
    t -= centred  # sigmoid - x
    return nll, (lambda g: g[..., None] * t, lambda g: -g[..., None] * logits)
