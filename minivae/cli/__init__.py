"""The command `minivae`: train, sample, interpolate, evaluate, bench, doctor, lab, quiz, progress, lesson."""

from minivae.cli import look, tools, train  # noqa: F401  (each enters its commands)
from minivae.cli.base import app
from minivae.learn.report import progress
from minivae.learn.skeleton import lesson
from minivae.learn.terminal import quiz

app.command()(progress)
app.command()(quiz)
app.add_typer(lesson, name="lesson")


def main() -> None:
    """Entry point of the command `minivae`."""
    app()
