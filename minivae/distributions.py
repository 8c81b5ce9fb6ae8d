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

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from minivae import ops
from minivae.backend import current
from minivae.engine import Tensor, common_dtype, no_grad
from minivae.errors import ConfigError, DataError, DtypeError, GradientError, ShapeError

LOG_2PI = math.log(2 * math.pi)
COLDEST = 1e-6  # below it (logits + noise) / temperature leaves what float32 can hold


class Distribution:
    """What all have in common.

    Attributes
    ----------
    shape : (..., K), the shape of the parameters and of one draw.
    batch : `shape` without its last axis: the shape of `entropy()`.
    dtype : float32 or float64, of the parameters and of everything that is computed from them.
    """

    def __init__(self, **parameters: Any):
        own = self.name = type(self).__name__
        tensors = {key: x if isinstance(x, (Tensor, Real)) else Tensor(x) for key, x in parameters.items()}
        self.dtype = common_dtype(own, list(tensors.values()))
        shapes = {key: x.shape for key, x in tensors.items() if isinstance(x, Tensor)}
        if not shapes or () in shapes.values():
            raise ShapeError(f"{own}: got single numbers; the last axis is the event: wanted (..., K), at least (1,)")
        if len(set(shapes.values())) > 1:
            (one, a), (other, b) = shapes.items()
            raise ShapeError(f"{own}: {other} is {b} but {one} is {a}; split the encoder output in half")
        self.shape: tuple[int, ...] = next(iter(shapes.values()))
        self.batch = self.shape[:-1]
        if self.shape[-1] == 0:
            raise ShapeError(f"{own}: the parameters are {self.shape}; the last axis is the event and cannot be empty")
        xp = current().xp
        self._parameters = {
            key: x if isinstance(x, Tensor) else Tensor(xp.full(self.shape, x, dtype=self.dtype))
            for key, x in tensors.items()
        }

    def __repr__(self) -> str:
        return f"{self.name}(batch {self.batch}, event {self.shape[-1:]})"

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        """Draws without a history.

        Parameters
        ----------
        rng : a NumPy generator.
        shape : how many draws, in front of `self.shape`.

        Returns
        -------
        (*shape, *self.shape) array, no Tensor: no gradient can go through it.
        """
        raise NotImplementedError

    def rsample(self, noise: Any, shape: int | tuple[int, ...] = ()) -> Tensor:
        """Draws that a gradient can go through, for those that have them."""
        raise GradientError(
            f"{self.name}: has no rsample, for its draws jump as its parameters move; "
            "score them with log_prob, or use Categorical(...).rsample, which is relaxed"
        )

    def log_prob(self, x: Any) -> Tensor:
        """log p(x): (..., K) -> (...) nats."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """-E[log p(x)]: (..., K) -> (...) nats."""
        raise NotImplementedError

    def _event(self, x: Any) -> Tensor:
        """`x` as a tensor whose shape fits and that holds no NaN or infinity."""
        if not isinstance(x, Tensor):
            x = Tensor(current().xp.asarray(x, self.dtype) if isinstance(x, (Real, list, tuple)) else x)
        if x.ndim == 0 or not _fits(x.shape, self.shape):
            raise ShapeError(
                f"{self.name}.log_prob: x is {x.shape} but the parameters are {self.shape}; "
                f"the last axis has to be {self.shape[-1]}, those in front have to broadcast"
            )
        self._finite("log_prob", "x", x.data)
        return x

    def _finite(self, method: str, what: str, values: Any) -> None:
        xp = current().xp
        if not bool(xp.isfinite(values).all()):
            kind = "NaN" if bool(xp.isnan(values).any()) else "infinity"
            where = f"{self.name}.{method}" if method else self.name
            raise DataError(f"{where}: {what} holds {kind}; wanted finite numbers: look at what computed it")

    def _draw(self, method: str, noise: Any, shape: Any, draw: Callable[[np.random.Generator, tuple], Any]) -> Any:
        """Noise of shape (*shape, *self.shape): drawn on the host where `noise` is a generator, else checked."""
        front = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if isinstance(noise, np.random.Generator):
            return current().xp.asarray(draw(noise, front + self.shape))
        if not hasattr(noise, "dtype"):
            raise ConfigError(
                f"{self.name}.{method}: got a {type(noise).__name__} to draw with; "
                "wanted a generator: np.random.default_rng(seed)"
            )
        front = front or tuple(noise.shape[: max(noise.ndim - len(self.shape), 0)])
        if noise.shape != front + self.shape:
            raise ShapeError(
                f"{self.name}.{method}: the noise is {noise.shape}; wanted {front + self.shape}, or more axes in front"
            )
        self._finite(method, "the noise", noise.data if isinstance(noise, Tensor) else noise)
        return noise


class Normal(Distribution):
    """N(mu, exp(logvar)), each number on its own.

    Parameters
    ----------
    mu, logvar : (..., K) of one shape, tensors or float arrays; one of them may be a Python number.

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no axis to be the event.
    DataError
        If a parameter holds NaN or infinity.
    DtypeError
        If float32 meets float64.
    """

    def __init__(self, mu: Any, logvar: Any):
        super().__init__(mu=mu, logvar=logvar)
        self.mu, self.logvar = self._parameters["mu"], self._parameters["logvar"]
        self._finite("", "mu", self.mu.data)
        self._finite("", "logvar", self.logvar.data)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        with no_grad():
            return self.rsample(_generator(self, rng), shape).data

    def rsample(self, eps: Any, shape: int | tuple[int, ...] = ()) -> Tensor:
        """z = mu + sigma * eps: draws that move with mu and logvar.

        Parameters
        ----------
        eps : (..., *self.shape) draw from N(0, I), or the generator to draw it with.
        shape : how many draws, where `eps` is a generator.

        Returns
        -------
        z : the shape of eps.

        Source: Kingma & Welling 2013, section 2.4.
        """
        eps = self._draw("rsample", eps, shape, lambda rng, full: rng.standard_normal(full, dtype=self.dtype.type))
        return ops.reparameterize(_stretch(self.mu, eps.shape), _stretch(self.logvar, eps.shape), eps)

    def log_prob(self, x: Any) -> Tensor:
        """log N(x; mu, exp(logvar)), a density, which may be positive: (..., K) -> (...) nats, summed over K.

        Raises ShapeError if x does not fit, DataError if it holds NaN or infinity.
        Source: Kingma & Welling 2013, appendix C.2.
        """
        u = (self._event(x) - self.mu) * (-0.5 * self.logvar).exp()
        return -0.5 * (u * u + self.logvar + LOG_2PI).sum(-1)

    def entropy(self) -> Tensor:
        """(logvar + 1 + log 2 pi) / 2: (..., K) -> (...) nats, summed over K. Of a density: it may be negative."""
        return 0.5 * (self.logvar + (1 + LOG_2PI)).sum(-1)


class StandardNormal(Normal):
    """N(0, I) over `size` numbers: the prior. It has no batch of its own and broadcasts over any.

    Raises ConfigError if `size` is below 1.
    """

    def __init__(self, size: int, dtype: str = "float32"):
        if size < 1:
            raise ConfigError(f"StandardNormal: size is {size}; wanted 1 or more, the numbers in one code")
        zeros = Tensor(current().xp.zeros(size, dtype))
        super().__init__(zeros, zeros)


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
        u = self._draw("sample", _generator(self, rng), shape, lambda rng, full: rng.random(full))
        with no_grad():
            return (u < self._log_probs()[0].exp().data).astype(self.dtype)

    def log_prob(self, x: Any) -> Tensor:
        """log p(x) of zeros and ones: (..., K) -> (...) nats, summed over K; -inf only if a sure coin was contradicted.

        x may be floats, whole numbers or booleans.

        Raises DataError if x is anything but 0 and 1, ShapeError if it does not fit.
        Source: Kingma & Welling 2013, appendix C.1.
        """
        x = self._event(_as_floats(self, _array(self, x)))
        if not bool(((x.data == 0) | (x.data == 1)).all()):
            raise DataError(
                f"Bernoulli.log_prob: x spans {x.data.min()} to {x.data.max()}; a coin shows 0 or 1: draw "
                "black-and-white pixels from grey ones, or use ops.bernoulli_nll, a cross-entropy that takes grey"
            )
        log_1, log_0 = self._log_probs()
        return (_times_log(x, log_1) + _times_log(1 - x, log_0)).sum(-1)

    def entropy(self) -> Tensor:
        """-p log p - (1 - p) log(1 - p): (..., K) -> (...) nats, summed over K; K log 2 at most."""
        log_1, log_0 = self._log_probs()
        return -(_expected(log_1, log_1) + _expected(log_0, log_0)).sum(-1)

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
        if not bool(current().xp.isfinite(top).all()):
            wrong = "-inf for every class" if bool((top < 0).any()) else "inf"
            raise DataError(f"Categorical: a row of logits holds {wrong}; wanted one finite logit at least, and no inf")

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...] = ()) -> Any:
        """One-hot draws without a history: (*shape, *self.shape) array. `.argmax(-1)` gives the classes' numbers.

        Source: the Gumbel-max trick, Maddison, Tarlow & Minka 2014, section 2.
        """
        with no_grad():
            return self.rsample(_generator(self, rng), shape, temperature=1.0, hard=True).data

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
            if x.size and (x.min() < 0 or x.max() >= K):
                raise DataError(f"Categorical.log_prob: classes span {x.min()} to {x.max()}; wanted 0 to {K - 1}")
            x = x[..., None] == current().xp.arange(K)  # (..., K)
        x = self._event(_as_floats(self, x))
        if not bool(((x.data == 0) | (x.data == 1)).all() and (x.data.sum(-1) == 1).all()):
            raise DataError(
                "Categorical.log_prob: x is not one-hot; wanted a single 1 among zeros on the last axis, "
                "as sample and rsample(hard=True) draw it, or an integer array with the classes' numbers"
            )
        return _times_log(x, self._log_probs()).sum(-1)

    def entropy(self) -> Tensor:
        """-sum of p log p: (..., K) -> (...) nats; log K at most."""
        log_p = self._log_probs()
        return -_expected(log_p, log_p).sum(-1)

    def _log_probs(self) -> Tensor:
        return self.logits - ops.logsumexp(self.logits, axis=-1, keepdims=True)


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
            if not _fits(q.shape, p.shape):
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
    gained = _expected(q_1, q_1) - _expected(q_1, p_1)
    return (gained + (_expected(q_0, q_0) - _expected(q_0, p_0))).sum(-1)


def _kl_categorical(q: Categorical, p: Categorical) -> Tensor:
    """The sum over classes of q (log q - log p). Source: Cover & Thomas 2006, equation 2.26."""
    log_q, log_p = q._log_probs(), p._log_probs()
    return (_expected(log_q, log_q) - _expected(log_q, log_p)).sum(-1)


CLOSED_FORMS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {
    (Normal, StandardNormal): _kl_normal_standard,
    (Normal, Normal): _kl_normal,
    (Bernoulli, Bernoulli): _kl_bernoulli,
    (Categorical, Categorical): _kl_categorical,
}


def _times_log(x: Tensor, log_p: Tensor) -> Tensor:
    """x * log_p for x in {0, 1}, where 0 * -inf is 0."""
    counts = current().xp.isfinite(log_p.data) | (x.data == 1)
    return x * ops.where(log_p, 0.0, condition=counts)


def _expected(log_q: Tensor, log_p: Tensor) -> Tensor:
    """q * log_p, where 0 * -inf is 0: what never happens adds nothing."""
    q = log_q.exp()
    return q * ops.where(log_p, 0.0, condition=q.data > 0)


def _one_hot_of_largest(y: Any) -> Any:
    """1 at the largest entry of the last axis (the first of equals), 0 elsewhere."""
    return (current().xp.arange(y.shape[-1]) == y.argmax(-1)[..., None]).astype(y.dtype)


def _stretch(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`x` repeated along new axes in front; its gradient is summed over them."""
    return x if x.shape == shape else x + current().xp.zeros(shape, x.dtype)


def _fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether the last axes are equal and those in front broadcast."""
    pairs = zip(reversed(a[:-1]), reversed(b[:-1]), strict=False)
    return a[-1] == b[-1] and all(m == n or 1 in (m, n) for m, n in pairs)


def _generator(own: Distribution, rng: Any) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        got = f"got a {type(rng).__name__} to draw with"
        raise ConfigError(f"{own.name}.sample: {got}; wanted a generator: np.random.default_rng(seed)")
    return rng


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
    if bool(current().xp.isnan(logits).any()):
        raise DataError(f"{name}: logits holds NaN; wanted numbers: look at what computed it")
