"""Optimisers: how parameters move once gradients are there.

All are passes over the flat arrays of `FlatParameters`, in place, a chunk at a time so that the chunk stays in cache.
A backend may replace such a pass by a kernel, `Backend.steps`. `lr` may be changed between steps; minivae/schedule.py
has functions that say to what.
"""

import math
from collections.abc import Iterable
from typing import Any

from minivae.backend import current
from minivae.checks import demand, seen
from minivae.errors import ConfigError, GradientError
from minivae.nn.flat import FlatParameters, FlatState, Parameter, require_gradients


class Optimizer(FlatState):
    """What all optimisers share; each adds `_step`, which moves one chunk of the parameters.

    Parameters
    ----------
    parameters : what to train; they are gathered into `FlatParameters`.
    lr : step size.

    Attributes
    ----------
    flat : the `FlatParameters`.
    lr : step size of the next step; 0 is allowed there.
    t : steps done.

    Raises
    ------
    ConfigError
        For a setting outside its range.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float):
        if not 0 < lr < math.inf:
            raise ConfigError(f"{type(self).__name__}: lr is {lr}; it has to be positive, 1e-3 is a good start")
        super().__init__(FlatParameters(parameters))
        self.lr = lr

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
        ConfigError
            If `lr` was set to something that is no step size.
        """
        self.begin()
        for part in self.flat.chunks():
            self._step(part)

    def begin(self) -> None:
        """The first half of `step`: see that all is there, and count. What is left is `_step` on every stretch.

        Raises GradientError if a parameter has none, ConfigError if `lr` was set to what it cannot be.
        """
        who = type(self).__name__
        self.flat.check_gradients(who)
        if not 0 <= self.lr < math.inf:
            raise ConfigError(f"{who}: lr was set to {self.lr}; it has to be 0 or more")
        self.t += 1

    def _step(self, part: slice) -> None:
        raise NotImplementedError(f"{type(self).__name__}: write _step(self, part), which moves self.flat.data[part]")


class SGD(Optimizer):
    """Downhill, along the gradient or along a decaying sum of all gradients so far.

    Parameters
    ----------
    parameters, lr : see `Optimizer`.
    momentum : how much of that sum is kept at each step; 0 forgets it. A steady gradient then moves the parameters
        by lr / (1 - momentum) a step.

    Raises ConfigError for a setting outside its range.
    Source: Robbins & Monro 1951; Polyak 1964 for momentum, with lr outside the sum as in PyTorch, so that a change
    of lr acts at once on all of it.
    """

    velocity: Any

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-2, momentum: float = 0.0):
        if not 0 <= momentum < 1:
            raise ConfigError(f"SGD: momentum is {momentum}; it has to lie in [0, 1), 0.9 is usual")
        self.momentum = momentum
        self.names = ("velocity",) if momentum else ()
        super().__init__(parameters, lr)

    def _step(self, part: slice) -> None:
        """velocity = momentum velocity + g;  p -= lr velocity, in place."""
        p, g, s = self.flat.data[part], self.flat.grad[part], self._scratch
        if self.momentum:
            velocity = self.velocity[part]
            velocity *= self.momentum
            velocity += g
            g = velocity
        p -= current().xp.multiply(g, self.lr, out=s[: p.size])


def adam(xp, p, g, m, v, scratch, *, b1, b2, step, tiny, decay):
    """m = b1 m + g;  v = b2 v + g^2;  p -= decay p + step m / (sqrt(v) + tiny), all in place: six arrays of (n,)."""
    if decay:
        p *= 1 - decay
    m *= b1
    m += g
    v *= b2
    v += xp.multiply(g, g, out=scratch)
    xp.sqrt(v, out=scratch)
    scratch += tiny
    xp.divide(m, scratch, out=scratch)
    scratch *= step
    p -= scratch


