"""`minivae lesson new`: what it writes runs as it stands, nothing is overwritten, and no lesson keeps a TODO."""

import shutil
import sys
from pathlib import Path

import pytest

from minivae.cli import main
from minivae.errors import ConfigError
from minivae.learn import bank, exercises, skeleton
from minivae.learn.build import lint, parse
from tests.learn.exercises import accept, are_apart, refuse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    """A checkout with one lesson, as far as this command looks."""
    for folder in ("lessons/source", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lessons" / "source" / "04_send_a_range.py").write_text("# %%\n")
    return tmp_path


@pytest.fixture
def written(root, monkeypatch):
    """Lesson 98, written and to be found by `quiz` and `check`; name -> path."""
    paths = [path for path, _ in skeleton.write(root, "98", "the_trick")]
    monkeypatch.setattr(bank, "FOLDER", root / "minivae" / "learn" / "questions")
    monkeypatch.setattr(exercises, "__path__", [str(root / "minivae" / "learn" / "exercises")])
    yield dict(zip(("source", "questions", "exercises", "tables"), paths, strict=True))
    sys.modules.pop("minivae.learn.exercises.lesson98", None)
    bank.questions.cache_clear()


def test_the_source_is_in_the_shape_of_a_lesson_and_runs(written, capsys):
    pytest.importorskip("anywidget")
    notebook = parse(written["source"])
    assert lint(notebook) == []
    space = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
    out = capsys.readouterr().out
    assert out.startswith("gradient right: True\n") and "98/double: nothing to check yet" in out
    text = written["source"].read_text()
    for heading in ("# 98 · The trick", "## Predict first", "## In one breath", "## 5. Break it", "### Exercise 2"):
        assert f"# {heading}\n" in text


def test_the_question_can_be_asked_and_the_exercise_checked(written):
    assert bank.find("98/predict")
    exercise = exercises.find("98/double")
    accept(exercise, exercise.solution)
    are_apart(exercise)
    space = {}
    exec(written["tables"].read_text(), space)
    for function in space["RIGHT"]["98/double"].values():
        accept(exercise, function)
    for intended, function in space["WRONG"]["98/double"].items():
        refuse(exercise, function, intended)


def test_a_file_that_exists_is_never_overwritten(root):
    mine = root / "minivae" / "learn" / "questions" / "98.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    first = skeleton.write(root, "98", "the_trick")
    assert mine.read_text() == "mine"
    assert [is_new for _, is_new in first] == [True, False, True, True]
    texts = {path: path.read_text() for path, _ in first}
    assert not any(is_new for _, is_new in skeleton.write(root, "98", "the_trick"))
    assert texts == {path: path.read_text() for path in texts}


@pytest.mark.parametrize(
    ("number", "name", "message"),
    [
        ("5", "the_trick", "got 5 the_trick, wanted two digits and words joined by _: 05 the_trick"),
        ("05", "The Trick", "wanted two digits"),
        ("05", "../evil", "wanted two digits"),
        ("04", "the_trick", "04 is taken by 04_send_a_range; choose another number"),
    ],
)
def test_a_number_or_a_name_that_will_not_do_is_refused(root, number, name, message):
    with pytest.raises(ConfigError, match=message):
        skeleton.write(root, number, name)
    assert not (root / "minivae").exists()


def test_outside_of_a_checkout_it_says_so(root):
    shutil.rmtree(root / "lessons")
    with pytest.raises(ConfigError, match="is no checkout; clone the repository"):
        skeleton.write(root, "05", "the_trick")


def test_the_command_says_what_it_wrote_and_what_is_next(root, monkeypatch, capsys):
    monkeypatch.setattr(skeleton, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["minivae", "lesson", "new", "98", "the_trick"])
    for said in ("wrote", "left as it is:"):
        with pytest.raises(SystemExit) as end:
            main()
        out = capsys.readouterr().out
        assert not end.value.code and f"{said} lessons/source/98_the_trick.py\n" in out
        assert "make lessons ARGS=98" in out


def half_written(root):
    """Files of lessons in which something is still to be said."""
    patterns = ("lessons/source/*.py", "minivae/learn/questions/*.toml", "minivae/learn/exercises/lesson*.py")
    files = [path for pattern in (*patterns, "tests/learn/exercises/lesson*.py") for path in root.glob(pattern)]
    return sorted(path.name for path in files if "TODO" in path.read_text(encoding="utf-8"))


def test_no_lesson_is_left_half_written(root):
    assert half_written(ROOT) == []
    skeleton.write(root, "98", "the_trick")
    assert half_written(root) == ["98.toml", "98_the_trick.py", "lesson98.py", "lesson98.py"]
