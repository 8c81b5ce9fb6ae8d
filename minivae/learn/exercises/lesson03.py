"""Lesson 03, Garbage from random codes: read ten answers, measure all distances at once, draw codes like the true."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import Draw, Trial, generator, normal, size
from minivae.learn.law import Law


def is_readable(logits):
    """Whether exactly one of ten questions is answered yes with more than 90 %: (B, 10) -> (B,) bool."""
    p = 0.5 * (1 + np.tanh(0.5 * logits))  # the sigmoid of each logit by itself
    return (p > 0.9).sum(axis=1) == 1


def _yes(logits, level=0.9):
    return 0.5 * (1 + np.tanh(0.5 * logits)) > level  # (B, 10)


def _softmax(logits, axis=1):
    p = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def _answers(t: Trial) -> np.ndarray:
    """Logits of every sort: no yes, one, several, and answers that are nearly a yes."""
    logits = t.rng.normal(-6, 1.5, t.shape("B 10"))
    for row in logits:
        some = t.rng.permutation(10)[: t.rng.integers(4)]
        row[some] = t.rng.choice([0.6, 1.6, 3.5, 8.0], size=len(some)) + t.rng.uniform(-0.3, 0.3, len(some))
    return logits


IS_READABLE = Exercise(
    ref="03/is-readable",
    solution=is_readable,
    inputs=dict(logits=Draw(_answers, "B 10")),
    sizes={"B": (300, 40, 60, 1, 80)},
    returns="readable : (B,) bool",
    example=([[4.0] + 9 * [-5.0], [4.0, 4.0] + 8 * [-5.0], 10 * [-5.0]],),
    misconceptions=(
        Misconception(
            "softmax",
            "You make the ten answers share 100 %, with a softmax. Then one of them is large whenever it is *less "
            "small* than the others, and to noise the reader can no longer say no ten times. Each question has a "
            "sigmoid of its own.",
            lambda logits: _softmax(logits).max(axis=1) > 0.9,
        ),
        Misconception(
            "shared-out",
            "You divide the ten answers by their sum. They are answers to ten *separate* questions and need not add up "
            "to 1: leave the sigmoids as they are.",
            lambda logits: (lambda p: (p / p.sum(axis=1, keepdims=True)).max(axis=1) > 0.9)(
                0.5 * (1 + np.tanh(0.5 * logits))
            ),
        ),
        Misconception(
            "any-yes",
            "You take an image with a yes to *any* digit. Two digits laid over each other may get two: count the yeses "
            "of each row, and ask for exactly one.",
            lambda logits: _yes(logits).any(axis=1),
        ),
        Misconception(
            "at-most-one",
            "You let images pass that get no yes at all. That is just what noise gets: ask for exactly one.",
            lambda logits: _yes(logits).sum(axis=1) <= 1,
        ),
        Misconception(
            "level-on-logits",
            "You compare the *logit* with 0.9. A logit is no probability: its sigmoid is, and a logit of 0.9 means "
            "about 71 % only.",
            lambda logits: (logits > 0.9).sum(axis=1) == 1,
        ),
        Misconception(
            "half",
            "You count a yes from 50 % on (that is where the logit turns positive). Wanted is a *clear* yes: more than "
            "90 %.",
            lambda logits: _yes(logits, 0.5).sum(axis=1) == 1,
        ),
        Misconception(
            "no-count",
            "You return an answer for each *question*, (B, 10). Count the yeses along each row and compare with 1.",
            lambda logits: _yes(logits),
        ),
        Misconception(
            "the-count",
            "You return how *many* yeses there are. Compare that number with 1.",
            lambda logits: _yes(logits).sum(axis=1),
        ),
        Misconception(
            "down-the-batch",
            "You count over the images (axis 0). The ten answers of one image stand in a row: axis 1.",
            lambda logits: _yes(logits).sum(axis=0) == 1,
        ),
        Misconception(
            "share",
            "You return the share of the batch. It comes later, with a mean; here each image has an answer of its own.",
            lambda logits: np.mean(_yes(logits).sum(axis=1) == 1),
        ),
        Misconception(
            "which-digit",
            "You return *which* digit is the likeliest. Asked is whether the reader is sure of one, and of one alone.",
            lambda logits: logits.argmax(axis=1),
        ),
        Misconception(
            "all-sure",
            "You also want a clear *no* to all the other digits. An answer of 30 % is no yes: only the yeses are "
            "counted.",
            lambda logits: (_yes(logits).sum(axis=1) == 1) & (_yes(-logits).sum(axis=1) == 9),
        ),
    ),
    hints=(
        "Turn each logit into a probability by itself: which function does that for a yes-or-no question?",
        "With `p = sigmoid(logits)`, `p > 0.9` is a table of yeses, (B, 10). How many are there in each row?",
        "`(sigmoid(logits) > 0.9).sum(axis=1) == 1`: a True counts as 1.",
    ),
)


def distances(a, b):
    """Euclidean distance of every row of a to every row of b: (B, D), (N, D) -> (B, N)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))  # rounding may leave a tiny negative number


