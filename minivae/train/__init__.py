"""Training: the loop, interrupt and resume, and the checkpoints that make both possible."""

from pathlib import Path
from typing import Any

import numpy as np

from minivae.models import LatentDiffusion
from minivae.train.denoiser import DenoiserRun, averaged
from minivae.train.files import CHECKPOINT, METRICS, build, read
from minivae.train.run import Interrupted, Run, delayed_interrupt

__all__ = [
    "CHECKPOINT",
    "METRICS",
    "DenoiserRun",
    "Interrupted",
    "Run",
    "delayed_interrupt",
    "fit",
    "load_model",
    "load_run",
]


def fit(
    model: Any,
    x: np.ndarray,
    x_test: np.ndarray | None = None,
    *,
    out: Any = None,
    report: Any = None,
    workers: int = 1,
    **settings: Any,
) -> Run:
    """Train `model` on images: `Run(model, **settings).train(x, x_test, ...)` with the same arguments; see `Run`.

    A `LatentDiffusion` makes it a `DenoiserRun`, whose `settings` have labels.
    """
    kind = DenoiserRun if isinstance(model, LatentDiffusion) else Run
    return kind(model, **settings).train(x, x_test, out=out, report=report, workers=workers)


def load_run(folder: str | Path) -> Run:
    """The run in `folder`, of the kind that it is; raises CheckpointError if there is none or it is damaged."""
    with read(folder) as (_, meta):
        kind = DenoiserRun if meta["model"] == "latent-diffusion" else Run
    return kind.load(folder)


def load_model(folder: str | Path) -> Any:
    """The model alone from the checkpoint in `folder`, a latent diffusion with its averaged weights.

    Raises CheckpointError if there is none or it is damaged.
    """
    with read(folder) as (tensors, meta):
        model = build(tensors, meta)
        return averaged(model, tensors) if isinstance(model, LatentDiffusion) else model
