"""Coins and choices, and the relaxed choice that a gradient can go through."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from minivae import ops
from minivae.backend import current
from minivae.checks import demand
from minivae.distributions.base import Distribution, generator
from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError, DataError, DtypeError

COLDEST = 1e-6  # below it (logits + noise) / temperature leaves what float32 can hold


class Bernoulli(Distribution):
    """Coins that show 1 with probability sigmoid(logits), each on its own.

    Parameters
    ----------
    logits : (..., K) tensor or float array. -inf and inf are coins that never and always show 1.

    Raises
    ------
    DataError
        If logits holds NaN.
    ShapeError
        If there is no axis to be the event.
    """

    def __init__(self, logits: Any):
        super().__init__(logits=logits)
        self.logits = self._parameters["logits"]
        _no_nan(self.name, self.logits.data)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        u = self._draw("sample", generator(self, rng), shape, lambda rng, full: rng.random(full))
        with no_grad():
            return (u < self._log_probs()[0].exp().data).astype(self.dtype)

    def log_prob(self, x: Any) -> Tensor:
        """log p(x) of zeros and ones: (..., K) -> (...) nats, summed over K; -inf only if a sure coin was contradicted.

        x may be floats, whole numbers or booleans.

        Raises DataError if x is anything but 0 and 1, ShapeError if it does not fit.
        Source: Kingma & Welling 2013, appendix C.1.
        """
        x = self._event(_as_floats(self, _array(self, x)))
        low, high = (x.data.min(), x.data.max()) if x.data.size else (0, 0)
        demand(
            ((x.data == 0) | (x.data == 1)).all(),
            lambda: DataError(
                f"Bernoulli.log_prob: x spans {low} to {high}; a coin shows 0 or 1: draw "
                "black-and-white pixels from grey ones, or use ops.bernoulli_nll, a cross-entropy that takes grey"
            ),
        )
        log_1, log_0 = self._log_probs()
        return (times_log(x, log_1) + times_log(1 - x, log_0)).sum(-1)

    def entropy(self) -> Tensor:
        """-p log p - (1 - p) log(1 - p): (..., K) -> (...) nats, summed over K; K log 2 at most."""
        log_1, log_0 = self._log_probs()
        return -(expected(log_1, log_1) + expected(log_0, log_0)).sum(-1)

    def _log_probs(self) -> tuple[Tensor, Tensor]:
        """log p and log(1 - p), to full precision at both ends: log(sigmoid(l)) = -softplus(-l)."""
        return -ops.softplus(-self.logits), -ops.softplus(self.logits)


class Categorical(Distribution):
    """One choice among K classes with probabilities softmax(logits); an event is a one-hot vector.

    Parameters
    ----------
    logits : (..., K) tensor or float array, the classes on the last axis. -inf is a class that never comes.

    Raises
    ------
    DataError
        If logits holds NaN or inf, or leaves no class possible.
    ShapeError
        If there is no axis for the classes.
    """

    def __init__(self, logits: Any):
        super().__init__(logits=logits)
        self.logits = self._parameters["logits"]
        _no_nan(self.name, self.logits.data)
        top = self.logits.data.max(-1)
        if top.size:
            low = top.min()
            demand(
                current().xp.isfinite(top).all(),
                lambda: DataError(
                    f"Categorical: a row of logits holds {'-inf for every class' if low == -math.inf else 'inf'}; "
                    "wanted one finite logit at least, and no inf"
                ),
            )

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        """One-hot draws without a history: (*shape, *self.shape) array. `.argmax(-1)` gives the classes' numbers.

        Source: the Gumbel-max trick, Maddison, Tarlow & Minka 2014, section 2.
        """
        with no_grad():
            return self.rsample(generator(self, rng), shape, temperature=1.0, hard=True).data

    def rsample(
        self, gumbel: Any, shape: int | tuple[int, ...] = (), *, temperature: float = 1.0, hard: bool = False
    ) -> Tensor:
        """Gumbel-softmax: softmax((log p + gumbel) / temperature), a relaxed draw that moves with the logits.

        Its largest entry sits where the exact draw has its 1, whatever the temperature; the colder, the closer to
        one-hot, and the larger the variance of the gradient.

        Parameters
        ----------
        gumbel : (..., *self.shape) draw from Gumbel(0, 1), that is -log(-log u), or the generator to draw it with.
        shape : how many draws, where `gumbel` is a generator.
        temperature : 1e-6 or more. 1 is soft, 0.1 is nearly one-hot.
        hard : return the exact one-hot draw, but with the gradient of the relaxed one (straight-through). That
            gradient is biased, and so is the relaxed one as a gradient of the exact draw.

        Returns
        -------
        y : the shape of gumbel; the last axis is positive and sums to 1.

        Raises
        ------
        ConfigError
            For a temperature outside its range.

        Source: Jang, Gu & Poole 2017, equation 2 and section 2.2; Maddison, Mnih & Teh 2017, equation 10.
        """
        if not COLDEST <= temperature < math.inf:
            raise ConfigError(
                f"Categorical.rsample: temperature is {temperature}; wanted {COLDEST} or more: 1 is soft, 0.1 is cold"
            )
        gumbel = self._draw("rsample", gumbel, shape, lambda rng, full: rng.gumbel(size=full).astype(self.dtype))
        # log p and not the logits: beside a logit of 10,000, float32 keeps three decimals of the noise
        y = ops.softmax((self._log_probs() + gumbel) / float(temperature))
        return ops.straight_through(y, f=_one_hot_of_largest) if hard else y

    def log_prob(self, x: Any) -> Tensor:
        """log p(x): one-hot (..., K), or classes' numbers (...) as an integer array -> (...) nats.

        -inf only for a class whose logit is -inf.

        Raises DataError if x is neither, ShapeError if it does not fit. Source: Bishop 2006, equation 2.26.
        """
        x = _array(self, x)
        if x.dtype.kind in "iu":
            K = self.shape[-1]
            if x.size:
                low, high = x.min(), x.max()
                demand(
                    (low >= 0) & (high < K),
                    lambda: DataError(f"Categorical.log_prob: classes span {low} to {high}; wanted 0 to {K - 1}"),
                )
            x = x[..., None] == current().xp.arange(K)  # (..., K)
        x = self._event(_as_floats(self, x))
        demand(
            ((x.data == 0) | (x.data == 1)).all() & (x.data.sum(-1) == 1).all(),
            lambda: DataError(
                "Categorical.log_prob: x is not one-hot; wanted a single 1 among zeros on the last axis, "
                "as sample and rsample(hard=True) draw it, or an integer array with the classes' numbers"
            ),
        )
        return times_log(x, self._log_probs()).sum(-1)

    def entropy(self) -> Tensor:
        """-sum of p log p: (..., K) -> (...) nats; log K at most."""
        log_p = self._log_probs()
        return -expected(log_p, log_p).sum(-1)

    def _log_probs(self) -> Tensor:
        return self.logits - ops.logsumexp(self.logits, axis=-1, keepdims=True)


def times_log(x: Tensor, log_p: Tensor) -> Tensor:
    """x * log_p for x in {0, 1}, where 0 * -inf is 0."""
    counts = current().xp.isfinite(log_p.data) | (x.data == 1)
    return x * ops.where(log_p, 0.0, condition=counts)


def expected(log_q: Tensor, log_p: Tensor) -> Tensor:
    """q * log_p, where 0 * -inf is 0: what never happens adds nothing."""
    q = log_q.exp()
    return q * ops.where(log_p, 0.0, condition=q.data > 0)


def _one_hot_of_largest(y: Any) -> Any:
    """1 at the largest entry of the last axis (the first of equals), 0 elsewhere."""
    return (current().xp.arange(y.shape[-1]) == y.argmax(-1)[..., None]).astype(y.dtype)


def _array(own: Distribution, x: Any) -> Any:
    """Numbers and lists as arrays, of the distribution's type where they are floats; the rest as it is."""
    if isinstance(x, (Real, list, tuple)):
        x = current().xp.asarray(x)
        x = x.astype(own.dtype) if x.dtype.kind == "f" else x
    if not hasattr(x, "dtype"):
        raise DtypeError(f"{own.name}.log_prob: x is a {type(x).__name__}; wanted an array or a Tensor")
    return x


def _as_floats(own: Distribution, x: Any) -> Any:
    """Whole numbers and booleans, which a discrete x may be made of, as floats of the distribution's type."""
    return x.astype(own.dtype) if x.dtype.kind in "biu" else x


def _no_nan(name: str, logits: Any) -> None:
    wanted = "wanted numbers: look at what computed it"
    demand(~current().xp.isnan(logits).any(), lambda: DataError(f"{name}: logits holds NaN; {wanted}"))