def _squares(a, b):
    return ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)  # for the few rows of a check


def _with_copies(t: Trial) -> np.ndarray:
    """Some rows of its own, and all rows of a: to these the distance is 0, and rounding makes it less."""
    return np.concatenate([t.rng.normal(0, 3, t.shape("N D")), t.drawn["a"]])


DISTANCES = Exercise(
    ref="03/distances",
    solution=distances,
    inputs=dict(a=normal("B D", std=3.0), b=Draw(_with_copies, "N D")),
    sizes={"B": (60, 20, 30, 1, 25), "N": (7, 4, 5, 1, 9), "D": (11, 6, 3, 1, 4)},
    # In float32 the root turns rounding errors of 1e-6 into distances of 1e-3 where there should be 0.
    dtypes=("float64",),
    returns="d : (B, N)",
    example=([[3.0, 4.0]], [[0.0, 0.0], [3.0, 0.0]]),
    misconceptions=(
        Misconception(
            "below-zero",
            "Right, but for `nan` where two rows are equal: rounding leaves something like $-10^{-15}$ there, and that "
            "has no root. Raise it to 0 first: `np.maximum(squares, 0)`.",
            symptom="nan",
        ),
        Misconception(
            "no-root",
            "You return *squared* distances. The nearest is the same one, but a mean of squares is not the square of a "
            "mean: take the root.",
            _squares,
        ),
        Misconception(
            "product-once",
            r"The product is there once only. Multiply $(a - b)(a - b)$ out: $a \cdot b$ comes twice.",
            lambda a, b: np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - a @ b.T, 0)),
        ),
        Misconception(
            "plus",
            r"The sign of the product is turned: that is $\|a + b\|$. For two equal rows the distance has to be 0.",
            lambda a, b: np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) + 2 * a @ b.T, 0)),
        ),
        Misconception(
            "lengths-not-squared",
            r"You use the lengths $\|a\|$ and $\|b\|$ where their *squares* stand.",
            lambda a, b: np.sqrt(
                np.maximum(np.linalg.norm(a, axis=1)[:, None] + np.linalg.norm(b, axis=1) - 2 * a @ b.T, 0)
            ),
        ),
        Misconception(
            "difference-of-lengths",
            "You subtract the *lengths*. Two rows of equal length may point in different directions; that is what the "
            "product is for.",
            lambda a, b: np.abs(np.linalg.norm(a, axis=1)[:, None] - np.linalg.norm(b, axis=1)),
        ),
        Misconception(
            "product-left-out",
            r"The product is missing. $\|a\|^2 + \|b\|^2$ is the squared distance of rows that are perpendicular only.",
            lambda a, b: np.sqrt((a**2).sum(1)[:, None] + (b**2).sum(1)),
        ),
        Misconception(
            "transposed",
            "Your table lies on its side, (N, B). A row for each row of `a`, a column for each row of `b`.",
            lambda a, b: np.sqrt(_squares(a, b)).T,
        ),
        Misconception(
            "nearest-only",
            "You return the smallest distance of each row. That comes next; here all of them are wanted, (B, N).",
            lambda a, b: np.sqrt(_squares(a, b)).min(axis=1),
        ),
        Misconception(
            "which-one",
            "You return *which* row of `b` is nearest. Here all distances are wanted, (B, N).",
            lambda a, b: _squares(a, b).argmin(axis=1),
        ),
        Misconception(
            "mean-over-pixels",
            "You average over the D numbers of a row. Distances *add up* the squares: `sum`.",
            lambda a, b: np.sqrt(_squares(a, b) / a.shape[1]),
        ),
        Misconception(
            "city-blocks",
            "You add up absolute differences. The Euclidean distance adds up *squares* and takes the root at the end.",
            lambda a, b: np.abs(a[:, None, :] - b).sum(axis=2),
        ),
        Misconception(
            "cosine",
            "You return cosines. They come later in this section and measure something else: wanted are distances.",
            lambda a, b: (
                (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T
            ),
        ),
    ),
    hints=(
        r"Three terms: $\|a\|^2$ for each row of `a`, $\|b\|^2$ for each row of `b`, and all products at once. What "
        "shape does each have, and how do they broadcast to (B, N)?",
        "`(a**2).sum(axis=1)[:, None]` is a column, `(b**2).sum(axis=1)` a row, and `a @ b.T` has all products. Mind "
        "the factor of the product.",
        "`np.sqrt(np.maximum(column + row - 2 * a @ b.T, 0))`",
    ),
)


def fitted_codes(codes, n, rng):
    """Draws of a Gaussian with the mean and covariance of codes: (N, L), a number, a generator -> (n, L)."""
    A = np.linalg.cholesky(np.cov(codes.T))  # A @ A.T is the covariance
    eps = rng.standard_normal((n, codes.shape[1]))
    return codes.mean(axis=0) + eps @ A.T


def _root(codes):
    return np.linalg.cholesky(np.cov(codes.T))


