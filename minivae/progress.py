"""Where a run says how far it is: nowhere, a line an epoch, or a live bar."""

import sys
from typing import Any

LABELS = {"elbo": "ELBO", "reconstruction": "reconstruction", "kl": "KL", "mse": "error"}


def describe(row: dict[str, float], latent: int, decimals: int = 1) -> str:
    """One epoch in words: test figures where there are any, in nats per image; rounded to whole nats they say so.

    The error of a denoiser, near 1 and below, always has three decimals.

    >>> describe({"epoch": 1, "elbo": -150.0, "test_elbo": -140.25, "active_units": 9}, latent=20)
    'test ELBO -140.2 · active 9/20'
    >>> describe({"epoch": 1, "reconstruction": -101.6}, latent=20, decimals=0)
    'reconstruction ≈ -102'
    """
    prefix = "test_" if any(name.startswith("test_") for name in row) else ""
    sign = "≈ " if decimals == 0 else ""
    parts = [
        f"{label} {sign}{row[prefix + name]:.{3 if name == 'mse' else decimals}f}"
        for name, label in LABELS.items()
        if prefix + name in row
    ]
    if "active_units" in row:
        parts.append(f"active {row['active_units']:.0f}/{latent}")
    return prefix.replace("_", " ") + " · ".join(parts)


class Quiet:
    """Says nothing."""

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def start(self, run: Any, steps: int) -> None:
        """Called once, before the first step; `steps` is their number in an epoch."""

    def step(self, run: Any) -> None:
        """Called after each step."""

    def epoch(self, run: Any, row: dict[str, float]) -> None:
        """Called after each epoch, with its row of the history."""


class Lines(Quiet):
    """A line every so many epochs, on standard output: for notebooks and log files."""

    def __init__(self, every: int = 1, decimals: int = 1):
        self.every, self.decimals = every, decimals

    def epoch(self, run: Any, row: dict[str, float]) -> None:
        if row["epoch"] % self.every == 0 or row["epoch"] == run.epochs:
            said = describe(row, run.model.code_shape[0], self.decimals)
            print(f"epoch {row['epoch']:>{len(str(run.epochs))}}  {said}", flush=True)


class Bar(Quiet):
    """A live bar in a terminal: epoch, speed, time left, and the latest figures."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[said]}"),
        )

    def __enter__(self) -> "Bar":
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()

    def start(self, run: Any, steps: int) -> None:
        self.steps = steps
        said = describe(run.history[-1], run.model.code_shape[0]) if run.history else ""
        self.task = self.bar.add_task("", total=run.epochs, completed=run.epoch, said=said)

    def step(self, run: Any) -> None:
        self.bar.update(self.task, completed=run.epoch + run.step / self.steps)

    def epoch(self, run: Any, row: dict[str, float]) -> None:
        self.bar.update(self.task, completed=run.epoch, said=describe(row, run.model.code_shape[0]))


def best() -> Quiet:
    """A bar where a terminal is watching, else lines."""
    return Bar() if sys.stdout.isatty() else Lines()
