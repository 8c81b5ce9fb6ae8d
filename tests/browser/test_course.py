"""The whole course as a learner meets it: the wheel, `minivae lab`, a browser, and every lesson from top to bottom.

One JupyterLab and one page for all lessons. Each is run as it is delivered, its exercises open; nothing in it may end
in an error, and nothing may ask another machine for anything.
"""

import json
import re
from types import SimpleNamespace

import pytest

from minivae.learn import bank
from minivae.learn.kinds.predict import Predict
from tests.browser import axe, lab
from tests.browser.answering import by_keyboard
from tests.wheel.built import REPO, build, install

LESSONS = sorted(path.name for path in (REPO / "lessons").glob("[0-9]*.ipynb"))
LONGEST_MS = 8 * 60_000  # a lesson takes a minute on two idle cores, and these are not idle
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code').map(cell => cell.model.outputs.toJSON())"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A page on the JupyterLab that `minivae lab` of the installed wheel has started in an empty folder."""
    folder = tmp_path_factory.mktemp("course")
    installed = install(build(folder / "dist", "wheel"), folder)
    own = folder / "account" / ".jupyter"
    own.mkdir(parents=True)
    # So that the test can ask JupyterLab what it knows; all else is as `minivae lab` has it.
    (own / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
    with installed.lab() as (base, token), lab.browser(folder / "profile") as context:
        watched = lab.Watched(context)
        watched.page.set_default_timeout(LONGEST_MS)
        yield SimpleNamespace(watched=watched, page=watched.page, base=base, token=token, home=installed.home)


def first_question(name):
    code = "\n".join("".join(cell["source"]) for cell in json.loads((REPO / "lessons" / name).read_text())["cells"])
    return bank.find(re.search(r'^quiz\("([^"]+)"', code, re.MULTILINE)[1])


def test_the_lessons_beside_the_learner_are_those_of_the_course(course):
    assert sorted(path.name for path in (course.home / "lessons").glob("*.ipynb")) == LESSONS
    assert len(LESSONS) >= 8


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_from_top_to_bottom_and_its_first_question_is_answered_by_keyboard(course, name):
    page, question = course.page, first_question(name)
    lab.open_notebook(page, course.base, f"{course.token}&reset", name)  # no tab of the lesson before
    lab.run_all(page)
    outputs = page.evaluate(OUTPUTS)
    assert [out for cell in outputs for out in cell if out["output_type"] == "error"] == []
    assert sum(map(len, outputs)) >= 10  # they did run
    card = page.locator(".mv-quiz").first
    by_keyboard(page, card, question, question.solution())
    if isinstance(question, Predict):
        card.get_by_role("status").filter(has_text="Noted.").wait_for()
    else:
        card.get_by_role("status").filter(has_text=re.compile("Right, (at|on)")).wait_for()
    assert axe.serious(page, roots=".mv-card") == []
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")


def test_what_an_error_leaves_behind_is_seen(course):
    """The same question, asked of a notebook with a cell that fails."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": "1 / 0"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (course.home / "lessons" / "planted.ipynb").write_text(json.dumps(notebook))
    lab.open_notebook(course.page, course.base, f"{course.token}&reset", "planted.ipynb")
    lab.run_all(course.page)
    assert [out["ename"] for cell in course.page.evaluate(OUTPUTS) for out in cell] == ["ZeroDivisionError"]


def test_axe_sees_a_planted_fault_in_a_card(course):
    page = course.page
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div class=mv-card><button></button></div>')")
    assert [fault.split(":")[0] for fault in axe.serious(page, roots=".mv-card")] == ["button-name"]


def test_no_other_machine_was_asked_for_anything(course):
    assert course.watched.abroad == []
    course.page.evaluate("fetch('https://example.org/').catch(() => null)")
    assert course.watched.abroad == ["https://example.org/"]  # it would have been noticed
