"""Every fault planted in a built lesson is caught by `pytest --nbval lessons`, and names itself; nothing else fails.

All plants share one build and one run of pytest: each has a cell of its own, in a lesson that is built by the real
builder and then spoiled. Its untouched twin runs beside it and must pass.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from minivae.learn.build import build

ROOT = Path(__file__).resolve().parents[2]

SETUP = "import matplotlib.pyplot as plt\nimport numpy as np\nfrom IPython.display import HTML"
TEXT = "print('elbo -104.25 nats after 12 epochs')"
CURVE = "plt.plot(np.linspace(0, 1, 50) ** 2)\nplt.show()"
GRID = """rng = np.random.default_rng(0)
plt.imshow(np.kron(rng.random((8, 8)), np.ones((4, 4))), cmap="gray")
plt.show()"""
# The one tile that differs is 1 of 64, and no digit is as unlike another as it could be: 0.3 of the scale is mild.
OTHER_TILE = GRID.replace("rng.random((8, 8))", "rng.random((8, 8)) + 0.3 * (np.arange(64) == 27).reshape(8, 8)")
TABLE = "HTML('<table><tr><td>kl</td><td>3.14</td></tr></table>')"
WIDGET = "import ipywidgets\nipywidgets.IntSlider(3)"
PROGRESS = "for k in range(3):\n    print(f'epoch {k}', end='\\r')\nprint('epoch 2 of 3')"


@dataclass(frozen=True)
class Plant:
    """A cell, how its committed form is spoiled, and what the failure must say (nothing: it must pass)."""

    source: str
    spoil: Callable[[dict, dict], None]
    said: str = ""


def replace(old: str, new: str) -> Callable[[dict, dict], None]:
    """Spoil a committed output: other text in it."""

    def spoil(cell: dict, built: dict) -> None:
        text = json.dumps(cell["outputs"])
        assert old in text
        cell["outputs"] = json.loads(text.replace(old, new))

    return spoil


def figure_of(name: str) -> Callable[[dict, dict], None]:
    """Spoil a committed output: the figure of another plant's cell stands in its place."""

    def spoil(cell: dict, built: dict) -> None:
        cell["outputs"] = built[name]["outputs"]

    return spoil


def set_to(**fields: object) -> Callable[[dict, dict], None]:
    """Spoil a committed cell: other values of its fields."""
    return lambda cell, built: cell.update(fields)


def nothing(cell: dict, built: dict) -> None:
    """Leave the cell as it is."""


PLANTS = {
    "a changed word": Plant(TEXT, replace("nats", "bits"), "the words"),
    "a changed number": Plant(TEXT, replace("-104.25", "-104.75"), "-104.75 and -104.25 are 50 units"),
    "a decimal off by two in its last place": Plant(TEXT, replace("-104.25", "-104.27"), "are 2 units"),
    "a decimal off by one in its last place": Plant(TEXT, replace("-104.25", "-104.26")),
    "an integer off by one": Plant(TEXT, replace("12 epochs", "13 epochs"), "13 epochs"),
    "a number gone": Plant(TEXT, replace("-104.25 nats", "nats"), "count of numbers"),
    "text that is gone": Plant(TEXT, set_to(outputs=[]), "0 outputs are stored, now there are 1"),
    "a figure as it was": Plant(CURVE, nothing),
    "a figure swapped with another": Plant(GRID, figure_of("the other figure"), "of 255"),
    "the other figure": Plant(GRID.replace("default_rng(0)", "default_rng(1)"), nothing),
    "a figure swapped with one of another size": Plant(GRID, figure_of("a figure as it was"), "pixels, now"),
    "a figure with one other tile": Plant(GRID, figure_of("the figure with that tile"), "of 255"),
    "the figure with that tile": Plant(OTHER_TILE, nothing),
    "a figure that is missing": Plant(CURVE, set_to(outputs=[]), "0 outputs are stored, now there are 1"),
    "a figure that is text only": Plant(CURVE, replace("image/png", "image/none"), "image/none"),
    "a changed number in HTML": Plant(TABLE, replace("3.14", "3.41"), "text/html"),
    "a changed tag in HTML": Plant(TABLE, replace("<td>kl", "<th>kl"), "text/html"),
    "a cell that now raises": Plant(TEXT, set_to(source="raise RuntimeError('planted')"), "planted"),
    "a cell that was never run": Plant(TEXT, set_to(execution_count=None, outputs=[]), "`make lessons`"),
    "a widget": Plant(WIDGET, nothing),
    "a widget of another value": Plant(WIDGET, replace("value=3", "value=4"), "value=4"),
    "a progress line": Plant(PROGRESS, nothing),
    "a figure drawn before its text": Plant(
        f"print('first')\n{CURVE}", lambda cell, built: cell["outputs"].reverse(), "output 1"
    ),
}


