"""The loop: draw a batch, lower the loss, write down how it went; and stop or go on at any moment without loss."""

import csv
import hashlib
import io
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from minivae import checkpoint
from minivae.backend import current, numbers
from minivae.checks import demand
from minivae.data import check_images
from minivae.engine import Tensor
from minivae.errors import CheckpointError, ConfigError, GradientError
from minivae.evaluate import binarization_by_name, evaluate
from minivae.optim import Adam
from minivae.parallel import team
from minivae.progress import Lines
from minivae.train.files import CHECKPOINT, METRICS, build, model_name, read


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came; the step under way was finished first, and the run was saved if it has a folder."""


class Run:
    """A training run: the model, the optimiser, the randomness, and how far it has come.

    `save` writes all of it, and `Run.load` continues bit for bit, from the middle of an epoch too.

    Parameters
    ----------
    model : an `Autoencoder`, `VAE` or `ConvVAE`.
    epochs, batch, lr : passes over the images, images in a step, Adam's step size.
    binarization : "dynamic" draws black or white anew each time an image is seen, with its grey value as the
        probability of white; "threshold" cuts at 0.5 once; "none" leaves grey values (for a Gaussian likelihood).
        Likelihoods under different binarisations are not comparable.
    rng : a `np.random.default_rng(seed)`: order of images, binarisation and eps all come from it.
    data : the name of the data set, kept so that a resumed run knows what to load.

    Attributes
    ----------
    history : one dict for each finished epoch: "epoch", means over the epoch of what the model reports (nats per
        image), and with test images the same for them, under "test_...", with "active_units".

    Raises
    ------
    ConfigError
        For a setting outside its range.
    """

    def __init__(
        self,
        model: Any,
        *,
        epochs: int,
        rng: np.random.Generator,
        batch: int = 128,
        lr: float = 1e-3,
        binarization: str = "dynamic",
        data: str = "",
    ):
        if epochs < 0 or batch < 1:
            raise ConfigError(f"Run: got epochs={epochs}, batch={batch}; wanted 0 or more, and 1 or more")
        if not isinstance(rng.bit_generator, np.random.PCG64):
            raise ConfigError("Run: rng has to be np.random.default_rng(seed), whose state a checkpoint can hold")
        self.model, self.epochs, self.batch, self.rng = model, epochs, batch, rng
        self.binarize = binarization_by_name(binarization, "Run")
        self.binarization, self.data = binarization, data
        self.optimizer = Adam(self.trained.parameters(), lr)
        self.history: list[dict[str, float]] = []
        self.epoch = self.step = 0
        self.order = np.empty(0, np.int64)  # in which this epoch sees the images
        self.sums: dict[str, Any] = {}  # of what the model reported so far in this epoch; on a GPU they stay there
        self.trained_on = ""  # checksum of the images

    @property
    def trained(self) -> Any:
        """The part of the model whose weights move: all of it."""
        return self.model

    def train(
        self, x: np.ndarray, x_test: np.ndarray | None = None, *, out: Any = None, report: Any = None, workers: int = 1
    ) -> "Run":
        """Go on until `epochs` are done.

        Parameters
        ----------
        x : (N, *model.x_shape) float32 images in [0, 1].
        x_test : images that are scored after each epoch, and never trained on.
        out : a folder: after each epoch, and on Ctrl-C, the checkpoint and metrics.csv there are replaced.
        report : where progress goes, see `minivae.progress`; None prints a line an epoch.
        workers : processes that share each step, see `minivae.parallel`. The numbers are those of one process, to
            float32 rounding, and a run may be continued with more or fewer.

        Raises
        ------
        DataError, ShapeError, DtypeError
            For images that are not what the model takes; checked before the first step.
        CheckpointError
            If the run was begun on other images, or `out` cannot be written.
        ConfigError
            If there is `out`, and the model is not of a class in `minivae.models.MODELS`; or if there are to be
            several workers where there cannot be.
        GradientError
            If the loss or a parameter is no longer a finite number; the last checkpoint stays. On a GPU that comes some
            steps later, when a figure is next read: at the end of the epoch at the latest.
        WorkerError
            If one of the workers failed or was killed; the last checkpoint stays.
        Interrupted
            After Ctrl-C, once all is saved. A second Ctrl-C does not wait for that.
        """
        report = Lines() if report is None else report
        if out is not None:  # better noticed now than after the first epoch
            model_name(self.model)
            checkpoint.check_writable(out)
        x = self._check_same(x)
        x_test = None if x_test is None else check_images(x_test, "train: x_test", self.model.x_shape)
        shown = self.shown(x)
        shared = team(workers, partial(self._gradients, shown), self.trained, self.optimizer, min(self.batch, len(x)))
        with delayed_interrupt() as interrupted, shared, report:
            report.start(self, steps=-(-len(x) // self.batch))
            while self.epoch < self.epochs:
                if len(self.order) == 0:
                    self.order = self.rng.permutation(len(x))
                while self.step * self.batch < len(x):
                    self._one_step(shared)
                    report.step(self)
                    if interrupted():
                        raise Interrupted(self._stop(out))
                self._finish_epoch(x_test)
                report.epoch(self, self.history[-1])
                if out is not None:
                    self.save(out)
                if interrupted():  # it came while the test images were scored, or during the save
                    raise Interrupted(self._stop(out))
        return self

    def shown(self, x: np.ndarray) -> np.ndarray:
        """What steps are made of: the images themselves, (N, ...)."""
        return x

    def loss(self, shown: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        """The loss of some rows (B,) of the images (N, ...), and what to report, as the model has it."""
        return self.model.loss(Tensor(self.binarize(shown[rows], rng)), rng)

    def scores(self, x_test: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
        """How good it is on images (N, *model.x_shape) that it was not trained on; see `minivae.evaluate`."""
        return evaluate(self.model, x_test, rng=rng, binarization=self.binarization)

    def after_step(self) -> None:
        """Called once the optimiser has moved the weights."""

    def _check_same(self, x: np.ndarray) -> np.ndarray:
        x = check_images(x, "train: x", self.model.x_shape)
        checksum = hashlib.sha256(x.data).hexdigest()
        if self.trained_on not in ("", checksum):
            raise CheckpointError("train: this run was begun on other images; pass the same ones to continue it")
        self.trained_on = checksum
        return x

    @np.errstate(over="ignore", invalid="ignore")  # what becomes infinite is reported by name
    def _one_step(self, shared: Any) -> None:
        rows = self.order[self.step * self.batch : (self.step + 1) * self.batch]  # (B,)
        loss, sums = shared.gradients(rows, self.rng)
        self._check_finite(loss, "the loss")
        shared.update()
        self.after_step()
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.step += 1

    @np.errstate(over="ignore", invalid="ignore")
    def _gradients(
        self, shown: np.ndarray, rows: np.ndarray, rng: np.random.Generator, share: float = 1.0
    ) -> tuple[Any, dict[str, Any]]:
        """Leave the gradient of the mean loss of some images, times `share`, in the parameters.

        Nothing here waits for a GPU: while it works on this step, the next batch is drawn and sent.
        """
        loss, terms = self.loss(shown, rows, rng)
        self.optimizer.zero_grad()
        loss.backward(current().xp.full_like(loss.data, share))
        loss_and_sums = [values.sum(dtype=np.float64) for values in (loss.data, *terms.values())]
        return loss_and_sums[0], dict(zip(terms, loss_and_sums[1:], strict=True))

    def _check_finite(self, values: Any, what: str) -> None:
        epoch, steps, lr = self.epoch + 1, self.step, self.optimizer.lr

        def error() -> GradientError:
            where = f"in epoch {epoch}, after {steps} steps"
            return GradientError(f"train: {what} became infinite or NaN {where}; lr is {lr}, take less")

        demand(current().xp.isfinite(values).all(), error)

    def _finish_epoch(self, x_test: np.ndarray | None) -> None:
        self._check_finite(self.optimizer.flat.data, "a parameter")
        sums = numbers(self.sums)
        row = {"epoch": self.epoch + 1} | {name: total / len(self.order) for name, total in sums.items()}
        if x_test is not None:
            rng = np.random.default_rng(0)  # the same draws after each epoch, so that epochs can be compared
            scores = self.scores(x_test, rng)
            row |= {name if name == "active_units" else f"test_{name}": value for name, value in scores.items()}
        self.history.append(row)
        self.epoch, self.step, self.order, self.sums = self.epoch + 1, 0, np.empty(0, np.int64), {}

    def _stop(self, out: Any) -> str:
        self._check_finite(self.optimizer.flat.data, "a parameter")
        where = f"stopped after {self.epoch} of {self.epochs} epochs and {self.step} steps"
        if out is None:
            return f"{where}; nothing was saved, for the run has no folder"
        self.save(out)
        return f"{where}; saved, and `minivae train --resume {out}` continues as if nothing had happened"

    def save(self, folder: str | Path) -> None:
        """Replace the checkpoint and metrics.csv in `folder`; raises CheckpointError and keeps the old ones."""
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        for owner, part in self.remembered().items():
            tensors |= {f"{owner}.{name}": value for name, value in part.state().items()}
        meta = {
            "model": model_name(self.model),
            "config": self.model.config,
            "run": self.settings(),
            "rng": self.rng.bit_generator.state,
            "progress": dict(epoch=self.epoch, step=self.step, sums=numbers(self.sums), trained_on=self.trained_on),
            "history": self.history,
        }
        checkpoint.save(Path(folder) / CHECKPOINT, tensors | {"order": self.order}, meta)
        if self.history:
            text = io.StringIO()
            columns = dict.fromkeys(name for row in self.history for name in row)  # some rows may lack test figures
            table = csv.DictWriter(text, columns, lineterminator="\n")
            table.writeheader()
            table.writerows(self.history)
            with checkpoint.replacing(Path(folder) / METRICS) as file:
                file.write(text.getvalue().encode())

    def settings(self) -> dict[str, Any]:
        """The arguments that make a run like this one, less model and rng."""
        return dict(
            epochs=self.epochs,
            batch=self.batch,
            lr=self.optimizer.lr,
            binarization=self.binarization,
            data=self.data,
        )

    def remembered(self) -> dict[str, Any]:
        """What besides the model a checkpoint has to hold, each with `state` and `load_state`."""
        return {"adam": self.optimizer}

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The run whose checkpoint is in `folder`; raises CheckpointError if there is none or it is damaged."""
        with read(folder) as (tensors, meta):
            rng = np.random.default_rng()
            rng.bit_generator.state = meta["rng"]
            run = cls(build(tensors, meta), rng=rng, **meta["run"])
            run.history, run.order = meta["history"], tensors["order"]
            for owner, part in run.remembered().items():
                start = f"{owner}."
                part.load_state({k.removeprefix(start): value for k, value in tensors.items() if k.startswith(start)})
            for key, value in meta["progress"].items():
                setattr(run, key, value)
        return run


@contextmanager
def delayed_interrupt() -> Iterator[Callable[[], bool]]:
    """Inside, Ctrl-C is noted, and a step is never torn; the function given says whether it came. Twice is at once."""
    if threading.current_thread() is not threading.main_thread():  # only there do signals arrive
        yield lambda: False
        return
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