class Adam(Optimizer):
    """Adam: a step along the running mean of the gradient, divided by the running root mean square of it.

    Parameters
    ----------
    parameters, lr : see `Optimizer`.
    betas : how much of the two running means is kept at each step.
    tiny : added to the denominator.

    Attributes
    ----------
    m, v : (n,) decaying sums of the gradient and of its square. The paper's means are (1 - b1) m and (1 - b2) v.

    Raises ConfigError for a setting outside its range. Source: Kingma & Ba 2015, algorithm 1.
    """

    names = ("m", "v")
    m: Any
    v: Any
    decay = 0.0

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        tiny: float = 1e-8,
    ):
        who = type(self).__name__
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ConfigError(f"{who}: betas are {betas}; both have to lie in [0, 1)")
        if not 0 <= tiny < math.inf:
            raise ConfigError(f"{who}: tiny is {tiny}; it has to be 0 or more, 1e-8 is usual")
        super().__init__(parameters, lr)
        self.betas, self.tiny = betas, tiny

    def _step(self, part: slice) -> None:
        """p -= lr m_hat / (sqrt(v_hat) + tiny), by `adam` or what the backend has in its place.

        Every factor that is the same for all numbers is taken out and joined to `lr` and `tiny`: 10 passes for 14.
        """
        here = current()
        b1, b2 = self.betas
        m_hat, root = (1 - b1) / (1 - b1**self.t), math.sqrt((1 - b2) / (1 - b2**self.t))  # times m, times sqrt(v)
        p, g, m, v = self.flat.data[part], self.flat.grad[part], self.m[part], self.v[part]
        rates = dict(b1=b1, b2=b2, step=self.lr * m_hat / root, tiny=self.tiny / root, decay=self.lr * self.decay)
        here.steps.get("adam", adam)(here.xp, p, g, m, v, self._scratch[: p.size], **rates)


class AdamW(Adam):
    """Adam, and apart from it all parameters shrink a little towards 0 at each step.

    Under Adam a penalty on the weights would be divided by the root mean square like any gradient: weights with large
    gradients would hardly be held back. Here the decay goes past it.

    Parameters
    ----------
    parameters, lr, betas, tiny : see `Adam`.
    decay : p loses the share lr * decay of itself at each step. It takes in biases and gains too, as in PyTorch.

    Raises ConfigError for a setting outside its range.
    Source: Loshchilov & Hutter 2019, algorithm 2, with the decay times lr, as in PyTorch.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        tiny: float = 1e-8,
        decay: float = 0.01,
    ):
        if not 0 <= decay < math.inf:
            raise ConfigError(f"AdamW: decay is {decay}; it has to be 0 or more, 0.01 is usual")
        super().__init__(parameters, lr, betas, tiny)
        self.decay = decay


def clip_grad_norm(parameters: FlatParameters | Iterable[Parameter], max_norm: float) -> Any:
    """Shorten all gradients together, as one long vector, to the length `max_norm` if they are longer; in place.

    Parameters
    ----------
    parameters : an optimiser's `flat`, in one pass; or parameters, one after the other.
    max_norm : the length to stay within; infinity only measures.

    Returns
    -------
    norm : the length before: sqrt of the sum of the squares of all gradients. On a GPU an array of no dimension, which
        `float` or `minivae.backend.numbers` reads; there nothing is waited for, and the error comes when a value is
        next read.

    Raises
    ------
    ConfigError
        If `max_norm` is not positive.
    GradientError
        If a parameter has no gradient, or the length is infinite or NaN: nothing is changed then.

    Source: Pascanu et al. 2013, algorithm 1.
    """
    if not max_norm > 0:
        raise ConfigError(f"clip_grad_norm: max_norm is {max_norm}; it has to be positive")
    if isinstance(parameters, FlatParameters):
        parameters.check_gradients("clip_grad_norm")
        gradients = [parameters.grad[part] for part in parameters.chunks()]
    else:
        listed = list(dict.fromkeys(parameters))
        require_gradients("clip_grad_norm", listed)
        gradients = [p.grad for p in listed]
    xp = current().xp
    norm = xp.sqrt(sum(xp.vdot(g, g).astype("float64") for g in gradients))
    fine = norm < math.inf  # said so that NaN fails it too
    demand(fine, lambda: GradientError(f"clip_grad_norm: the length of the gradient is {norm}; take a smaller lr"))
    if not seen(norm):  # not here yet: multiply by 1 where there is nothing to shorten
        share = xp.where(fine, xp.minimum(max_norm / norm, 1), 1)
        for g in gradients:
            g *= share.astype(g.dtype)
        return norm
    norm = float(norm)
    if norm > max_norm:
        for g in gradients:
            g *= max_norm / norm
    return norm
