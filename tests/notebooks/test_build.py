"""The builder gives the same bytes every time, and refuses what would not be the same elsewhere."""

import json
from pathlib import Path

import nbformat
import pytest

from minivae.learn import build

LESSON = """# %% [markdown]
# # A lesson
# It has seven words, $x^2$ apart.

# %%
import matplotlib.pyplot as plt
import numpy as np

# %%
for epoch in range(3):
    print(f"epoch {epoch}", end="\\r")
print("done 0.25", {"b", "a", "c"})

# %%
plt.plot(np.arange(5))
plt.show()
print("after the figure")

# %% tags=["raises-exception"]
raise ValueError("on purpose")

# %%
print("again")

# %%
print("again")

# %%
import ipywidgets
ipywidgets.IntSlider(3)
"""


def course(folder: Path, **lessons: str) -> Path:
    """A folder of lessons with these sources."""
    (folder / "source").mkdir(parents=True)
    for name, text in lessons.items():
        (folder / "source" / f"{name}.py").write_text(text)
    return folder


def run(lessons: Path, *arguments: str) -> int:
    """The builder's command line."""
    return build.main([*arguments, "--lessons", str(lessons)])


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one lesson, built."""
    folder = course(tmp_path_factory.mktemp("course") / "lessons", **{"01_one": LESSON})
    assert run(folder) == 0
    return folder


def read(notebook: Path) -> nbformat.NotebookNode:
    """A notebook as it was written."""
    return nbformat.read(notebook, as_version=4)


def test_a_second_build_gives_the_same_bytes(lessons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (lessons / "01_one.ipynb").read_bytes()
    assert run(lessons, "01") == 0
    assert (lessons / "01_one.ipynb").read_bytes() == before
    assert "01_one: built, nothing changed; 7 words of prose" in capsys.readouterr().out
    assert [path.name for path in lessons.iterdir() if path.is_file()] == ["01_one.ipynb"]


def test_check_tells_which_cell_was_edited(lessons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = course(tmp_path, **{"01_one": LESSON})
    edited = (lessons / "01_one.ipynb").read_text().replace("done 0.25", "done 0.52")
    (copy / "01_one.ipynb").write_text(edited)
    assert run(copy, "--check") == 1
    said = capsys.readouterr().out
    assert "01_one: OUT OF DATE" in said
    assert "code cell 2 (`for epoch in range(3):`): stdout: `done 0.52" in said
    assert said.count("code cell") == 1
    assert (copy / "01_one.ipynb").read_text() == edited


def test_outputs_hold_what_the_learner_sees_and_nothing_of_the_run(lessons: Path) -> None:
    nb = read(lessons / "01_one.ipynb")
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5, 6, 7]
    assert code[1].outputs[0].text.startswith("done 0.25")
    assert ["image/png" in code[2].outputs[0].data, code[2].outputs[1].text] == [True, "after the figure\n"]
    assert code[3].outputs[0].traceback == ["ValueError: on purpose"]
    assert list(code[6].outputs[0].data) == ["text/plain"]
    assert all(set(cell.metadata) <= {"tags"} for cell in nb.cells)
    assert nb.metadata == build.METADATA


def test_a_lesson_sees_nothing_of_the_learners_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIVAE_DATA", "planted")
    monkeypatch.setenv("MPLBACKEND", "planted")
    environment = build.lesson_environment(tmp_path)
    assert "planted" not in environment.values()
    assert Path(environment["MINIVAE_HOME"]).parent == tmp_path


@pytest.mark.parametrize(
    ("found", "coretype", "disabled"),
    [
        (["X86_V3", "X86_V4", "AVX512_ICL"], "Haswell", "X86_V4 AVX512_ICL"),
        (["SSE42", "AVX2", "AVX512F"], "Haswell", "AVX512F"),  # as older NumPy calls them
        (["X86_V3"], "Haswell", ""),
        (["SSE42"], None, None),  # Haswell's instructions would end the kernel
        (["ASIMD"], None, None),
    ],
)
def test_arithmetic_is_that_of_avx2_where_there_is_avx2(
    found: list[str], coretype: str | None, disabled: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.np, "show_config", lambda mode: {"SIMD Extensions": {"found": found}})
    setting = build.one_arithmetic()
    assert (setting.get("OPENBLAS_CORETYPE"), setting.get("NPY_DISABLE_CPU_FEATURES")) == (coretype, disabled)


def test_a_cpu_may_be_chosen_to_find_the_digits_that_hang_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "SkylakeX")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    environment = build.lesson_environment(tmp_path)
    assert (environment["OPENBLAS_CORETYPE"], environment["OPENBLAS_NUM_THREADS"]) == ("SkylakeX", "1")
    monkeypatch.setenv("LESSON_THREADS", "2")
    environment = build.lesson_environment(tmp_path)
    assert (environment["OPENBLAS_NUM_THREADS"], environment["OMP_NUM_THREADS"]) == ("2", "2")


def test_ids_stay_when_another_cell_is_edited(tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text(LESSON)
    before = [cell.id for cell in build.parse(source).cells]
    source.write_text(LESSON.replace("It has", "Now it has") + "\n# %%\n1 + 1\n")
    after = [cell.id for cell in build.parse(source).cells]
    assert after[1:-1] == before[1:]
    assert after[0] != before[0]
    assert len(set(after)) == len(after)


def test_a_cell_that_raises_is_named_and_the_notebook_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lessons = course(tmp_path, **{"01_one": "# %%\nx = 1\n\n# %%\nx / 0\n"})
    (lessons / "01_one.ipynb").write_text("as it was")
    assert run(lessons) == 1
    said = capsys.readouterr().out
    assert "01_one: FAILED" in said
    assert "code cell 2 (`x / 0`) raised ZeroDivisionError: division by zero" in said
    assert (lessons / "01_one.ipynb").read_text() == "as it was"


def test_outputs_that_would_differ_elsewhere_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text(
        "# %%\nobject()\n\n# %%\nimport os\nprint(os.getcwd())\n\n# %%\nimport warnings\nwarnings.warn('planted')\n\n"
        "# %%\nprint('/home/ada/x.png', 'https://example.org/home/ada')\n\n"
        "# %%\nprint(os.environ['MINIVAE_HOME'])\n\n# %% tags=['raises-exception']\nprint(1)\n"
    )
    with pytest.raises(build.BuildError) as refused:
        build.build(source, tmp_path)
    said = str(refused.value)
    assert "code cell 1 (`object()`) prints a memory address `at 0x" in said
    assert f"prints a path `{tmp_path}`" in said
    assert "code cell 3 (`import warnings`) writes to stderr:" in said
    assert "planted" in said
    assert "code cell 4 (`print('/home/ada/x.png', 'https://example.org/home`) prints a path `/home/ada/x.png`" in said
    assert "`https" not in said.replace("'https", "")
    assert "code cell 5 (`print(os.environ['MINIVAE_HOME'])`) prints a path" in said
    assert "code cell 6 (`print(1)`) is tagged raises-exception and raises nothing" in said


@pytest.mark.parametrize("last", ["ax.set(xlabel='x')", "ax.plot([1, 2])", "ax.text(0, 0, 'x')", "ax"])
def test_what_a_drawing_function_returns_is_no_output(last: str, tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text(f"# %%\nfrom matplotlib import pyplot as plt\n_, ax = plt.subplots()\n{last}\n")
    with pytest.raises(build.BuildError, match="shows what a drawing function returned|memory address"):
        build.build(source, tmp_path)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("x = 1\n" * 26, "has 26 lines, 25 are allowed"),
        ("# NBVAL_IGNORE_OUTPUT\nprint(1)", "asks not to be tested"),
        ("#PYTEST_VALIDATE_IGNORE_OUTPUT\nprint(1)", "asks not to be tested"),
    ],
)
def test_a_cell_that_breaks_the_rules_is_refused_before_it_runs(cell: str, said: str, tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text(f"# %%\n{cell}\n")
    with pytest.raises(build.BuildError, match=said):
        build.build(source, tmp_path)


def test_a_tag_that_turns_the_test_off_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text('# %% tags=["nbval-skip"]\nprint(1)\n')
    assert "asks not to be tested" in build.lint(build.parse(source))[0]


def test_a_cell_of_25_lines_is_allowed(tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text("# %%\n" + "x = 1\n" * 25)
    assert build.lint(build.parse(source)) == []


def test_words_of_prose_are_counted_without_formulas_and_code(tmp_path: Path) -> None:
    source = tmp_path / "01_one.py"
    source.write_text("# %% [markdown]\n# One $a + b$ two – [three](http://x.y/z) <b>four</b>\n# ```\n# no no\n# ```\n")
    assert build.prose_words(build.parse(source)) == 4


def test_changes_are_told_for_every_kind_of_edit(lessons: Path) -> None:
    text = (lessons / "01_one.ipynb").read_text()

    def told(edit) -> list[str]:
        nb = json.loads(text)
        edit(nb["cells"])
        return build.changes(json.dumps(nb), text)

    assert build.changes(text, text) == []
    assert told(lambda cells: cells.pop(2)) == ["code cell 2 (`for epoch in range(3):`) is new or edited"]
    assert told(lambda cells: cells[3]["outputs"].pop()) == [
        "code cell 3 (`plt.plot(np.arange(5))`): 1 outputs are now 2"
    ]
    assert told(lambda cells: cells[3]["outputs"][0]["data"].update({"image/png": "eA=="})) == [
        "code cell 3 (`plt.plot(np.arange(5))`): a figure changed"
    ]
    assert told(lambda cells: cells[1]["metadata"].update(tags=["x"])) == [
        "code cell 1 (`import matplotlib.pyplot as plt`): its text, number or tags changed"
    ]
    assert told(list.reverse) == ["the order of the cells, the metadata or the layout of the file"]
    assert "not a notebook" in build.changes("<<<<<<< ours", text)[0]


def test_an_unknown_lesson_is_refused_with_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(course(tmp_path, **{"01_one": LESSON}), "02") == 1
    assert "no lesson is called 02; there are 01_one" in capsys.readouterr().err


def test_a_folder_without_lessons_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 1
    assert "no lessons" in capsys.readouterr().err


def test_a_notebook_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError("planted: disk full")

    monkeypatch.setattr(build.os, "replace", full)
    with pytest.raises(OSError, match="planted"):
        build.write(path, "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("a.ipynb", "old")]


def test_lines_are_shown_where_they_begin_to_differ():
    assert build.excerpts("elbo -104.2", "elbo -104.3") == "`elbo -104.2` is now `elbo -104.3`"
    long = "<p>" + "the same words " * 20
    said = build.excerpts(f"{long}then</p>", f"{long}now</p>")
    assert "words then</p>` is now `…" in said and said.endswith("words now</p>`") and len(said) < 100
