"""Build the lessons: source in, notebook with outputs out, the same bytes every time.

    python -m minivae.learn.build                    every lesson
    python -m minivae.learn.build 04_send_a_range    one; 04 is enough
    python -m minivae.learn.build --check            writes nothing; exit 1 where the committed notebook differs

A lesson is written as `lessons/source/NN_name.py`: `# %% [markdown]` opens prose, `# %%` opens code, and
`# %% tags=["raises-exception"]` opens code that must fail. What is built is `lessons/NN_name.ipynb`. Outputs that would
differ on the next build, or on the learner's machine, are refused: warnings, memory addresses, paths of this machine.
A progress line must use carriage returns: cleared or updated displays are not seen alike by Jupyter and by nbval.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from minivae.errors import MinivaeError

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
LONGEST_CELL = 25  # lines: what a screen shows without scrolling
SECONDS_PER_CELL = 600
LEFTOVER = re.compile(r"\W*(Text\(|matplotlib\.|Axes\b)")  # the value of `ax.set(...)`, where it is a cell's last line
WIDGET = "application/vnd.jupyter.widget-view+json"  # holds a model id that is random in every kernel
PICTURES = ("image/png", "image/jpeg")
RAISES = "raises-exception"

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    # Without the version numbers of the machine that built it; Lab needs the rest to colour the code.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}

# What a kernel prints hangs on these; the learner's own settings must not reach the committed outputs.
FIXED = {
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": os.devnull,
    "COLUMNS": "80",
    "TZ": "UTC",
    "CUDA_VISIBLE_DEVICES": "",  # a cell for a GPU says that there is none, on machines with one as well
}

ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
# A path below one of the folders where machines keep homes, checkouts and temporary files; not a URL, not `</tmp>`.
PATH = re.compile(r"(?<![\w.:/<])/(?:home|Users|root|tmp|var|opt|usr|mnt|srv|private)/[^\s'\"<>]+|\b[A-Z]:\\+Users\\")
NBVAL_MARK = re.compile(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE)\w+", re.MULTILINE)


class BuildError(MinivaeError, RuntimeError):
    """A lesson that cannot be built as it is written."""


def one_arithmetic() -> dict[str, str]:
    """What makes all x86 processors with AVX2 add in one order: AVX-512 is not used where it is there.

    Training turns last bits into digits: with AVX-512, ten cells of lesson 04 print another decimal than without.
    The number of threads decides the order of sums, too. Set these variables yourself to see which digits those are:
    `OPENBLAS_CORETYPE=SkylakeX NPY_DISABLE_CPU_FEATURES= LESSON_THREADS=2 make check`.
    """
    threads = os.environ.get("LESSON_THREADS", "1")
    one = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    if not {"AVX2", "X86_V3"} & set(found):
        return one
    newer = [feature for feature in found if "512" in feature or feature == "X86_V4"]
    return one | {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": " ".join(newer)}


def lesson_environment(home: Path) -> dict[str, str]:
    """The environment of a lesson's kernel, when it is built and when it is tested. `home` stands in for ~/.minivae.

    Progress is kept in memory: what the learner has answered must neither change an output nor be added to.
    """
    own = ("MINIVAE_", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # of whoever builds, or runs the tests
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    # IPYTHONDIR: what the learner's profile runs at start-up must not run here.
    folders = {"MINIVAE_HOME": str(home / "minivae"), "IPYTHONDIR": str(home / "ipython")}
    return one_arithmetic() | kept | FIXED | folders | {"MINIVAE_PROGRESS": ":memory:"}


def parse(source: Path) -> NotebookNode:
    """The cells of a lesson's source, without outputs. An id hangs on its cell's text alone, not on its place."""
    cells, seen = [], Counter[str]()
    for cell in jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        stem = f"{cell.cell_type}-{digest}"
        seen[stem] += 1
        cell.id = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
        for layout in ("lines_to_next_cell", "lines_to_end_of_cell_marker"):  # jupytext's, for the way back to .py
            cell.metadata.pop(layout, None)
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def name_of(nb: NotebookNode, index: int) -> str:
    """How messages call a cell: by the number Lab shows beside it, and its first line."""
    cell = nb.cells[index]
    number = sum(other.cell_type == cell.cell_type for other in nb.cells[: index + 1])
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"{cell.cell_type} cell {number} (`{first[:50]}`)"


def lint(nb: NotebookNode) -> list[str]:
    """What is wrong with a lesson before it runs."""
    faults = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            faults.append(f"{name_of(nb, index)} has {lines} lines, {LONGEST_CELL} are allowed; split it")
        skips = [tag for tag in cell.metadata.get("tags", []) if tag.lower().startswith(("nbval", "pytest"))]
        if skips or NBVAL_MARK.search(cell.source):
            faults.append(f"{name_of(nb, index)} asks not to be tested; print what is the same on every run")
    return faults


def prose_words(nb: NotebookNode) -> int:
    """Words of prose in the markdown cells: no formulas, no code blocks, no HTML tags."""
    prose = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    for not_prose in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$\n]+\$", r"</?\w[^>]*>", r"\]\([^)]*\)"):
        prose = re.sub(not_prose, " ", prose, flags=re.DOTALL)
    return sum(any(map(str.isalnum, word)) for word in prose.split())


def tidy(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Outputs without what differs from run to run: streams joined, progress at its last state, no widget ids.

    The test of the lessons passes both sides through here, so a committed notebook and a fresh run meet in one form.
    """
    tidied: list[NotebookNode] = []
    for original in outputs:
        output = nbformat.from_dict(dict(original))
        if output.output_type == "stream" and tidied and tidied[-1].get("name") == output.name:
            tidied[-1].text += output.text  # a kernel cuts a stream where its clock says, not where the cell does
            continue
        if "data" in output:
            for part in (output.data, output.metadata):
                part.pop(WIDGET, None)
            if not output.data:
                continue
        if output.output_type == "error":  # the frames name files of this machine, and numbers of cells
            output.traceback = [f"{output.ename}: {output.evalue}"]
        tidied.append(output)
    for output in tidied:
        if output.output_type == "stream":
            output.text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in output.text.split("\n"))
    return tidied


