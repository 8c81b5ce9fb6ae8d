"""Lesson 00: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson00 import decode, walk


def in_steps(z, W1, b1, W2, b2):
    h = np.dot(z, W1)
    h = h + b1
    h[h < 0] = 0
    a = np.dot(h, W2) + b2
    return np.exp(a) / (np.exp(a) + 1)


def picture_by_picture(z, W1, b1, W2, b2):
    out = np.zeros((len(z), len(b2)))
    for i, code in enumerate(z):
        h = np.array([max(0.0, code @ W1[:, j] + b1[j]) for j in range(len(b1))])
        for d in range(len(b2)):
            out[i, d] = 1 / (1 + np.exp(-(h @ W2[:, d] + b2[d])))
    return out


def by_einsum(z, W1, b1, W2, b2):
    h = np.einsum("bl,lh->bh", z, W1) + b1
    a = np.einsum("bh,hd->bd", h * (h > 0), W2) + b2
    return 0.5 * (1 + np.tanh(a / 2))


DECODE_RIGHT = {
    "the solution": decode,
    "in steps, with a mask": in_steps,
    "picture by picture": picture_by_picture,
    "by einsum and tanh": by_einsum,
    "relu as clip": lambda z, W1, b1, W2, b2: 1 / (1 + np.exp(-((z @ W1 + b1).clip(min=0) @ W2 + b2))),
    "other names": lambda code, A, a, B, b: 1 / (1 + np.exp(-(np.maximum(code @ A + a, 0) @ B + b))),
    "float64 inside": lambda *given: decode(*(a.astype(np.float64) for a in given)),
    "relu as the mean with the absolute value": lambda z, W1, b1, W2, b2: (
        1 / (1 + np.exp(-(0.5 * (np.abs(z @ W1 + b1) + (z @ W1 + b1)) @ W2 + b2)))
    ),
}


def one_layer_after_all(z, W1, b1, W2, b2):
    return 1 / (1 + np.exp(-(z @ (W1 @ W2) + b1 @ W2 + b2)))


DECODE_WRONG = {
    "no-relu": one_layer_after_all,
    "relu-before-bias": lambda z, W1, b1, W2, b2: 1 / (1 + np.exp(-(((z @ W1).clip(min=0) + b1) @ W2 + b2))),
    "no-sigmoid": lambda z, W1, b1, W2, b2: (z @ W1 + b1).clip(min=0) @ W2 + b2,
    "sigmoid-inside": lambda z, W1, b1, W2, b2: 1 / (1 + np.exp(-(1 / (1 + np.exp(-z @ W1 - b1)) @ W2 + b2))),
    "relu-twice": lambda z, W1, b1, W2, b2: 1 / (1 + np.exp(-np.maximum((z @ W1 + b1).clip(min=0) @ W2 + b2, 0))),
    "sign-of-the-exponent": lambda z, W1, b1, W2, b2: 1 / (1 + np.exp((z @ W1 + b1).clip(min=0) @ W2 + b2)),
    "clipped": lambda z, W1, b1, W2, b2: np.minimum(np.maximum((z @ W1 + b1).clip(min=0) @ W2 + b2, 0), 1),
    "tanh": lambda z, W1, b1, W2, b2: np.tanh((z @ W1 + b1).clip(min=0) @ W2 + b2),
    "no-first-bias": lambda z, W1, b1, W2, b2: decode(z, W1, 0 * b1, W2, b2),
    "no-second-bias": lambda z, W1, b1, W2, b2: decode(z, W1, b1, W2, 0 * b2),
    "changes:z": lambda z, W1, b1, W2, b2: decode(np.multiply(z, 1.5, out=z), W1, b1, W2, b2),
    "shape": lambda z, W1, b1, W2, b2: decode(z, W1, b1, W2, b2).T,
}


def step_by_step(a, b, steps):
    codes = [a]
    for k in range(1, steps):
        codes.append(a + k * (b - a) / (steps - 1))
    return np.stack(codes)


def number_by_number(a, b, steps):
    out = np.zeros((steps, len(a)))
    for i in range(steps):
        for j in range(len(a)):
            t = i / (steps - 1)
            out[i, j] = (1 - t) * a[j] + t * b[j]
    return out


WALK_RIGHT = {
    "the solution": walk,
    "linspace does it by itself": lambda a, b, steps: np.linspace(a, b, steps),
    "step by step": step_by_step,
    "number by number": number_by_number,
    "outer products": lambda a, b, steps: np.outer(np.linspace(1, 0, steps), a) + np.outer(np.linspace(0, 1, steps), b),
    "from the difference": lambda p, q, n: p + np.arange(n)[:, None] / (n - 1) * (q - p),
    "as a matrix product": lambda a, b, steps: (
        np.stack([1 - np.linspace(0, 1, steps), np.linspace(0, 1, steps)], axis=1) @ np.stack([a, b])
    ),
}

WALK_WRONG = {
    "end-missing": lambda a, b, steps: np.linspace(a, b, steps, endpoint=False),
    "start-missing": lambda a, b, steps: np.linspace(a, b, steps + 1)[1:],
    "ends-missing": lambda a, b, steps: np.linspace(a, b, steps + 2)[1:-1],
    "backwards": lambda a, b, steps: np.linspace(b, a, steps),
    "does-not-leave": lambda a, b, steps: a + np.outer(np.linspace(0, 1, steps), b),
    "beyond": lambda a, b, steps: np.outer(np.linspace(1, 0, steps), a) + b,
    "columns": lambda a, b, steps: np.linspace(a, b, steps, axis=1),
    "half-way-only": lambda a, b, steps: np.stack([0.5 * a + 0.5 * b] * steps),
    "difference": lambda a, b, steps: np.outer(np.linspace(0, 1, steps), b - a),
    "shape": lambda a, b, steps: np.linspace(a, b, steps)[:, None],
}

RIGHT = {"00/decode": DECODE_RIGHT, "00/walk": WALK_RIGHT}
WRONG = {"00/decode": DECODE_WRONG, "00/walk": WALK_WRONG}
