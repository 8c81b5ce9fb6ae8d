"""Lesson 04, Send a range: sample from the range that the encoder sends, and what sending it costs."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import normal, uniform


def reparameterize(mu, logvar, eps):
    """A sample of N(mu, exp(logvar)), from eps drawn from N(0, I): (B, L), three times -> z : (B, L)."""
    std = np.exp(0.5 * logvar)
    return mu + std * eps


REPARAMETERIZE = Exercise(
    ref="04/reparameterize",
    solution=reparameterize,
    # logvar has both signs, and is not all around 0, where exp(logvar) is about 1.
    inputs=dict(mu=normal("B L"), logvar=uniform("B L", -3, 1), eps=normal("B L")),
    returns="z : (B, L)",
    example=([[1.0, 2.0]], [[0.0, -1.0]], [[1.0, -2.0]]),
    misconceptions=(
        Misconception(
            "own-noise",
            "Your function draws noise of its own. The noise comes in as `eps`, so that the same call always gives the "
            "same $z$ and can be checked: use `eps`, and draw nothing.",
            symptom=("random", "global-rng"),
        ),
        Misconception(
            "no-noise",
            r"You return `mu`: that is a point, and the encoder sent a range. Add to it: $\epsilon$ times the standard "
            "deviation.",
            lambda mu, logvar, eps: mu,
        ),
        Misconception(
            "no-spread",
            r"You add `eps` as it is, so every range has width 1 and `logvar` is never used. Scale `eps` by $\sigma$.",
            lambda mu, logvar, eps: mu + eps,
        ),
        Misconception(
            "no-centre",
            "You scale the noise but leave out the centre, so every sample lies around 0. Add `mu`.",
            lambda mu, logvar, eps: np.exp(0.5 * logvar) * eps,
        ),
        Misconception(
            "logvar-for-std",
            r"You use `logvar` itself as the standard deviation. It is the *logarithm* of the variance, and often "
            r"negative: bring it back with `exp`, and think of the half that turns $\sigma^2$ into $\sigma$.",
            lambda mu, logvar, eps: mu + logvar * eps,
        ),
        Misconception(
            "variance-for-std",
            r"You use `exp(logvar)`, which is the variance $\sigma^2$. Noise is scaled by the standard deviation "
            r"$\sigma$, its square root: a half goes inside the `exp`.",
            lambda mu, logvar, eps: mu + np.exp(logvar) * eps,
        ),
        Misconception(
            "half-doubled",
            r"You use `exp(2 * logvar)`, which squares the variance. The square *root* is wanted: half of the "
            "logarithm, not twice.",
            lambda mu, logvar, eps: mu + np.exp(2 * logvar) * eps,
        ),
        Misconception(
            "half-outside",
            r"You use `0.5 * exp(logvar)`: half of the variance. The square root is a half *inside* the `exp`, since "
            r"$\sqrt{\exp(a)} = \exp(a / 2)$.",
            lambda mu, logvar, eps: mu + 0.5 * np.exp(logvar) * eps,
        ),
        Misconception(
            "root-of-logvar",
            "You take the square root of `logvar`. It is a logarithm, negative wherever the variance is below 1, and "
            "there the root is `nan`. First `exp`, then the root; or both at once.",
            lambda mu, logvar, eps: mu + np.sqrt(logvar) * eps,
        ),
        Misconception(
            "inverse-std",
            r"Your standard deviation is $1/\sigma$: the sign inside the `exp` is turned. A large `logvar` means a "
            "wide range.",
            lambda mu, logvar, eps: mu + np.exp(-0.5 * logvar) * eps,
        ),
        Misconception(
            "minus",
            "You subtract the noise. That would sample the same range, for `eps` is as often negative as positive; but "
            "the course, and its gradients, count with plus: $z$ goes up when `eps` does.",
            lambda mu, logvar, eps: mu - np.exp(0.5 * logvar) * eps,
        ),
        Misconception(
            "noise-added-to-std",
            r"You add `eps` to the standard deviation. The noise is *scaled* by it: $\sigma$ times $\epsilon$.",
            lambda mu, logvar, eps: mu + np.exp(0.5 * logvar) + eps,
        ),
        Misconception(
            "noise-times-mu",
            r"You multiply `eps` with `mu`. The noise belongs to the spread: multiply it with $\sigma$, and add `mu` "
            "as it is.",
            lambda mu, logvar, eps: np.exp(0.5 * logvar) + mu * eps,
        ),
        Misconception(
            "noise-times-both",
            r"You multiply `eps` with the sum of `mu` and $\sigma$. Only $\sigma$ is multiplied; check the brackets.",
            lambda mu, logvar, eps: (mu + np.exp(0.5 * logvar)) * eps,
        ),
        Misconception(
            "one-std-for-all",
            r"You use one standard deviation for the whole batch. Each image has its own range, in each dimension its "
            "own width: keep the shape (B, L), with no mean.",
            lambda mu, logvar, eps: mu + np.exp(0.5 * logvar.mean()) * eps,
        ),
        Misconception(
            "mean-std-for-all",
            r"You average the standard deviations into one. Each image has its own range, in each dimension its own "
            "width: keep the shape (B, L), with no mean.",
            lambda mu, logvar, eps: mu + np.exp(0.5 * logvar).mean() * eps,
        ),
        Misconception(
            "eps-unused",
            "Your result does not change when `eps` does. That array is the noise to use; draw no other.",
            symptom="ignores:eps",
        ),
    ),
    hints=(
        "The encoder sends a centre and a width for each number of the code. Where does a sample lie: at the centre, "
        "plus how many widths?",
        r"`eps` says how many widths. The width is the standard deviation $\sigma$, and `logvar` is $\log \sigma^2$. "
        r"Solve that for $\sigma$.",
        r"$\sigma = \exp(\frac{1}{2} \mathrm{logvar})$, and $z = \mu + \sigma \epsilon$, all number by number: two "
        "lines of NumPy, and no loop.",
    ),
)


def gaussian_kl(mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, I)): (B, L), (B, L) -> (B,) nats, summed over L."""
    var = np.exp(logvar)
    return 0.5 * (mu**2 + var - 1 - logvar).sum(axis=-1)


