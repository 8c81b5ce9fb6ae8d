"""Diffusion on paper: how an image drowns in noise step by step, and what a denoiser's answer says about it.

The forward process has a closed form, q(x_t | x0) = N(sqrt(alpha_bar_t) x0, (1 - alpha_bar_t) I), or

    x_t = signal x0 + noise eps,  signal = sqrt(alpha_bar_t),  noise = sqrt(1 - alpha_bar_t),  signal^2 + noise^2 = 1.

Of x0, eps and x_t any two give the third, and v = signal eps - noise x0 is a fourth of the kind: (x_t, v) is (x0, eps)
turned by the angle whose cosine is the signal. A denoiser sees x_t and may be trained to answer with eps, x0 or v.

Step t counts from 0 to T - 1 as indices do; the papers count from 1. Functions of x_t work on arrays and on tensors.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minivae.errors import ConfigError, ShapeError

KINDS = ("eps", "x0", "v")


def linear(T: int, first: float = 1e-4, last: float = 0.02) -> np.ndarray:
    """alpha_bar (T,) where beta_t, the variance added in a step, rises in a straight line.

    `first` and `last` are for T = 1000. For another T they are scaled by 1000 / T, so that as much is added in all.
    Source: Ho et al. 2020, section 4.
    """
    beta = np.linspace(first, last, T) * (1000 / T)
    return np.cumprod(1 - np.minimum(beta, 0.999))


def cosine(T: int, s: float = 0.008) -> np.ndarray:
    """alpha_bar (T,) as a squared cosine: slower at both ends, so that fewer steps are spent on what is noise already.

    beta_t is held below 0.999, for at the end alpha_bar would be 0 and the image lost beyond all dividing.
    Source: Nichol & Dhariwal 2021, equation 17.
    """
    f = np.cos((np.arange(T + 1) / T + s) / (1 + s) * math.pi / 2) ** 2
    return np.cumprod(1 - np.minimum(1 - f[1:] / f[:-1], 0.999))


SCHEDULES: dict[str, Callable[[int], np.ndarray]] = {"linear": linear, "cosine": cosine}


class Schedule:
    """How much is left of the image after each step.

    Parameters
    ----------
    name : "cosine" or "linear".
    T : steps.

    Attributes
    ----------
    alpha_bar : (T,) float64, falling from nearly 1 to nearly 0: the share of the variance that is signal.
    config : what to make it of again.

    Raises ConfigError for another name, or fewer than 2 steps.
    """

    def __init__(self, name: str = "cosine", T: int = 1000):
        if name not in SCHEDULES or T < 2:
            raise ConfigError(
                f"Schedule: got {name!r} with T={T}; there are {', '.join(SCHEDULES)}, with 2 steps or more"
            )
        self.config = dict(name=name, T=T)
        self.T, self.alpha_bar = T, SCHEDULES[name](T)

    def at(self, t: Any, like: Any) -> tuple[np.ndarray, np.ndarray]:
        """signal and noise at steps t, of the dtype of `like` and with its number of axes: (B,) -> two (B, 1, ...).

        Raises ConfigError for a step outside 0 to T - 1, ShapeError if there is not one for each image.
        """
        t = np.asarray(t)
        if t.shape != (len(like),):
            raise ShapeError(
                f"Schedule: t is {t.shape} for {len(like)} images; wanted one step for each: ({len(like)},)"
            )
        if t.dtype.kind not in "iu" or (t.size and not (t.min() >= 0 and t.max() < self.T)):
            raise ConfigError(
                f"Schedule: got steps {t.dtype} from {t.min()} to {t.max()}; wanted whole, 0 to {self.T - 1}"
            )
        alpha_bar = self.alpha_bar[t].reshape(-1, *[1] * (like.ndim - 1))
        return np.sqrt(alpha_bar).astype(like.dtype), np.sqrt(1 - alpha_bar).astype(like.dtype)

    def q_sample(self, x0: Any, t: Any, eps: Any) -> Any:
        """x_t, the image after step t, without the steps before: (B, ...), (B,), (B, ...) -> (B, ...).

        Raises as `at`, and ShapeError if eps is not of the shape of x0. Source: Ho et al. 2020, equation 4.
        """
        if eps.shape != x0.shape:
            raise ShapeError(f"q_sample: eps is {eps.shape} but x0 is {x0.shape}; draw rng.standard_normal(x0.shape)")
        signal, noise = self.at(t, x0)
        return signal * x0 + noise * eps

    def steps(self, n: int) -> np.ndarray:
        """`n` steps out of T, evenly spaced, from T - 1 down: (n,) integers. The last is T / n - 1 or next to it.

        Raises ConfigError unless n is in 1 to T. Source: Song et al. 2021, section 4.2, for taking few; Lin et al.
        2024, section 3.3, for beginning at the very end, as training did.
        """
        if not (isinstance(n, (int, np.integer)) and 1 <= n <= self.T):
            raise ConfigError(f"steps: got {n} of {self.T}; wanted a whole number, 1 to {self.T}")
        return np.round(self.T * np.arange(n, 0, -1) / n).astype(np.int64) - 1


def target(kind: str, x0: Any, eps: Any, signal: Any, noise: Any) -> Any:
    """What a denoiser of this kind is to say. Raises ConfigError for a kind not in `KINDS`.

    Source: Ho et al. 2020, equation 14 (eps); Salimans & Ho 2022, section 4 and appendix D (x0, v).
    """
    check_kind(kind)
    return {"eps": lambda: eps, "x0": lambda: x0, "v": lambda: signal * eps - noise * x0}[kind]()


def x0_and_eps(kind: str, answer: Any, x_t: Any, signal: Any, noise: Any) -> tuple[Any, Any]:
    """What a denoiser's answer means for the image and for the noise, given x_t; the inverse of `target`.

    Where x_t is all noise an answer of kind "eps" says little about x0, and dividing by the signal shows it; likewise
    "x0" about eps where x_t is all image. "v" divides by nothing.

    Raises ConfigError for a kind not in `KINDS`. Source: Salimans & Ho 2022, appendix D.
    """
    check_kind(kind)
    if kind == "eps":
        return (x_t - noise * answer) / signal, answer
    if kind == "x0":
        return answer, (x_t - signal * answer) / noise
    return signal * x_t - noise * answer, noise * x_t + signal * answer


def check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigError(f"a denoiser predicts {', '.join(KINDS)}; got {kind!r}")


def ddpm_posterior(x0: Any, x_t: Any, alpha_bar: float, alpha_bar_s: float) -> tuple[Any, float]:
    """Mean and variance of q(x_s | x_t, x0), for a step s before t: where x_t came from, if x0 were known.

    Parameters
    ----------
    x0, x_t : (B, ...).
    alpha_bar, alpha_bar_s : at t and at s; 1 where s is the image itself. Without steps between them,
        beta = 1 - alpha_bar / alpha_bar_s is the paper's beta_t.

    Source: Ho et al. 2020, equations 6 and 7.
    """
    alpha = alpha_bar / alpha_bar_s
    beta, noise2, noise2_s = 1 - alpha, 1 - alpha_bar, 1 - alpha_bar_s
    mean = math.sqrt(alpha_bar_s) * beta / noise2 * x0 + math.sqrt(alpha) * noise2_s / noise2 * x_t
    return mean, noise2_s / noise2 * beta


def ddim_posterior(x0: Any, eps: Any, alpha_bar: float, alpha_bar_s: float, eta: float) -> tuple[Any, float]:
    """Mean and variance of DDIM's q(x_s | x_t, x0): the same marginals, with `eta` times the noise of DDPM on the way.

    Back to s goes what x0 and eps would have been there: with eta = 0 nothing is drawn at all, and x_T decides x0; with
    eta = 1 it is `ddpm_posterior`. Arguments as there. Source: Song et al. 2021, equations 12 and 16.
    """
    variance = eta**2 * (1 - alpha_bar_s) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_s)
    rest = math.sqrt(max(1 - alpha_bar_s - variance, 0.0))  # rounding may leave less than 0
    return math.sqrt(alpha_bar_s) * x0 + rest * eps, variance
