"""Lesson 03: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson03 import distances, fitted_codes, is_readable


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def row_by_row(logits):
    found = np.zeros(len(logits), bool)
    for b, row in enumerate(logits):
        yes = 0
        for logit in row:
            yes += 1 / (1 + np.exp(-float(logit))) > 0.9
        found[b] = yes == 1
    return found


def by_the_two_largest(logits):
    second, first = np.sort(sigmoid(logits), axis=1)[:, -2:].T
    return (first > 0.9) & (second <= 0.9)


def normalised(logits):
    p = sigmoid(logits)
    return (p / p.sum(1)[:, None] > 0.9).any(1)


def alone_among_no(logits):
    p = sigmoid(logits)
    return ((p > 0.9).sum(1) == 1) & ((p < 0.1).sum(1) == 9)


IS_READABLE_RIGHT = {
    "the solution": is_readable,
    "the level on the logit": lambda a: (a > np.log(9)).sum(1) == 1,
    "count_nonzero": lambda a: np.count_nonzero(sigmoid(a) > 0.9, axis=1) == 1,
    "row by row": row_by_row,
    "the two largest": by_the_two_largest,
    "numbers for truth values": lambda a: ((sigmoid(a) > 0.9).sum(axis=1) == 1).astype(float),
    "exclusive, for there are few": lambda a: np.einsum("bk->b", (sigmoid(a) > 0.9).astype(int)) == 1,
    "the chance of a no": lambda a: (1 - sigmoid(a) < 0.1).sum(axis=1) == 1,
}
IS_READABLE_WRONG = {
    "softmax": lambda a: (softmax(a) > 0.9).sum(axis=1) == 1,
    "softmax (its maximum)": lambda a: np.max(softmax(a), axis=1) > 0.9,
    "shared-out": normalised,
    "any-yes": lambda a: sigmoid(a).max(axis=1) > 0.9,
    "any-yes (counted)": lambda a: (sigmoid(a) > 0.9).sum(axis=1) > 0,
    "at-most-one": lambda a: (sigmoid(a) > 0.9).sum(axis=1) < 2,
    "level-on-logits": lambda a: np.sum(a > 0.9, axis=1) == 1,
    "half": lambda a: (a > 0).sum(axis=1) == 1,
    "half (rounded)": lambda a: np.round(sigmoid(a)).sum(axis=1) == 1,
    "no-count": lambda a: sigmoid(a) > 0.9,
    "the-count": lambda a: np.sum(sigmoid(a) > 0.9, axis=1),
    "down-the-batch": lambda a: (sigmoid(a) > 0.9).sum(axis=0) == 1,
    "share": lambda a: is_readable(a).mean(),
    "which-digit": lambda a: np.argmax(sigmoid(a), axis=1),
    "all-sure": alone_among_no,
    "type": lambda a: [bool(row) for row in is_readable(a)],
}


def pair_by_pair(a, b):
    d = np.empty((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            d[i, j] = np.linalg.norm(a[i] - b[j])
    return d


def one_row_at_a_time(a, b):
    return np.stack([np.sqrt(((row - b) ** 2).sum(axis=1)) for row in a])


def clipped_later(a, b):
    squares = np.einsum("bd,bd->b", a, a)[:, None] - 2 * np.einsum("bd,nd->bn", a, b) + np.einsum("nd,nd->n", b, b)
    squares[squares < 0] = 0
    return squares**0.5


def in_place(a, b):
    d = a @ b.T
    d *= -2
    d += np.square(a).sum(1, keepdims=True)
    d += np.square(b).sum(1)
    return np.sqrt(d.clip(min=0), out=d)


def columns_of(a, b):
    return (a * a).sum(1)[:, None], (b * b).sum(1)[None, :]


DISTANCES_RIGHT = {
    "the solution": distances,
    "pair by pair": pair_by_pair,
    "one row at a time": one_row_at_a_time,
    "einsum, clipped by a mask": clipped_later,
    "in place": in_place,
    "all differences": lambda a, b: np.linalg.norm(a[:, None] - b, axis=2),
    "the absolute value under the root": lambda a, b: np.sqrt(np.abs(sum(columns_of(a, b)) - 2 * a @ b.T)),
    "float32 at the end": lambda a, b: distances(a, b).astype(np.float32),
    "nan made 0": lambda a, b: np.nan_to_num(np.sqrt(sum(columns_of(a, b)) - 2 * a @ b.T)),
}
DISTANCES_WRONG = {
    "below-zero": lambda a, b: np.sqrt((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T),
    "below-zero (in another order)": lambda a, b: (sum(columns_of(a, b)) - 2 * (b @ a.T).T) ** 0.5,
    "no-root": lambda a, b: np.maximum(sum(columns_of(a, b)) - 2 * a @ b.T, 0),
    "product-once": lambda a, b: np.sqrt(np.maximum(sum(columns_of(a, b)) - np.dot(a, b.T), 0)),
    "plus": lambda a, b: np.sqrt(np.maximum(sum(columns_of(a, b)) + 2 * a @ b.T, 0)),
    "plus (all sums)": lambda a, b: np.linalg.norm(a[:, None] + b, axis=2),
    "lengths-not-squared": lambda a, b: np.sqrt(
        np.clip(np.sqrt(columns_of(a, b)[0]) + np.sqrt(columns_of(a, b)[1]) - 2 * a @ b.T, 0, None)
    ),
    "difference-of-lengths": lambda a, b: abs(np.subtract.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))),
    "product-left-out": lambda a, b: sum(columns_of(a, b)) ** 0.5,
    "transposed": lambda a, b: distances(b, a),
    "nearest-only": lambda a, b: np.min(distances(a, b), axis=1),
    "which-one": lambda a, b: np.argmin(pair_by_pair(a, b), axis=1),
    "mean-over-pixels": lambda a, b: np.sqrt(((a[:, None] - b) ** 2).mean(axis=2)),
    "city-blocks": lambda a, b: np.array([[np.abs(row - other).sum() for other in b] for row in a]),
    "cosine": lambda a, b: a @ b.T / np.sqrt(columns_of(a, b)[0] * columns_of(a, b)[1]),
    "raises": lambda a, b: np.sqrt(((a - b) ** 2).sum(1)),
    "changes:a": lambda a, b: distances(np.multiply(a, 1.5, out=a), b),
}


def by_eigenvectors(codes, n, rng):
    variances, directions = np.linalg.eigh(np.cov(codes, rowvar=False))
    return codes.mean(0) + (rng.normal(size=(n, len(variances))) * variances**0.5) @ directions.T


def by_columns(codes, n, rng):
    A = np.linalg.cholesky(np.cov(codes.T))
    return (codes.mean(0)[:, None] + A @ rng.standard_normal((codes.shape[1], n))).T


def code_by_code(codes, n, rng):
    middle = codes.mean(0)
    A = np.linalg.cholesky((codes - middle).T @ (codes - middle) / len(codes))
    return np.array([middle + A @ rng.standard_normal(len(middle)) for _ in range(n)])


def mixtures_of_codes(codes, n, rng):
    """A sum of many centred codes with random weights is Gaussian, and has their covariance."""
    centred = (codes - codes.mean(0)) / (len(codes) - 1) ** 0.5
    return codes.mean(0) + rng.standard_normal((n, len(codes))) @ centred


def root(codes):
    return np.linalg.cholesky(np.cov(codes.T))


def one_noise_for_a_row(codes, n, rng):
    return codes.mean(0) + rng.standard_normal((n, 1)) * np.ones(codes.shape[1]) @ root(codes).T


def one_noise_for_all(codes, n, rng):
    return np.tile(codes.mean(0) + root(codes) @ rng.standard_normal(codes.shape[1]), (n, 1))


FITTED_CODES_RIGHT = {
    "the solution": fitted_codes,
    "multivariate_normal": lambda codes, n, rng: rng.multivariate_normal(codes.mean(0), np.cov(codes.T), n),
    "eigenvectors": by_eigenvectors,
    "columns": by_columns,
    "code by code, divided by N": code_by_code,
    "mixtures of codes": mixtures_of_codes,
    "the other sign": lambda codes, n, rng: codes.mean(0) - rng.standard_normal((n, codes.shape[1])) @ root(codes).T,
    "float32": lambda codes, n, rng: fitted_codes(codes, n, rng).astype(np.float32),
}
FITTED_CODES_WRONG = {
    "standard": lambda codes, n, rng: rng.normal(size=(n, codes.shape[1])),
    "each-number-alone": lambda codes, n, rng: rng.normal(codes.mean(0), codes.std(0), (n, codes.shape[1])),
    "no-mean": lambda codes, n, rng: rng.multivariate_normal(np.zeros(codes.shape[1]), np.cov(codes.T), n),
    "transpose": lambda codes, n, rng: codes.mean(0) + rng.normal(size=(n, codes.shape[1])) @ root(codes),
    "covariance-for-root": lambda codes, n, rng: codes.mean(0) + rng.normal(size=(n, codes.shape[1])) @ np.cov(codes.T),
    "variance-for-std": lambda codes, n, rng: rng.normal(codes.mean(0), codes.var(0), (n, codes.shape[1])),
    "copies": lambda codes, n, rng: rng.choice(codes, n),
    "shuffled": lambda codes, n, rng: np.array([rng.choice(column, n) for column in codes.T]).T,
    "box": lambda codes, n, rng: codes.min(0) + (codes.max(0) - codes.min(0)) * rng.random((n, codes.shape[1])),
    "one-noise": one_noise_for_a_row,
    "one-noise (for all rows)": one_noise_for_all,
    "own-rng": lambda codes, n, rng: fitted_codes(codes, n, np.random.default_rng()),
    "own-rng (seeded)": lambda codes, n, rng: fitted_codes(codes, n, np.random.default_rng(0)),
    "shape": lambda codes, n, rng: fitted_codes(codes, n, rng).T,
}

RIGHT = {
    "03/is-readable": IS_READABLE_RIGHT,
    "03/distances": DISTANCES_RIGHT,
    "03/fitted-codes": FITTED_CODES_RIGHT,
}
WRONG = {
    "03/is-readable": IS_READABLE_WRONG,
    "03/distances": DISTANCES_WRONG,
    "03/fitted-codes": FITTED_CODES_WRONG,
}
