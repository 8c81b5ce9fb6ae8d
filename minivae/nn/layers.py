"""Layers: functions that own their weights. Each calls one op of minivae.ops, where the mathematics stands.

`rng` draws the weights of a layer; `init` is a name in `minivae.nn.init.INITS` or a function. Activations need no
layer: an op such as `relu` is one, and `activation("relu")` finds it by name.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from minivae import ops
from minivae.backend import current
from minivae.checks import demand
from minivae.engine import Tensor
from minivae.errors import ConfigError, DataError, DtypeError
from minivae.nn.flat import Parameter
from minivae.nn.init import weight, weight_and_bias
from minivae.nn.module import Module

ACTIVATIONS = ("relu", "leaky_relu", "silu", "gelu", "tanh", "sigmoid", "softplus")


def activation(name: str) -> Callable[..., Tensor]:
    """The op of that name; raises ConfigError if it is none of `ACTIVATIONS`."""
    if name not in ACTIVATIONS:
        raise ConfigError(f"activation: got {name!r}; there are {', '.join(ACTIVATIONS)}")
    return getattr(ops, name)


def _check_sizes(who: str, least: int = 1, **sizes: int) -> None:
    if not all(isinstance(n, Integral) and n >= least for n in sizes.values()):
        got = ", ".join(f"{name}={n}" for name, n in sizes.items())
        which = {1: "it has", 2: "both have"}.get(len(sizes), "all have")
        raise ConfigError(f"{who}: got {got}; {which} to be at least {least}, and whole")


class Linear(Module):
    """x @ W + b: (B, n_in) -> (B, n_out); also (..., n_in) -> (..., n_out).

    Parameters
    ----------
    n_in, n_out : numbers that come in and go out. W is (n_in, n_out), b is (n_out,).
    init : how W starts. Under "uniform" b is drawn alike, else it is 0.

    Raises ConfigError for a size below 1 or an unknown `init`.
    """

    def __init__(self, n_in: int, n_out: int, *, init: Any = "uniform", rng: np.random.Generator):
        _check_sizes("Linear", n_in=n_in, n_out=n_out)
        self.W, self.b = weight_and_bias("Linear", init, (n_in, n_out), n_out, rng, fan_in=n_in, fan_out=n_out)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim <= 2:
            return ops.linear(x, self.W, self.b)
        rows = x.reshape(-1, x.shape[-1])  # (B * T, n_in)
        return ops.linear(rows, self.W, self.b).reshape(*x.shape[:-1], -1)


class Conv2d(Module):
    """Each output pixel is a k x k patch times W, plus b: (B, n_in, H, W) -> (B, n_out, h, w).

    h = (H + 2 padding - k) // stride + 1, likewise w.

    Parameters
    ----------
    n_in, n_out : channels. W is (k, k, n_in, n_out), b is (n_out,).
    k : side of the patch.
    stride, padding : pixels from one patch to the next; width of the frame of zeros.
    init : how W starts. Under "uniform" b is drawn alike, else it is 0. The fans are the numbers of terms in the two
        sums, away from the frame: k^2 n_in forward, (k / stride)^2 n_out backward. PyTorch's leave the stride out.

    Raises ConfigError for a setting outside its range or an unknown `init`.
    Source: LeCun et al. 1989; Dumoulin & Visin 2016, relationship 6, for h.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        k: int,
        *,
        stride: int = 1,
        padding: int = 0,
        init: Any = "uniform",
        rng: np.random.Generator,
    ):
        self.stride, self.padding = stride, padding
        fans = _conv_fans("Conv2d", n_in, n_out, k, stride, padding)
        self.W, self.b = weight_and_bias("Conv2d", init, (k, k, n_in, n_out), n_out, rng, **fans)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(x, self.W, self.b, stride=self.stride, padding=self.padding)


