"""Lesson 05, The reparameterization trick: a die thrown outside, a gradient from prices alone, and its baseline."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import generator, normal, number, size, uniform
from minivae.learn.law import continuous_law


def kumaraswamy(a, b, N, rng):
    """N draws of the law F(x) = 1 - (1 - x^a)^b on (0, 1): -> x : (N,)."""
    u = rng.uniform(size=N)  # all the chance there is
    return (1 - (1 - u) ** (1 / b)) ** (1 / a)


def _cdf(x, a, b):
    return 1 - (1 - np.clip(x, 0, 1) ** a) ** b


KUMARASWAMY = Exercise(
    ref="05/kumaraswamy",
    solution=kumaraswamy,
    law=continuous_law(_cdf),
    inputs=dict(a=number(1.5, 2.5), b=number(3.5, 5.0), N=size("N"), rng=generator()),
    sizes={"N": (10_000, 1, 2, 1, 7)},
    returns="x : (N,)",
    misconceptions=(
        Misconception(
            "own-rng",
            "The chance does not come from the `rng` that was handed over. It has to come from outside, so that "
            "whoever calls can throw the same die again: `rng.uniform(size=N)`.",
            symptom=("random", "global-rng", "same-draws"),
        ),
        Misconception(
            "one-throw",
            "Your draws hang together, as if one throw served for several. Each of the N needs a $u$ of its own: "
            "`size=N`.",
            symptom="dependent",
        ),
        Misconception(
            "forward",
            "You put $u$ into $F$. That way round, $F$ turns draws into uniform numbers. You have the uniform number "
            "and want the draw: solve $F(x) = u$ for $x$.",
            lambda a, b, N, rng: _cdf(rng.uniform(size=N), a, b),
        ),
        Misconception(
            "powers-for-roots",
            "You take powers where roots are due. To undo $y = x^a$ write `y ** (1 / a)`; the same for $b$.",
            lambda a, b, N, rng: (1 - (1 - rng.uniform(size=N)) ** b) ** a,
        ),
        Misconception(
            "a-and-b-swapped",
            "$a$ and $b$ have changed places. Peel from the outside: the power $b$ is the outer one, so its root is "
            "taken first.",
            lambda a, b, N, rng: (1 - (1 - rng.uniform(size=N)) ** (1 / a)) ** (1 / b),
        ),
        Misconception(
            "a-left",
            "You have stopped at $x^a$. One root is left: the power `1 / a`.",
            lambda a, b, N, rng: 1 - (1 - rng.uniform(size=N)) ** (1 / b),
        ),
        Misconception(
            "b-left-out",
            "$b$ does not take part: yours is the law for $b = 1$. Before you can get at $x^a$, undo the outer power "
            "with a root, `1 / b`.",
            lambda a, b, N, rng: rng.uniform(size=N) ** (1 / a),
        ),
        Misconception(
            "a-one-lost",
            "A step is missing. From $1 - x^a = (1 - u)^{1/b}$ it follows that $x^a$ is *one minus* the right side.",
            lambda a, b, N, rng: (1 - rng.uniform(size=N)) ** (1 / (a * b)),
        ),
        Misconception(
            "turned",
            "You return $1 - x$. It lies between 0 and 1 as well, but on the other side.",
            lambda a, b, N, rng: 1 - kumaraswamy(a, b, N, rng),
        ),
        Misconception(
            "beta",
            "You draw from the beta distribution, `rng.beta(a, b)`. It looks much like this one and is another law; "
            "and NumPy makes its draws in a way that has no rate with respect to $a$ and $b$.",
            lambda a, b, N, rng: rng.beta(a, b, N),
        ),
        Misconception(
            "uniform",
            "You return the uniform numbers as they came. Send them through $F^{-1}$.",
            lambda a, b, N, rng: rng.uniform(size=N),
        ),
    ),
    hints=(
        "Call a uniform number $u$. Which $x$ has $F(x) = u$? Undo $F$ step by step, from the outside to the inside.",
        "From $1 - (1 - x^a)^b = u$: first $(1 - x^a)^b = 1 - u$, then a root on both sides, then $x^a$ alone.",
        "$x^a = 1 - (1 - u)^{1/b}$, and one more root. With `u = rng.uniform(size=N)` it is a single line.",
    ),
)


def score_gradients(f, z, mu, logvar):
    """Gradients of E[f] from prices alone: (S,), (S, L), (L,), (L,) -> g_mu : (L,), g_logvar : (L,)."""
    var = np.exp(logvar)
    of_mu = (z - mu) / var  # (S, L)
    of_logvar = 0.5 * ((z - mu) ** 2 / var - 1)  # (S, L)
    return (f[:, None] * of_mu).mean(axis=0), (f[:, None] * of_logvar).mean(axis=0)


def _scores(z, mu, logvar):
    var = np.exp(logvar)
    return (z - mu) / var, 0.5 * ((z - mu) ** 2 / var - 1)


def _averaged(f, of_mu, of_logvar):
    return (f[:, None] * of_mu).mean(0), (f[:, None] * of_logvar).mean(0)


def _density(z, mu, logvar):
    return np.exp(-0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi))).prod(1)


SCORE = Exercise(
    ref="05/score",
    solution=score_gradients,
    inputs=dict(f=uniform("S", 1, 9), z=normal("S L", 0, 1.5), mu=normal("L"), logvar=uniform("L", -2, 1)),
    returns=("g_mu : (L,)", "g_logvar : (L,)"),
    example=([2.0, 4.0], [[1.0], [3.0]], [0.0], [0.0]),
    misconceptions=(
        Misconception(
            "swapped",
            "Both are right, and they stand in the wrong order: first `g_mu`, then `g_logvar`.",
            symptom="order",
        ),
        Misconception(
            "price-left-out",
            "You average the score and leave out the price. The score alone is 0 on average and knows nothing of $f$: "
            "multiply each draw's score by its `f`.",
            lambda f, z, mu, lv: _averaged(np.ones_like(f), *_scores(z, mu, lv)),
        ),
        Misconception(
            "means-first",
            "You average prices and scores first and multiply then. All the message is in which score goes with which "
            "price: multiply draw by draw, then average.",
            lambda f, z, mu, lv: tuple(f.mean() * s.mean(0) for s in _scores(z, mu, lv)),
        ),
        Misconception(
            "sum",
            "You add up over the draws. An expectation is estimated by a *mean*: with twice as many draws the gradient "
            "must not get twice as long.",
            lambda f, z, mu, lv: tuple((f[:, None] * s).sum(0) for s in _scores(z, mu, lv)),
        ),
        Misconception(
            "not-averaged",
            "You return an estimate for each draw, (S, L). Average over the S draws, axis 0.",
            lambda f, z, mu, lv: tuple(f[:, None] * s for s in _scores(z, mu, lv)),
        ),
        Misconception(
            "std-for-variance",
            r"In `g_mu` you divide by $\sigma$. The logarithm of the density holds $(z - \mu)^2 / (2 \sigma^2)$, so "
            r"the score divides by $\sigma^2$, which is `exp(logvar)`.",
            lambda f, z, mu, lv: _averaged(f, (z - mu) / np.exp(0.5 * lv), _scores(z, mu, lv)[1]),
        ),
        Misconception(
            "no-variance",
            r"In `g_mu` you do not divide by the variance. The same distance from the aim says more where the spread "
            r"is small: $(z - \mu) / \sigma^2$.",
            lambda f, z, mu, lv: _averaged(f, z - mu, _scores(z, mu, lv)[1]),
        ),
        Misconception(
            "logvar-for-variance",
            "You divide by `logvar`. It is the logarithm of the variance; bring it back with `exp`.",
            lambda f, z, mu, lv: _averaged(f, (z - mu) / lv, 0.5 * ((z - mu) ** 2 / lv - 1)),
        ),
        Misconception(
            "wrt-z",
            r"The sign of `g_mu` is turned: you have differentiated $\log q$ by $z$. By $\mu$ it is $+(z - \mu) / "
            r"\sigma^2$: a draw to the right becomes more likely when $\mu$ moves right.",
            lambda f, z, mu, lv: _averaged(f, (mu - z) / np.exp(lv), _scores(z, mu, lv)[1]),
        ),
        Misconception(
            "downhill",
            "Both signs are turned. A gradient points uphill, towards the higher price; the step that follows "
            "subtracts it.",
            lambda f, z, mu, lv: _averaged(-f, *_scores(z, mu, lv)),
        ),
        Misconception(
            "no-minus-one",
            r"In `g_logvar` the $-1$ is missing. It comes from $-\frac{1}{2} \log \sigma^2$ in front of the density, "
            "and without it the score is not 0 on average.",
            lambda f, z, mu, lv: _averaged(f, _scores(z, mu, lv)[0], 0.5 * (z - mu) ** 2 / np.exp(lv)),
        ),
        Misconception(
            "wrt-log-std",
            r"Your `g_logvar` is twice too large: that is the gradient at $\log \sigma$. `logvar` is $\log \sigma^2$, "
            r"which moves twice as fast: a $\frac{1}{2}$ in front.",
            lambda f, z, mu, lv: _averaged(f, _scores(z, mu, lv)[0], (z - mu) ** 2 / np.exp(lv) - 1),
        ),
        Misconception(
            "wrt-variance",
            r"Your `g_logvar` is the gradient at the variance itself. One factor of the chain is left: "
            r"$\partial \sigma^2 / \partial \mathrm{logvar} = \sigma^2$.",
            lambda f, z, mu, lv: _averaged(f, _scores(z, mu, lv)[0], _scores(z, mu, lv)[1] / np.exp(lv)),
        ),
        Misconception(
            "density",
            r"You multiply by the density $q$ as well. That would be for a sum over all $z$; here the draws come from "
            r"$q$ already, so likely ones are counted more often by themselves: $f \cdot \nabla \log q$.",
            lambda f, z, mu, lv: _averaged(f * _density(z, mu, lv), *_scores(z, mu, lv)),
        ),
        Misconception(
            "own-mean-subtracted",
            "You subtract the mean price. A baseline comes in the next exercise; and a mean that includes the draw "
            "itself makes all gradients too short.",
            lambda f, z, mu, lv: _averaged(f - f.mean(), *_scores(z, mu, lv)),
        ),
        Misconception(
            "prices-for-columns",
            "You give each *number* of the code the score of the whole draw. $\\mu_l$ appears only in the factor of "
            "$z_l$: keep the columns apart.",
            lambda f, z, mu, lv: tuple(
                (f[:, None] * s.sum(1, keepdims=True) + 0 * s).mean(0) for s in _scores(z, mu, lv)
            ),
        ),
    ),
    hints=(
        r"Two steps: the score of each draw, (S, L), for `mu` and for `logvar`; then weigh each draw by its price, and "
        "average over the draws.",
        r"The score at $\mu$ is $(z - \mu) / \sigma^2$, that at `logvar` is $\frac{1}{2} ((z - \mu)^2 / \sigma^2 - "
        r"1)$, with $\sigma^2$ = `exp(logvar)`. One price for a whole row: how do you multiply (S,) with (S, L)?",
        "`f[:, None]` makes a column of the prices. `(f[:, None] * score).mean(axis=0)`, once for each of the two.",
    ),
)


def leave_one_out(f):
    """Each price minus the mean price of the other draws of the same image: (B, S) -> (B, S)."""
    others = (f.sum(axis=1, keepdims=True) - f) / (f.shape[1] - 1)
    return f - others


def _others(f, axis=1):
    return (f.sum(axis=axis, keepdims=True) - f) / (f.shape[axis] - 1)


LEAVE_ONE_OUT = Exercise(
    ref="05/leave-one-out",
    solution=leave_one_out,
    inputs=dict(f=uniform("B S", 1, 9)),
    sizes={"S": (4, 2, 5, 2, 3)},
    returns="credit : (B, S)",
    example=([[1.0, 2.0, 6.0]],),
    misconceptions=(
        Misconception(
            "includes-itself",
            "You subtract the mean of *all* draws, this one included. So the baseline depends on the draw that it is "
            "used for, and every gradient comes out too short, by the factor (S - 1) / S. Leave it out.",
            lambda f: f - f.mean(1, keepdims=True),
        ),
        Misconception(
            "whole-batch",
            "You subtract the mean of the whole batch. Some images are dearer than others whatever is drawn; compare "
            "with the other draws of the *same* image, and without the draw itself.",
            lambda f: f - f.mean(),
        ),
        Misconception(
            "other-images",
            "You average over the other *images* (axis 0). The draws of one image stand in a row: sum over axis 1.",
            lambda f: f - _others(f, 0),
        ),
        Misconception(
            "image-mean-of-batch",
            "You subtract the mean over the images (axis 0). The draws of one image stand in a row, axis 1; and the "
            "draw itself is to be left out.",
            lambda f: f - f.mean(0),
        ),
        Misconception(
            "baseline-only",
            "That is the baseline. Return what is left of the price when it is subtracted: `f - baseline`.",
            _others,
        ),
        Misconception(
            "turned",
            "The sign is turned: price minus baseline, so that a draw that was dearer than the others counts above 0.",
            lambda f: _others(f) - f,
        ),
        Misconception(
            "divided-by-S",
            "You add up the other draws and divide by S. There are S - 1 of them.",
            lambda f: f - (f.sum(1, keepdims=True) - f) / f.shape[1],
        ),
        Misconception(
            "sum-of-all",
            "You divide by S - 1, but this draw is still in the sum. Subtract it: `f.sum(axis=1, keepdims=True) - f`.",
            lambda f: f - f.sum(1, keepdims=True) / (f.shape[1] - 1),
        ),
        Misconception(
            "others-not-averaged",
            "You subtract the *sum* of the others. Divide it by how many they are, S - 1.",
            lambda f: f - (f.sum(1, keepdims=True) - f),
        ),
        Misconception(
            "standardised",
            "You divide by the standard deviation as well. That is common practice, and it changes how long the "
            "gradient is, in another way for each image. Subtract only.",
            lambda f: (f - f.mean(1, keepdims=True)) / f.std(1, keepdims=True),
        ),
        Misconception(
            "one-other",
            "You subtract the price of one other draw. That is without bias, too, and noisier than it need be: take "
            "the mean of all S - 1.",
            lambda f: f - np.roll(f, 1, axis=1),
        ),
        Misconception(
            "as-it-came",
            "You return the prices as they came. Subtract the baseline.",
            lambda f: f.copy(),
        ),
    ),
    hints=(
        "The mean of a row is easy. How do you get the mean of a row *without* one of its numbers, for each of them in "
        "turn, and with no loop?",
        "The sum of the others is the sum of the row minus the number itself. How many others are there?",
        "`f.sum(axis=1, keepdims=True) - f`, divided by `f.shape[1] - 1`, is the baseline. Subtract it from `f`.",
    ),
)

EXERCISES = (KUMARASWAMY, SCORE, LEAVE_ONE_OUT)
