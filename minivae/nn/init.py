"""How weights start: random, and of a size that lets signals pass through many layers.

A unit adds up `fan_in` products. If the weights have mean 0 and variance s^2, and the inputs a mean square of q, the
sum has the variance fan_in * s^2 * q: with s^2 = 1 / fan_in a signal neither fades nor explodes. What a nonlinearity
takes away, a `gain` puts back: relu halves the mean square, so its gain is sqrt(2). Going back, a gradient adds up
`fan_out` products in the same way.

All are called alike, `init(shape, fan_in=..., fan_out=..., rng=...)`, and return a float32 array; those that need one
fan alone ignore the other. A function of your own with these arguments will do wherever a layer takes `init=`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minivae.errors import ConfigError, ShapeError
from minivae.nn.flat import Parameter

Rng = np.random.Generator
Shape = tuple[int, ...]


def uniform(shape: Shape, fan_in: float, rng: Rng, fan_out: float | None = None) -> np.ndarray:
    """Uniform in +-1 / sqrt(fan_in): variance 1 / (3 fan_in). The default of the layers here, and of PyTorch's.

    Source: Glorot & Bengio 2010, equation 1, as "commonly used"; it lets signals fade slowly.
    """
    return _within(1 / math.sqrt(_positive("uniform", fan_in)), shape, rng)


def kaiming_uniform(
    shape: Shape, fan_in: float, rng: Rng, fan_out: float | None = None, *, gain: float = math.sqrt(2)
) -> np.ndarray:
    """Uniform in +-gain * sqrt(3 / fan_in): variance gain^2 / fan_in. Source: He et al. 2015, equation 10."""
    return _within(gain * math.sqrt(3 / _positive("kaiming_uniform", fan_in)), shape, rng)


def kaiming_normal(
    shape: Shape, fan_in: float, rng: Rng, fan_out: float | None = None, *, gain: float = math.sqrt(2)
) -> np.ndarray:
    """N(0, gain^2 / fan_in). Source: He et al. 2015, equation 10."""
    return normal(shape, rng, std=gain / math.sqrt(_positive("kaiming_normal", fan_in)))


def xavier_uniform(shape: Shape, fan_in: float, fan_out: float, rng: Rng, *, gain: float = 1.0) -> np.ndarray:
    """Uniform in +-gain * sqrt(6 / (fan_in + fan_out)): the variance of `xavier_normal`.

    Source: Glorot & Bengio 2010, equation 16.
    """
    return _within(gain * math.sqrt(6 / _positive("xavier_uniform", fan_in, fan_out)), shape, rng)


def xavier_normal(shape: Shape, fan_in: float, fan_out: float, rng: Rng, *, gain: float = 1.0) -> np.ndarray:
    """N(0, 2 gain^2 / (fan_in + fan_out)), between what the forward and what the backward pass asks for.

    Source: Glorot & Bengio 2010, equation 12.
    """
    return normal(shape, rng, std=gain * math.sqrt(2 / _positive("xavier_normal", fan_in, fan_out)))


def normal(
    shape: Shape, rng: Rng, fan_in: float | None = None, fan_out: float | None = None, *, std: float = 1.0
) -> np.ndarray:
    """N(0, std^2), whatever the fans."""
    return (std * rng.standard_normal(shape)).astype(np.float32)


def zeros(
    shape: Shape, rng: Rng | None = None, fan_in: float | None = None, fan_out: float | None = None
) -> np.ndarray:
    """All 0, for the last layer of a branch that shall start as if it were not there."""
    return np.zeros(shape, np.float32)


INITS: dict[str, Callable[..., np.ndarray]] = {
    f.__name__: f for f in (uniform, kaiming_uniform, kaiming_normal, xavier_uniform, xavier_normal, normal, zeros)
}


def gain(activation: str, slope: float = 0.01) -> float:
    """By how much weights are to be larger than 1 / sqrt(fan) because their inputs passed through an activation f.

    For "linear", "relu" and "leaky_relu" (with that `slope`) it is exact: 1 / sqrt(E f(u)^2) for u from N(0, 1). For
    "tanh" it is 5/3 and for "sigmoid" 1, by custom, as in PyTorch.

    Raises ConfigError for another name. Source: He et al. 2015, equation 15.
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
    }
    if activation not in gains:
        raise ConfigError(f"gain: got {activation!r}; there are {', '.join(gains)}")
    return gains[activation]


def by_name(init: Any, who: str) -> Callable[..., np.ndarray]:
    """An initialiser from its name, or the function that was given; raises ConfigError in the name of `who` asks."""
    if callable(init):
        return init
    if init not in INITS:
        raise ConfigError(f"{who}: init is {init!r}; there are {', '.join(INITS)}, or pass a function")
    return INITS[init]


def weight(who: str, init: Any, shape: Shape, rng: Rng, **fans: float) -> Parameter:
    """A parameter of `shape` as `init` draws it; raises ShapeError if it draws another."""
    W = np.asarray(by_name(init, who)(shape, rng=rng, **fans), np.float32)
    if W.shape != shape:
        raise ShapeError(f"{who}: init gave {W.shape}; wanted {shape}")
    return Parameter(W)


def weight_and_bias(who: str, init: Any, shape: Shape, n: int, rng: Rng, **fans: float) -> tuple[Parameter, Parameter]:
    """W of `shape`, then b of (n,): drawn alike under "uniform", else 0, as the other initialisers' papers have it."""
    W = weight(who, init, shape, rng, **fans)
    return W, weight(who, "uniform" if init in ("uniform", uniform) else "zeros", (n,), rng, **fans)


def _within(bound: float, shape: Shape, rng: Rng) -> np.ndarray:
    return rng.uniform(-bound, bound, size=shape).astype(np.float32)


def _positive(who: str, *fans: float) -> float:
    """The sum of the fans."""
    if not all(0 < fan < math.inf for fan in fans):
        raise ConfigError(f"{who}: the fans are {', '.join(map(str, fans))}; they have to be positive")
    return sum(fans)