def _towns(t: Trial) -> np.ndarray:
    """Codes as an autoencoder has them: in several islands, far from 0, spread more one way, and dependent."""
    n, dims = t.shape("N L")
    islands = t.rng.normal(0, 3, (3, dims))[np.arange(n) % 3]
    lean = np.tril(np.full((dims, dims), 0.8), -1) + np.diag(np.linspace(0.7, 2.2, dims))
    return 4 + (islands + t.rng.normal(size=(n, dims))) @ lean.T


def _whitened(z, v, codes):
    return (z - codes.mean(axis=0)) @ np.linalg.inv(_root(np.asarray(codes, np.float64))).T


FITTED_CODES = Exercise(
    ref="03/fitted-codes",
    solution=fitted_codes,
    inputs=dict(codes=Draw(_towns, "N L"), n=size("M"), rng=generator()),
    sizes={"N": (600, 80, 60, 50, 90), "L": (3, 2, 4, 2, 5), "M": (10_000, 1, 7, 2, 6)},
    law=Law(_whitened),
    returns="z : (n, L), one code a row",
    misconceptions=(
        Misconception(
            "standard",
            r"You draw from $\mathcal{N}(0, I)$ and never use the codes. That is the first way, the one that gave "
            "garbage: give the draws the mean and the covariance of `codes`.",
            lambda codes, n, rng: rng.standard_normal((n, codes.shape[1])),
        ),
        Misconception(
            "each-number-alone",
            "Each number of the code has the right mean and spread, but they are drawn independently. In the codes "
            "they *depend* on each other: use the covariance, all of it, not the standard deviations alone.",
            lambda codes, n, rng: codes.mean(axis=0) + rng.standard_normal((n, codes.shape[1])) * codes.std(axis=0),
        ),
        Misconception(
            "no-mean",
            "Spread and dependence are right, but your draws lie around 0. Add the mean of the codes.",
            lambda codes, n, rng: rng.standard_normal((n, codes.shape[1])) @ _root(codes).T,
        ),
        Misconception(
            "transpose",
            r"You multiply with $A$ where its transpose belongs. A code is a *row* here: $m + A \epsilon$ for a column "
            "becomes `eps @ A.T` for rows.",
            lambda codes, n, rng: codes.mean(axis=0) + rng.standard_normal((n, codes.shape[1])) @ _root(codes),
        ),
        Misconception(
            "covariance-for-root",
            r"You multiply with the covariance $C$ itself. Then the draws have the covariance $C \cdot C$: multiply "
            "with a root of it, from `np.linalg.cholesky`.",
            lambda codes, n, rng: codes.mean(axis=0) + rng.standard_normal((n, codes.shape[1])) @ np.cov(codes.T),
        ),
        Misconception(
            "variance-for-std",
            "You scale each number by its *variance*. Noise is scaled by the standard deviation; and the numbers "
            "depend on each other, so it takes a root of the whole covariance.",
            lambda codes, n, rng: codes.mean(axis=0) + rng.standard_normal((n, codes.shape[1])) * codes.var(axis=0),
        ),
        Misconception(
            "copies",
            "You hand out codes that are there already. Their spread is right, but a Gaussian was to be fitted: it has "
            "no islands, and never the same code twice.",
            lambda codes, n, rng: codes[rng.integers(len(codes), size=n)],
        ),
        Misconception(
            "shuffled",
            "You take each number from another code. That is the third way, *shuffled*: dependence is lost, and all "
            "numbers are old ones. Draw from a Gaussian.",
            lambda codes, n, rng: np.stack([column[rng.integers(len(codes), size=n)] for column in codes.T], axis=1),
        ),
        Misconception(
            "box",
            "You draw evenly from the box around the codes. That is the second way; wanted is a Gaussian.",
            lambda codes, n, rng: rng.uniform(codes.min(axis=0), codes.max(axis=0), (n, codes.shape[1])),
        ),
        Misconception(
            "one-noise",
            "The draws depend on each other, or the numbers of one draw do in a way in which the codes do not: one "
            "noise serves several. Draw `n` times L independent numbers, in one call.",
            symptom="dependent",
        ),
        Misconception(
            "own-rng",
            "Your function draws from a generator of its own, or from NumPy's hidden one. Draw from the `rng` that "
            "comes in, so that the same seed gives the same codes.",
            symptom=("random", "global-rng", "same-draws"),
        ),
    ),
    hints=(
        r"Three steps: the mean and the covariance of `codes`; noise from $\mathcal{N}(0, I)$, a row for each new "
        "code; give the noise that covariance and that mean.",
        "`np.cov` wants a row for each *variable*, so hand it `codes.T`. `A = np.linalg.cholesky(...)` of it is the "
        "matrix that stretches and leans the noise.",
        "`codes.mean(axis=0) + rng.standard_normal((n, codes.shape[1])) @ A.T`. The transpose is there because codes "
        "are rows.",
    ),
)

EXERCISES = (IS_READABLE, DISTANCES, FITTED_CODES)
