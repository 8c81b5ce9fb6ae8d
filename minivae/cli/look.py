"""The commands that look at a trained model: evaluate, sample, interpolate."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from minivae.cli.base import (
    BackendName,
    Computes,
    DataFolder,
    RunFolder,
    Seed,
    Threads,
    app,
    data_name,
    given,
    limit_threads,
    plotting,
    say,
    write,
)
from minivae.cli.pictures import asked, film, sampled, scores_table
from minivae.cli.stages import framed, tell_labels
from minivae.errors import ConfigError


@app.command()
def evaluate(
    run: RunFolder,
    data: Annotated[str | None, typer.Option(help="Another data set than the run's own.")] = None,
    data_folder: DataFolder = None,
    n: Annotated[int, typer.Option(min=10, help="Samples of a latent-diffusion that are judged.")] = 1000,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    threads: Threads = 1,
) -> None:
    """Score a trained model on test images it has not seen; for latent-diffusion, judge its samples."""
    import numpy as np

    from minivae.data import load
    from minivae.train import DenoiserRun, load_run

    limit_threads(threads)
    trained = load_run(run)
    name = data or data_name(trained)
    x_test, y_test = load(name, "test", folder=data_folder)
    x_test = framed(trained.model, x_test)
    tell_labels(trained, y_test, y_test)
    scores = trained.scores(x_test, np.random.default_rng(seed))
    say(scores_table(scores, name, trained.binarization))
    if isinstance(trained, DenoiserRun) and y_test.ndim == 1:
        x, y = load(name, "train", folder=data_folder)
        with trained.ema.swapped():
            say(_judged(trained.model, framed(trained.model, x), y, x_test, y_test, n, seed))


def _judged(model: Any, x: Any, y: Any, x_test: Any, y_test: Any, n: int, seed: int) -> Table:
    import numpy as np

    from minivae.judge import Jury, trained_judge

    rng = np.random.default_rng(seed)
    judge = trained_judge(x, y, rng)
    jury = Jury(judge, x, x_test)
    some = rng.permutation(len(x))[:n]
    title = f"{n} samples, 50 steps of DDIM; the judge knows {judge.accuracy(x_test, y_test):.1%} of the test images"
    table = Table(title=title, min_width=len(title))
    for column in ("images", "taken for what was asked", "Frechet distance to test images", "copies"):
        table.add_column(column, justify="left" if column == "images" else "right")
    kinds = {f"guidance {w:g}": w for w in (0.0, 1.0)}
    labels, _ = asked(model, n)
    for name, w in kinds.items():
        images = model.sample(n, np.random.default_rng(seed), labels=labels, guidance=w)
        said = jury.verdict(images, labels)
        table.add_row(name, f"{said['recognised']:.1%}", f"{said['frechet']:.1f}", f"{said['copies']:.1%}")
    apart = jury.distance(x[some])
    table.add_row("training images", f"{judge.accuracy(x[some], y[some]):.1%}", f"{apart:.1f}", "100.0%")
    return table


@app.command()
def sample(
    ctx: typer.Context,
    run: RunFolder,
    n: Annotated[int, typer.Option(min=1, help="How many images.")] = 100,
    label: Annotated[
        int | None, typer.Option(help="Class that latent-diffusion draws.  [default: each in turn]")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0, help="How far latent-diffusion exaggerates the class.  [default: 1]")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of DDIM in latent-diffusion.")] = 50,
    strip: Annotated[bool, typer.Option("--film", help="Also film.png: how latent-diffusion came to images.")] = False,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    out: Annotated[Path | None, typer.Option(help="Picture to write.  [default: samples.png in the run]")] = None,
) -> None:
    """Draw images: decode codes from N(0, I), or for latent-diffusion those that its denoiser makes of noise."""
    import numpy as np

    from minivae.models import LatentDiffusion
    from minivae.train import load_model

    model, rng, target = load_model(run), np.random.default_rng(seed), out or run / "samples.png"
    if isinstance(model, LatentDiffusion):
        settings: dict[str, Any] = dict(label=label, guidance=guidance, steps=steps)
        write(sampled(model, n, rng, **settings), target)
        if strip:
            write(film(model, np.random.default_rng(seed), **settings), target.with_name("film.png"))
        return
    said = given(ctx)
    if extra := [said[name] for name in ("label", "guidance", "steps", "strip") if name in said]:
        raise ConfigError(f"sample: {', '.join(extra)} is for latent-diffusion, and {run} holds none; leave it out")
    z = rng.standard_normal((n, *model.code_shape), dtype=np.float32)
    write(plotting().samples(model.generate(z), f"seed {seed}"), target)


@app.command()
def interpolate(
    run: RunFolder,
    start: Annotated[int, typer.Option("--from", min=0, max=9, help="Digit to start at.")] = 3,
    end: Annotated[int, typer.Option("--to", min=0, max=9, help="Digit to end at.")] = 8,
    steps: Annotated[int, typer.Option(min=2, help="Images in the strip.")] = 10,
    rows: Annotated[int, typer.Option(min=1, help="Strips, each between two other images.")] = 5,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    data_folder: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="Picture to write.  [default: interpolation.png in the run]")] = None,
) -> None:
    """Walk in a straight line through the latent space from one test digit to another, decoding on the way."""
    import numpy as np

    from minivae.data import load
    from minivae.engine import Tensor, no_grad
    from minivae.train import load_run

    plot, trained = plotting(), load_run(run)
    if len(trained.model.x_shape) > 1:
        raise ConfigError("interpolate: it walks between codes that are vectors, those of a vae or an autoencoder")
    x, y = load(data_name(trained), "test", folder=data_folder)
    if y.ndim > 1:
        raise ConfigError(
            f"interpolate: it goes from one digit to another, and {trained.data} has factors instead of digits; "
            "mix codes in Python"
        )
    rng = np.random.default_rng(seed)
    ends = [x[rng.choice(np.flatnonzero(y == digit), size=rows)] for digit in (start, end)]
    with no_grad():
        codes = [trained.model.encode(Tensor(images)) for images in ends]
    a, b = [(code[0] if isinstance(code, tuple) else code).numpy() for code in codes]  # (rows, L) each
    t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    strips = [trained.model.generate((1 - t) * a[i] + t * b[i]) for i in range(rows)]
    write(
        plot.samples(np.concatenate(strips), f"from {start} to {end}", columns=steps), out or run / "interpolation.png"
    )
