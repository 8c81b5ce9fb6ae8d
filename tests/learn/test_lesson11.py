"""Lesson 11: its kernels against independent truth and the library's, its counts, and what its outputs say."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivae import backend
from minivae.cuda import Simulator, launch, nvrtc, using
from minivae.errors import BackendError
from minivae.learn.build import parse
from minivae.learn.cuda_cell import CellError, cuda
from minivae.learn.exercises.lesson11 import ADAM, EXERCISES, MATMUL, REPARAMETERIZE, ROW_KL, WARP_KL, adam
from minivae.learn.exercises.sums_of_lesson11 import row_kl
from minivae.optim import Adam
from tests import gpu
from tests.backends.twins import on
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "11_write_the_kernels.py"
CODE = [cell.source for cell in parse(SOURCE).cells if cell.cell_type == "code"]
NOTEBOOK = SOURCE.parent.parent / f"{SOURCE.stem}.ipynb"


def floats(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def library(name, *arguments):
    with using(Simulator(check=True)):
        launch(name, *arguments)


def test_the_draw_is_the_librarys():
    mu, logvar, eps = floats(3, 1000)
    z, theirs = np.empty((2, 1000), np.float32)
    cuda(REPARAMETERIZE.cuda.source)[4, 256](mu, logvar, eps, z, 1000)
    library("reparameterize", mu, logvar, eps, theirs, 1000)
    np.testing.assert_allclose(z, theirs, rtol=1e-6)


@pytest.mark.parametrize("L", [1, 20, 300])
def test_both_sums_are_the_integral_that_the_library_has(L):
    mu, logvar = floats(2, 9, L)
    tree, warp, theirs = np.empty((3, 9), np.float32)
    cuda(ROW_KL.cuda.source)[9, 128](mu, logvar, tree, L)
    cuda(WARP_KL.cuda.source)[2, 256](mu, logvar, warp, 9, L)
    library("gaussian_kl", mu, logvar, theirs, 9, L)
    np.testing.assert_allclose(tree, theirs, rtol=1e-5)  # float32 sums of up to 300 terms, in other orders
    np.testing.assert_allclose(warp, theirs, rtol=1e-5)


def test_five_steps_of_adam_are_the_optimisers():
    from minivae.nn import Parameter

    start = floats(1000)
    p, m, v = start.copy(), np.zeros(1000, np.float32), np.zeros(1000, np.float32)
    mine, kernel = Parameter(start.copy()), cuda(ADAM.cuda.source)
    optimiser = Adam([mine], lr=0.01)
    for t in range(1, 6):
        g = floats(1000, seed=t)
        mine.grad = g
        optimiser.step()
        kernel[4, 256](p, g, m, v, 0.01, 0.9, 0.999, 1e-8, 1 - 0.9**t, 1 - 0.999**t, 1000)
    np.testing.assert_allclose(p, mine.data, atol=2e-5)  # float32, and 1 - 0.999f is good to four digits


def test_the_first_step_of_adam_is_as_long_as_the_step_size():
    g = floats(10).astype(float)
    zero = np.zeros(10)
    p, _, _ = adam(zero, g, zero, zero, 0.01, 0.9, 0.999, 1e-12, 0.1, 0.001)
    np.testing.assert_allclose(p, -0.01 * np.sign(g), rtol=1e-9)


def test_the_product_is_numpys():
    a, b = floats(33, 100), floats(100, 50, seed=1)
    y = np.empty((33, 50), np.float32)
    cuda(MATMUL.cuda.source)[(4, 3), (16, 16)](a, b, y, 33, 50, 100)
    np.testing.assert_allclose(y, a.astype(float) @ b.astype(float), atol=1e-5)  # float32 sums of 100 terms


@pytest.mark.parametrize("device", ["cupy", *(["gpu"] if gpu.ASKED else [])])
def test_arrays_of_cupy_are_computed_where_they_are(device):
    """On the stand-in and, under `make check-gpu`, on the GPU."""
    mu, logvar = floats(2, 9, 20)
    with on(device) as here:
        arrays = [here.xp.asarray(x) for x in (mu, logvar, np.empty(9, np.float32))]
        cuda(ROW_KL.cuda.source)[9, 128](*arrays, 20)
        kl = backend.host(arrays[2])
    np.testing.assert_allclose(kl, row_kl(mu.astype(float), logvar), rtol=1e-5)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.ref)
def test_nvidias_compiler_takes_the_solutions(exercise):
    try:
        compiler = nvrtc.Nvrtc()
    except BackendError:
        pytest.skip("NVRTC is not installed: pip install nvidia-cuda-nvrtc")
    compiler.compile(cuda(exercise.cuda.source).compiled, f"{exercise.solution.__name__}.cu", "sm_80")


def test_the_planted_faults_are_caught_and_only_by_the_checks():
    cell = next(code for code in CODE if code.startswith("THEIRS = "))
    space: dict = {"np": np}
    exec(cell[: cell.index("rng = ")], space)
    mu, logvar = floats(2, 8, 20)
    kl = np.empty(8, np.float32)
    for order in ("forward", "reverse", "random"):
        cuda(space["THEIRS"], check=False, order=order)[8, 128](mu, logvar, kl, 20)
        wanted = 0.5 * (mu.astype(float) ** 2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
        np.testing.assert_allclose(kl, wanted, rtol=1e-4)
    with pytest.raises(CellError, match=r"data race on shared part\[64\]"):
        cuda(space["THEIRS"])[8, 128](mu, logvar, kl, 20)
    exec(next(code for code in CODE if code.startswith("mended = ")).split("try:")[0], space)
    for check in (True, False):
        with pytest.raises(CellError, match="not all threads reach this __syncthreads"):
            cuda(space["mended"], check=check)[8, 128](mu, logvar, kl, 20)


def test_the_librarys_kernels_come_after_the_learners():
    def first(what):
        return next(k for k, code in enumerate(CODE) if what in code)

    for written, shown in [
        ('check("11/reparameterize"', 'lines_of("reparameterize")'),
        ('check("11/kl-warp"', 'lines_of("gaussian_kl_v3")'),
        ('check("11/kl"', '"gaussian_kl_v2"'),
        ('check("11/adam"', '"adam_v1"'),
        ('check("11/matmul"', '"matmul_v2"'),
    ]:
        assert first(written) < first(shown)
    before = set().union(*(imported(code) for code in CODE[: first('check("11/reparameterize"')]))
    assert not any(name.startswith("minivae.cuda") for name in before)


def test_the_numbers_of_the_lesson():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text.count("equal: True") >= 3 and "False" not in "".join(re.findall(r"agree[^\\]*|equal[^\\]*", text))
    assert "floor   0.02 µs" in text and "floor  78.47 µs" in text  # 16 n bytes at 2,039 GB/s
    assert "4.6 times as much; floors for 10 million: 628 µs and 137 µs" in text
    assert "32 floats from 20 lines, 2,560 bytes" in text and "20 floats from  1 lines, 128 bytes" in text
    assert round(16 * 10e6 / 2039e9 * 1e6, 2) == 78.47 and round(28e7 / 2039e9 * 1e6) == 137
