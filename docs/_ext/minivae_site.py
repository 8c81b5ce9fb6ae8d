"""What the site has that Sphinx has not: lessons with live quizzes, a decoder that runs in the browser, API pages.

`stage` lays out the sources of all pages in one folder: the Markdown of docs/, the notebooks as they are committed,
with questions and sliders in place of the texts that stand for them, and a page for each public module. `setup` is the
Sphinx extension; it sends quizzes and the decoder to the pages that have them, and to no other.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minivae.engine import Op
from minivae.learn import lab, static
from minivae.learn.first_vae import draw, first_decoder
from minivae.learn.png import png

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
RANGE = 3  # the map of first_vae goes from -3 to 3, both ways
API = ["", "ops", "nn", "models", "optim", "distributions", "data", "train", "evaluate", "judge", "learn", "cuda"]
# Cells whose live picture is the decoder of first_vae, by the words that make it.
MACHINES = {"00": "LatentMap(draw", "04": "Explore(lambda z: vae2.generate"}


def stage(source: Path, assets: Path) -> None:
    """Write the sources of all pages, and what the pages load; a file that has not changed keeps its time."""
    pages = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in _pages()}
    for path in sorted((ROOT / "lessons").glob("[0-9]*.ipynb")):
        pages[f"lessons/{path.name}"] = json.dumps(lesson(json.loads(path.read_text(encoding="utf-8")), path.name))
    for name in API:
        pages[f"api/{name or 'minivae'}.rst"] = api_page(f"minivae.{name}".rstrip("."))
    binary = {path.relative_to(DOCS).as_posix(): path.read_bytes() for path in (DOCS / "pictures").rglob("*.*")}
    del binary["pictures/walk.gif"]  # the README's; here the browser draws
    _write(source, {name: text.encode() for name, text in pages.items()} | binary)
    _write(
        assets,
        {
            "decoder.bin": decoder(),
            "map.png": png(ground()),
            "look.css": lab.source("look.css").encode(),
            "quiz.css": lab.source("quiz.css").encode(),
        },
    )


def decoder() -> bytes:
    """The decoder of first_vae as half floats, without the pixels that are black wherever one may go on its map."""
    W1, b1, W2, b2 = first_decoder()
    axis = np.linspace(-RANGE, RANGE, 121, dtype=np.float32)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    logits = (np.maximum(0, z @ W1 + b1) @ W2 + b2).max(axis=0)
    places = np.flatnonzero(logits > np.log(0.25 / 255))  # a quarter of a grey level, for what lies between the z tried
    weights = [np.ascontiguousarray(w, "<f2").tobytes() for w in (W1, b1, W2[:, places], b2[places])]
    return b"".join([np.array([len(places), *places], "<u2").tobytes(), *weights])


def ground(tiles: int = 15) -> np.ndarray:
    """The map as a picture, for where no script runs: (tiles * 28, tiles * 28) in [0, 1]."""
    axis = RANGE * (2 * (np.arange(tiles) + 0.5) / tiles - 1)
    return np.block([[draw(np.array([a, b])) for a in axis] for b in axis[::-1]])


def machine(depth: int, walk: bool = False) -> str:
    """The decoder with its two dials as HTML, for a page `depth` folders down; `walk` sets it going by itself."""
    text = (DOCS / "_templates" / "machine.html").read_text(encoding="utf-8").strip()
    return text.format(static="../" * depth + "_static/", walk=" data-walk" if walk else "")


def lesson(notebook: dict, name: str) -> dict:
    """A notebook for the site: each question and the decoder live, and a line at the top that says where it runs."""
    found = False
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        code = "".join(cell["source"])
        ref = asked(code)
        if ref is not None:
            cell["outputs"] = [_html(static.snippet(ref))]
            if len(ast.parse(code).body) == 1:
                cell["metadata"].setdefault("tags", []).append("remove-input")
        elif name[:2] in MACHINES and MACHINES[name[:2]] in code:
            cell["outputs"], found = [_html(machine(1))], True
    if name[:2] in MACHINES and not found:
        raise ValueError(f"{name}: no cell has {MACHINES[name[:2]]!r}; say in minivae_site.py which one shows the map")
    first = notebook["cells"][0]
    title, rest = "".join(first["source"]).split("\n", 1)
    note = (
        f'<div class="mv-where">Questions can be answered on this page. To run the code and have your exercises '
        f"graded, open <code>lessons/{name}</code> with <code>make lab</code>.</div>"
    )
    first["source"] = f"{title}\n\n{note}\n{rest}"
    return notebook


def asked(code: str) -> str | None:
    """The reference in `quiz("04/why-the-kl")`, where a cell ends in that."""
    last = ast.parse(code).body[-1:]
    match last:
        case [ast.Expr(ast.Call(func=ast.Name("quiz"), args=[ast.Constant(str(ref)), *_]))]:
            return ref
    return None


def api_page(module_name: str) -> str:
    """The page of one public module: its docstring, a table of its names, and each of them."""
    module = importlib.import_module(module_name)
    names = dict(public(module))
    lines = [module_name, "=" * len(module_name), "", f".. py:module:: {module_name}", ""]
    lines += [*_docstring(module), "", ".. list-table::", "   :widths: 30 70", "   :class: mv-names", ""]
    for name, value in names.items():
        kind = "class" if inspect.isclass(value) else "func" if callable(value) else "data"
        said = " ".join(_docstring(value)).strip() or SHAPES.get(type(value), "A constant.")
        summary = re.split(r"(?<=[.:])\s", said, maxsplit=1)[0]
        lines += [f"   * - :py:{kind}:`{name} <{module_name}.{name}>`", f"     - {summary.rstrip(':')}"]
    lines.append("")
    for name, value in names.items():
        full = f"{module_name}.{name}"
        if isinstance(value, Op):
            lines += _op(full, value)
        elif inspect.isclass(value):
            bases = [] if value.__bases__ == (object,) else ["   :show-inheritance:"]
            lines += [f".. autoclass:: {full}", "   :members:", *bases, ""]
        elif callable(value):
            lines += [f".. autofunction:: {full}", ""]
        else:
            lines += [f".. py:data:: {full}", ""]
    return "\n".join(lines)


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module offers: `__all__`, or what is defined in it under a public name."""
    offered = getattr(module, "__all__", None)
    for name in offered or vars(module):
        value = getattr(module, name)
        here = getattr(value, "__module__", None) == module.__name__ and (inspect.isclass(value) or callable(value))
        if not inspect.ismodule(value) and not name.startswith("_") and (offered or here):
            yield name, value


