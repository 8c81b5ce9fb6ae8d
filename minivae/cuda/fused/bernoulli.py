"""Scoring black-and-white images, by kernels/bernoulli_nll.cu."""

from minivae import checks
from minivae.cuda.fused.arrays import rows, sizes
from minivae.cuda.launch import launch
from minivae.errors import DataError


def bernoulli_nll(xp, logits, x):
    """-log p(x) for pixels with P(1) = sigmoid(logits): see `minivae.ops.bernoulli_nll`.

    That x lies in [0, 1] is demanded as there; on a GPU the error comes when a value is next read: `minivae.checks`.
    """
    checks.same_shape("bernoulli_nll", "reshape images to (B, D)", logits=logits, x=x)
    logits, x = rows("bernoulli_nll", xp, logits, x)
    if x.size:
        low, high = x.min(), x.max()
        checks.demand(  # said so that NaN fails it too
            (low >= 0) & (high <= 1),
            lambda: DataError(f"bernoulli_nll: x spans {low} to {high}; pixels have to lie in [0, 1]: divide by 255"),
        )
    B, D = sizes(x)
    nll = xp.empty(B, x.dtype)
    launch("bernoulli_nll", logits, x, nll, B, D)

    def line(place):
        def g_input(g):
            wanted = xp.empty_like(x)
            outs = [wanted if place == k else None for k in range(2)]  # None: not computed
            launch("bernoulli_nll_backward", *rows("bernoulli_nll", xp, g), logits, x, *outs, B, D)
            return wanted

        return g_input

    return nll.reshape(x.shape[:-1]), (line(0), line(1))
