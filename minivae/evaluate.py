"""How good is a model: the figures of a training log, on images it has not seen."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minivae.backend import host, numbers
from minivae.data import binarize, check_images, threshold
from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError

# What a model is shown for an image x: drawn anew each time, cut at 0.5, or grey as it is.
BINARIZATIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "dynamic": binarize,
    "threshold": lambda x, rng: threshold(x),
    "none": lambda x, rng: x,
}


def binarization_by_name(name: str, who: str) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """One of `BINARIZATIONS`; raises ConfigError, opened by `who` asks, if there is none of that name."""
    if name not in BINARIZATIONS:
        raise ConfigError(f"{who}: binarization is {name!r}; there are {', '.join(BINARIZATIONS)}")
    return BINARIZATIONS[name]


@no_grad()
def evaluate(
    model: Any, x: np.ndarray, *, rng: np.random.Generator, binarization: str = "dynamic", batch: int = 1000
) -> dict[str, float]:
    """Means over images, in nats per image.

    Parameters
    ----------
    model : an `Autoencoder`, `VAE` or `ConvVAE`.
    x : (N, *model.x_shape) float32 images in [0, 1].
    rng : draws the binarisation and eps.
    binarization : see `minivae.train.Run`; figures under different ones are not comparable.
    batch : images at a time. The draws are the same whatever it is, and the means agree to float32 rounding.

    Returns
    -------
    dict
        "reconstruction", and for a VAE "elbo" and "kl" (one draw of z for each image), and "active_units" where codes
        are vectors.

    Raises
    ------
    DataError, ShapeError, DtypeError
        For images that are not what the model takes.
    ConfigError
        For an unknown binarisation, or a batch of none.
    """
    if batch < 1:
        raise ConfigError(f"evaluate: batch is {batch}; wanted 1 or more")
    x = check_images(x, "evaluate", model.x_shape)
    x = binarization_by_name(binarization, "evaluate")(x, rng)
    totals: dict[str, Any] = {}
    for start in range(0, len(x), batch):
        _, terms = model.loss(Tensor(x[start : start + batch]), rng)
        for name, values in terms.items():
            totals[name] = totals.get(name, 0.0) + values.sum(dtype=np.float64)
    scores = {name: total / len(x) for name, total in numbers(totals).items()}
    if "kl" in scores and len(model.code_shape) == 1:
        scores["active_units"] = active_units(model, x)
    return scores


@no_grad()
def active_units(model: Any, x: np.ndarray, least: float = 0.01) -> int:
    """How many latent dimensions say anything: those whose mu varies over the images x (B, D) by more than `least`.

    Source: Burda et al. 2015, section 5.2: Cov_x(E[z | x]) > 0.01.
    """
    mu, _ = model.encode(Tensor(x))
    return int(host((mu.data.var(axis=0) > least).sum()))