def text_of(output: NotebookNode) -> dict[str, str]:
    """Kind -> text, of everything in an output that is not a picture."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    return {
        kind: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for kind, value in output.data.items()
        if kind not in PICTURES
    }


def traces_of_machine(outputs: Iterable[NotebookNode], here: Iterable[Path] = ()) -> list[str]:
    """Memory addresses, and paths: those that look like one, and those below the folders `here`."""
    folders = [str(path) for path in here if len(path.parts) > 1]  # a home of "/" would be in every fraction
    found = []
    for text in (text for output in outputs for text in text_of(output).values()):
        found += [f"memory address `{match}`" for match in ADDRESS.findall(text)]
        found += [f"path `{match}`" for match in PATH.findall(text)]
        found += [f"path `{folder}`" for folder in folders if folder in text]
    return list(dict.fromkeys(found))


def execute(nb: NotebookNode, folder: Path) -> None:
    """Run a notebook in a fresh kernel and fill in its outputs. Raises BuildError naming every cell at fault."""
    at = 0

    def started(cell: NotebookNode, cell_index: int) -> None:
        nonlocal at
        at = cell_index

    client = NotebookClient(
        nb,
        kernel_name="python3",
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # else every kernel remarks on its sockets
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=started,
    )
    with tempfile.TemporaryDirectory() as home:
        try:
            client.execute(env=lesson_environment(Path(home)))
        except CellExecutionError as error:
            raise BuildError(f"{name_of(nb, at)} raised {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise BuildError(f"{name_of(nb, at)} ran for more than {SECONDS_PER_CELL} s") from error
        except DeadKernelError as error:
            raise BuildError(f"{name_of(nb, at)} ended its kernel") from error
        here = (Path.home(), Path.cwd(), folder, Path(sys.prefix), Path(home))
        faults = []
        for index, cell in enumerate(nb.cells):
            if cell.cell_type == "code":
                cell.outputs = tidy(cell.outputs)
                faults += [f"{name_of(nb, index)} {fault}" for fault in faults_of_run(cell, here)]
    if faults:
        raise BuildError("\n".join(faults))


def faults_of_run(cell: NotebookNode, here: Iterable[Path]) -> list[str]:
    """What is wrong with the outputs of a cell that ran."""
    faults = [f"prints a {trace}; print what is the same everywhere" for trace in traces_of_machine(cell.outputs, here)]
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            faults.append(f"writes to stderr: {output.text.strip()[:200]}")
        if output.output_type == "execute_result" and LEFTOVER.match(output.data.get("text/plain", "")):
            faults.append("shows what a drawing function returned; let another line be the last one")
    raised = any(output.output_type == "error" for output in cell.outputs)
    if RAISES in cell.metadata.get("tags", []) and not raised:
        faults.append(f"is tagged {RAISES} and raises nothing")
    return faults


def build(source: Path, folder: Path) -> str:
    """The text of the notebook that a source makes, run in `folder`. Raises BuildError naming every fault found."""
    nb = parse(source)
    if faults := lint(nb):
        raise BuildError("\n".join(faults))
    execute(nb, folder)
    nb.metadata = nbformat.from_dict(METADATA)  # the kernel wrote its own version into it
    nbformat.validate(nb)
    return nbformat.writes(nb).rstrip("\n") + "\n"


def changes(old: str, new: str) -> list[str]:
    """What differs between the texts of two notebooks, cell by cell, in words. Empty if and only if they are equal."""
    if old == new:
        return []
    try:
        before = nbformat.reads(old, as_version=4)
    except Exception as error:  # a half-merged file fails in as many ways as there are merges
        return [f"the committed file is not a notebook: {type(error).__name__}"]
    after = nbformat.reads(new, as_version=4)
    was = {cell.get("id"): cell for cell in before.cells}
    told = []
    for index, cell in enumerate(after.cells):
        if cell.id not in was:
            told.append(f"{name_of(after, index)} is new or edited")
        elif cell.get("outputs") != was[cell.id].get("outputs"):
            told.append(f"{name_of(after, index)}: {change_of(was[cell.id].outputs, cell.outputs)}")
        elif cell != was[cell.id]:
            told.append(f"{name_of(after, index)}: its text, number or tags changed")
    now = {cell.id for cell in after.cells}
    told += [f"{name_of(before, i)} is gone" for i, cell in enumerate(before.cells) if cell.get("id") not in now]
    return told or ["the order of the cells, the metadata or the layout of the file"]


def change_of(before: list[NotebookNode], after: list[NotebookNode]) -> str:
    """The first difference between two lists of outputs."""
    if len(before) != len(after):
        return f"{len(before)} outputs are now {len(after)}"
    for old, new in zip(before, after, strict=True):
        texts, new_texts = text_of(old), text_of(new)
        for kind in texts.keys() & new_texts.keys():
            for line, new_line in zip(texts[kind].split("\n"), new_texts[kind].split("\n"), strict=False):
                if line != new_line:
                    return f"{kind}: {excerpts(line.strip(), new_line.strip())}"
            if texts[kind] != new_texts[kind]:
                return f"{kind}: {len(texts[kind])} characters are now {len(new_texts[kind])}"
        if texts.keys() != new_texts.keys():
            return f"{', '.join(sorted(texts)) or 'nothing'} is now {', '.join(sorted(new_texts)) or 'nothing'}"
        if old != new:
            return "a figure changed" if "data" in new else "the number or the metadata of an output changed"
    return "nothing"


def excerpts(old: str, new: str) -> str:
    """Two lines, shortened to where they begin to differ: HTML is one long line, and its beginning never changes."""
    same = next((k for k, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - 30) if max(len(old), len(new)) > 80 else 0
    cut = "…" if start else ""
    return " is now ".join(f"`{cut}{line[start : start + 80]}`" for line in (old, new))


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def sources(lessons: Path, names: list[str]) -> list[Path]:
    """The sources that names ask for, each a lesson's name or how it begins; all of them if there are no names."""
    known = sorted((lessons / "source").glob("*.py"))
    if not known:
        raise BuildError(f"no lessons: {lessons / 'source'} holds no .py file")
    chosen = []
    for name in names or [""]:
        fitting = [source for source in known if source.stem.startswith(Path(name).stem)]
        if not fitting:
            raise BuildError(f"no lesson is called {name}; there are {', '.join(source.stem for source in known)}")
        chosen += fitting
    return list(dict.fromkeys(chosen))


