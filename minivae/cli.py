"""The command `minivae`: train, sample, interpolate, evaluate, bench, doctor, lab, quiz, progress."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from minivae.errors import ConfigError, MinivaeError
from minivae.learn.report import progress
from minivae.learn.skeleton import lesson
from minivae.learn.terminal import quiz


class Commands(TyperGroup):
    """Every command: an error of ours is one line and status 2, Ctrl-C is status 130 and no traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MinivaeError as error:
            Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as stop:  # caught here, for typer would drop what the run has to say
            Console(stderr=True).print(escape(str(stop) or "stopped"), soft_wrap=True)
            raise typer.Exit(130) from stop


app = typer.Typer(
    cls=Commands,
    help="Understand variational autoencoders by building every part of one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
WITH_RESUME = {
    "resume",
    "epochs",
    "backend",
    "threads",
    "workers",
    "data_folder",
    "download",
}  # a run keeps its other settings


class ModelName(StrEnum):
    vae = "vae"
    autoencoder = "autoencoder"


class LikelihoodName(StrEnum):
    bernoulli = "bernoulli"
    gaussian = "gaussian"


class BinarizationName(StrEnum):
    dynamic = "dynamic"
    threshold = "threshold"
    none = "none"


class BackendName(StrEnum):
    numpy = "numpy"
    sim = "sim"
    cupy = "cupy"


def _use(ctx: typer.Context, name: BackendName) -> BackendName:
    from minivae.backend import using

    ctx.with_resource(using(name))  # until the command ends
    return name


Computes = Annotated[
    BackendName,
    typer.Option("--backend", callback=_use, help="Who computes: numpy; sim (kernels, simulated, slow); cupy (GPU)."),
]
DataName = Annotated[str, typer.Option(help="mnist-small or faces (built in), mnist, fashion or orl.")]
DataFolder = Annotated[Path | None, typer.Option(help="Folder or file that holds the data set.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a run, as written by `minivae train`.")]
Seed = Annotated[int, typer.Option(help="Same seed, same numbers.")]
Threads = Annotated[int, typer.Option(min=1, help="BLAS threads. One is often fastest for models this small.")]


def main() -> None:
    """Entry point of the command `minivae`."""
    app()


def _given(ctx: typer.Context) -> dict[str, str]:
    """What was said on the command line, not left to its default: names of arguments, and how each is written."""

    def said(name: str) -> bool:
        source = ctx.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    return {p.name: p.opts[0] for p in ctx.command.params if p.name and said(p.name)}


def _limit_threads(n: int) -> None:
    import numpy as np  # noqa: F401  (its BLAS has to be loaded before it can be limited)
    from threadpoolctl import threadpool_limits

    threadpool_limits(n)


@app.command()
def train(
    ctx: typer.Context,
    model: Annotated[ModelName | None, typer.Argument(help="What to train; not with --resume.")] = None,
    data: DataName = "mnist-small",
    data_folder: DataFolder = None,
    download: Annotated[bool, typer.Option(help="Fetch the data set if it is missing.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the images.  [default: 20]")] = None,
    latent: Annotated[int, typer.Option(min=1, help="Numbers in the code z.")] = 20,
    hidden: Annotated[int, typer.Option(min=1, help="Units in each hidden layer.")] = 400,
    likelihood: Annotated[
        LikelihoodName | None,
        typer.Option(help="What the decoder's output means.  [default: bernoulli; gaussian for faces and orl]"),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Standard deviation of the gaussian likelihood.")] = 0.1,
    beta: Annotated[float, typer.Option(help="Weight of the KL term; 1 is the true bound.")] = 1.0,
    binarization: Annotated[BinarizationName | None, typer.Option(help="dynamic; none for gaussian.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 128,
    lr: Annotated[float, typer.Option(help="Adam's step size.")] = 1e-3,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    threads: Threads = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share each step, with one thread each.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoint, metrics and pictures.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder of a run to continue, with its own settings; only --epochs can be changed."),
    ] = None,
) -> None:
    """Train a model on images; writes checkpoint.safetensors, metrics.csv and pictures.

    Ctrl-C saves, and --resume continues bit for bit. With --workers the figures are the same but for rounding.
    """
    import numpy as np

    from minivae.data import GREY, load
    from minivae.models import MODELS
    from minivae.progress import best
    from minivae.train import CHECKPOINT, METRICS, Run

    _limit_threads(threads)
    if workers > 1 and threads > 1:
        raise ConfigError(f"train: each of the {workers} workers has one thread; leave out --threads, or --workers")
    if (model is None) == (resume is None):
        raise ConfigError("train: say either what to train (minivae train vae) or --resume FOLDER, not both")
    given = _given(ctx)
    if resume is not None:
        if extra := [option for name, option in given.items() if name not in WITH_RESUME]:
            raise ConfigError(f"train: --resume keeps the run's own settings; leave out {', '.join(extra)}")
        run, folder = Run.load(resume), resume
        data, run.epochs = _data_name(run), epochs or run.epochs
        x, _ = load(data, "train", folder=data_folder, download=download)
    else:
        assert model is not None
        likelihood = likelihood or (LikelihoodName.gaussian if data in GREY else LikelihoodName.bernoulli)
        if "beta" in given and model != ModelName.vae:
            raise ConfigError("train: --beta weighs the KL term, which only a vae has; leave it out")
        if "sigma" in given and likelihood != LikelihoodName.gaussian:
            raise ConfigError("train: --sigma is for --likelihood gaussian; leave it out, or say so")
        folder = out or Path("run") / f"{model}-{data}"
        if (folder / CHECKPOINT).exists():
            raise ConfigError(
                f"train: {folder} already holds a run; continue it with --resume, or choose another --out"
            )
        grey = likelihood == LikelihoodName.gaussian
        x, _ = load(data, "train", folder=data_folder, download=download)
        rng = np.random.default_rng(seed)
        sizes = dict(x_dim=x.shape[1], hidden=hidden, latent=latent)
        weight: dict[str, Any] = {"beta": beta} if model == ModelName.vae else {}
        network = MODELS[model](**sizes, likelihood=likelihood, sigma=sigma, rng=rng, **weight)
        run = Run(
            network,
            epochs=20 if epochs is None else epochs,
            batch=batch,
            lr=lr,
            binarization=str(binarization or ("none" if grey else "dynamic")),
            rng=rng,
            data=data,
        )
    x_test, y_test = load(data, "test", folder=data_folder)
    written = []
    if run.epoch < run.epochs:
        run.train(x, x_test, out=folder, report=best(), workers=workers)
        written = [CHECKPOINT, METRICS]
    else:
        cure = f"for more, add --epochs {2 * run.epoch}"
        console.print(f"nothing to train, epochs done: {run.epoch}; {cure}", soft_wrap=True)
    for name, fig in _pictures(run, x_test, y_test):
        _plot().save(fig, folder / name)
        written.append(name)
    console.print(_scores_table(run.history[-1], data, run.binarization))
    console.print(f"wrote to [bold]{escape(str(folder))}[/]: {', '.join(written)}", soft_wrap=True)


def _data_name(run: Any) -> str:
    if not run.data:
        raise ConfigError("the run does not name its images; train it with minivae train, or fit(..., data=NAME)")
    return run.data


def _pictures(run: Any, x_test: Any, y_test: Any) -> Iterator[tuple[str, Any]]:
    import numpy as np

    plot, model = _plot(), run.model
    yield "reconstructions.png", plot.reconstructions(model, x_test)
    yield "curves.png", plot.curves(run.history)
    z = np.random.default_rng(0).standard_normal((100, model.config["latent"]), dtype=np.float32)
    yield "samples.png", plot.samples(model.generate(z), "decoded from codes drawn from N(0, I)")
    if model.config["latent"] == 2:
        # The first factor of the faces is the smile.
        yield "latent_map.png", plot.latent_map(model, x_test, y_test if y_test.ndim == 1 else y_test[:, 0])


def _plot() -> Any:
    """The module that draws, drawing to files: no window is wanted here, and often there is no display."""
    import matplotlib

    from minivae import plot

    matplotlib.use("agg")
    return plot


def _scores_table(scores: dict[str, float], data: str, binarization: str) -> Table:
    from minivae.progress import LABELS

    title = f"{data} test set, {binarization} binarisation, nats per image"
    table = Table(title=title, min_width=len(title))
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in scores.items():
        bare = name.removeprefix("test_")
        if bare in LABELS and (name != bare or f"test_{name}" not in scores):
            table.add_row(LABELS[bare], f"{value:.2f}")
    if "active_units" in scores:
        table.add_row("active units", f"{scores['active_units']:.0f}")
    return table


@app.command()
def evaluate(
    run: RunFolder,
    data: Annotated[str | None, typer.Option(help="Another data set than the run's own.")] = None,
    data_folder: DataFolder = None,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    threads: Threads = 1,
) -> None:
    """Score a trained model on test images it has not seen."""
    import numpy as np

    from minivae.data import load
    from minivae.evaluate import evaluate as score
    from minivae.train import Run

    _limit_threads(threads)
    trained = Run.load(run)
    name = data or _data_name(trained)
    x, _ = load(name, "test", folder=data_folder)
    scores = score(trained.model, x, rng=np.random.default_rng(seed), binarization=trained.binarization)
    console.print(_scores_table(scores, name, trained.binarization))


@app.command()
def sample(
    run: RunFolder,
    n: Annotated[int, typer.Option(min=1, help="How many images.")] = 100,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    out: Annotated[Path | None, typer.Option(help="Picture to write.  [default: samples.png in the run]")] = None,
) -> None:
    """Decode codes drawn from N(0, I)."""
    import numpy as np

    from minivae.train import load_model

    plot, model = _plot(), load_model(run)
    z = np.random.default_rng(seed).standard_normal((n, model.config["latent"]), dtype=np.float32)
    _write(plot.samples(model.generate(z), f"seed {seed}"), out or run / "samples.png")


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
    from minivae.train import Run

    plot, trained = _plot(), Run.load(run)
    x, y = load(_data_name(trained), "test", folder=data_folder)
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
    _write(
        plot.samples(np.concatenate(strips), f"from {start} to {end}", columns=steps), out or run / "interpolation.png"
    )


def _write(fig: Any, path: Path) -> None:
    _plot().save(fig, path)
    console.print(f"wrote [bold]{escape(str(path))}[/]", soft_wrap=True)


@app.command()
def bench(
    threads: Threads = 1,
    workers: Annotated[int, typer.Option(help="Processes that share each of minivae's training steps.")] = 1,
    backend: Annotated[BackendName, typer.Option(help="minivae's; with cupy the others are on the GPU too.")] = (
        BackendName.numpy
    ),
    rounds: Annotated[int, typer.Option(help="Turns of each implementation.")] = 20,
    workloads: Annotated[str, typer.Option(help="Some of W1,W2,W3,W4.")] = "W1,W2,W3,W4",
    against: Annotated[str, typer.Option(help="Whom to run beside.")] = "floor,torch,kept,compile,jax,textbook",
    quick: Annotated[bool, typer.Option("--quick", help="Short turns: see that it works, not how fast.")] = False,
    curves: Annotated[bool, typer.Option("--curves", help="Also the growth with batch and width; minutes.")] = False,
    out: Annotated[Path | None, typer.Option(help="File for the report.  [default: print it]")] = None,
) -> None:
    """Time training steps beside PyTorch, JAX, a textbook's tape and the matrix products alone."""
    from minivae.bench.driver import Options, bench
    from minivae.bench.report import markdown, write

    which, others = (tuple(filter(None, names.split(","))) for names in (workloads, against))
    options = Options(threads, workers, backend.value, rounds, which, others, quick=quick, curves=curves)
    progress = Console(stderr=True)
    results = bench(options, say=lambda line: progress.print(escape(line), soft_wrap=True))
    if out is None:
        print(markdown(results), end="")
    else:
        for path in write(results, out):
            console.print(f"wrote [bold]{escape(str(path))}[/]", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what is installed, what works, and how to get what is missing."""
    from minivae.doctor import report

    console.print(report())


@app.command()
def lab(
    folder: Annotated[Path | None, typer.Argument(help="Folder to open.  [default: the lessons]")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address instead of opening it.")] = False,
    port: Annotated[int, typer.Option(help="Port to listen on; the next free one if it is taken.")] = 8888,
) -> None:
    """Open the lessons in JupyterLab, on this machine only (127.0.0.1), behind a token."""
    from minivae.lab import start

    start(folder, browser=not no_browser, port=port)


app.command()(progress)
app.command()(quiz)
app.add_typer(lesson, name="lesson")