class ConvTranspose2d(Module):
    """What `Conv2d` does to gradients, used forward, to enlarge: (B, n_in, h, w) -> (B, n_out, H, W).

    H = (h - 1) stride + k - 2 padding, likewise W: with k = 4, stride = 2, padding = 1 it is exactly 2 h.

    Parameters
    ----------
    n_in, n_out : channels. W is (k, k, n_out, n_in), b is (n_out,).
    k : side of the patch that each input pixel is spread over.
    stride, padding : pixels from one patch to the next; width of the margin that is cut off.
    init : as for `Conv2d`, with the two passes exchanged: the fans are (k / stride)^2 n_in forward and k^2 n_out
        backward. PyTorch takes k^2 n_out for the fan_in, with which the signal's size depends on n_out / n_in.

    Raises ConfigError for a setting outside its range or an unknown `init`.
    Source: Dumoulin & Visin 2016, chapter 4.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        k: int,
        *,
        stride: int = 1,
        padding: int = 0,
        init: Any = "uniform",
        rng: np.random.Generator,
    ):
        self.stride, self.padding = stride, padding
        back = _conv_fans("ConvTranspose2d", n_out, n_in, k, stride, padding)
        fans = dict(fan_in=back["fan_out"], fan_out=back["fan_in"])
        self.W, self.b = weight_and_bias("ConvTranspose2d", init, (k, k, n_out, n_in), n_out, rng, **fans)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv_transpose2d(x, self.W, self.b, stride=self.stride, padding=self.padding)


def _conv_fans(who: str, n_in: int, n_out: int, k: int, stride: int, padding: int) -> dict[str, float]:
    """How many products a convolution adds up for an output, and its gradient for an input."""
    _check_sizes(who, n_in=n_in, n_out=n_out, k=k, stride=stride)
    _check_sizes(who, 0, padding=padding)
    return dict(fan_in=k * k * n_in, fan_out=max(1, k / stride) ** 2 * n_out)


class Embedding(Module):
    """A learnt vector for each of n things: integers (...) -> (..., dim).

    Parameters
    ----------
    n, dim : how many things, how long their vectors. W is (n, dim).
    init : how W starts; "normal" is N(0, 1).

    Raises ConfigError for a size below 1 or an unknown `init`; when called, DtypeError if the index is not of
    integers, DataError if it leaves 0 to n - 1.
    """

    def __init__(self, n: int, dim: int, *, init: Any = "normal", rng: np.random.Generator):
        _check_sizes("Embedding", n=n, dim=dim)
        self.W = weight("Embedding", init, (n, dim), rng, fan_in=n, fan_out=dim)

    def forward(self, index: np.ndarray) -> Tensor:
        if isinstance(index, Tensor):
            raise DtypeError("Embedding: got a Tensor, which holds floats; pass the array of integers itself")
        index, n = index if hasattr(index, "dtype") else np.asarray(index), len(self.W)
        if index.dtype.kind not in "iu":
            raise DtypeError(f"Embedding: got {index.dtype}; wanted integers: y.astype('int64')")
        if index.size:  # looked at where it is: what comes from the host is not sent to the device before
            low, high = index.min(), index.max()
            demand(
                (low >= 0) & (high < n),
                lambda: DataError(f"Embedding: the index spans {low} to {high}; wanted 0 to {n - 1}"),
            )
        return ops.take(self.W, index=index)


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last axis, then gain * x + bias: (..., n) -> (..., n).

    Raises ConfigError for a size below 1. Source: Ba, Kiros & Hinton 2016, equations 3 and 4.
    """

    def __init__(self, n: int, *, tiny: float = 1e-5):
        _check_sizes("LayerNorm", n=n)
        self.tiny = tiny
        self.gain, self.bias = Parameter(np.ones(n, np.float32)), Parameter(np.zeros(n, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.gain, self.bias, tiny=self.tiny)


class GroupNorm(Module):
    """Mean 0 and variance 1 over each group of an image's channels, then gain * x + bias: (B, n, H, W) to the same.

    Raises ConfigError if a size is below 1 or `groups` does not divide n.
    Source: Wu & He 2018, equations 1, 2 and 7.
    """

    def __init__(self, n: int, *, groups: int, tiny: float = 1e-5):
        _check_sizes("GroupNorm", n=n, groups=groups)
        if n % groups:
            raise ConfigError(f"GroupNorm: {n} channels do not divide into {groups} groups")
        self.groups, self.tiny = groups, tiny
        self.gain, self.bias = Parameter(np.ones(n, np.float32)), Parameter(np.zeros(n, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.group_norm(x, self.gain, self.bias, groups=self.groups, tiny=self.tiny)


class Dropout(Module):
    """In training each number is 0 with probability p, else x / (1 - p), so that its mean stays x; any shape.

    The draw comes from the `rng` of the call, not from one kept here: so one generator, that of the run, decides
    everything, and a resumed run gives the same bits. Elements are drawn in the order of their indices, whatever
    their order in memory. After `model.eval()` the layer returns x itself and needs no `rng`.

    Raises ConfigError if p is outside [0, 1), or there is no `rng` in training.
    Source: Srivastava et al. 2014, section 4, scaled during training instead of afterwards.
    """

    draws = True

    def __init__(self, p: float):
        if not 0 <= p < 1:
            raise ConfigError(f"Dropout: p is {p}; the share that is dropped has to lie in [0, 1)")
        self.p = p

    def forward(self, x: Tensor, *, rng: np.random.Generator | None = None) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if rng is None:
            raise ConfigError("Dropout: training needs a generator: call model(x, rng=rng), or model.eval() before")
        xp = current().xp
        keep = xp.asarray(rng.random(x.shape, dtype=np.float32) >= self.p)
        return x * xp.multiply(keep, x.dtype.type(1 / (1 - self.p)), out=xp.empty_like(x.data))
