"""Lesson 00, Start here: the three lines of a decoder, and a walk from one code to another."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import given, normal


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def decode(z, W1, b1, W2, b2):
    """A code becomes hidden units, and they become pixels: (B, L) -> x_hat : (B, D) in [0, 1]."""
    h = np.maximum(0, z @ W1 + b1)
    return 1 / (1 + np.exp(-(h @ W2 + b2)))


def _relu(a):
    return np.maximum(0, a)


DECODE = Exercise(
    ref="00/decode",
    solution=decode,
    inputs=dict(z=normal("B L"), W1=normal("L H"), b1=normal("H"), W2=normal("H D"), b2=normal("D")),
    returns="x_hat : (B, D) in [0, 1]",
    example=([[1.0, -1.0]], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [[2.0], [3.0]], [-2.0]),
    misconceptions=(
        Misconception(
            "no-relu",
            "The hidden units lack their relu: whatever is negative has to become 0, `np.maximum(0, ...)`. Without it "
            "two layers are no more than one.",
            lambda z, W1, b1, W2, b2: _sigmoid((z @ W1 + b1) @ W2 + b2),
        ),
        Misconception(
            "relu-before-bias",
            "You take relu of `z @ W1` and add `b1` afterwards. The constant belongs inside: it decides where a unit "
            "switches on.",
            lambda z, W1, b1, W2, b2: _sigmoid((_relu(z @ W1) + b1) @ W2 + b2),
        ),
        Misconception(
            "no-sigmoid",
            "You return the 784 numbers as they are, and they may be any. Bend them into 0 to 1 with the sigmoid.",
            lambda z, W1, b1, W2, b2: _relu(z @ W1 + b1) @ W2 + b2,
        ),
        Misconception(
            "sigmoid-inside",
            "Your hidden units go through the sigmoid, too. Relu is for them; the sigmoid comes once, at the end.",
            lambda z, W1, b1, W2, b2: _sigmoid(_sigmoid(z @ W1 + b1) @ W2 + b2),
        ),
        Misconception(
            "relu-twice",
            "You take relu before the sigmoid as well, so no pixel can be darker than 1/2. The last layer has the "
            "sigmoid alone.",
            lambda z, W1, b1, W2, b2: _sigmoid(_relu(_relu(z @ W1 + b1) @ W2 + b2)),
        ),
        Misconception(
            "sign-of-the-exponent",
            "Black and white have changed places: the sigmoid has $e^{-a}$, with a minus sign, under the fraction.",
            lambda z, W1, b1, W2, b2: 1 - decode(z, W1, b1, W2, b2),
        ),
        Misconception(
            "clipped",
            "You cut the last numbers off at 0 and 1. The sigmoid bends them instead and has a slope everywhere.",
            lambda z, W1, b1, W2, b2: np.clip(_relu(z @ W1 + b1) @ W2 + b2, 0, 1),
        ),
        Misconception(
            "tanh",
            "You bend with `tanh`, which goes from -1 to 1. A pixel goes from 0 to 1: take the sigmoid.",
            lambda z, W1, b1, W2, b2: np.tanh(_relu(z @ W1 + b1) @ W2 + b2),
        ),
        Misconception(
            "no-first-bias",
            "You leave out `b1`. It is added before relu.",
            lambda z, W1, b1, W2, b2: _sigmoid(_relu(z @ W1) @ W2 + b2),
        ),
        Misconception(
            "no-second-bias",
            "You leave out `b2`. It is added before the sigmoid.",
            lambda z, W1, b1, W2, b2: _sigmoid(_relu(z @ W1 + b1) @ W2),
        ),
    ),
    hints=(
        "Two lines: one for the hidden units `h`, one for the pixels.",
        "`h = np.maximum(0, z @ W1 + b1)`: a matrix product, a sum, and relu.",
        "The same again with `h`, `W2` and `b2`, and the sigmoid of it: `1 / (1 + np.exp(-a))`.",
    ),
)


def walk(a, b, steps):
    """Codes that lead from a to b in equal steps, both included: (L,), (L,) -> (steps, L)."""
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) * a + t * b


def _rows(t, a, b):
    return (1 - t[:, None]) * a + t[:, None] * b


WALK = Exercise(
    ref="00/walk",
    solution=walk,
    inputs=dict(a=normal("L"), b=normal("L"), steps=given(5, 2, 3, 4, 12)),
    returns="codes : (steps, L)",
    example=([0.0, 10.0], [1.0, 20.0], 3),
    misconceptions=(
        Misconception(
            "end-missing",
            "Your walk stops one step short of `b`. With `steps` codes there are `steps - 1` gaps between them: "
            "`np.linspace(0, 1, steps)` has both ends.",
            lambda a, b, steps: _rows(np.arange(steps) / steps, a, b),
        ),
        Misconception(
            "start-missing",
            "Your walk begins one step after `a`. The first code is `a` itself, $t = 0$.",
            lambda a, b, steps: _rows(np.arange(1, steps + 1) / steps, a, b),
        ),
        Misconception(
            "ends-missing",
            "You return codes between `a` and `b`, without the two ends.",
            lambda a, b, steps: _rows(np.arange(1, steps + 1) / (steps + 1), a, b),
        ),
        Misconception(
            "backwards",
            "You walk from `b` to `a`. At $t = 0$ the share of `a` is 1.",
            lambda a, b, steps: walk(b, a, steps),
        ),
        Misconception(
            "does-not-leave",
            "You add $t\\,b$ to all of `a`. What `b` gains `a` has to lose: its share is $1 - t$.",
            lambda a, b, steps: a + np.linspace(0, 1, steps)[:, None] * b,
        ),
        Misconception(
            "beyond",
            "You add `b` where the difference is meant, `b - a`, or take shares that do not add up to 1: your last "
            "code is not `b`.",
            lambda a, b, steps: (1 - np.linspace(0, 1, steps)[:, None]) * a + b,
        ),
        Misconception(
            "columns",
            "Your codes stand in columns. One code is one *row*: the shape is (steps, L).",
            lambda a, b, steps: walk(a, b, steps).T,
        ),
        Misconception(
            "half-way-only",
            "You return the middle, over and over. $t$ has to go from 0 to 1, another one for each row.",
            lambda a, b, steps: np.tile((a + b) / 2, (steps, 1)),
        ),
        Misconception(
            "difference",
            "You scale the difference `b - a` and forget to start at `a`: add `a`.",
            lambda a, b, steps: np.linspace(0, 1, steps)[:, None] * (b - a),
        ),
    ),
    hints=(
        "You need `steps` values of $t$, evenly from 0 to 1: `np.linspace` makes them.",
        "A table comes of it if $t$ is a column: `t[:, None]` has the shape (steps, 1), and NumPy stretches it over "
        "the numbers of a code.",
        "`(1 - t) * a + t * b`, with that column for `t`.",
    ),
)

EXERCISES = (DECODE, WALK)
