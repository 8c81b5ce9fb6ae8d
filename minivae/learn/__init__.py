"""Learning by doing: quizzes, exercises that are checked at once, and sliders over a latent space.

Importing this touches NumPy alone. The widgets load anywidget when they are first used, and say so if it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minivae.learn.practice import check, hint, solution

if TYPE_CHECKING:
    from minivae.learn.explore import Explore
    from minivae.learn.interpolation import Interpolation
    from minivae.learn.latent_map import LatentMap
    from minivae.learn.quiz_widget import Quiz
    from minivae.learn.scrub import Scrub

__all__ = ["Explore", "Interpolation", "LatentMap", "Scrub", "check", "hint", "quiz", "solution"]

LIVE = {"Explore": "explore", "Interpolation": "interpolation", "LatentMap": "latent_map", "Scrub": "scrub"}


def quiz(ref: str, ran: object = None) -> Quiz:
    """Return a question as a widget, to stand last in a cell.

    Parameters
    ----------
    ref : str
        Lesson and question, ``"04/why-the-kl"``.
    ran : float, optional
        For a prediction about a number: what came out of the run, to be laid beside it.

    Raises
    ------
    ConfigError
        If there is no such question, or it has no use for `ran`.
    MissingPackage
        If anywidget is not installed.
    """
    from minivae.learn import bank, lab

    question = bank.find(ref)
    return lab.load("quiz_widget", "quiz").Quiz(question, ran)


def __getattr__(name: str) -> Any:
    if name in LIVE:
        from minivae.learn import lab

        return getattr(lab.load(LIVE[name], name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
