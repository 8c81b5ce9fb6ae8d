"""Lesson 01: its solutions against the library's engine, and that nothing of it is imported before it was built."""

from pathlib import Path

import numpy as np
import pytest

from minivae import Tensor, engine, ops
from minivae.learn.build import parse
from minivae.learn.exercises.lesson01 import logsumexp_gradient, matmul_gradients, unbroadcast
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "01_gradients_from_scratch.py"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 4), (4,), (), (1,), (3, 1), (2, 1, 4), (1, 1, 1), (1, 3, 1)])
def test_unbroadcast_does_what_the_engine_does(shape, rng):
    g = rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(unbroadcast(g, shape), engine.unbroadcast(g, shape), rtol=1e-12)  # other order of sums


def test_matmul_gradients_are_those_of_the_library(rng):
    g, x, W = rng.normal(size=(5, 3)), rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    x_, W_ = Tensor(x, requires_grad=True), Tensor(W, requires_grad=True)
    (x_ @ W_).backward(g)
    for mine, leaf in zip(matmul_gradients(g, x, W), (x_, W_), strict=True):
        np.testing.assert_array_equal(mine, leaf.grad)


def test_the_gradient_of_logsumexp_is_that_of_the_library(rng):
    g, x = rng.normal(size=5), rng.normal(size=(5, 4))
    x[2] += 900.0
    leaf = Tensor(x, requires_grad=True)
    ops.logsumexp(leaf, axis=1).backward(g)
    np.testing.assert_allclose(logsumexp_gradient(g, x), leaf.grad, rtol=1e-12)


def test_the_engine_is_not_imported_before_the_learner_has_built_one():
    cells = parse(SOURCE).cells
    section = next(k for k, cell in enumerate(cells) if "## 8. Meet the library" in cell.source)
    before = set().union(*(imported(cell.source) for cell in cells[:section] if cell.cell_type == "code"))
    tools = {f"minivae.learn.{name}" for name in ("check", "hint", "quiz", "solution")}
    assert before == tools | {"minivae.plot", "minivae.data.load"}


def test_engine_and_library_agree_in_the_lesson_on_the_loss_and_all_gradients():
    text = (SOURCE.parent.parent / f"{SOURCE.stem}.ipynb").read_text(encoding="utf-8")
    assert "losses agree:    True" in text
    assert "gradients agree: True True True True" in text
