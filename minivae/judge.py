"""Judges of generated images: a classifier trained on real ones, and what its eyes say about a whole set of samples.

Three questions, none of which answers the others. Is each sample what it was asked to be? `recognised`. Is the set of
samples like the set of real images, its variety too? `frechet`. Were they made, or remembered? `nearest`.
"""

from typing import Any

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError, DataError, ShapeError
from minivae.nn import Conv2d, Linear, Module, Sequential
from minivae.ops import logsumexp, silu
from minivae.optim import Adam
from minivae.schedule import warmup_cosine


class Judge(Module):
    """A classifier of small grey images: (B, 1, S, S) -> logits (B, classes). Its last hidden layer are its `features`.

    Parameters
    ----------
    side, classes : S, a multiple of 4; labels to tell apart.
    rng : draws the initial weights.

    Raises ConfigError for a side that cannot be halved twice.
    """

    def __init__(self, side: int = 32, classes: int = 10, *, rng: np.random.Generator):
        if side < 4 or side % 4:
            raise ConfigError(f"Judge: side is {side}; wanted a multiple of 4, for it is halved twice: pad the images")
        self.x_shape = (1, side, side)
        self.eyes = Sequential(
            Conv2d(1, 16, 3, stride=2, padding=1, rng=rng),
            silu,
            Conv2d(16, 32, 3, stride=2, padding=1, rng=rng),
            silu,
        )
        self.hidden = Linear(32 * (side // 4) ** 2, 64, rng=rng)
        self.last = Linear(64, classes, rng=rng)

    def see(self, x: Tensor) -> Tensor:
        """What it decides by: (B, 1, S, S) -> (B, 64)."""
        return silu(self.hidden(self.eyes(x).reshape(len(x), -1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.see(x))

    @no_grad()
    def features(self, x: np.ndarray, batch: int = 500) -> np.ndarray:
        """`see`, for any number of images: (N, 1, S, S) -> (N, 64)."""
        return np.concatenate([self.see(Tensor(x[i : i + batch])).numpy() for i in range(0, len(x), batch)])

    @no_grad()
    def answers(self, x: np.ndarray) -> np.ndarray:
        """The most probable label of each image: (N, 1, S, S) -> (N,)."""
        return self.last(Tensor(self.features(x))).numpy().argmax(axis=1)

    def accuracy(self, x: np.ndarray, y: np.ndarray) -> float:
        """The share of images (N, 1, S, S) to which it gives their label, (N,); of samples, the one asked for."""
        return float((self.answers(x) == y).mean())


def trained_judge(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, *, steps: int = 900, batch: int = 128, lr: float = 3e-3
) -> Judge:
    """A judge, trained by cross entropy on real images (N, 1, S, S) and their labels (N,), 0 to classes - 1.

    Raises DataError if images and labels are not as many.
    """
    if len(x) != len(y) or len(x) == 0:
        raise DataError(f"trained_judge: got {len(x)} images and {len(y)} labels; wanted one for each")
    judge = Judge(x.shape[-1], int(y.max()) + 1, rng=rng)
    adam = Adam(judge.parameters(), lr)
    for step in range(steps):
        adam.lr = warmup_cosine(step, steps, lr, warm=min(50, steps - 1))
        rows = rng.integers(len(x), size=batch)
        logits = judge(Tensor(x[rows]))
        loss = (logsumexp(logits, axis=1) - logits[np.arange(batch), y[rows]]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return judge


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """How far apart two sets of features lie, taken as Gaussians N(m, A), N(n, B): (N, F), (M, F) -> a number.

    It is ||m - n||^2 + tr(A + B - 2 (A B)^1/2), 0 for equal ones.

    With the features of an Inception network this is the FID; with others the figure has another scale, and can only be
    compared with figures of the same judge, from as many images: few images make it too large.

    Raises ShapeError if the features are not of one kind, or fewer than 2.
    Source: Dowson & Landau 1982, equation 4, for Gaussians; Heusel et al. 2017 for images.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ShapeError(f"frechet: features are {a.shape} and {b.shape}; wanted (N, F) and (M, F), two rows at least")
    a, b = a.astype(np.float64), b.astype(np.float64)
    A, B = np.cov(a.T).reshape(a.shape[1], -1), np.cov(b.T).reshape(b.shape[1], -1)
    root = _root(A)
    # (A B)^1/2 has the eigenvalues, so the trace, of the symmetric (A^1/2 B A^1/2)^1/2.
    overlap = np.sqrt(np.linalg.eigvalsh(root @ B @ root).clip(0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(A) + np.trace(B) - 2 * overlap)


def _root(A: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(A)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def nearest(images: np.ndarray, x: np.ndarray, batch: int = 500) -> np.ndarray:
    """The distance of each image to the nearest of x: (N, ...), (M, ...) -> (N,), the root of the sum over pixels.

    Raises ShapeError if images and x are not of one shape.
    """
    if images.shape[1:] != x.shape[1:]:
        raise ShapeError(f"nearest: images are {images.shape} and x {x.shape}; wanted images of one shape")
    rows, kept = images.reshape(len(images), -1), x.reshape(len(x), -1)
    lengths = (kept * kept).sum(axis=1)
    found = []
    for i in range(0, len(rows), batch):
        part = rows[i : i + batch]
        near = (lengths - 2 * part @ kept.T).argmin(axis=1)
        found.append(np.linalg.norm(part - kept[near], axis=1))  # not from the squares, whose difference is rounded
    return np.concatenate(found)


class Jury:
    """All three questions about samples; what does not hang on the samples is computed once.

    Parameters
    ----------
    judge : a `trained_judge`.
    x, x_test : images trained on and not, (M, 1, S, S).

    Attributes
    ----------
    close : the distance to the nearest training image that all but 1 % of test images keep.
    """

    def __init__(self, judge: Judge, x: np.ndarray, x_test: np.ndarray):
        self.judge, self.x = judge, x
        self.seen = judge.features(x_test)
        self.close = float(np.quantile(nearest(x_test, x), 0.01))

    def distance(self, samples: np.ndarray) -> float:
        """`frechet` from the test images: (N, 1, S, S) -> a number."""
        return frechet(self.judge.features(samples), self.seen)

    def copies(self, samples: np.ndarray) -> float:
        """The share of samples (N, 1, S, S) that lie closer to a training image than `close`.

        About 0.01 where samples are as new as test images; 1 where they are copies. Smooth samples lie closer to
        everything, so a somewhat larger share is no proof of copying.

        Source: after Meehan et al. 2020, who compare the same distances by a rank test.
        """
        return float((nearest(samples, self.x) < self.close).mean())

    def verdict(self, samples: np.ndarray, labels: Any = None) -> dict[str, float]:
        """The answers for samples (N, 1, S, S): "frechet", "copies", and with labels (N,) asked for "recognised"."""
        said = {"recognised": self.judge.accuracy(samples, np.asarray(labels))} if labels is not None else {}
        return said | {"frechet": self.distance(samples), "copies": self.copies(samples)}
