"""The second stage of latent diffusion: the VAE stays as it is, and a denoiser learns where its codes lie."""

from typing import Any

import numpy as np

from minivae.data import check_images
from minivae.ema import EMA
from minivae.engine import Tensor, no_grad
from minivae.errors import ConfigError
from minivae.models import LatentDiffusion
from minivae.train.run import Run


class DenoiserRun(Run):
    """A training run of the denoiser in a `LatentDiffusion`, whose VAE has been trained before.

    Images are encoded once, to mu, before the first step; all steps are made of these latents. The weights to draw
    samples with are the averaged ones: `minivae.train.load_model` gives the model with them.

    Parameters
    ----------
    model : what to train; its scale is measured on the first images it is given, if it was not yet.
    labels, labels_test : (N,) integers for the images of `train` and for its test images, if the denoiser has classes.
        A resumed run has to be given them again: `run.labels = y`.
    decay : of the average, see `EMA`.
    epochs, batch, lr, rng, data : as for `Run`.

    Attributes
    ----------
    ema : the average of the denoiser's weights.
    history : one dict for each epoch: "epoch", "mse" (the mean of `Diffusion.errors` over the epoch), and with test
        images "test_mse", that of the averaged weights.

    Raises
    ------
    ConfigError, DtypeError, ShapeError
        For a setting outside its range, or labels that the denoiser has no use for.
    """

    model: LatentDiffusion

    def __init__(
        self,
        model: LatentDiffusion,
        *,
        epochs: int,
        rng: np.random.Generator,
        labels: np.ndarray | None = None,
        labels_test: np.ndarray | None = None,
        batch: int = 128,
        lr: float = 1e-3,
        decay: float = 0.995,
        data: str = "",
    ):
        super().__init__(model, epochs=epochs, rng=rng, batch=batch, lr=lr, binarization="none", data=data)
        self.ema = EMA(self.optimizer.flat, decay)
        self.labels, self.labels_test = labels, labels_test

    @property
    def trained(self) -> Any:
        """The part of the model whose weights move: not the VAE."""
        return self.model.diffusion

    def shown(self, x: np.ndarray) -> np.ndarray:
        """What steps are made of: the latents of the images, (N, *code)."""
        self.labels = self._fitting(self.labels, x)
        if not self.model.measured:
            self.model.measure(x)
        return self.model.latents(x)

    def loss(self, shown: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        """`Diffusion.loss` of some of the latents `shown` (N, ...), those numbered by rows (B,)."""
        return self.model.loss(Tensor(shown[rows]), rng, None if self.labels is None else self.labels[rows])

    @no_grad()
    def scores(self, x_test: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
        """The error of the averaged weights on images (N, *model.x_shape): {"mse"}, the mean over them."""
        x_test = check_images(x_test, "train: x_test", self.model.x_shape)
        labels = self._fitting(self.labels_test, x_test)
        total = 0.0
        with self.ema.swapped():
            for first in range(0, len(x_test), 256):
                part = slice(first, first + 256)
                y = None if labels is None else labels[part]
                _, terms = self.model.loss(Tensor(self.model.latents(x_test[part])), rng, y)
                total += float(terms["mse"].sum(dtype=np.float64))
        return {"mse": total / len(x_test)}

    def _fitting(self, labels: np.ndarray | None, x: np.ndarray) -> np.ndarray | None:
        classes = self.trained.denoiser.classes
        if classes and labels is None:
            raise ConfigError(f"DenoiserRun: the denoiser has {classes} classes; pass labels, one for each image")
        return None if labels is None else self.trained.check_labels(labels, len(x))

    def settings(self) -> dict[str, Any]:
        """As for `Run`, with decay."""
        kept = {name: value for name, value in super().settings().items() if name != "binarization"}
        return kept | {"decay": self.ema.decay}

    def remembered(self) -> dict[str, Any]:
        """As for `Run`, with the average."""
        return super().remembered() | {"ema": self.ema}

    def after_step(self) -> None:
        """Take the weights into the average."""
        self.ema.update()


def averaged(model: LatentDiffusion, tensors: dict[str, np.ndarray]) -> LatentDiffusion:
    """The model with the averaged weights that the checkpoint of a run holds."""
    ema = EMA(model.diffusion.parameters())
    ema.load_state({name.removeprefix("ema."): v for name, v in tensors.items() if name.startswith("ema.")})
    ema.flat.data[...] = ema.average
    return model
