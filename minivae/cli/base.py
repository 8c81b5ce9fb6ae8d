"""What the commands share: the app, how it ends, its options, and where it speaks."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from minivae.errors import ConfigError, MinivaeError


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


def given(ctx: typer.Context) -> dict[str, str]:
    """What was said on the command line, not left to its default: names of arguments, and how each is written."""

    def said(name: str) -> bool:
        source = ctx.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    return {p.name: p.opts[0] for p in ctx.command.params if p.name and said(p.name)}


def limit_threads(n: int) -> None:
    import numpy as np  # noqa: F401  (its BLAS has to be loaded before it can be limited)
    from threadpoolctl import threadpool_limits

    threadpool_limits(n)


def say(what: Any) -> None:
    """Print a line, or a table, and break no line."""
    console.print(what, soft_wrap=True)


def data_name(run: Any) -> str:
    """The data set that a run was trained on; raises ConfigError if it does not say."""
    if not run.data:
        raise ConfigError("the run does not name its images; train it with minivae train, or fit(..., data=NAME)")
    return run.data


def plotting() -> Any:
    """The module that draws, drawing to files: no window is wanted here, and often there is no display."""
    import matplotlib

    from minivae import plot

    matplotlib.use("agg")
    return plot


def write(fig: Any, path: Path) -> None:
    """Save a figure, and say where."""
    plotting().save(fig, path)
    say(f"wrote [bold]{escape(str(path))}[/]")
