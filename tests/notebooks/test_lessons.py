"""Every lesson has the shape that the course promises, and its notebook is the one its source makes.

Only what can be read is checked here; `pytest --nbval lessons` runs them.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from minivae.learn.build import METADATA, lint, parse, prose_words, traces_of_machine

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
NOTEBOOKS = sorted(LESSONS.glob("*.ipynb"))
NETWORK = {"urllib", "requests", "http", "socket", "ftplib", "httpx", "aiohttp", "urllib3"}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
# 00 shows how lessons work: it is shorter, and has one quiz to warm up.
PROPER = [path for path in NOTEBOOKS if path.stem[:2] > "00"]
proper = pytest.mark.parametrize("path", PROPER, ids=[path.stem for path in PROPER])


def read(path: Path) -> nbformat.NotebookNode:
    """A lesson as committed."""
    return nbformat.read(path, as_version=4)


def code(path: Path) -> ast.Module:
    """All code of a lesson, without lines that only IPython reads."""
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!"))]
    return ast.parse("\n".join(lines))


def calls(path: Path, name: str) -> int:
    """How often a lesson calls a function by this name."""
    nodes = [node.func for node in ast.walk(code(path)) if isinstance(node, ast.Call)]
    return sum(getattr(node, "id", getattr(node, "attr", None)) == name for node in nodes)


def test_there_are_lessons_and_each_source_has_its_notebook() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert names
    assert names == sorted(path.stem for path in (LESSONS / "source").glob("*.py"))


@each
def test_notebook_has_the_cells_of_its_source(path: Path) -> None:
    source = parse(LESSONS / "source" / f"{path.stem}.py")
    built = read(path)
    want = [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in source.cells]
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in built.cells] == want, "run `make lessons`"
    assert built.metadata == METADATA
    assert lint(built) == []


@each
def test_outputs_tell_nothing_of_the_machine(path: Path) -> None:
    outputs = [output for cell in read(path).cells for output in cell.get("outputs", [])]
    assert traces_of_machine(outputs) == []
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert '"application/vnd.jupyter.widget' not in path.read_text()


@each
def test_a_cell_that_makes_a_figure_shows_it(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code" and ("plot.figure(" in cell.source or "subplots(" in cell.source):
            assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source


@each
def test_file_is_laid_out_by_the_builder(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


@each
def test_no_lesson_needs_the_network(path: Path) -> None:
    imported = set()
    for node in ast.walk(code(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert not imported & NETWORK


@proper
def test_prose_fits_one_sitting(path: Path) -> None:
    assert 1_200 <= prose_words(read(path)) <= 2_500


@proper
def test_six_quizzes_and_the_first_is_early(path: Path) -> None:
    assert calls(path, "quiz") >= 6  # one predicts, five look back
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    assert next(place for place, cell in enumerate(cells) if "quiz(" in cell) <= len(cells) // 3


@proper
def test_two_exercises_are_checked(path: Path) -> None:
    assert calls(path, "check") >= 2


def first(cells: list[dict], kind: str) -> dict:
    """The first cell of a kind."""
    return next(cell for cell in cells if cell["cell_type"] == kind)


def without(call: str) -> Callable[[list[dict]], None]:
    """Spoil a lesson: all calls of a function but one are gone."""

    def spoil(cells: list[dict]) -> None:
        for cell in [cell for cell in cells if f"{call}(" in "".join(cell["source"])][1:]:
            cell["source"] = "pass"

    return spoil


def quizzes_last(cells: list[dict]) -> None:
    """Spoil a lesson: it asks nothing before its end."""
    cells.sort(key=lambda cell: "quiz(" in "".join(cell["source"]))


PATH = {"name": "stdout", "output_type": "stream", "text": "/home/ada/minivae"}
NO_FIGURE = {"source": "fig, ax = plot.figure(2, 2)", "outputs": []}
STDERR = {"name": "stderr", "output_type": "stream", "text": "planted"}
PLANTS: dict[str, tuple[Callable[[Path], None], Callable[[list[dict]], object]]] = {
    "an edited cell": (test_notebook_has_the_cells_of_its_source, lambda c: c[0].update(source="planted")),
    "a cell removed": (test_notebook_has_the_cells_of_its_source, lambda c: c.pop()),
    "a path": (test_outputs_tell_nothing_of_the_machine, lambda c: first(c, "code").update(outputs=[PATH])),
    "a warning": (test_outputs_tell_nothing_of_the_machine, lambda c: first(c, "code").update(outputs=[STDERR])),
    "a figure not shown": (test_a_cell_that_makes_a_figure_shows_it, lambda c: first(c, "code").update(NO_FIGURE)),
    "another layout of the file": (test_file_is_laid_out_by_the_builder, lambda c: None),
    "an import": (test_no_lesson_needs_the_network, lambda c: first(c, "code").update(source="import urllib.request")),
    "an import from": (
        test_no_lesson_needs_the_network,
        lambda c: first(c, "code").update(source="from requests import get"),
    ),
    "too few words": (test_prose_fits_one_sitting, lambda c: c.clear()),
    "too many words": (test_prose_fits_one_sitting, lambda c: first(c, "markdown").update(source="word " * 2_501)),
    "too few quizzes": (test_six_quizzes_and_the_first_is_early, without("quiz")),
    "a late first quiz": (test_six_quizzes_and_the_first_is_early, quizzes_last),
    "too few exercises": (test_two_exercises_are_checked, without("check")),
}


@pytest.mark.parametrize("name", PLANTS)
def test_each_check_catches_a_planted_fault(name: str, tmp_path: Path) -> None:
    check, spoil = PLANTS[name]
    lesson = json.loads(PROPER[0].read_text(encoding="utf-8"))
    spoil(lesson["cells"])
    spoiled = tmp_path / PROPER[0].name
    spoiled.write_text(json.dumps(lesson))
    check(PROPER[0])
    with pytest.raises(AssertionError):
        check(spoiled)
