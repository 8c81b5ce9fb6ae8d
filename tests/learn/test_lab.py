"""What the widgets need stays away from those who do not use them, and its absence is told with the fix."""

import importlib
import subprocess
import sys

import pytest

import minivae.learn
from minivae.learn import lab


def test_importing_the_learning_side_loads_no_notebook_packages():
    code = (
        "import sys, minivae.learn\n"
        "from minivae.learn import check\n"
        "print(sorted({'IPython', 'anywidget', 'ipywidgets', 'traitlets', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("package", ["anywidget", "traitlets"])
def test_a_missing_package_is_told_with_the_fix(monkeypatch, package):
    for module in ("quiz_widget", "live", *minivae.learn.LIVE.values()):
        monkeypatch.delitem(sys.modules, f"minivae.learn.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    wanted = f'got no package "{package}", .* run: pip install "minivae\\[lab\\]"'
    with pytest.raises(lab.MissingPackage, match="quiz: " + wanted):
        minivae.learn.quiz("04/why-the-kl")
    for name in minivae.learn.LIVE:
        with pytest.raises(ImportError, match=f"{name}: {wanted}"):
            getattr(importlib.import_module("minivae.learn"), name)


def test_a_fault_of_our_own_is_not_taken_for_a_missing_package():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        lab.load("no_such_module", "quiz")


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'explode'"):
        minivae.learn.explode  # noqa: B018
