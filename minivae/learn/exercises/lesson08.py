"""Lesson 08, Latent diffusion: jump into the noise, step back out of it, and say a label louder."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import Draw, Trial, normal, number


def noised(x0, t, eps, alpha_bar):
    """Each row after its own number of noising steps: (B, L), (B,), (B, L), (T,) -> x_t : (B, L)."""
    share = alpha_bar[t][:, None]  # (B, 1)
    return np.sqrt(share) * x0 + np.sqrt(1 - share) * eps


def _mixed(x0, eps, signal, noise):
    return signal[:, None] * x0 + noise[:, None] * eps


def _falling(t: Trial) -> np.ndarray:
    return np.sort(t.rng.uniform(0.05, 0.95, t.sizes["T"]))[::-1].copy()


def _steps(t: Trial) -> np.ndarray:
    return t.rng.integers(1, t.sizes["T"], t.shape("B"))  # not 0: there t - 1 would be the last


NOISED = Exercise(
    ref="08/noised",
    solution=noised,
    inputs=dict(x0=normal("B L"), t=Draw(_steps, "B T"), eps=normal("B L"), alpha_bar=Draw(_falling, "T")),
    returns="x_t : (B, L)",
    example=([[1.0, 2.0]], np.array([1]), [[1.0, -1.0]], [0.9, 0.36]),
    sizes={"T": (9, 8, 7, 6, 12)},
    misconceptions=(
        Misconception(
            "own-noise",
            "Your function draws noise of its own. It comes in as `eps`, for the denoiser is to be asked about that "
            "very draw: use `eps`.",
            symptom=("random", "global-rng", "ignores:eps"),
        ),
        Misconception(
            "no-roots",
            r"You weigh with $\bar\alpha_t$ and $1 - \bar\alpha_t$ themselves. Those are shares of *variance*; numbers "
            "are weighed with their square roots, so that the squares of the weights add up to 1.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, alpha_bar[t], 1 - alpha_bar[t]),
        ),
        Misconception(
            "noise-not-rooted",
            r"The signal is right. The noise is weighed with its variance, $1 - \bar\alpha_t$: take the square root.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, np.sqrt(alpha_bar[t]), 1 - alpha_bar[t]),
        ),
        Misconception(
            "signal-not-rooted",
            r"The noise is right. The signal is weighed with $\bar\alpha_t$, which is a share of variance: take its "
            "square root.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, alpha_bar[t], np.sqrt(1 - alpha_bar[t])),
        ),
        Misconception(
            "weights-add-to-one",
            r"Your weights add up to 1; their *squares* have to, for it is variances that add. The noise is "
            r"$\sqrt{1 - \bar\alpha_t}$, not $1 - \sqrt{\bar\alpha_t}$.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, np.sqrt(alpha_bar[t]), 1 - np.sqrt(alpha_bar[t])),
        ),
        Misconception(
            "swapped",
            r"Signal and noise are swapped: $\bar\alpha_t$ is what is left of $x_0$, near 1 in the beginning.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, np.sqrt(1 - alpha_bar[t]), np.sqrt(alpha_bar[t])),
        ),
        Misconception(
            "signal-stays",
            r"You add noise and leave $x_0$ as it is. Then the variance grows with each step; here $x_0$ shrinks by "
            r"$\sqrt{\bar\alpha_t}$ to make room.",
            lambda x0, t, eps, alpha_bar: _mixed(x0, eps, np.ones(len(t)), np.sqrt(1 - alpha_bar[t])),
        ),
        Misconception(
            "product-twice",
            "You multiply `alpha_bar` up once more. The bar says that the product has been taken: `alpha_bar[t]` is "
            "what is left after all steps so far.",
            lambda x0, t, eps, alpha_bar: noised(x0, t, eps, np.cumprod(alpha_bar)),
        ),
        Misconception(
            "product-until-t",
            "You multiply `alpha_bar` up to step `t`. The bar says that the product has been taken: read off "
            "`alpha_bar[t]`.",
            lambda x0, t, eps, alpha_bar: noised(x0, t - 1, eps, np.cumprod(alpha_bar)),
        ),
        Misconception(
            "one-step-early",
            "You look up `alpha_bar[t - 1]`. Steps count from 0 here, as indices do: `alpha_bar[t]`.",
            lambda x0, t, eps, alpha_bar: noised(x0, t - 1, eps, alpha_bar),
        ),
        Misconception(
            "one-step-for-all",
            "You take the first row's step for all. Each row has a step of its own: `alpha_bar[t]` has shape (B,).",
            lambda x0, t, eps, alpha_bar: noised(x0, np.full_like(t, t[0]), eps, alpha_bar),
        ),
    ),
    hints=(
        "`alpha_bar[t]` picks one number for each row: (B,). Which shape does it need beside x0, (B, L)?",
        r"The signal is $\sqrt{\bar\alpha_t}$, the noise $\sqrt{1 - \bar\alpha_t}$.",
        "`share = alpha_bar[t][:, None]`, and then `np.sqrt(share) * x0 + np.sqrt(1 - share) * eps`.",
    ),
)


def ddim_step(x_t, v, a_t, a_s):
    """From x_t to x_s without chance, by the denoiser's v; (B, L), (B, L), alpha_bar at t and s -> x_s : (B, L)."""
    signal, noise = np.sqrt(a_t), np.sqrt(1 - a_t)
    x0, eps = signal * x_t - noise * v, noise * x_t + signal * v
    return np.sqrt(a_s) * x0 + np.sqrt(1 - a_s) * eps