def _op(full: str, op: Op) -> list[str]:
    """An op is an object with the docstring of its function, which takes the array module first."""
    _, *parameters = inspect.signature(op.function).parameters.values()
    inputs = ", ".join(map(str, parameters))
    if any(p.kind is p.KEYWORD_ONLY for p in parameters):
        first = next(k for k, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY)
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            inputs = ", ".join([*map(str, parameters[:first]), "*", *map(str, parameters[first:])])
    return [f".. py:function:: {full}({inputs})", "", *(f"   {line}".rstrip() for line in _docstring(op)), ""]


def _docstring(value: Any) -> list[str]:
    """A docstring as reStructuredText; none for the docstring of a built-in type."""
    own = callable(value) or inspect.ismodule(value)
    return restructured((inspect.getdoc(value) or "").splitlines()) if own else []


SHAPES: dict[type, str] = {dict: "A table.", tuple: "A list.", list: "A list."}
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


def restructured(lines: list[str]) -> list[str]:
    """A docstring in NumPy's style as reStructuredText: each section becomes a field with a list.

    What stands behind the colon is a shape, a unit, a meaning: it is shown as text, not as a type. A section ends
    where a paragraph begins that is no item of it, such as "Source: ...".
    """
    out: list[str] = []
    section, head = "", False  # head: the line before was the head of an item
    for k, line in enumerate(lines):
        was_head, head = head, False
        if line in SECTIONS and lines[k + 1 : k + 2] == ["-" * len(line)]:
            section = line
            out += ["", f":{section}:"]
        elif section and k and lines[k - 1] == section:
            continue  # the line of dashes
        elif section and (item := re.fullmatch(r"(\S.*?) :(?: (.*))?|([^\s:][^:.]*)", line)):
            name, text, alone = item.groups()
            words = escaped([name or alone])[0]
            bold = section != "Returns" or (name or alone).isidentifier()
            out.append(f"    - **{words}**" if bold else f"    - {words}")
            out[-1] += f" : {escaped([text])[0]}" if text else ""
            head = True
        elif section and (not line.strip() or line.startswith(" ")):
            if was_head and line.strip() and out[-1][-1] not in ".:;,":
                bare = out[-1].endswith("**")
                out[-1] += ":" if bare else "." if line.strip()[0].isupper() else ""
            out.append(f"      {escaped([line.strip()])[0]}".rstrip())
        else:
            out += ["", *escaped([line])] if section else escaped([line])
            section = ""
    return blocks(out)


