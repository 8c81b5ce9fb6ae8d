"""What all distributions have in common: their shapes, their draws, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from minivae.backend import current, host
from minivae.checks import demand
from minivae.engine import Tensor, common_dtype
from minivae.errors import ConfigError, DataError, GradientError, ShapeError


class Distribution:
    """What all have in common.

    Attributes
    ----------
    shape : (..., K), the shape of the parameters and of one draw.
    batch : `shape` without its last axis: the shape of `entropy()`.
    dtype : float32 or float64, of the parameters and of everything that is computed from them.

    Raises
    ------
    ShapeError
        If the parameters are single numbers, empty, or of different shapes.
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
        """Draws that a gradient can go through, (*shape, *self.shape); raises GradientError where there are none."""
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
        if x.ndim == 0 or not fits(x.shape, self.shape):
            raise ShapeError(
                f"{self.name}.log_prob: x is {x.shape} but the parameters are {self.shape}; "
                f"the last axis has to be {self.shape[-1]}, those in front have to broadcast"
            )
        self._finite("log_prob", "x", x.data)
        return x

    def _finite(self, method: str, what: str, values: Any) -> None:
        where = f"{self.name}.{method}" if method else self.name

        def error() -> DataError:
            kind = "NaN" if np.isnan(host(low)) else "infinity"
            return DataError(f"{where}: {what} holds {kind}; wanted finite numbers: look at what computed it")

        if values.size:
            low, high = values.min(), values.max()  # NaN passes through both
            demand((low > -math.inf) & (high < math.inf), error)

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


def fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether the last axes are equal and those in front broadcast."""
    pairs = zip(reversed(a[:-1]), reversed(b[:-1]), strict=False)
    return a[-1] == b[-1] and all(m == n or 1 in (m, n) for m, n in pairs)


def generator(own: Distribution, rng: Any) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        got = f"got a {type(rng).__name__} to draw with"
        raise ConfigError(f"{own.name}.sample: {got}; wanted a generator: np.random.default_rng(seed)")
    return rng