def main(argv: list[str] | None = None) -> int:
    """Build or check lessons, and say what changed. 1 if a lesson is at fault or, under --check, out of date."""
    parser = argparse.ArgumentParser(prog="python -m minivae.learn.build", description="Build the lessons.")
    parser.add_argument("names", nargs="*", help="lessons, by the beginning of their name; all by default")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a notebook is out of date")
    parser.add_argument("--lessons", type=Path, default=LESSONS, help="the folder of the lessons")
    args = parser.parse_args(argv)
    bad = 0
    try:
        chosen = sources(args.lessons, args.names)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    for source in chosen:
        notebook = args.lessons / f"{source.stem}.ipynb"
        start = time.perf_counter()
        try:
            text = build(source, args.lessons)
        except BuildError as error:
            bad += 1
            print(f"{source.stem}: FAILED\n  " + str(error).replace("\n", "\n  "), flush=True)
            continue
        old = notebook.read_text(encoding="utf-8") if notebook.exists() else None
        told = ["the notebook is missing"] if old is None else changes(old, text)
        if args.check:
            bad += bool(told)
            verdict = "OUT OF DATE" if told else "up to date"
        else:
            write(notebook, text)
            verdict = "built" if told else "built, nothing changed"
        words = prose_words(nbformat.reads(text, as_version=4))
        print(f"{source.stem}: {verdict}; {words:,} words of prose, {time.perf_counter() - start:.0f} s", flush=True)
        for line in told:
            print(f"  {line}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