def blocks(lines: list[str]) -> list[str]:
    """The same with indented paragraphs outside of fields, commands and formulas as a rule, kept as they stand."""
    out: list[str] = []
    inside = False
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith(":"):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        if not inside and line.startswith("    ") and not before.strip():
            out += ["::", ""]
        out.append(line)
    return out


def escaped(lines: list[str]) -> list[str]:
    """Lines with what is meant as it stands escaped: |x|, (n, *shape), test_; and `...` as code."""
    marked = r"(``[^`]*``|`[^`]*`|\*\*[^*]+\*\*|(?<!\w)\*\w[^*]*[\w.]\*(?!\w))"
    bare = r"\*(?=\w)|\||(?<=\w)_(?!\w)"

    def part(text: str, is_marked: bool) -> str:
        if not is_marked:
            return re.sub(bare, r"\\\g<0>", text)
        return f"`{text}`" if re.fullmatch(r"`[^`]*`", text) and not re.fullmatch(r"`[\w.]*\w`", text) else text

    apart = [re.split(marked, line) for line in lines]
    return ["".join(part(text, k % 2 == 1) for k, text in enumerate(parts)) for parts in apart]


def _pages() -> list[Path]:
    return [path for path in sorted(DOCS.rglob("*.md")) if not path.relative_to(DOCS).parts[0].startswith("_")]


def _html(text: str) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": text}}


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def lessons_table() -> str:
    """The table of lessons, as the README has it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## The lessons", 1)[1].split("\n## ", 1)[0]
    return "\n".join(line for line in section.splitlines() if line.startswith("|"))


def adapted(app: Any, docname: str, content: list[str]) -> None:
    """Change what a page says about the repository to what the site has: its places, and what it draws by itself."""
    text = content[0]
    if not docname.startswith(("lessons/", "api/")):
        text = re.sub(r"\]\((?:\.\./)+lessons/", "](" + "../" * docname.count("/") + "lessons/", text)
    if docname == "index":
        text = text.replace("<!-- lessons -->", lessons_table())
        text = text.replace("<!-- machine -->", f"```{{raw}} html\n{machine(0, walk=True)}\n```")
    if docname == "cards/README":
        text += "\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n"
    content[0] = text


def sent(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Send each page the scripts and styles that it needs, and spare it the others."""
    body = context.get("body", "")
    has_quiz, has_machine = "mv-question" in body, "mv-machine" in body
    if has_quiz or has_machine:
        app.add_css_file("look.css", priority=300)
    if has_quiz:
        app.add_css_file("quiz.css", priority=310)
        app.add_js_file(None, body="\n" + static.script(), type="module")
    if has_machine:
        app.add_js_file("machine.js", loading_method="defer")
    # A heading without a level is none to a screen reader.
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    if pagename == "index":  # no search words to mark there
        context["script_files"] = [js for js in context["script_files"] if "sphinx_highlight" not in str(js.filename)]
    if not pagename.startswith("lessons/"):
        context["css_files"] = [css for css in context["css_files"] if "mystnb" not in str(css.filename)]


def reworded(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    lines[:] = restructured(lines)


def shortened(
    app: Any, what: str, name: str, value: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write arrays as the code does, NDArray[float32], not as what that stands for."""
    array = r"~?numpy\.ndarray\[~?tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?numpy\.dtype\[(~?[\w.]+)\]\]"
    short = [text and re.sub(array, r"~numpy.typing.NDArray[\1]", text) for text in (signature, returns)]
    return short[0], short[1]


def setup(app: Any) -> dict:
    app.connect("autodoc-process-signature", shortened)
    app.connect("autodoc-process-docstring", reworded, priority=900)
    app.connect("source-read", adapted)
    app.connect("html-page-context", sent, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
