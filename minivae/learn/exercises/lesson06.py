"""Lesson 06, The loss with two forces: postage estimated and counted, the beta that a loss hides, and free bits."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import given, normal, number, size, uniform


def monte_carlo_kl(mu, logvar, eps):
    """KL(N(mu, exp(logvar)) || N(0, I)) from draws: (L,), (L,), (N, L) -> kl, se in nats."""
    z = mu + np.exp(0.5 * logvar) * eps  # (N, L)
    log_q = -0.5 * (eps**2 + logvar + np.log(2 * np.pi)).sum(axis=1)  # (z - mu) / sigma is eps
    log_p = -0.5 * (z**2 + np.log(2 * np.pi)).sum(axis=1)
    draws = log_q - log_p  # (N,)
    return draws.mean(), draws.std(ddof=1) / len(draws) ** 0.5


def _draws(mu, logvar, eps, z=None):
    """log q - log p, number by number: (N, L)."""
    z = mu + np.exp(0.5 * logvar) * eps if z is None else z
    return 0.5 * (z**2 - eps**2 - logvar)


def _mean_and_error(draws):
    return draws.mean(), draws.std(ddof=1) / len(draws) ** 0.5


def _all_numbers(mu, logvar, eps):
    terms = _draws(mu, logvar, eps)
    return terms.mean(), terms.std(ddof=1) / terms.size**0.5


def _sum_over_draws(mu, logvar, eps):
    terms = _draws(mu, logvar, eps).sum(axis=1)
    return terms.sum(), terms.std(ddof=1) / len(terms) ** 0.5


def _closed_form(mu, logvar, eps):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(), _mean_and_error(_draws(mu, logvar, eps).sum(axis=1))[1]


MONTE_CARLO_KL = Exercise(
    ref="06/monte-carlo-kl",
    solution=monte_carlo_kl,
    inputs=dict(mu=normal("L"), logvar=uniform("L", -2, 1), eps=normal("N L")),
    sizes={"N": (7, 4, 6, 3, 8)},  # never 1: one draw has no spread
    returns=("kl : one number, nats", "se : one number, nats"),
    example=([1.0, 0.0], [0.0, -1.0], [[0.5, 1.0], [-1.0, 0.0], [0.0, -1.0]]),
    misconceptions=(
        Misconception(
            "own-noise",
            "Your function draws noise of its own. The draws come in as `eps`: use them, so that the same call gives "
            "the same estimate.",
            symptom=("random", "global-rng"),
        ),
        Misconception(
            "sign",
            r"The sign is turned. It is the range itself that is *more* likely at its own draws than the prior: "
            r"$\log q(z) - \log p(z)$.",
            lambda mu, logvar, eps: _mean_and_error(-_draws(mu, logvar, eps).sum(axis=1)),
        ),
        Misconception(
            "closed-form",
            "You return the closed form. It is the right value, and asked for is its *estimate* from these draws: the "
            "average of `log q - log p` over the rows of `eps`.",
            _closed_form,
        ),
        Misconception(
            "spread-for-error",
            "You return the spread of one draw. The spread of an *average* of N draws is smaller by the root of N: "
            "divide by it.",
            lambda mu, logvar, eps: (
                _draws(mu, logvar, eps).sum(axis=1).mean(),
                _draws(mu, logvar, eps).sum(axis=1).std(ddof=1),
            ),
        ),
        Misconception(
            "over-n",
            "You divide the spread by N. The *variance* of an average is smaller by N, so its spread is smaller by the "
            "root of N.",
            lambda mu, logvar, eps: (
                _draws(mu, logvar, eps).sum(axis=1).mean(),
                _draws(mu, logvar, eps).sum(axis=1).std(ddof=1) / len(eps),
            ),
        ),
        Misconception(
            "ddof",
            "Your standard error is a little too small: `std` divides by N unless it is told otherwise. The mean was "
            "taken from the same draws, so divide by N - 1: `std(ddof=1)`.",
            lambda mu, logvar, eps: (
                _draws(mu, logvar, eps).sum(axis=1).mean(),
                _draws(mu, logvar, eps).sum(axis=1).std() / len(eps) ** 0.5,
            ),
        ),
        Misconception(
            "variance-for-error",
            "You return the variance of the average. Take its root: a standard error is in nats, not in squared nats.",
            lambda mu, logvar, eps: (
                _draws(mu, logvar, eps).sum(axis=1).mean(),
                _draws(mu, logvar, eps).sum(axis=1).var(ddof=1) / len(eps),
            ),
        ),
        Misconception(
            "mean-over-everything",
            "You average over the numbers of the code as well. They are independent, so their logarithms *add up*: sum "
            "over axis 1 first, then average over the draws.",
            _all_numbers,
        ),
        Misconception(
            "sum-over-draws",
            "You sum over the draws. A KL is an average over draws, and does not grow when you draw more.",
            _sum_over_draws,
        ),
        Misconception(
            "one-by-one",
            "You return a KL for each number of the code. The postage of the range is their sum: first sum over axis "
            "1, then average over the draws.",
            lambda mu, logvar, eps: (
                _draws(mu, logvar, eps).mean(axis=0),
                _draws(mu, logvar, eps).std(axis=0, ddof=1) / len(eps) ** 0.5,
            ),
        ),
        Misconception(
            "variance-for-std",
            r"You use `exp(logvar)`, the variance, as the scale of the noise. The draws of *this* range are "
            r"$\mu + \sigma\epsilon$ with $\sigma$ = `exp(0.5 * logvar)`.",
            lambda mu, logvar, eps: _mean_and_error(_draws(mu, logvar, eps, mu + np.exp(logvar) * eps).sum(axis=1)),
        ),
        Misconception(
            "draws-of-the-prior",
            "You take `eps` itself as $z$: those are draws of the *prior*. The average is over the range $q$: shift "
            r"and scale them, $z = \mu + \sigma\epsilon$.",
            lambda mu, logvar, eps: _mean_and_error(
                0.5 * (eps**2 - (eps - mu) ** 2 / np.exp(logvar) - logvar).sum(axis=1)
            ),
        ),
        Misconception(
            "no-logvar",
            r"The term with `logvar` is missing: a Gaussian's density has $1/\sigma$ in front, so its logarithm has "
            r"$-\frac{1}{2}$`logvar`. A narrow range is a tall one.",
            lambda mu, logvar, eps: _mean_and_error((_draws(mu, logvar, eps) + 0.5 * logvar).sum(axis=1)),
        ),
        Misconception(
            "no-half",
            r"Yours is twice too large: the $\frac{1}{2}$ of the Gaussian's exponent is missing.",
            lambda mu, logvar, eps: _mean_and_error(2 * _draws(mu, logvar, eps).sum(axis=1)),
        ),
    ),
    hints=(
        r"Make the draws first: $z = \mu + \sigma\epsilon$, shape (N, L). Then, for each, how much more likely is it "
        "under the range than under the prior?",
        r"$\log \mathcal{N}(z; \mu, \sigma^2) = -\frac{1}{2}((z - \mu)^2/\sigma^2 + \log \sigma^2 + \log 2\pi)$, "
        r"summed over the L numbers. Here $(z - \mu)/\sigma$ is `eps`, and the prior has $\mu = 0$, $\sigma = 1$.",
        "`draws = 0.5 * (z**2 - eps**2 - logvar).sum(axis=1)`; return its mean, and `draws.std(ddof=1) / "
        "np.sqrt(len(draws))`.",
    ),
)


def effective_beta(D, L, mean_x, mean_kl, sigma):
    """The beta of a loss with these reductions, D pixels that are N(x_hat, sigma^2), and L latents -> one number."""
    w_x = 1 / D if mean_x else 1.0  # weight of a squared error
    w_kl = 1 / L if mean_kl else 1.0  # weight of a nat of KL
    return w_kl / (w_x * 2 * sigma**2)  # the bound has 1 / (2 sigma^2) and 1


def _beta(D, L, mean_x, mean_kl, sigma):
    return effective_beta(D, L, mean_x, mean_kl, sigma)


EFFECTIVE_BETA = Exercise(
    ref="06/effective-beta",
    solution=effective_beta,
    inputs=dict(
        D=size("D"),
        L=size("L"),
        mean_x=given(True, True, False, False),
        mean_kl=given(True, False, True, False),
        sigma=number(0.3, 0.6),
    ),
    sizes={"D": (12, 20, 30, 15, 40), "L": (5, 4, 3, 2, 7)},
    returns="beta : one number",
    example=(784, 20, True, False, 0.5),
    misconceptions=(
        Misconception(
            "upside-down",
            "Yours is one over the right number. A *mean* over many pixels makes the telegram cheap, and so the "
            "postage dear: beta is the KL's weight over the weight of the telegram.",
            lambda D, L, mx, mk, s: 1 / _beta(D, L, mx, mk, s),
        ),
        Misconception(
            "no-sigma",
            r"Your beta does not know $\sigma$. In the bound a squared error has the weight $1/(2\sigma^2)$, not 1: "
            "compare with that.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, mk, s) * 2 * s**2,
        ),
        Misconception(
            "sigma-not-squared",
            r"You use $2\sigma$. The squared error stands over twice the *variance*: $2\sigma^2$.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, mk, s) * s,
        ),
        Misconception(
            "no-two",
            r"The 2 is missing: in a Gaussian's exponent the squared error is divided by $2\sigma^2$.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, mk, s) * 2,
        ),
        Misconception(
            "sigma-upside-down",
            r"You multiply by $2\sigma^2$ where you should divide. A small $\sigma$ makes errors dear in the *bound*; "
            "a loss that gives them the weight 1 all the same has made the postage dear.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, mk, s) * 4 * s**4,
        ),
        Misconception(
            "latents-only",
            "You look at the KL's weight alone. Averaging over the D pixels makes the telegram D times cheaper, "
            "which is as good as postage D times dearer.",
            lambda D, L, mx, mk, s: _beta(D, L, False, mk, s),
        ),
        Misconception(
            "pixels-only",
            "You look at the pixels' weight alone. A KL averaged over the L latents is L times cheaper.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, False, s),
        ),
        Misconception(
            "latents-multiply",
            "You multiply by L. Averaging the KL makes postage *cheaper*: divide by L.",
            lambda D, L, mx, mk, s: _beta(D, L, mx, False, s) * (L if mk else 1),
        ),
        Misconception(
            "always-averaged",
            "Yours is right where both are averaged. Where `mean_x` or `mean_kl` is false the weight is 1: look at "
            "the two flags.",
            lambda D, L, mx, mk, s: _beta(D, L, True, True, s),
        ),
        Misconception(
            "flags-turned",
            "You read the flags the other way round: `mean_x` true means *averaged*, the weight 1/D.",
            lambda D, L, mx, mk, s: _beta(D, L, not mx, not mk, s),
        ),
        Misconception(
            "the-weight-in-front",
            "You return the weight that stands before the KL. Multiply the whole loss by a constant and that weight "
            "changes though no minimum moves: divide by the weight of the telegram.",
            lambda D, L, mx, mk, s: 1 / L if mk else 1.0,
        ),
    ),
    hints=(
        "What stands before one squared error in this loss, and what before one nat of KL? A mean over D things is a "
        "sum with the weight 1/D.",
        r"In the bound, the squared error has the weight $1/(2\sigma^2)$ and the KL the weight 1. Multiply your loss "
        "by what brings its squared errors to that weight; what stands before the KL then is beta.",
        "`w_x` is 1/D or 1, `w_kl` is 1/L or 1, and beta is `w_kl / (w_x * 2 * sigma**2)`.",
    ),
)


def per_dimension_kl(mu, logvar):
    """KL of each latent dimension, averaged over images: (B, L), (B, L) -> (L,) nats."""
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)


def _terms(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)  # (B, L)


PER_DIMENSION_KL = Exercise(
    ref="06/per-dimension-kl",
    solution=per_dimension_kl,
    inputs=dict(mu=normal("B L"), logvar=uniform("B L", -2, 1.5)),
    returns="kl : (L,) nats, averaged over B",
    example=([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [0.0, -1.0]]),
    misconceptions=(
        Misconception(
            "per-image",
            "You have a number for each *image*, summed over dimensions: that is the postage of lesson 04. Here the "
            "dimensions stay apart and the images are averaged: axis 0.",
            lambda mu, logvar: _terms(mu, logvar).sum(axis=1),
        ),
        Misconception(
            "mean-over-dimensions",
            "You average over the latent dimensions. Average over the images, axis 0, so that one number is left for "
            "each dimension.",
            lambda mu, logvar: _terms(mu, logvar).mean(axis=1),
        ),
        Misconception(
            "sum-over-images",
            "You sum over the images, so that your numbers grow with the batch. Average: nats *per image*.",
            lambda mu, logvar: _terms(mu, logvar).sum(axis=0),
        ),
        Misconception(
            "total",
            "You return one number for everything. It is exactly what hides a dead dimension: keep one number for "
            "each.",
            lambda mu, logvar: _terms(mu, logvar).sum(axis=1).mean(),
        ),
        Misconception(
            "mean-of-all",
            "You average over everything into one number. Keep one number for each dimension: `mean(axis=0)`.",
            lambda mu, logvar: _terms(mu, logvar).mean(),
        ),
        Misconception(
            "no-mean",
            "You return a KL for each image and each dimension. Average over the images, axis 0.",
            _terms,
        ),
        Misconception(
            "kept-axis",
            "Your numbers are right, but the averaged axis is still there: (1, L). Leave `keepdims` out.",
            lambda mu, logvar: _terms(mu, logvar).mean(axis=0, keepdims=True),
        ),
        Misconception(
            "average-range",
            "You average `mu` and `logvar` first and take the KL of that one average range. A dimension whose `mu` "
            "is 3 for half of the images and -3 for the others would seem silent. First the KL of each image, then "
            "the average.",
            lambda mu, logvar: _terms(mu.mean(axis=0), logvar.mean(axis=0)),
        ),
        Misconception(
            "variance-of-mu",
            "You return the variance of `mu` over images, which is what counts active units. Here the KL is wanted, "
            "in nats.",
            lambda mu, logvar: mu.var(axis=0),
        ),
        Misconception(
            "sign",
            "The sign is turned: yours is never above 0, and a KL is never below.",
            lambda mu, logvar: -_terms(mu, logvar).mean(axis=0),
        ),
        Misconception(
            "no-half",
            r"Yours is twice too large: the $\frac{1}{2}$ in front is missing.",
            lambda mu, logvar: 2 * _terms(mu, logvar).mean(axis=0),
        ),
        Misconception(
            "logvar-as-log-std",
            r"You read `logvar` as $\log \sigma$. It is $\log \sigma^2$, so the variance is `exp(logvar)`.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(2 * logvar) - 1 - 2 * logvar).mean(axis=0),
        ),
    ),
    hints=(
        "The KL of lesson 04 was a sum over the code's numbers. Which step of it do you leave out, and what do you do "
        "with the images instead?",
        r"For one image and one dimension it is $\frac{1}{2}(\mu^2 + \sigma^2 - 1 - \log \sigma^2)$, a table of shape "
        "(B, L). Average its columns.",
        "`0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)`, and then `.mean(axis=0)`.",
    ),
)


def free_bits(kl, lam):
    """Postage of which the first lam nats of each dimension are charged in any case: (B, L), number -> nats."""
    return np.maximum(kl.mean(axis=0), lam).sum()


FREE_BITS = Exercise(
    ref="06/free-bits",
    solution=free_bits,
    # Means of the columns on both sides of lam; then a lam between the sums of the images.
    inputs=dict(kl=uniform("B L", 0, 1.2), lam=given(0.6, 3.8, 0.6, 0.6, 4.4)),
    sizes={"B": (5, 3, 4, 1, 6), "L": (4, 5, 3, 1, 7)},
    returns="charge : one number, nats",
    example=([[0.25, 2.0], [0.5, 1.0]], 0.5),
    misconceptions=(
        Misconception(
            "clamp-first",
            "You take the maximum for each image and average afterwards. Then a dimension that speaks loudly for a few "
            "images pays the floor for all the others as well. First the mean over the batch, then the maximum.",
            lambda kl, lam: np.maximum(kl, lam).mean(axis=0).sum(),
        ),
        Misconception(
            "clamp-the-sum",
            "You compare the *sum* over dimensions with `lam`. One loud dimension then frees all the others. Each "
            "dimension has its own `lam`: first the maximum, then the sum.",
            lambda kl, lam: np.maximum(kl.mean(axis=0).sum(), lam),
        ),
        Misconception(
            "clamp-the-images",
            "You compare each image's sum with `lam`. The free nats belong to a *dimension*, averaged over images: "
            "mean over axis 0, maximum, sum.",
            lambda kl, lam: np.maximum(kl.sum(axis=1), lam).mean(),
        ),
        Misconception(
            "minimum",
            "You take the minimum. That makes everything above `lam` free, so that dimensions may shout; wanted is the "
            "maximum, so that it does not pay to be silent.",
            lambda kl, lam: np.minimum(kl.mean(axis=0), lam).sum(),
        ),
        Misconception(
            "only-the-surplus",
            "You charge only what goes beyond `lam`. The gradient is the same, and the number is not: the paper's "
            "charge has the floor in it, so subtract nothing.",
            lambda kl, lam: np.maximum(kl.mean(axis=0) - lam, 0).sum(),
        ),
        Misconception(
            "sum-over-images",
            "You sum over the images where you should average. Then the floor is passed the sooner the larger the "
            "batch is.",
            lambda kl, lam: np.maximum(kl.sum(axis=0), lam).sum(),
        ),
        Misconception(
            "mean-over-dimensions",
            "You average over the dimensions in the end. They add up: with a mean, postage would be L times too cheap.",
            lambda kl, lam: np.maximum(kl.mean(axis=0), lam).mean(),
        ),
        Misconception(
            "no-sum",
            "You return a number for each dimension. Their sum is what is charged.",
            lambda kl, lam: np.maximum(kl.mean(axis=0), lam),
        ),
        Misconception(
            "floor-added",
            "You add `lam` to each dimension. It is charged *instead* of a KL that is smaller, not on top.",
            lambda kl, lam: (kl.mean(axis=0) + lam).sum(),
        ),
        Misconception(
            "no-floor",
            "That is the plain postage: `lam` is not in it.",
            lambda kl, lam: kl.mean(axis=0).sum(),
            symptom="ignores:lam",
        ),
    ),
    hints=(
        "Three steps, from the inside of the formula to the outside: what is averaged, what is compared with `lam`, "
        "and what is summed?",
        "The mean is over images, axis 0, and leaves (L,) numbers. Each of those is compared with `lam` by itself.",
        "`np.maximum(kl.mean(axis=0), lam).sum()`",
    ),
)

EXERCISES = (MONTE_CARLO_KL, EFFECTIVE_BETA, PER_DIMENSION_KL, FREE_BITS)
