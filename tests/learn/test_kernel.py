"""In a real kernel: whatever a learner writes, the cell ends with a message, the kernel lives, and answers stay."""

import re
from pathlib import Path

import pytest

from minivae.learn.store import File

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("anywidget")

REPO = Path(__file__).resolve().parents[2]
TRY = 'check("04/reparameterize", lambda mu, logvar, eps: '
CELLS = {
    "import functools, os\n"
    "import numpy as np\n"
    "from minivae.learn import check, hint, practice\n"
    "practice.examine = functools.partial(practice.examine, limit_s=0.5)": "",
    TRY + "[0 for _ in iter(int, 1)])": "no answer within 0.5 s",
    TRY + "np.linalg.svd(np.ones((2500, 2500))))": "no answer within 0.5 s",
    TRY + 'print("x" * 10**8))': "your function returns nothing",
    TRY + "np.ones(10**11))": "too much memory",
    TRY + "exit(1) or mu)": "not yet",
    "def mine(mu, logvar, eps):\n"
    "    std = np.exp(logvar)\n"
    "    return mu + std @ eps\n"
    'check("04/reparameterize", mine)': "in line 3: return mu + std @ eps",
    'hint("04/reparameterize")': "hint 1 of 3",
    "print(os.getpid() > 0)": "True",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell shows, and the file in which the learner's progress is kept meanwhile."""
    folder = tmp_path_factory.mktemp("kernel")
    path = folder / "progress.sqlite3"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPO))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        patch.setenv("MINIVAE_PROGRESS", str(path))
        client = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}})
        client.execute()
    shown = []
    for cell in notebook.cells:
        texts = [output.get("text") or output.data["text/plain"] for output in cell.get("outputs", [])]
        shown.append("\n".join(texts))
    return dict(zip(CELLS, shown, strict=True)), path


@pytest.mark.parametrize("cell", CELLS)
def test_the_cell_ends_with_its_message(outputs, cell):
    shown = outputs[0][cell]
    assert CELLS[cell] in re.sub(r"\s+", " ", shown)
    assert len(shown) < 5000


def test_the_tries_are_in_the_file(outputs):
    what = [event.what for event in File(outputs[1]).events("04/reparameterize")]
    assert what == ["check"] * 6 + ["hint"]
