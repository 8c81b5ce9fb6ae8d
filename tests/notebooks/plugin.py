"""Makes `pytest --nbval lessons` strict.

nbval 0.11 by itself never looks at images, passes a notebook without outputs in silence, forgets in which order a cell
printed and drew, and demands the last digit of every float. Here its comparison is replaced by `compare.py`, its
joining of streams by the one that built the notebook, and its kernels get the environment of that build.
"""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from unittest import mock

import nbval.plugin
import pytest
from nbformat import NotebookNode

from minivae.learn.build import lesson_environment, tidy
from tests.notebooks.compare import outputs_difference

CURE = "`make lessons` builds it again, with outputs"
HOME = pytest.StashKey[Path]()


def compare_outputs(
    cell: nbval.plugin.IPyNbCell, test: list[NotebookNode], ref: list[NotebookNode], skip_compare: object = None
) -> bool:
    """Stands in for nbval's method of this name: True if equal, else says why in `comparison_traceback`."""
    difference = outputs_difference(ref, test)
    cell.comparison_traceback = [difference]
    return not difference


def pytest_configure(config: pytest.Config) -> None:
    """Hook nbval: the two names below are all of it that this plugin depends on, besides its items."""
    nbval.plugin.coalesce_streams = tidy
    nbval.plugin.IPyNbCell.compare_outputs = compare_outputs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only lessons are tested as notebooks: not Jupyter's checkpoints, nor a learner's own."""
    if collection_path.suffix == ".ipynb" and collection_path.parent != config.rootpath / "lessons":
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """nbval starts a notebook's kernel here, with the environment it finds: give it the builder's."""
    if not isinstance(item, nbval.plugin.IPyNbCell):
        return (yield)
    notebook = item.parent
    if HOME not in notebook.stash:
        home = tempfile.TemporaryDirectory()
        item.config.add_cleanup(home.cleanup)
        notebook.stash[HOME] = Path(home.name)
    with mock.patch.dict(os.environ, lesson_environment(notebook.stash[HOME]), clear=True):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Refuse what nbval would pass without a word, having nothing to compare with."""
    if not isinstance(item, nbval.plugin.IPyNbCell):
        return
    if not any(cell.get("outputs") for cell in item.parent.nb.cells):
        item.raise_cell_error(f"{item.path.name} is stripped: no cell of it has an output. {CURE}")
    if item.cell.execution_count is None:
        item.raise_cell_error(f"{item.path.name}: this cell was never run. {CURE}")
