"""What `minivae train` begins: a run of one model, or the two stages of latent diffusion."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from minivae.cli.base import say
from minivae.errors import ConfigError


def framed(model: Any, x: np.ndarray) -> np.ndarray:
    """Images as the model takes them: rows of pixels, or pictures in a frame: (N, D) -> (N, *model.x_shape)."""
    from minivae.models import padded

    return padded(x, model.x_shape[-1]) if len(model.x_shape) == 3 else x


def one_model(
    model: str, x: np.ndarray, network: dict[str, Any], settings: dict[str, Any], binarization: str, seed: int
) -> Any:
    """A run of a model that is trained by itself, on images like x (N, D)."""
    from minivae.models import MODELS, frame
    from minivae.train import Run

    rng = np.random.default_rng(seed)
    size = frame(math.isqrt(x.shape[1])) if model == "conv-vae" else dict(x_dim=x.shape[1])
    return Run(MODELS[model](**size, **network, rng=rng), binarization=binarization, rng=rng, **settings)


def trained_vae(folder: Path, x: np.ndarray) -> Any:
    """The VAE of a run that is there already; raises ConfigError if it is not one for images like x (N, D)."""
    from minivae.models import ConvVAE, frame
    from minivae.train import load_model

    vae, side = load_model(folder), frame(math.isqrt(x.shape[1]))["side"]
    if not isinstance(vae, ConvVAE) or vae.side != side:
        raise ConfigError(
            f"train: {folder} holds a {type(vae).__name__} for images of {vae.x_shape}; "
            f"wanted a conv-vae for (1, {side}, {side})"
        )
    return vae


def second_stage(vae: Any, y: np.ndarray, settings: dict[str, Any], seed: int) -> Any:
    """The run of a denoiser for the codes of a trained VAE, with classes if y (N,) are labels."""
    from minivae.models import LatentDiffusion, UNet
    from minivae.train import DenoiserRun

    rng = np.random.default_rng([seed, 1])  # not what the VAE had
    classes = int(y.max()) + 1 if y.ndim == 1 else 0
    denoiser = UNet(vae.code_shape, classes=classes, rng=rng)
    return DenoiserRun(LatentDiffusion(vae, denoiser), rng=rng, **settings)


def first_stage(run: Any, x: np.ndarray, x_test: np.ndarray, folder: Path, workers: int) -> Any:
    """Train the VAE of a run that was just made, on images (N, D), and return it.

    Where the same was stopped in `folder` before, that goes on. Raises ConfigError if something else is there.
    """
    from minivae.progress import best
    from minivae.train import CHECKPOINT, Interrupted, Run

    if (folder / CHECKPOINT).exists():
        begun = Run.load(folder)
        if (begun.model.config, begun.settings()) != (run.model.config, run.settings()):
            raise ConfigError(f"train: {folder} holds a VAE with other settings; give those again, or another --out")
        run = begun
    if run.epoch < run.epochs:
        say(f"first stage, epochs: {run.epochs}")
        try:
            run.train(framed(run.model, x), framed(run.model, x_test), out=folder, report=best(), workers=workers)
        except Interrupted as stop:
            raise Interrupted(f"{stop}; or give the same command again, which then goes on to the denoiser") from stop
    say("second stage")
    return run.model


def tell_labels(run: Any, y: np.ndarray, y_test: np.ndarray) -> None:
    """Give a run of a denoiser the labels that it learns by, if it has classes."""
    from minivae.train import DenoiserRun

    if isinstance(run, DenoiserRun) and run.trained.denoiser.classes:
        run.labels, run.labels_test = y, y_test
