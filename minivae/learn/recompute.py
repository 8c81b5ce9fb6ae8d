"""Recomputes what the questions claim, from the code beside the claims. The tests call this; learners do not.

A question has `setup`, statements that the rest builds on, and expressions: `claims` that have to be true, and a
`check` beside a number, an option or an item. They see NumPy as `np`, `math`, and the functions of `TOOLS`.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from minivae.errors import ConfigError
from minivae.learn.figure import FOLDER
from minivae.learn.formula import Node
from minivae.learn.question import Question

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
NUMBER = re.compile(r"\d+\.\d+|\d{3,}")  # small whole numbers count things; others are results
CITED = re.compile(r"\([^()]*\b(19|20)\d\d\b[^()]*\)")  # a paper, with its year and section


def faults(question: Question) -> list[str]:
    """Return what does not come out as it is claimed, in words; nothing if all does.

    Parameters
    ----------
    question : Question
    """
    space: dict[str, Any] = {"np": np, "math": math, **TOOLS}
    try:
        exec(question.setup, space)
    except Exception as error:  # whatever a line of setup raises is its fault
        return [f"{question.ref}: setup raised {type(error).__name__}: {error}"]
    found = []
    for check in question.checks():
        try:
            with np.errstate(all="ignore"):  # a wrong number may well be nan
                value = eval(check.code, space)
            value = value.item() if isinstance(value, np.generic) else value
            if not check.agrees(value):
                found.append(f"{question.ref}: got {value!r}, wanted what the question claims: {check.claim}")
        except Exception as error:
            found.append(f"{question.ref}: {check.code} raised {type(error).__name__}: {error}")
    return found


def unproven(question: Question) -> list[str]:
    """Return the numbers in answers, feedback and hint that stand neither in the prompt nor in the code beside them.

    A number with a point, or of three digits and more, is somebody's result, and has to be recomputed somewhere.
    """
    code = " ".join([question.setup, *(check.code + " " + check.claim for check in question.checks())])
    known = _numbers(code) | _numbers(_plain(question.prompt))
    told = [text for _, text in question.feedbacks()] + [choice.text for choice in question.choices()] + [question.hint]
    found = (_numbers(CITED.sub("", _plain(text))) for text in told)
    return sorted(set().union(*found) - known)


def printed_by(code: str) -> str:
    """Run code and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue()


def in_lesson(lesson: str, pattern: str) -> float:
    r"""Return a number that a lesson's notebook prints: ``in_lesson("04", r"VAE, the same codes +≈ (\d+)")``.

    Raises
    ------
    ConfigError
        If there is no such lesson, or its outputs do not hold the pattern.
    """
    for path in LESSONS.glob(f"{lesson}_*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(out.get("text", "")) for cell in cells for out in cell.get("outputs", [])]
        if match := re.search(pattern, "\n".join(texts)):
            return float(match[1])
        raise ConfigError(f"in_lesson: the outputs of {path.name} do not hold {pattern}; correct one of the two")
    raise ConfigError(f"in_lesson: there is no lesson {lesson} in {LESSONS.name}; correct its number")


def figure(name: str) -> str:
    """Return the text of a figure that is an SVG."""
    return (FOLDER / name).read_text(encoding="utf-8")


TOOLS = {"printed_by": printed_by, "in_lesson": in_lesson, "figure": figure}


def _plain(nodes: list[Node]) -> str:
    return "".join(node if isinstance(node, str) else _plain(node[1:]) + " " for node in nodes)


def _numbers(text: str) -> set[str]:
    return set(NUMBER.findall(re.sub(r"(?<=\d)[,_](?=\d{3})", "", text)))
