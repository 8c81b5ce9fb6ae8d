"""The door to the widgets: they need anywidget, which a learner without JupyterLab does not have."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from minivae.errors import MinivaeError

FOLDER = Path(__file__).parent


class MissingPackage(MinivaeError, ImportError):
    """A package that an optional part of minivae needs and this Python does not have."""


def load(module: str, call: str) -> ModuleType:
    """Import a module of `minivae.learn` that needs the widgets.

    Parameters
    ----------
    module, call : str
        The module, and what the learner wrote, for the message.

    Raises
    ------
    MissingPackage
        If anywidget or something it needs is not installed.
    """
    try:
        return importlib.import_module(f"minivae.learn.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("minivae"):
            raise
        raise MissingPackage(
            f'{call}: got no package "{error.name}", wanted it to show a widget; run: pip install "minivae[lab]"'
        ) from None


def source(*names: str) -> str:
    """Return files of this folder as one text: what a widget sends to the browser, so that nothing is fetched."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def quiz_module() -> str:
    """Return the quiz as one ES module: what all kinds share, the control of each kind, and `mount`."""
    kinds = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "kinds").glob("*.js"))
    return source("quiz_base.js", *kinds, "quiz.js")
