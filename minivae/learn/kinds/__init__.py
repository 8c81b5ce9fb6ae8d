"""The kinds of question. Each is a class here and a control of the same file name beside it: `one.py`, `one.js`.

A kind is added by writing the two files; nothing else lists them.
"""

from __future__ import annotations

import importlib
import pkgutil

from minivae.learn.question import Question


def _found() -> dict[str, type[Question]]:
    kinds: dict[str, type[Question]] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Question) and value.__module__ == module.__name__:
                kinds[value.kind] = value
    return kinds


KINDS = _found()
