"""The commands around the models: bench, doctor, lab."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from minivae.checkpoint import replacing
from minivae.cli.base import BackendName, Threads, app, limit_threads, say

bench_app = typer.Typer(invoke_without_command=True)
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def bench(
    ctx: typer.Context,
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
    if ctx.invoked_subcommand is not None:
        return
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
            say(f"wrote [bold]{escape(str(path))}[/]")


@bench_app.command()
def diffusion(
    sides: Annotated[str, typer.Option(help="Pictures to time the steps on.")] = "28,32,64,128",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 5,
    trained: Annotated[str, typer.Option(help="Pictures to train on and judge; '' for none.")] = "32,64",
    budgets: Annotated[str, typer.Option(help="Seconds of processor time after which to judge.")] = "60,240",
    faces: Annotated[int, typer.Option(min=100, help="Pictures to train on.")] = 10_000,
    n: Annotated[int, typer.Option(min=10, help="Samples to judge.")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="Steps of DDIM for these.")] = 20,
    out: Annotated[Path | None, typer.Option(help="File for the report.  [default: print it]")] = None,
) -> None:
    """Pixel against latent diffusion: what each computes, how long it takes, what comes of it. Takes half an hour."""
    from minivae.bench.diffusion import Options, bench
    from minivae.bench.diffusion_report import markdown

    limit_threads(1)
    numbers = (tuple(map(int, filter(None, words.split(",")))) for words in (sides, trained, budgets))
    timed, judged, seconds = numbers
    command = shlex.join(["minivae", *sys.argv[1:]])
    options = Options(timed, rounds, judged, seconds, faces, n, steps, command)
    progress = Console(stderr=True)
    report = markdown(bench(options, say=lambda line: progress.print(escape(line), soft_wrap=True)))
    if out is None:
        print(report, end="")
    else:
        with replacing(out) as file:
            file.write(report.encode())
        say(f"wrote [bold]{escape(str(out))}[/]")


@app.command()
def doctor() -> None:
    """Say what is installed, what works, and how to get what is missing."""
    from minivae.doctor import report

    say(report())


@app.command()
def lab(
    folder: Annotated[Path | None, typer.Argument(help="Folder to open.  [default: the lessons]")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address instead of opening it.")] = False,
    port: Annotated[int, typer.Option(help="Port to listen on; the next free one if it is taken.")] = 8888,
    update: Annotated[
        bool, typer.Option("--update", help="First bring new lessons; those you changed stay as they are.")
    ] = False,
) -> None:
    """Open the lessons in JupyterLab, on this machine only (127.0.0.1), behind a token."""
    from minivae.lab import start

    start(folder, browser=not no_browser, port=port, update=update)