def _terms(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)  # (B, L)


GAUSSIAN_KL = Exercise(
    ref="04/gaussian-kl",
    solution=gaussian_kl,
    inputs=dict(mu=normal("B L"), logvar=uniform("B L", -2, 1.5)),
    returns="kl : (B,) nats, summed over L",
    example=([[1.0, 0.0]], [[0.0, -1.0]]),
    misconceptions=(
        Misconception(
            "monte-carlo",
            "Your function draws noise. For two Gaussians the integral can be done by hand, and the result is exact: "
            "a sum over `mu` and `logvar`, with no sample in it.",
            symptom=("random", "global-rng"),
        ),
        Misconception(
            "sign",
            "The sign is turned: yours is never above 0, and a KL is never below. In the loss it is a cost that is "
            "added.",
            lambda mu, logvar: -_terms(mu, logvar).sum(-1),
        ),
        Misconception(
            "mean-over-code",
            "You average over the L numbers of the code. The numbers are independent, so their KLs *add up*: `sum`. "
            "With a mean, the KL would weigh L times too little beside the reconstruction.",
            lambda mu, logvar: _terms(mu, logvar).mean(-1),
        ),
        Misconception(
            "sum-over-batch",
            "You sum over the images (axis 0). Each image has a KL of its own: sum over the numbers of its code, which "
            "is the last axis.",
            lambda mu, logvar: _terms(mu, logvar).sum(0),
        ),
        Misconception(
            "total",
            "You sum over everything into one number. Each image has a KL of its own: sum over the last axis only, and "
            "return (B,).",
            lambda mu, logvar: _terms(mu, logvar).sum(),
        ),
        Misconception(
            "batch-mean",
            "You average over the batch. The loss does that later; here each image keeps its own KL, and the result is "
            "(B,).",
            lambda mu, logvar: _terms(mu, logvar).sum(-1).mean(),
        ),
        Misconception(
            "mean-of-all",
            "You average over everything into one number. Each image has a KL of its own, and the numbers of its code "
            "add up: sum over the last axis, and return (B,).",
            lambda mu, logvar: _terms(mu, logvar).mean(),
        ),
        Misconception(
            "no-sum",
            "You return one KL for each number of the code. The numbers are independent, so an image's KL is their "
            "sum: over the last axis.",
            _terms,
        ),
        Misconception(
            "kept-axis",
            "Your numbers are right, but the summed axis is still there: (B, 1). Leave `keepdims` out and return (B,).",
            lambda mu, logvar: _terms(mu, logvar).sum(-1, keepdims=True),
        ),
        Misconception(
            "no-half",
            r"Yours is twice too large: the $\frac{1}{2}$ in front is missing. It comes from the exponent of the "
            r"Gaussian, $-\frac{1}{2} (z - \mu)^2 / \sigma^2$.",
            lambda mu, logvar: 2 * _terms(mu, logvar).sum(-1),
        ),
        Misconception(
            "logvar-as-log-std",
            r"You read `logvar` as $\log \sigma$. In this course it is always $\log \sigma^2$: the variance is "
            "`exp(logvar)`, with no 2 in it.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(2 * logvar) - 1 - 2 * logvar).sum(-1),
        ),
        Misconception(
            "variance-squared",
            "You square the variance. `exp(logvar)` is a square already; only `mu` is still to be squared.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(2 * logvar) - 1 - logvar).sum(-1),
        ),
        Misconception(
            "std-for-variance",
            "You use the standard deviation, `exp(0.5 * logvar)`, where the variance stands in the formula: "
            "`exp(logvar)`.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(0.5 * logvar) - 1 - logvar).sum(-1),
        ),
        Misconception(
            "no-minus-one",
            r"The $-1$ is missing. Try it at the prior, `mu = 0` and `logvar = 0`: there is nothing to pay, so the KL "
            "must be 0.",
            lambda mu, logvar: (_terms(mu, logvar) + 0.5).sum(-1),
        ),
        Misconception(
            "plus-logvar",
            "The sign of `logvar` is turned. As the variance shrinks towards 0, the KL must grow without bound, and "
            "only $-$`logvar` does that.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(logvar) - 1 + logvar).sum(-1),
        ),
        Misconception(
            "no-logvar",
            "The term with `logvar` itself is missing. It is what forbids a width of 0: without it, a point would be "
            "the cheapest range of all.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(logvar) - 1).sum(-1),
        ),
        Misconception(
            "no-variance",
            r"The term `exp(logvar)` is missing. It is what keeps the range from growing ever wider.",
            lambda mu, logvar: 0.5 * (mu**2 - 1 - logvar).sum(-1),
        ),
        Misconception(
            "no-mu",
            "`mu` is missing: ranges may then lie anywhere at no cost, and random codes fall between them. Add "
            r"$\mu^2$.",
            lambda mu, logvar: 0.5 * (np.exp(logvar) - 1 - logvar).sum(-1),
        ),
        Misconception(
            "mu-not-squared",
            r"`mu` comes in as it is. It must count the same on both sides of 0: square it.",
            lambda mu, logvar: 0.5 * (mu + np.exp(logvar) - 1 - logvar).sum(-1),
        ),
        Misconception(
            "other-way-round",
            r"You have computed $\mathrm{KL}(p \| q)$. The KL is not symmetric; wanted is $\mathrm{KL}(q \| p)$, where "
            r"$q$, the encoder's range, comes first and $p$ is $\mathcal{N}(0, I)$.",
            lambda mu, logvar: 0.5 * ((1 + mu**2) / np.exp(logvar) - 1 + logvar).sum(-1),
        ),
        Misconception(
            "bits",
            r"Yours is in bits. The reconstruction is counted in nats, so count this in nats too: no division by "
            r"$\log 2$.",
            lambda mu, logvar: _terms(mu, logvar).sum(-1) / np.log(2),
        ),
    ),
    hints=(
        "One number for each image: how far its range is from $\\mathcal{N}(0, I)$. First write it for a single number "
        "of the code; it must be 0 where `mu` and `logvar` are 0.",
        r"For one number of the code, $\mathrm{KL} = \frac{1}{2} (\mu^2 + \sigma^2 - 1 - \log \sigma^2)$. Which of "
        "these is `logvar`, and which is `exp(logvar)`?",
        "The L numbers of a code are independent, so their KLs add up. Take the half of `mu**2 + exp(logvar) - 1 - "
        "logvar`, shape (B, L), and sum over the last axis.",
    ),
)

EXERCISES = (REPARAMETERIZE, GAUSSIAN_KL)
