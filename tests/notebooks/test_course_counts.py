"""How much there is to do in the course: questions and exercises as the lessons ask them, not as files hold them."""

import json
import re
from pathlib import Path

import pytest

from minivae.learn import bank, exercises

LESSONS = sorted((Path(__file__).resolve().parents[2] / "lessons").glob("[0-9]*.ipynb"))
NUMBERS = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "10", "11"]


def asked(path, call):
    """The references in `call("NN/name"...)` at the start of a line of code, each once, in order."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return list(dict.fromkeys(re.findall(rf'^{call}\(\s*"([^"]+)"', code, re.MULTILINE)))


def test_there_are_eleven_lessons():
    assert [path.name[:2] for path in LESSONS] == NUMBERS


def test_they_ask_at_least_65_questions_and_each_is_there():
    refs = {ref for path in LESSONS for ref in asked(path, "quiz")}
    assert len({bank.find(ref).ref for ref in refs}) >= 65


def test_they_set_at_least_25_exercises_and_each_is_there():
    refs = {ref for path in LESSONS for ref in asked(path, "check")}
    assert len({exercises.find(ref).ref for ref in refs}) >= 25


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in LESSONS])
def test_each_lesson_asks_five_questions_and_sets_two_exercises_of_its_own(path):
    for call, least in (("quiz", 5), ("check", 2)):
        own = [ref for ref in asked(path, call) if ref.startswith(path.name[:2])]
        assert len(own) >= least, f"{path.name} has {len(own)} of {call}(...)"


def test_a_reference_that_comes_twice_or_in_prose_is_counted_once_or_not_at_all(tmp_path):
    cells = [
        {"cell_type": "code", "source": ['quiz("04/a")\n', 'quiz("04/b", ran=3)\n', '# quiz("04/c")\n']},
        {"cell_type": "code", "source": ['quiz("04/a", ran=1)']},
        {"cell_type": "markdown", "source": ['quiz("04/d")']},
    ]
    (tmp_path / "04.ipynb").write_text(json.dumps({"cells": cells}))
    assert asked(tmp_path / "04.ipynb", "quiz") == ["04/a", "04/b"]
