"""From noise to an image: the chain of denoising steps, as DDPM and as DDIM take them.

Both are generators, so that a film of the steps can be shown; the last x is the sample. They see the data through
`denoise` alone, and begin with the x_T that they are given, a draw from N(0, I).
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from minivae.errors import ConfigError
from minivae.models.diffusion import Schedule, ddim_posterior, ddpm_posterior

# (x_t (B, ...), t) -> estimates of x0 and eps, each (B, ...)
Denoise = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


class Frame(NamedTuple):
    """A step of the chain: it began at t, the denoiser saw x0 in it, and x is where it led; each (B, ...)."""

    t: int
    x0: np.ndarray
    x: np.ndarray


def ddpm(
    denoise: Denoise, schedule: Schedule, x: np.ndarray, rng: np.random.Generator, *, steps: int
) -> Iterator[Frame]:
    """Ancestral sampling: at each step draw from q(x_s | x_t, x0), with the denoiser's estimate in place of x0.

    Parameters
    ----------
    denoise : the model.
    schedule : the one that it was trained with.
    x : (B, ...) x_T, drawn from N(0, I).
    rng : draws the noise of each step.
    steps : of T; made for all of them.

    Raises ConfigError for a number of steps outside 1 to T.
    Source: Ho et al. 2020, algorithm 2, with the smaller of its two variances.
    """
    for t, alpha_bar, alpha_bar_s in _walk(schedule, steps):
        x0, _ = denoise(x, t)
        mean, variance = ddpm_posterior(x0, x, alpha_bar, alpha_bar_s)
        x = _drawn(mean, variance, rng)
        yield Frame(t, x0, x)


def ddim(
    denoise: Denoise, schedule: Schedule, x: np.ndarray, rng: np.random.Generator, *, steps: int, eta: float = 0.0
) -> Iterator[Frame]:
    """DDIM: with eta = 0 nothing is drawn on the way, and few steps do; with eta = 1 it is `ddpm`.

    Parameters as for `ddpm`. Raises ConfigError for steps outside 1 to T, or eta outside [0, 1].
    Source: Song et al. 2021, equation 12.
    """
    if not 0 <= eta <= 1:
        raise ConfigError(f"ddim: eta is {eta}; wanted 0 (nothing is drawn) to 1 (as much as in DDPM)")
    for t, alpha_bar, alpha_bar_s in _walk(schedule, steps):
        x0, eps = denoise(x, t)
        mean, variance = ddim_posterior(x0, eps, alpha_bar, alpha_bar_s, eta)
        x = _drawn(mean, variance, rng)
        yield Frame(t, x0, x)


SAMPLERS = {"ddpm": ddpm, "ddim": ddim}


def guided(conditional: np.ndarray, unconditional: np.ndarray, w: float) -> np.ndarray:
    """(1 + w) conditional - w unconditional: away from what is said without the label, w times as far again.

    w = 0 is no guidance. Others count from 1: their scale is 1 + w. On eps, x0 and v it is the same rule, since each is
    an affine function of the others and the weights add up to 1. Source: Ho & Salimans 2022, equation 6.
    """
    return (1 + w) * conditional - w * unconditional


def _walk(schedule: Schedule, n: int) -> Iterator[tuple[int, float, float]]:
    """The steps t from T - 1 down, each with alpha_bar there and at the next one; after the last comes the image: 1."""
    steps = schedule.steps(n).tolist()
    alpha_bar = [float(schedule.alpha_bar[t]) for t in steps] + [1.0]
    yield from zip(steps, alpha_bar, alpha_bar[1:], strict=False)


def _drawn(mean: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    if not variance:
        return mean
    return mean + math.sqrt(variance) * rng.standard_normal(mean.shape, dtype=mean.dtype)
