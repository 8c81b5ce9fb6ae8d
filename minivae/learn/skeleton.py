"""The command `minivae lesson new`: the files of a lesson, in the shape that lessons have, to be filled in.

Everything it writes runs as it stands: the notebook can be built, the question asked, the exercise checked. What is
still to be said is marked TODO, and the tests do not pass while one is left.
"""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from minivae.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
lesson = typer.Typer(help="For those who write lessons.", no_args_is_help=True)


@lesson.callback()
def _group() -> None:
    """For those who write lessons."""


@lesson.command()
def new(
    number: Annotated[str, typer.Argument(help="Two digits: 05.")],
    name: Annotated[str, typer.Argument(help="Words joined by _, as in the file's name: the_trick.")],
) -> None:
    """Write a lesson's source, questions, exercises and their tests, to be filled in; never over a file that exists."""
    console = Console()
    for path, is_new in write(ROOT, number, name):
        said = "wrote" if is_new else "left as it is:"
        console.print(f"{said} {path.relative_to(ROOT)}", soft_wrap=True, highlight=False)
    console.print(f"next: fill them in as docs/teaching.md says, then: make lessons ARGS={number}", soft_wrap=True)


def write(root: Path, number: str, name: str) -> list[tuple[Path, bool]]:
    """Write the files that are missing.

    Parameters
    ----------
    root : Path
        Of a checkout.
    number, name : str
        ``"05"`` and ``"the_trick"``.

    Returns
    -------
    list of (Path, bool)
        Each file of the lesson, and whether it was written now.

    Raises
    ------
    ConfigError
        If number or name has another form, the number is taken by another lesson, or this is no checkout.
    """
    if not re.fullmatch(r"\d\d", number) or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ConfigError(f"lesson new: got {number} {name}, wanted two digits and words joined by _: 05 the_trick")
    if not (root / "lessons" / "source").is_dir() or not (root / "tests").is_dir():
        raise ConfigError(
            f"lesson new: {root} is no checkout; clone the repository, and install the package from there"
        )
    stem = f"{number}_{name}"
    taken = [path.stem for path in (root / "lessons" / "source").glob(f"{number}_*.py") if path.stem != stem]
    if taken:
        raise ConfigError(f"lesson new: {number} is taken by {taken[0]}; choose another number, or that name")
    title = name.replace("_", " ").capitalize()
    written = []
    for where, text in FILES.items():
        path = root / where.format(number=number, stem=stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:  # "x": fails where there is a file
                file.write(text.replace("{number}", number).replace("{title}", title))
        except FileExistsError:
            written.append((path, False))
        else:
            written.append((path, True))
    return written


SOURCE = """\
# %% [markdown]
# # {number} · {title}
#
# *TODO: the question of this lesson, in plain words?*
#
# TODO: the story it hangs on, and what you build here.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("{number}/predict")

# %% [markdown]
# ## 1. By hand, in bare NumPy
#
# TODO: derive it, then code it, importing nothing of the library under study.

# %%
import numpy as np


def double(x):
    return 2 * x


# %% [markdown]
# ## 2. Check it
#
# TODO: against difference quotients, then against the library's own op, whose lines are shown with
# `inspect.getsource`.

# %%
x, h = np.random.default_rng(0).normal(size=5), 1e-6
print("gradient right:", np.allclose((double(x + h) - double(x - h)) / (2 * h), 2))

# %% [markdown]
# ## 3. On real data
#
# TODO: a figure *and* its numbers, printed to the digits that are the same on every machine; "≈" before whole
# numbers that are rounded.

# %% [markdown]
# ## 4. Do it yourself
#
# ### Exercise 1
#
# TODO: what to write, with the shapes.


# %%
def double(x):
    # return twice x, of shape (B, L)
    ...


check("{number}/double", double)

# %% [markdown]
# Stuck? `hint("{number}/double")` gives one hint after the other; `solution("{number}/double")` comes after a try.
#
# ### Exercise 2
#
# TODO: a second one.
#
# ## 5. Break it
#
# TODO: one planted bug of the kind that real repositories shipped; the learner finds it from curves and numbers.
#
# ## 6. Quiz
#
# TODO: at least five questions, a cell each.

# %% [markdown]
# ## In one breath
#
# 1. TODO
# 2. TODO
# 3. TODO
# 4. TODO
# 5. TODO
#
# **Read on:** TODO. Next, lesson TODO.
"""

QUESTIONS = """\
# Lesson {number}, {title}. What the fields mean: docs/contributing.md, "Add a question".
# Texts may hold `code`, *emphasis* and $math$; quote them with ''' where a backslash is to stay one.

[[question]]
id = "predict"
kind = "one"
title = "Predict first"
prompt = '''
TODO: what do you expect to see?
'''
hint = '''
TODO: what to think of, after a first wrong try.
'''

[[question.option]]
text = "TODO: this."
right = true
feedback = '''
TODO: why it is so.
'''

[[question.option]]
text = "TODO: that."
feedback = '''
TODO: what whoever chooses this believes, and why it is not so.
'''
"""

EXERCISES = '''\
"""Lesson {number}, {title}: TODO, what is to be written here."""

from __future__ import annotations

from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import normal


def double(x):
    """Twice x: (B, L) -> (B, L)."""
    return 2 * x


DOUBLE = Exercise(
    ref="{number}/double",
    solution=double,
    inputs=dict(x=normal("B L")),
    returns="y : (B, L)",
    example=([[1.0, 2.0]],),
    misconceptions=(
        Misconception(
            "squared",
            "TODO: you square `x`. What does whoever does so believe, and why is it not so?",
            lambda x: x**2,
        ),
        Misconception("half", "TODO: you halve `x`.", lambda x: x / 2),
    ),
    hints=("TODO: a nudge.", "TODO: the idea.", "TODO: nearly the line itself."),
)

EXERCISES = (DOUBLE,)
'''

TABLES = '''\
"""Lesson {number}: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

# TODO: at least 6 right functions and 8 wrong ones for each exercise; minivae/learn/checker.py lists the symptoms.
RIGHT = {
    "{number}/double": {
        "a sum": lambda x: x + x,
        "other names, float64": lambda a: a.astype(np.float64) * 2,
    },
}
WRONG = {
    "{number}/double": {
        "squared": lambda x: np.square(x),
        "half": lambda x: 0.5 * x,
        "values": lambda x: 3 * x,
        "shape": lambda x: 2 * x.sum(axis=0),
        "changes:x": lambda x: np.multiply(x, 2, out=x),
    },
}
'''

FILES = {
    "lessons/source/{stem}.py": SOURCE,
    "minivae/learn/questions/{number}.toml": QUESTIONS,
    "minivae/learn/exercises/lesson{number}.py": EXERCISES,
    "tests/learn/exercises/lesson{number}.py": TABLES,
}
