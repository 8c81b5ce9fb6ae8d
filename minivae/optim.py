"""Optimisers: how parameters move once gradients are there."""

import math
from collections.abc import Iterable

from minivae.backend import current
from minivae.errors import ConfigError, GradientError
from minivae.nn import FlatParameters, Parameter

CHUNK = 65_536  # numbers handled at a time: few enough that four arrays of them stay in a core's cache


class Adam:
    """Adam: a step along the running mean of the gradient, divided by the running root mean square of it.

    Parameters
    ----------
    parameters : what to train; they are gathered into `FlatParameters`.
    lr : step size.
    betas : how much of the two running means is kept at each step.
    tiny : added to the denominator.

    Raises
    ------
    ConfigError
        For a setting outside its range.

    Source: Kingma & Ba 2015, algorithm 1.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        tiny: float = 1e-8,
    ):
        if not 0 < lr < math.inf:
            raise ConfigError(f"Adam: lr is {lr}; it has to be positive, 1e-3 is a good start")
        if not all(0 <= beta < 1 for beta in betas):
            raise ConfigError(f"Adam: betas are {betas}; both have to lie in [0, 1)")
        self.flat = FlatParameters(parameters)
        self.lr, self.betas, self.tiny = lr, betas, tiny
        xp = current().xp
        self.t = 0
        self.m = xp.zeros_like(self.flat.data)
        self.v = xp.zeros_like(self.flat.data)
        self._scratch = xp.empty_like(self.flat.data[:CHUNK])

    def zero_grad(self) -> None:
        """Forget all gradients; the next backward writes over them."""
        for p in self.flat.parameters:
            p.grad = None

    def step(self) -> None:
        """Move every parameter once.

        Raises
        ------
        GradientError
            If a parameter has no gradient, or one of another shape, or no longer lives in this optimiser's memory.
        """
        without = sum(p.grad is None for p in self.flat.parameters)
        if without:
            total = len(self.flat.parameters)
            raise GradientError(f"Adam: {without} of {total} parameters have no gradient; call loss.backward() first")
        if not self.flat.still_gathered():
            raise GradientError("Adam: a parameter was replaced; assign with p.data[...] = value, or make a new Adam")
        self.flat.collect()
        self.t += 1
        for start in range(0, self.flat.data.size, CHUNK):
            self._step(slice(start, start + CHUNK))

    def _step(self, part: slice) -> None:
        """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr m_hat / (sqrt(v_hat) + tiny), all in place."""
        xp = current().xp
        b1, b2 = self.betas
        p, g, m, v = self.flat.data[part], self.flat.grad[part], self.m[part], self.v[part]
        s = self._scratch[: p.size]
        xp.multiply(g, 1 - b1, out=s)
        m *= b1
        m += s
        xp.multiply(g, g, out=s)
        s *= 1 - b2
        v *= b2
        v += s
        # m_hat = m / (1 - b1^t) and v_hat = v / (1 - b2^t), with the two divisors taken out to single numbers
        root = math.sqrt(1 - b2**self.t)
        xp.sqrt(v, out=s)
        s += self.tiny * root
        xp.divide(m, s, out=s)
        s *= self.lr * root / (1 - b1**self.t)
        p -= s
