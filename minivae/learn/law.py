"""Is a sampler right? Its draws are turned into what should be independent N(0, 1) scores, and those are tested.

One check makes many tests: for each number that is drawn, the mean, the spread, the whole distribution, and whether it
depends on draws before it or on other numbers of the same draw. Each test may be wrong about a right sampler with a
probability of ALARM divided by the number of tests, so all together are wrong with at most ALARM: one in a million.
With 10,000 draws a mean that is off by 0.06 standard deviations is found, or a spread that is off by 5 %.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

ALARM = 1e-6
DRAWS = 10_000
LAGS = (1, 2, DRAWS // 2)  # neighbours, every other one, and a second half that repeats the first
STANDARD = NormalDist()


@dataclass(frozen=True)
class Law:
    """What a sampler is to draw from. The first axis of its result counts independent draws.

    Attributes
    ----------
    score : callable
        ``score(x, v, **inputs)`` turns draws x into scores of the same shape, independent N(0, 1) if the sampler is
        right; v, of that shape too, is uniform in (0, 1), for laws of whole numbers. It names the inputs it needs.
    """

    score: Callable

    def scores(self, x: np.ndarray, inputs: Mapping[str, object], rng: np.random.Generator) -> np.ndarray:
        """Return the scores of draws as (N, K)."""
        x = np.asarray(x, np.float64)
        names = list(inspect.signature(self.score).parameters)[2:]
        v = rng.uniform(size=x.shape)
        return np.asarray(self.score(x, v, **{name: inputs[name] for name in names})).reshape(len(x), -1)


def normal_law(parameters: Callable) -> Law:
    """The law N(mean, std^2); `parameters` takes inputs by name and returns mean and std."""
    names = list(inspect.signature(parameters).parameters)

    def score(x, v, **inputs):
        mean, std = parameters(**inputs)
        return (x - mean) / std

    return Law(_named(score, names))


def continuous_law(cdf: Callable) -> Law:
    """Any law without jumps; ``cdf(x, ...)`` is the probability of a value up to x, and takes inputs by name."""
    names = list(inspect.signature(cdf).parameters)[1:]
    return Law(_named(lambda x, v, **inputs: from_uniform(cdf(x, **inputs)), names))


def discrete_law(probability: Callable, values: int) -> Law:
    """A law of the whole numbers 0 to values - 1; ``probability(k, ...)`` takes inputs by name."""
    names = list(inspect.signature(probability).parameters)[1:]

    def score(x, v, **inputs):
        each = [np.broadcast_to(probability(k, **inputs), x.shape) for k in range(values)]
        below = sum((np.where(x > k, p, 0.0) for k, p in enumerate(each)), np.zeros(x.shape))
        here = sum((np.where(x == k, p, 0.0) for k, p in enumerate(each)), np.zeros(x.shape))
        return from_uniform(below + v * here)  # anywhere in its step: so a law with jumps becomes one without

    return Law(_named(score, names))


def _named(score: Callable, names: list[str]) -> Callable:
    """A score that says, to `inspect`, which inputs it takes."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    score.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in ("x", "v", *names)])  # type: ignore
    return score


def from_uniform(u: np.ndarray) -> np.ndarray:
    """Turn numbers that are uniform in (0, 1) into scores; what lies outside becomes a score of about 8."""
    flat = np.clip(np.asarray(u, np.float64), 1e-15, 1 - 1e-15).ravel()
    return np.array([STANDARD.inv_cdf(p) for p in flat]).reshape(np.shape(u))


@dataclass(frozen=True)
class Signs:
    """What is measured on scores: each figure in units of its own standard error, and the sorted probabilities."""

    means: np.ndarray
    spreads: np.ndarray
    dependences: np.ndarray
    probabilities: np.ndarray  # (N, K), sorted along N
    ratio: float  # of the spreads, over all
    shift: float  # of the means, the largest

    @property
    def tests(self) -> int:
        """How many tests there are on it."""
        return self.means.size + self.spreads.size + self.dependences.size + self.probabilities.shape[1]


def measure(scores: np.ndarray) -> Signs:
    """Measure scores (N, K)."""
    n, k = scores.shape
    mean, square = scores.mean(0), (scores**2).mean(0)
    shift = mean[np.abs(mean).argmax()]
    centred = scores - mean
    length = np.sqrt((centred**2).sum(0))
    # All draws alike: a correlation of 1. (1e-6: rounding of float32 is below it, a law's own spread is 1.)
    unit = np.where(length > 1e-6 * math.sqrt(n), centred / np.maximum(length, 1e-300), 1 / math.sqrt(n))
    lagged = [math.sqrt(n) * (unit[lag:] * unit[:-lag]).sum(0) for lag in LAGS if lag < n]
    across = math.sqrt(n) * (unit.T @ unit)[np.triu_indices(k, 1)]
    # Wilson and Hilferty: the cube root of a mean of squares is normal far into its tails.
    spreads = (np.cbrt(square) - (1 - 2 / (9 * n))) / math.sqrt(2 / (9 * n))
    probabilities = np.sort(0.5 * (1 + _erf(scores / math.sqrt(2))), axis=0)
    dependences = np.concatenate([*lagged, across])
    return Signs(
        math.sqrt(n) * mean, spreads, dependences, probabilities, float(np.sqrt((centred**2).mean())), float(shift)
    )


def verdict(signs: Signs, alarm: float = ALARM) -> str:
    """Return the first fault: ``"dependent"``, ``"mean"``, ``"spread"``, ``"distribution"``; "" if there is none."""
    each = alarm / signs.tests
    limit = STANDARD.inv_cdf(1 - each / 2)
    for name, figures in (("dependent", signs.dependences), ("mean", signs.means), ("spread", signs.spreads)):
        if (np.abs(figures) > limit).any():
            return name
    n = len(signs.probabilities)
    steps = np.arange(n + 1)[:, None] / n
    gap = np.maximum((steps[1:] - signs.probabilities).max(0), (signs.probabilities - steps[:-1]).max(0))
    # Kolmogorov and Smirnov, with Massart's bound, which holds for every n: P(gap > d) <= 2 exp(-2 n d^2).
    return "distribution" if (gap > math.sqrt(math.log(2 / each) / (2 * n))).any() else ""


def alike(one: Signs, other: Signs) -> bool:
    """Whether two samplers may draw from the same law, whatever it is: recognises a known mistake by its draws."""
    if one.probabilities.shape != other.probabilities.shape:
        return False
    limit = 6 * math.sqrt(2)  # the difference of two figures, each good to one standard error if the law were right
    for a, b in ((one.means, other.means), (one.spreads, other.spreads), (one.dependences, other.dependences)):
        wide = np.maximum(1, np.maximum(one.ratio, other.ratio))  # a wider law has wider errors
        if (np.abs(a - b) > limit * wide).any():
            return False
    n = len(one.probabilities)
    for a, b in zip(one.probabilities.T, other.probabilities.T, strict=True):
        both = np.concatenate([a, b])
        gap = np.abs(np.searchsorted(a, both, "right") - np.searchsorted(b, both, "right")).max() / n
        if gap > math.sqrt(math.log(2 / ALARM) / n):
            return False
    return True


_erf = np.vectorize(math.erf, otypes=[np.float64])