def percent(cells: list[str]) -> str:
    """A lesson's source from the text of its code cells."""
    return "".join(f"# %%\n{cell}\n\n" for cell in cells)


def run_pytest(folder: Path) -> tuple[dict[str, str], str]:
    """What strict nbval says of the lessons in a folder: cell -> message ("" where it passed), and all it printed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "--nbval", "lessons", "-p", "tests.notebooks.plugin"]
    command += ["-p", "no:cacheprovider", "--junitxml", "report.xml", "--color", "no"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    verdicts = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        verdicts[f"{case.get('classname')}::{case.get('name')}"] = "".join(
            str(fault.get("message")) + str(fault.text) for fault in case
        )
    return verdicts, done.stdout + done.stderr


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the test of the lessons says: "untouched/<plant>", "planted/<plant>", "stripped", "emptied" -> message."""
    folder = tmp_path_factory.mktemp("course")
    lessons = folder / "lessons"
    lessons.mkdir()
    source = folder / "planted.py"
    source.write_text(percent([SETUP, *(plant.source for plant in PLANTS.values())]))
    text = build(source, lessons)
    (lessons / "untouched.ipynb").write_text(text)
    (lessons / ".ipynb_checkpoints").mkdir()
    (lessons / ".ipynb_checkpoints" / "a-checkpoint.ipynb").write_text(text)

    planted = json.loads(text)
    built = dict(zip(PLANTS, json.loads(text)["cells"][1:], strict=True))
    for cell, plant in zip(planted["cells"][1:], PLANTS.values(), strict=True):
        plant.spoil(cell, built)
    (lessons / "planted.ipynb").write_text(json.dumps(planted))

    for name, count in (("stripped", None), ("emptied", 1)):
        bare = json.loads(text)
        for cell in bare["cells"]:
            cell.update(outputs=[], execution_count=count)
        (lessons / f"{name}.ipynb").write_text(json.dumps(bare))

    said, printed = run_pytest(folder)
    assert "internal error" not in printed.lower(), printed
    assert not any("checkpoint" in name for name in said)
    told = {}
    for number, name in enumerate(["SETUP", *PLANTS]):
        for lesson in ("untouched", "planted"):
            told[f"{lesson}/{name}"] = said[f"lessons.{lesson}.ipynb::Cell {number}"]
    for name in ("stripped", "emptied"):
        told[name] = said[f"lessons.{name}.ipynb::Cell 0"]
    return told


@pytest.mark.parametrize("name", ["SETUP", *PLANTS])
def test_an_untouched_cell_passes(name: str, verdicts: dict[str, str]) -> None:
    assert verdicts[f"untouched/{name}"] == ""


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_named_and_nothing_else_fails(name: str, verdicts: dict[str, str]) -> None:
    message = verdicts[f"planted/{name}"]
    assert PLANTS[name].said in message
    assert bool(message) == bool(PLANTS[name].said)


@pytest.mark.parametrize("name", ["stripped", "emptied"])
def test_a_notebook_without_outputs_fails_and_names_the_cure(name: str, verdicts: dict[str, str]) -> None:
    assert f"{name}.ipynb is stripped" in verdicts[name]
    assert "`make lessons`" in verdicts[name]
