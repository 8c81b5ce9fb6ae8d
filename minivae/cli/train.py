"""The command `minivae train`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from minivae.cli.base import (
    BackendName,
    Computes,
    DataFolder,
    DataName,
    Seed,
    Threads,
    app,
    data_name,
    given,
    limit_threads,
    plotting,
    say,
)
from minivae.cli.pictures import pictures, scores_table
from minivae.cli.stages import first_stage, framed, one_model, second_stage, tell_labels, trained_vae
from minivae.errors import ConfigError

# A resumed run keeps its other settings.
WITH_RESUME = {"resume", "epochs", "backend", "threads", "workers", "data_folder", "download"}


class ModelName(StrEnum):
    vae = "vae"
    autoencoder = "autoencoder"
    conv_vae = "conv-vae"
    latent_diffusion = "latent-diffusion"


# What each can be told that not all can, and what it is where nothing is said.
OWN: dict[ModelName, dict[str, Any]] = {
    ModelName.autoencoder: dict(latent=20, hidden=400),
    ModelName.vae: dict(latent=20, hidden=400, beta=1.0),
    ModelName.conv_vae: dict(latent=4, beta=0.01),
    ModelName.latent_diffusion: dict(latent=4, beta=0.01, vae=None, vae_epochs=2),
}

OF_THE_VAE = ("latent", "beta", "likelihood", "sigma", "vae_epochs")


class LikelihoodName(StrEnum):
    bernoulli = "bernoulli"
    gaussian = "gaussian"


class BinarizationName(StrEnum):
    dynamic = "dynamic"
    threshold = "threshold"
    none = "none"


@app.command()
def train(
    ctx: typer.Context,
    model: Annotated[ModelName | None, typer.Argument(help="What to train; not with --resume.")] = None,
    data: DataName = "mnist-small",
    data_folder: DataFolder = None,
    download: Annotated[bool, typer.Option(help="Fetch the data set if it is missing.")] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = 20,
    vae_epochs: Annotated[int, typer.Option(min=1, help="Those of the VAE in latent-diffusion.")] = 2,
    latent: Annotated[
        int | None,
        typer.Option(min=1, help="Numbers in the code z, or in each pixel of it if it has a plan.  [default: 20; 4]"),
    ] = None,
    hidden: Annotated[int | None, typer.Option(min=1, help="Units in each hidden layer.  [default: 400]")] = None,
    likelihood: Annotated[
        LikelihoodName | None,
        typer.Option(help="What the decoder's output means.  [default: bernoulli; gaussian for faces and orl]"),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Standard deviation of the gaussian likelihood.")] = 0.1,
    beta: Annotated[
        float | None,
        typer.Option(help="Weight of the KL term; 1 is the true bound.  [default: 1; 0.01 where diffusion draws z]"),
    ] = None,
    binarization: Annotated[
        BinarizationName | None, typer.Option(help="[default: dynamic; none for gaussian and conv-vae]")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 128,
    lr: Annotated[float, typer.Option(help="Adam's step size.")] = 1e-3,
    seed: Seed = 0,
    backend: Computes = BackendName.numpy,
    threads: Threads = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share each step, with one thread each.")] = 1,
    vae: Annotated[
        Path | None, typer.Option(help="Folder of a conv-vae for latent-diffusion, instead of training one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoint, metrics and pictures.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder of a run to continue, with its own settings; only --epochs can be changed."),
    ] = None,
) -> None:
    """Train a model on images; writes checkpoint.safetensors, metrics.csv and pictures.

    Ctrl-C saves, and --resume continues bit for bit. With --workers the figures are the same but for rounding.
    """
    from minivae.data import GREY, load
    from minivae.progress import best
    from minivae.train import CHECKPOINT, METRICS, load_run

    limit_threads(threads)
    if workers > 1 and threads > 1:
        raise ConfigError(f"train: each of the {workers} workers has one thread; leave out --threads, or --workers")
    if (model is None) == (resume is None):
        raise ConfigError("train: say either what to train (minivae train vae) or --resume FOLDER, not both")
    said = given(ctx)
    if resume is not None:
        if extra := [option for name, option in said.items() if name not in WITH_RESUME]:
            raise ConfigError(f"train: --resume keeps the run's own settings; leave out {', '.join(extra)}")
        run, folder = load_run(resume), resume
        data, run.epochs = data_name(run), epochs if "epochs" in said else run.epochs
    else:
        assert model is not None
        likelihood = likelihood or (LikelihoodName.gaussian if data in GREY else LikelihoodName.bernoulli)
        _check_told(model, likelihood, said)
        folder = out or Path("run") / f"{model}-{data}"
        if (folder / CHECKPOINT).exists():
            raise ConfigError(
                f"train: {folder} already holds a run; continue it with --resume, or choose another --out"
            )
    x, y = load(data, "train", folder=data_folder, download=download)
    x_test, y_test = load(data, "test", folder=data_folder)
    if model is not None:
        own = OWN[model] | {name: ctx.params[name] for name in OWN[model] if name in said}
        network = dict(likelihood=str(likelihood), sigma=sigma)
        settings: dict[str, Any] = dict(epochs=epochs, batch=batch, lr=lr, data=data)
        if model == ModelName.latent_diffusion:
            folder_of_vae, vae_epochs = own.pop("vae"), own.pop("vae_epochs")
            if folder_of_vae is not None:
                trained = trained_vae(folder_of_vae, x)
            else:
                first = one_model("conv-vae", x, own | network, settings | dict(epochs=vae_epochs), "none", seed)
                trained = first_stage(first, x, x_test, folder / "vae", workers)
            run = second_stage(trained, y, settings, seed)
        else:
            usual = "dynamic" if model != ModelName.conv_vae and likelihood == LikelihoodName.bernoulli else "none"
            run = one_model(model, x, own | network, settings, str(binarization or usual), seed)
    x, x_test = framed(run.model, x), framed(run.model, x_test)
    tell_labels(run, y, y_test)
    written = []
    if run.epoch < run.epochs:
        run.train(x, x_test, out=folder, report=best(), workers=workers)
        written = [CHECKPOINT, METRICS]
    else:
        say(f"nothing to train, epochs done: {run.epoch}; for more, add --epochs {2 * run.epoch}")
    for name, fig in pictures(run, x_test, y_test):
        plotting().save(fig, folder / name)
        written.append(name)
    say(scores_table(run.history[-1], data, run.binarization))
    say(f"wrote to [bold]{escape(str(folder))}[/]: {', '.join(written)}")


def _check_told(model: ModelName, likelihood: LikelihoodName, said: dict[str, str]) -> None:
    """Raise ConfigError for an option that does not concern what is to be trained."""
    for name in dict.fromkeys(name for own in OWN.values() for name in own):
        if name in said and name not in OWN[model]:
            owners = ", ".join(str(kind) for kind in OWN if name in OWN[kind])
            raise ConfigError(f"train: {said[name]} is a setting of {owners}, not of {model}; leave it out")
    if "sigma" in said and likelihood != LikelihoodName.gaussian:
        raise ConfigError("train: --sigma is for --likelihood gaussian; leave it out, or say so")
    if model == ModelName.latent_diffusion:
        if "binarization" in said:
            raise ConfigError("train: latent-diffusion makes grey images; leave out --binarization")
        if "vae" in said and (extra := [said[name] for name in OF_THE_VAE if name in said]):
            raise ConfigError(f"train: the VAE of --vae has its own settings; leave out {', '.join(extra)}")
