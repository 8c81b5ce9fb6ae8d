"""Learning by doing: quizzes, exercises that are checked at once, and sliders over a latent space.

Importing this touches NumPy alone. The widgets load anywidget when they are first used, and say so if it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minivae.learn.practice import check, hint, solution

if TYPE_CHECKING:
    from minivae.learn.explore import Explore
    from minivae.learn.quiz_widget import Quiz

__all__ = ["Explore", "check", "hint", "quiz", "solution"]


def quiz(ref: str) -> Quiz:
    """Return a question as a widget, to stand last in a cell.

    Parameters
    ----------
    ref : str
        Lesson and question, ``"04/why-the-kl"``.

    Raises
    ------
    ConfigError
        If there is no such question.
    MissingPackage
        If anywidget is not installed.
    """
    from minivae.learn import bank, lab

    question = bank.find(ref)
    return lab.load("quiz_widget", "quiz").Quiz(question)


def __getattr__(name: str) -> Any:
    if name == "Explore":
        from minivae.learn import lab

        return lab.load("explore", "Explore").Explore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
