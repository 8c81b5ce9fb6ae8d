"""Lesson 07, A map of concepts: walk along the sphere, find the direction of an attribute, mix two codes."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import Draw, Trial, follows, normal, number, uniform


def slerp(a, b, t):
    """From a to b along the sphere, row by row: (B, L), (B, L), number -> (B, L); straight where they are parallel."""
    cos = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    angle = np.arccos(np.clip(cos, -1, 1))[:, None]  # (B, 1)
    parallel = np.sin(angle) < 1e-6
    safe = np.where(parallel, 1.0, angle)
    along = (np.sin((1 - t) * safe) * a + np.sin(t * safe) * b) / np.sin(safe)
    return np.where(parallel, (1 - t) * a + t * b, along)


def _length(a):
    return np.linalg.norm(a, axis=1, keepdims=True)


def _angle(a, b):
    return np.arccos(np.clip((a * b).sum(axis=1, keepdims=True) / (_length(a) * _length(b)), -1, 1))


def _weighted(a, b, t, angle):
    """The formula for any angle, and the straight line where it breaks down."""
    parallel = np.abs(np.sin(angle)) < 1e-6
    safe = np.where(parallel, 1.0, angle)
    along = (np.sin((1 - t) * safe) * a + np.sin(t * safe) * b) / np.sin(safe)
    return np.where(parallel, (1 - t) * a + t * b, along)


def _no_guard(a, b, t):
    angle = _angle(a, b)
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def _first_stays(a, b, t):
    return np.where(np.sin(_angle(a, b)) < 1e-6, a, slerp(a, b, t))


def _rescaled(a, b, t):
    straight = (1 - t) * a + t * b
    return straight / _length(straight) * ((1 - t) * _length(a) + t * _length(b))


def _codes(t: Trial) -> np.ndarray:
    a = t.rng.normal(size=t.shape("B L"))
    a[0, 1:] = 0.0  # along an axis, so that the cosine of the first pair is 1 to the last bit
    return a


def _others(a: np.ndarray) -> np.ndarray:
    b = np.random.default_rng(np.abs(a).view(np.uint64).ravel()).normal(size=a.shape)
    b[0] = 2 * a[0]  # the same direction
    return b


SLERP = Exercise(
    ref="07/slerp",
    solution=slerp,
    inputs=dict(a=Draw(_codes, "B L"), b=follows(_others), t=number(0.15, 0.4)),
    returns="z : (B, L)",
    example=([[1.0, 0.0]], [[0.0, 2.0]], 0.5),
    sizes={"L": (3, 4, 6, 2, 5)},  # with one number there is no angle
    misconceptions=(
        Misconception(
            "parallel-rows",
            r"Right in all rows but one: there `a` and `b` point the same way, $\omega$ is 0, and 0 / 0 is `nan`. Use "
            r"the straight line where $\mathrm{sin} \omega$ is (nearly) 0; `np.where` chooses row by row.",
            _no_guard,
        ),
        Misconception(
            "parallel-rows-stay",
            "Right in all rows but one: where `a` and `b` point the same way you return `a`. They may have different "
            "lengths: walk the straight line there.",
            _first_stays,
        ),
        Misconception(
            "straight",
            "This is the straight line. Its middle is too short; here the weights are "
            r"$\mathrm{sin}((1 - t)\,\omega) / \mathrm{sin} \omega$ and "
            r"$\mathrm{sin}(t\,\omega) / \mathrm{sin} \omega$.",
            lambda a, b, t: (1 - t) * a + t * b,
        ),
        Misconception(
            "straight-rescaled",
            "You walk the straight line and stretch the result. The length comes out right, the *direction* does not: "
            "equal steps of $t$ are not equal angles then. Take the two sines as weights.",
            _rescaled,
        ),
        Misconception(
            "unit-length",
            "You have normalised `a` and `b`, for the angle, and gone on with the unit vectors. The result has length "
            "1 everywhere; weigh the codes as they came.",
            lambda a, b, t: slerp(a / _length(a), b / _length(b), t),
        ),
        Misconception(
            "one-angle",
            "You compute one angle for the whole batch. Each row has its own: sum over axis 1, and keep the axis.",
            lambda a, b, t: _weighted(a, b, t, np.arccos(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))),
        ),
        Misconception(
            "down-the-batch",
            "You sum over the images (axis 0), so each *column* gets an angle. The angle is between two codes, which "
            "are rows: sum over axis 1.",
            lambda a, b, t: _weighted(a.T, b.T, t, _angle(a.T, b.T)).T,
        ),
        Misconception(
            "ends-swapped",
            "You walk from `b` to `a`. At $t = 0$ the result has to be `a`, so "
            r"$\mathrm{sin}((1 - t)\,\omega)$ belongs to it.",
            lambda a, b, t: slerp(b, a, t),
        ),
        Misconception(
            "not-divided",
            r"The division by $\mathrm{sin} \omega$ is missing. At $t = 0$ the weight of `a` has to be 1.",
            lambda a, b, t: np.sin((1 - t) * _angle(a, b)) * a + np.sin(t * _angle(a, b)) * b,
        ),
        Misconception(
            "lengths-left-in",
            "You take the arc cosine of the plain inner product. The cosine of the angle is the inner product *over "
            "both lengths*.",
            lambda a, b, t: _weighted(a, b, t, np.arccos(np.clip((a * b).sum(axis=1, keepdims=True), -1, 1))),
        ),
        Misconception(
            "cosine-for-angle",
            r"You use the cosine in the place of the angle. `np.arccos` makes $\omega$ of it.",
            lambda a, b, t: _weighted(a, b, t, (a * b).sum(axis=1, keepdims=True) / (_length(a) * _length(b))),
        ),
        Misconception(
            "root-weights",
            r"Your weights are $\sqrt{1 - t}$ and $\sqrt{t}$. They keep the length of two codes at a right angle "
            "only, and they turn fastest at the ends. The formula uses the angle that there is.",
            lambda a, b, t: np.sqrt(1 - t) * a + np.sqrt(t) * b,
        ),
    ),
    hints=(
        r"First the angle of each pair of rows: $\mathrm{cos} \omega = a \cdot b \, / \, (|a|\,|b|)$. Keep it as "
        "(B, 1), so that it goes with (B, L).",
        "Rounding may push a cosine over 1, so `np.clip` it before `np.arccos`. Then "
        r"$(\mathrm{sin}((1 - t)\,\omega)\, a + \mathrm{sin}(t\,\omega)\, b) / \mathrm{sin} \omega$.",
        "Where the sine is below 1e-6, take the straight line: `np.where(parallel, straight, along)`. Give the "
        "division a harmless angle in those rows, so that nothing is divided by 0.",
    ),
)


def attribute_vector(z, has):
    """The mean code of those who have it minus that of those who have not: (N, L), (N,) of bool -> (L,)."""
    return z[has].mean(axis=0) - z[~has].mean(axis=0)


def _has(z: np.ndarray) -> np.ndarray:
    has = np.arange(len(z)) % 3 == 0  # never all and never none; twice as many without
    return np.random.default_rng(len(z)).permutation(has)


ATTRIBUTE_VECTOR = Exercise(
    ref="07/attribute-vector",
    solution=attribute_vector,
    inputs=dict(z=normal("N L", mean=0.5), has=follows(_has)),
    returns="vector : (L,)",
    example=([[1.0, 2.0], [3.0, 2.0], [0.0, 0.0]], np.array([True, True, False])),
    sizes={"N": (7, 5, 8, 2, 10)},
    misconceptions=(
        Misconception(
            "turned-round",
            "It points the wrong way: from those who have it to those who have not. Whoever adds it would *lose* the "
            "attribute.",
            lambda z, has: z[~has].mean(axis=0) - z[has].mean(axis=0),
        ),
        Misconception(
            "no-difference",
            "That is the mean code of those who have it: a *place* on the map, and a whole face with all that is "
            "ordinary about faces. A direction is a difference of two places.",
            lambda z, has: z[has].mean(axis=0),
        ),
        Misconception(
            "against-all",
            "You subtract the mean of *all*, and those who have the attribute are among them. The direction is right, "
            "but the step too short. Subtract the mean of those who have *not*.",
            lambda z, has: z[has].mean(axis=0) - z.mean(axis=0),
        ),
        Misconception(
            "sums",
            "You subtract sums. Then the larger group wins, whatever it looks like: take the `mean` of each group.",
            lambda z, has: z[has].sum(axis=0) - z[~has].sum(axis=0),
        ),
        Misconception(
            "over-everybody",
            "You divide both sums by the number of *all* codes. Each group is averaged over its own members.",
            lambda z, has: (z * np.where(has, 1.0, -1.0)[:, None]).mean(axis=0),
        ),
        Misconception(
            "unit-length",
            "You bring the vector to length 1. Its length says how far apart the groups are, in units of the code: "
            "with it, one step leads from one group to the other. Keep it.",
            lambda z, has: attribute_vector(z, has) / np.linalg.norm(attribute_vector(z, has)),
        ),
        Misconception(
            "one-number",
            "You average over the numbers of the code as well, and one number is left. A direction has L of them: "
            "average over the codes only, axis 0.",
            lambda z, has: z[has].mean() - z[~has].mean(),
        ),
        Misconception(
            "kept-axis",
            "The numbers are right, but the averaged axis is still there: (1, L). Leave `keepdims` out.",
            lambda z, has: attribute_vector(z, has)[None],
        ),
        Misconception(
            "medians",
            "You take medians. They are less easily led astray, but a median of each number by itself is nobody's "
            "middle, and the classic vector is the difference of *means*.",
            lambda z, has: np.median(z[has], axis=0) - np.median(z[~has], axis=0),
        ),
        Misconception(
            "in-deviations",
            "You divide by the standard deviation of each number of the code. That turns the vector to another "
            "direction; leave it in the units of the code.",
            lambda z, has: attribute_vector(z, has) / z.std(axis=0),
        ),
        Misconception(
            "middle",
            "You average the two means. That is the place in the middle between the groups; the direction from one to "
            "the other is their *difference*.",
            lambda z, has: 0.5 * (z[has].mean(axis=0) + z[~has].mean(axis=0)),
        ),
    ),
    hints=(
        "A direction leads from one place to another. Which two places on the map would be typical of faces without "
        "the attribute, and of faces with it?",
        "The mean code of each group, one number for each column of `z`. `has` is an array of True and False, so "
        "`z[has]` are the rows of those who have it, and `z[~has]` the others.",
        "`z[has].mean(axis=0)`, and minus the same of the others. No scaling.",
    ),
)


def mix(z_a, f_a, f_b, w, W):
    """Codes a with factors of b: (B, L), (B, F), (B, F), weights (F,), directions (F, L) -> (B, L)."""
    return z_a + ((f_b - f_a) * w) @ W


MIX = Exercise(
    ref="07/mix",
    solution=mix,
    inputs=dict(z_a=normal("B L"), f_a=normal("B F"), f_b=normal("B F"), w=uniform("F", 0.1, 0.9), W=normal("F L")),
    returns="z : (B, L)",
    example=([[1.0, 1.0]], [[0.0, 1.0]], [[2.0, 5.0]], [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]),
    misconceptions=(
        Misconception(
            "no-difference",
            "You add all of the other's factors. Face `a` has some of each already: go only as far as the two are "
            "*apart*, `f_b - f_a`.",
            lambda z_a, f_a, f_b, w, W: z_a + (f_b * w) @ W,
        ),
        Misconception(
            "turned-round",
            "You walk the wrong way: `f_a - f_b` leads away from `b`.",
            lambda z_a, f_a, f_b, w, W: z_a + ((f_a - f_b) * w) @ W,
        ),
        Misconception(
            "no-weights",
            "You take over every factor entirely: `w` is missing. It says for each factor how much of it comes from "
            "`b`.",
            lambda z_a, f_a, f_b, w, W: z_a + (f_b - f_a) @ W,
        ),
        Misconception(
            "weights-turned-round",
            "Your weights are `1 - w`: where 1 was asked for, nothing is taken over.",
            lambda z_a, f_a, f_b, w, W: z_a + ((f_b - f_a) * (1 - w)) @ W,
        ),
        Misconception(
            "all-or-nothing",
            "You treat `w` as yes or no. A weight of 0.3 asks for three tenths of the way.",
            lambda z_a, f_a, f_b, w, W: z_a + ((f_b - f_a) * (w > 0.5)) @ W,
        ),
        Misconception(
            "weights-as-shares",
            "You divide the weights by their sum. They are no shares of one whole: three factors may all be taken over "
            "entirely.",
            lambda z_a, f_a, f_b, w, W: z_a + ((f_b - f_a) * w / w.sum()) @ W,
        ),
        Misconception(
            "face-lost",
            "You return the step alone. It starts at `z_a`, which holds all of the face that stays: add it.",
            lambda z_a, f_a, f_b, w, W: ((f_b - f_a) * w) @ W,
        ),
        Misconception(
            "built-from-factors",
            "You build a new code from factors alone. Whatever of face `a` the factors do not say is lost: start at "
            "`z_a`, and add the change.",
            lambda z_a, f_a, f_b, w, W: ((1 - w) * f_a + w * f_b) @ W,
        ),
        Misconception(
            "mean-step",
            "You average the difference over the batch, so everybody takes the same step. Each pair has its own.",
            lambda z_a, f_a, f_b, w, W: z_a + ((f_b - f_a).mean(axis=0) * w) @ W,
        ),
    ),
    hints=(
        "The mixed face is face `a` plus a step. In which directions does it go, and how far in each?",
        "How far, for factor k: the difference between the two faces, `f_b - f_a`, times its weight. That is an array "
        "(B, F). Row k of `W` is the direction.",
        "`((f_b - f_a) * w) @ W` adds up all directions, each as far as it should go; `z_a` comes in front.",
    ),
)

EXERCISES = (SLERP, ATTRIBUTE_VECTOR, MIX)
