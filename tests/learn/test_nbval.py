"""A stored notebook with quizzes, checks and sliders passes strict nbval: what they show is the same in every run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("nbval")
pytest.importorskip("anywidget")

REPO = Path(__file__).resolve().parents[2]
CELLS = [
    "import numpy as np\n"
    "from minivae.learn import Explore, Interpolation, LatentMap, Scrub, check, hint, quiz, solution",
    'quiz("04/predict-random-codes")',
    "def reparameterize(mu, logvar, eps): ...",
    'check("04/reparameterize", reparameterize)\nhint("04/reparameterize")\nsolution("04/reparameterize")',
    'check("04/reparameterize", lambda mu, logvar, eps: mu + np.sqrt(logvar) * eps)',
    'check("04/reparameterize", lambda mu, logvar, eps: mu @ eps)',
    'check("04/gaussian-kl", lambda mu, logvar: 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1) * 1.1)',
    "decode = lambda z: np.full((8, 8), 1 / (1 + np.exp(-z.sum())))\nExplore(decode, z_dim=2)",
    "LatentMap(decode, grid=3)",
    'Interpolation(decode, [-1, 0], [1, 2], names=("dark", "light"))',
    "Scrub(lambda t: decode(np.float32([t, 0])), steps=5)",
]


def test_a_fresh_run_equals_the_stored_one_and_a_changed_one_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPO), prepend=os.pathsep)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbclient.NotebookClient(notebook, store_widget_state=False, resources={"metadata": {"path": tmp_path}}).execute()
    for cell in notebook.cells:
        for output in cell.outputs:
            output.data.pop("application/vnd.jupyter.widget-view+json", None)  # as the lessons are stored
    nbformat.write(notebook, tmp_path / "good.ipynb")
    notebook.cells[4].outputs[0].data["text/plain"] += "!"
    nbformat.write(notebook, tmp_path / "changed.ipynb")

    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "good.ipynb", "changed.ipynb"]
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert f"1 failed, {2 * len(CELLS) - 1} passed" in done.stdout, done.stdout
    assert "FAILED changed.ipynb::Cell 4" in done.stdout