def _again(x0, eps, a_s):
    return np.sqrt(a_s) * x0 + np.sqrt(1 - a_s) * eps


def _x0(x_t, v, a_t):
    return np.sqrt(a_t) * x_t - np.sqrt(1 - a_t) * v


def _eps(x_t, v, a_t):
    return np.sqrt(1 - a_t) * x_t + np.sqrt(a_t) * v


DDIM_STEP = Exercise(
    ref="08/ddim-step",
    solution=ddim_step,
    inputs=dict(x_t=normal("B L"), v=normal("B L"), a_t=number(0.1, 0.4), a_s=number(0.55, 0.9)),
    returns="x_s : (B, L)",
    example=([[1.0, 0.5]], [[0.5, -1.0]], 0.36, 0.64),
    misconceptions=(
        Misconception(
            "fresh-noise",
            "Your function draws noise. That is what DDPM does; DDIM puts the noise back that the denoiser has found.",
            symptom=("random", "global-rng"),
        ),
        Misconception(
            "v-as-eps",
            r"You take the answer for $\epsilon$. It is $v$, a mixture of both; first $\hat{x}_0 = \sqrt{\bar\alpha_t}"
            r"\, x_t - \sqrt{1 - \bar\alpha_t}\, v$.",
            lambda x_t, v, a_t, a_s: _again((x_t - np.sqrt(1 - a_t) * v) / np.sqrt(a_t), v, a_s),
        ),
        Misconception(
            "v-as-x0",
            r"You take the answer for $\hat{x}_0$. It is $v$; first $\hat{x}_0 = \sqrt{\bar\alpha_t}\, x_t - "
            r"\sqrt{1 - \bar\alpha_t}\, v$.",
            lambda x_t, v, a_t, a_s: _again(v, (x_t - np.sqrt(a_t) * v) / np.sqrt(1 - a_t), a_s),
        ),
        Misconception(
            "jump-to-the-end",
            r"You return $\hat{x}_0$. That is the guess of where it all began, an average; the step goes only as far "
            r"as $s$, so the noise of time $s$ has to be put back.",
            lambda x_t, v, a_t, a_s: _x0(x_t, v, a_t),
        ),
        Misconception(
            "no-noise-back",
            r"You leave the noise out. At time $s$ it still has its place: add $\sqrt{1 - \bar\alpha_s}\, "
            r"\hat\epsilon$.",
            lambda x_t, v, a_t, a_s: np.sqrt(a_s) * _x0(x_t, v, a_t),
        ),
        Misconception(
            "old-noise-back",
            r"You put the noise back with the weight it had at $t$. At $s$ there is less of it: "
            r"$\sqrt{1 - \bar\alpha_s}$.",
            lambda x_t, v, a_t, a_s: np.sqrt(a_s) * _x0(x_t, v, a_t) + np.sqrt(1 - a_t) * _eps(x_t, v, a_t),
        ),
        Misconception(
            "x_t-put-back",
            r"You mix $\hat{x}_0$ with $x_t$ itself. What is put back is the noise *in* it, $\hat\epsilon = "
            r"\sqrt{1 - \bar\alpha_t}\, x_t + \sqrt{\bar\alpha_t}\, v$.",
            lambda x_t, v, a_t, a_s: _again(_x0(x_t, v, a_t), x_t, a_s),
        ),
        Misconception(
            "v-put-back",
            r"Your $\hat{x}_0$ is right, and then you mix it with $v$. What is put back is the noise, $\hat\epsilon = "
            r"\sqrt{1 - \bar\alpha_t}\, x_t + \sqrt{\bar\alpha_t}\, v$.",
            lambda x_t, v, a_t, a_s: _again(_x0(x_t, v, a_t), v, a_s),
        ),
        Misconception(
            "stands-still",
            "You split `x_t` and put it together with the same weights: that returns `x_t`. The weights of the way "
            "back are those of time $s$.",
            lambda x_t, v, a_t, a_s: 1.0 * x_t,
        ),
        Misconception(
            "turned-the-wrong-way",
            r"You go the wrong way: away from $x_0$, by as much as you should go towards it. Either the sign of `v` is "
            r"turned ($v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$, so more $v$ means *less* "
            "$x_0$), or `a_t` and `a_s` are swapped: the answer was given at $t$, and you want to arrive at $s$.",
            lambda x_t, v, a_t, a_s: ddim_step(x_t, -v, a_t, a_s),
        ),
        Misconception(
            "no-roots",
            r"You weigh with $\bar\alpha$ itself. It is a share of variance; signal and noise are square roots.",
            lambda x_t, v, a_t, a_s: a_s * (a_t * x_t - (1 - a_t) * v) + (1 - a_s) * ((1 - a_t) * x_t + a_t * v),
        ),
    ),
    hints=(
        "Two halves: what does the answer say about $x_0$ and about $\\epsilon$? And what would $x_s$ be, if both were "
        "right?",
        r"$\hat{x}_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 - \bar\alpha_t}\, v$ and $\hat\epsilon = "
        r"\sqrt{1 - \bar\alpha_t}\, x_t + \sqrt{\bar\alpha_t}\, v$. (Put in what $x_t$ and $v$ are, and see.)",
        "Then noise it anew, to $s$: `np.sqrt(a_s) * x0 + np.sqrt(1 - a_s) * eps`.",
    ),
)


