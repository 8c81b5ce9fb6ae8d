"""The code in README and docs runs, and says what the code of the package says."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivae import engine, gradcheck, ops
from minivae.ops import cases

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def added_op(code, monkeypatch):
    """Run code that adds an op, on a copy of the table of ops, and return that op."""
    monkeypatch.setattr(engine, "OPS", {})
    space = {"op": engine.op, **vars(cases)}
    exec(code, space)
    (new,) = engine.OPS.values()
    return new


def is_op(code):
    return code.startswith("@op")


OPS = [
    pytest.param(code, id=f"{page.name}-{k}")
    for page in PAGES
    for k, code in enumerate(blocks(page, "python"))
    if is_op(code)
]
SCRIPTS = [
    pytest.param(code, id=f"{page.name}-{k}")
    for page in PAGES
    for k, code in enumerate(blocks(page, "python"))
    if not is_op(code)
]


def test_there_is_code_to_run():
    assert len(OPS) >= 2
    assert SCRIPTS


@pytest.mark.parametrize("code", OPS)
def test_an_op_shown_in_the_docs_can_be_added_as_shown(code, monkeypatch):
    assert len(code.splitlines()) <= 15
    new = added_op(code, monkeypatch)
    for case in new.cases:
        inputs, constants = case(np.random.default_rng(0))
        gradcheck(lambda *x, k=constants: new(*x, **k), *inputs, rng=np.random.default_rng(1))


@pytest.mark.parametrize("code", OPS)
def test_an_op_shown_that_exists_is_the_one_that_exists(code, monkeypatch):
    new = added_op(code, monkeypatch)
    if new.name in ops.__all__:
        inputs, constants = new.cases[0](np.random.default_rng(0))
        real = getattr(ops, new.name)
        np.testing.assert_array_equal(new(*inputs, **constants).data, real(*inputs, **constants).data)


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_scripts_shown_run(code, capsys):
    exec(code, {"__name__": "shown"})


def test_every_command_shown_exists():
    from typer.main import get_command

    from minivae.cli import app

    known = set(get_command(app).commands)
    for page in PAGES:
        for command in re.findall(r"(?:^|`)minivae ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert command in known, f"{page.name} shows `minivae {command}`"


def test_every_make_target_shown_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets, f"{page.name} shows `make {target}`"


def test_every_file_linked_exists():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"
