"""What a finished run shows: its pictures, and the table of its figures."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from minivae.cli.base import plotting

PER_CLASS = 8  # samples of each class in samples.png of a latent diffusion


def pictures(run: Any, x_test: Any, y_test: Any) -> Iterator[tuple[str, Any]]:
    """Figures of a run, each with the name of its file; images are of the shape that the model takes."""
    import numpy as np

    from minivae.train import DenoiserRun

    plot, model = plotting(), run.model
    yield "curves.png", plot.curves(run.history)
    yield "reconstructions.png", plot.reconstructions(model.vae if isinstance(run, DenoiserRun) else model, x_test)
    if isinstance(run, DenoiserRun):
        with run.ema.swapped():
            rng, classes = np.random.default_rng(0), run.trained.denoiser.classes
            yield "samples.png", sampled(model, PER_CLASS * (classes or 10), rng)
            yield "film.png", film(model, np.random.default_rng(0))
        return
    z = np.random.default_rng(0).standard_normal((100, *model.code_shape), dtype=np.float32)
    yield "samples.png", plot.samples(model.generate(z), "decoded from codes drawn from N(0, I)")
    if model.code_shape == (2,):
        # The first factor of the faces is the smile.
        yield "latent_map.png", plot.latent_map(model, x_test, y_test if y_test.ndim == 1 else y_test[:, 0])


def asked(model: Any, n: int, label: int | None = None, guidance: float | None = None) -> tuple[Any, float]:
    """What a latent diffusion is asked for, and how loudly: labels (n,), and a guidance that is 1 if nothing was said.

    Without a `label` every class in turn; None and no guidance if it knows no classes.
    """
    import numpy as np

    classes = model.diffusion.denoiser.classes
    if not classes:
        return None, guidance or 0.0
    labels = np.arange(n) % classes if label is None else np.full(n, label)
    return labels, 1.0 if guidance is None else guidance


def sampled(
    model: Any, n: int, rng: Any, *, label: int | None = None, guidance: float | None = None, steps: int = 50
) -> Any:
    """A figure of samples of a latent diffusion, a column for each class; guidance is 1 where there are classes."""
    labels, w = asked(model, n, label, guidance)
    images = model.sample(n, rng, labels=labels, guidance=w, steps=steps)
    said = "" if labels is None else f", guidance {w:g}"
    columns = model.diffusion.denoiser.classes or 10
    return plotting().samples(images, f"latent diffusion, {steps} steps of DDIM{said}", columns=columns)


def film(
    model: Any, rng: Any, *, label: int | None = None, guidance: float | None = None, steps: int = 50, n: int = 5
) -> Any:
    """A figure of n samples on their way from noise: a row for each, what the decoder makes of x_t at ten steps."""
    import numpy as np

    labels, w = asked(model, n, label, guidance)
    frames = list(model.diffusion.chain(n, rng, labels=labels, guidance=w, steps=steps))
    kept = [frames[i] for i in np.linspace(0, len(frames) - 1, min(10, len(frames))).round().astype(int)]
    images = np.stack([model.decode(frame.x) for frame in kept], axis=1)  # (n, frames, 1, S, S)
    title = "what the decoder makes of the latents, from noise to sample"
    return plotting().samples(images.reshape(-1, *images.shape[2:]), title, columns=len(kept))


def scores_table(scores: dict[str, float], data: str, binarization: str) -> Table:
    """The figures of one row of a history, of test images where it has those."""
    from minivae.progress import LABELS

    title = f"{data} test set, {binarization} binarisation, nats per image"
    if "mse" in scores:
        title = f"{data} test set, latents of unit variance, squared error of a value"
    table = Table(title=title, min_width=len(title))
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in scores.items():
        bare = name.removeprefix("test_")
        if bare in LABELS and (name != bare or f"test_{name}" not in scores):
            table.add_row(LABELS[bare], f"{value:.3f}" if bare == "mse" else f"{value:.2f}")
    if "active_units" in scores:
        table.add_row("active units", f"{scores['active_units']:.0f}")
    return table