def guided(with_label, without, w):
    """The answer with the label, pushed away from the one without: (B, L), (B, L), number -> (B, L)."""
    return (1 + w) * with_label - w * without


GUIDED = Exercise(
    ref="08/guided",
    solution=guided,
    inputs=dict(with_label=normal("B L"), without=normal("B L"), w=number(0.6, 3.0)),
    returns="v : (B, L)",
    example=([[1.0, 2.0]], [[0.5, 2.0]], 2.0),
    misconceptions=(
        Misconception(
            "counts-from-one",
            "That is the other convention, in which 1 means no guidance. Here $w = 0$ does: try it, the answer has to "
            "be `with_label`.",
            lambda c, u, w: u + w * (c - u),
        ),
        Misconception(
            "swapped",
            "The two answers are swapped: this runs *away* from the label. `with_label` is what gets the weight above "
            "1.",
            lambda c, u, w: (1 + w) * u - w * c,
        ),
        Misconception(
            "plus",
            "You add the answer without the label. It is to be taken *away*, so that what the label says is "
            "left louder.",
            lambda c, u, w: (1 + w) * c + w * u,
        ),
        Misconception(
            "difference-only",
            "You return the difference alone, $w$ times. It is a correction: add it to `with_label`.",
            lambda c, u, w: w * (c - u),
        ),
        Misconception(
            "weights-too-small",
            "Your weights are 1 and $-w$, which do not add up to 1: where both answers agree, the result has to be "
            "just that answer.",
            lambda c, u, w: c - w * u,
        ),
        Misconception(
            "one-taken-away",
            "Your weights are $1 + w$ and $-1$, which do not add up to 1: where both answers agree, the result has to "
            "be just that answer.",
            lambda c, u, w: (1 + w) * c - u,
        ),
        Misconception(
            "average",
            "You average the two: the result lies *between* them. Guidance goes beyond `with_label`, on the far side "
            "from `without`.",
            lambda c, u, w: (c + w * u) / (1 + w),
        ),
        Misconception(
            "halfway",
            "Your weights, $1 - w$ and $w$, walk from `with_label` towards `without`. Go the other way.",
            lambda c, u, w: (1 - w) * c + w * u,
        ),
        Misconception(
            "shrunk",
            "The direction is right, and then you divide by $1 + 2w$. The weights $1 + w$ and $-w$ add up to 1 "
            "already.",
            lambda c, u, w: ((1 + w) * c - w * u) / (1 + 2 * w),
        ),
        Misconception(
            "no-guidance", "You return `with_label`: that is $w = 0$.", lambda c, u, w: 1.0 * c, symptom="ignores:w"
        ),
    ),
    hints=(
        "What does the label say? It is the difference of the two answers.",
        "Begin at `with_label` and go $w$ times that difference further. At $w = 0$ you stay.",
        "`with_label + w * (with_label - without)`, or with the terms gathered, as in the formula.",
    ),
)

EXERCISES = (NOISED, DDIM_STEP, GUIDED)
