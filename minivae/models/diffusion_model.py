"""A diffusion model: a denoiser, what it is trained on, and how samples are drawn with it."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError, DtypeError, ShapeError
from minivae.models.diffusion import Schedule, check_kind, target, x0_and_eps
from minivae.models.samplers import SAMPLERS, Frame, guided
from minivae.nn import Module


class Diffusion(Module):
    """Diffusion on arrays of about unit variance: pixels in [-1, 1], or scaled latents.

    Parameters
    ----------
    denoiser : a module that maps x_t (B, ...), t (B,) and labels (B,) to an answer of the shape of x_t. It has
        `shape`, that of one x, and `classes`, how many labels there are; label number `classes` says "none".
    schedule : how noise is added; cosine with 1,000 steps where none is given.
    predict : what the denoiser answers with: "eps", "x0" or "v".
    drop : share of the labels that training replaces by "none", so that one network learns both the conditional and the
        unconditional answer, which guidance sets against each other.
    clip : estimates of x0 are held in [-clip, clip] while sampling: 1 for pixels, None (nowhere) for latents.

    Raises ConfigError for a setting outside its range.
    Source: Ho et al. 2020; Salimans & Ho 2022 for v; Ho & Salimans 2022 for guidance.
    """

    def __init__(
        self,
        denoiser: Any,
        schedule: Schedule | None = None,
        *,
        predict: str = "v",
        drop: float = 0.1,
        clip: float | None = None,
    ):
        check_kind(predict)
        if not 0 <= drop <= 1:
            raise ConfigError(f"Diffusion: drop is {drop}; the share of labels that is dropped lies in [0, 1]")
        if clip is not None and not 0 < clip < math.inf:
            raise ConfigError(f"Diffusion: clip is {clip}; wanted a positive number, or None for no limit")
        self.denoiser, self.schedule = denoiser, schedule or Schedule()
        self.predict, self.drop, self.clip = predict, drop, clip
        self.config = dict(schedule=self.schedule.config, predict=predict, drop=drop, clip=clip)

    def errors(self, x0: Tensor, t: np.ndarray, eps: np.ndarray, labels: np.ndarray | None = None) -> Tensor:
        """The squared error of the denoiser's answer, the mean over an image's values: (B,).

        Parameters
        ----------
        x0 : (B, ...) images or latents.
        t : (B,) steps, 0 to T - 1.
        eps : (B, ...) draw from N(0, I).
        labels : (B,) integers; None says "none" for all.

        Source: Ho et al. 2020, equation 14, the unweighted bound; for "x0" and "v" likewise, as Salimans & Ho 2022.
        """
        x_t = self.schedule.q_sample(x0, t, eps)
        wanted = target(self.predict, x0, eps, *self.schedule.at(t, x0))
        error = self.denoiser(x_t, t, labels) - wanted
        return (error * error).reshape(len(x0), -1).mean(axis=1)

    def loss(
        self, x0: Tensor, rng: np.random.Generator, labels: np.ndarray | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """What training lowers, and what to report.

        Parameters
        ----------
        x0 : (B, ...) images or latents.
        rng : draws a step for each image, eps, and which labels are dropped.
        labels : (B,) integers, 0 to classes - 1.

        Returns
        -------
        loss : the mean over B of `errors`. 1 is what an answer of 0 costs for eps and v, if x0 has unit variance.
        terms : "mse": the `errors`, (B,).
        """
        B = len(x0)
        t = rng.integers(self.schedule.T, size=B)
        eps = rng.standard_normal(x0.shape, dtype=np.float32)
        if labels is not None:
            labels = self.dropped(labels, B, rng)
        errors = self.errors(x0, t, eps, labels)
        return errors.mean(), {"mse": errors.data}

    def dropped(self, labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """The labels (n,) of n images, a share `drop` made "none". Source: Ho & Salimans 2022, algorithm 1."""
        labels = self.check_labels(labels, n)
        return np.where(rng.random(n) < self.drop, self.denoiser.classes, labels)

    def check_labels(self, labels: Any, n: int) -> np.ndarray:
        """The labels as integers (n,).

        Raises ConfigError, DtypeError or ShapeError if they are not n of this model's.
        """
        labels, classes = np.asarray(labels), self.denoiser.classes
        if classes == 0:
            raise ConfigError("Diffusion: got labels, but the denoiser knows none; make it with classes=10")
        if labels.dtype.kind not in "iu":
            raise DtypeError(f"Diffusion: labels are {labels.dtype}; wanted integers: y.astype('int64')")
        if labels.shape != (n,):
            raise ShapeError(f"Diffusion: labels are {labels.shape} for {n} images; wanted one for each: ({n},)")
        if n and not (labels.min() >= 0 and labels.max() < classes):
            raise ConfigError(f"Diffusion: labels span {labels.min()} to {labels.max()}; wanted 0 to {classes - 1}")
        return labels

    @no_grad()
    def denoise(
        self, x: np.ndarray, t: int, labels: np.ndarray | None = None, guidance: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Estimates of x0 and eps from x_t, at one step t for all: (B, ...) -> two (B, ...).

        `guidance` is the w of Ho & Salimans 2022; see `guided`.
        """
        steps, x_t = np.full(len(x), t), Tensor(x)
        answer = self.denoiser(x_t, steps, labels).numpy()
        if guidance:
            answer = guided(answer, self.denoiser(x_t, steps, None).numpy(), guidance)
        signal, noise = self.schedule.at(steps, x)
        x0, eps = x0_and_eps(self.predict, answer, x, signal, noise)
        if self.clip is not None:  # and the noise is then what else x_t consists of
            x0 = np.clip(x0, -self.clip, self.clip)
            _, eps = x0_and_eps("x0", x0, x, signal, noise)
        return x0, eps

    def chain(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        labels: Any = None,
        guidance: float = 0.0,
        sampler: str = "ddim",
        steps: int = 50,
        **settings: float,
    ) -> Iterator[Frame]:
        """The steps by which `sample` comes to its result: for each a `Frame` of t, the estimate of x0, and x.

        Raises ConfigError for another sampler, guidance below 0 or without labels, or labels that are not this model's.
        """
        if sampler not in SAMPLERS:
            raise ConfigError(f"Diffusion: sampler is {sampler!r}; there are {', '.join(SAMPLERS)}")
        if not 0 <= guidance < math.inf:
            raise ConfigError(f"Diffusion: guidance is {guidance}; wanted 0 (none) or more, 1 and 2 are usual")
        if guidance and labels is None:
            raise ConfigError("Diffusion: guidance leads towards labels; pass labels, one for each sample")
        y = None if labels is None else self.check_labels(labels, n)
        x = rng.standard_normal((n, *self.denoiser.shape), dtype=np.float32)
        return SAMPLERS[sampler](
            lambda x, t: self.denoise(x, t, y, guidance), self.schedule, x, rng, steps=steps, **settings
        )

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        labels: Any = None,
        guidance: float = 0.0,
        steps: int = 50,
        eta: float = 0.0,
    ) -> np.ndarray:
        """`n` draws by DDIM, from N(0, I) and the denoiser alone: (n, *shape).

        Parameters
        ----------
        rng : draws x_T, and with eta > 0 the noise of each step: the same seed gives the same samples.
        labels : (n,) integers, what each is to be; None leaves it open.
        guidance : the w of Ho & Salimans 2022: 0 is none, 1 takes the difference that a label makes twice.
        steps : of the schedule's T, evenly spaced.
        eta : 0 draws nothing on the way; 1 as much as DDPM, which it is with steps = T.

        Raises
        ------
        ConfigError, DtypeError, ShapeError
            For steps, eta, guidance or labels outside their range.
        """
        for frame in self.chain(n, rng, labels=labels, guidance=guidance, steps=steps, eta=eta):
            x = frame.x
        return x
