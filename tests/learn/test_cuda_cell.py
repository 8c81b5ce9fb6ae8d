"""Kernels written in a cell: they run, and what is wrong with them is said in their own lines."""

import numpy as np
import pytest

from minivae.errors import MinivaeError
from minivae.learn.cuda_cell import CellError, cuda

SCALE = r"""
__global__ void scale(const float* x, float* y, float factor, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = factor * x[i];
}
"""


def refused(source, *launch, arguments=(), **settings):
    with pytest.raises(CellError) as caught:
        cuda(source, **settings)[launch](*arguments)
    return str(caught.value)


def xy(n):
    return np.arange(n, dtype=np.float32), np.empty(n, np.float32)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_a_kernel_runs(check, order):
    x, y = xy(1000)
    cuda(SCALE, check=check, order=order, seed=1)[4, 256](x, y, 2, np.int64(1000))  # numbers become what is declared
    np.testing.assert_array_equal(y, 2 * x)


def test_grids_may_have_several_axes_and_a_source_several_kernels():
    source = SCALE + r"""__global__ void place(int* y) { y[threadIdx.y * blockDim.x + threadIdx.x] = threadIdx.y; }"""
    y = np.empty(6, np.int32)
    cuda(source, "place")[(1, 1), (3, 2)](y)
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    assert cuda(source).name == "scale"


def test_a_kernel_that_is_declared_as_in_a_file_runs_too():
    x, y = xy(4)
    cuda(SCALE.replace("__global__", 'extern "C" __global__'))[1, 4](x, y, 3.0, 4)
    np.testing.assert_array_equal(y, 3 * x)


def test_a_finding_is_told_with_its_line_and_without_a_traceback():
    kernel = cuda(SCALE.replace("if (i < n) ", ""))
    with pytest.raises(CellError) as caught:
        kernel[4, 256](*xy(1000), 2.0, 1000)
    error = caught.value
    assert error.finding.kind == "bounds" and error.__cause__ is None and error.__suppress_context__
    assert str(error).splitlines() == [
        "scale, line 4: thread (232, 0, 0) of block (3, 0, 0) reads x[1000], but x has 1,000 elements, [0] to [999]",
        "    4 | y[i] = factor * x[i];",
        "Let only an index in this range come here, as with if (i < n).",
    ]
    assert error._render_traceback_() == [f"✗ {error}"]
    assert isinstance(error, MinivaeError)


def test_ipython_shows_the_message_alone(capsys):
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shell.run_cell("from minivae.learn.cuda_cell import cuda\ncuda('__global__ void f() { x = 1; }')")
    said = capsys.readouterr()
    said = said.out + said.err
    assert "✗ the kernel does not compile\nline 1: 'x' was not declared" in said.replace("use of undeclared", "")
    assert "Traceback" not in said and "cuda_cell.py" not in said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (SCALE.replace("float factor, ", ""), "line 4: "),
        (SCALE.replace("\n}", "\n"), "line 2: this { is never closed"),
        (SCALE.replace("expf", "std::exp").replace("factor *", "std::exp(factor) *"), "std"),
        ("", "got no kernel; wanted one: __global__ void name(...) { ... }"),
    ],
)
def test_what_does_not_compile_is_told_by_line(source, said):
    assert said in refused(source, 1, 1)


def test_launches_that_do_not_fit_are_refused():
    x, y = xy(4)
    assert "n is 1.5; wanted a whole number for `int n`" in refused(SCALE, 1, 4, arguments=(x, y, 1.0, 1.5))
    assert "n is 4294967296" in refused(SCALE, 1, 4, arguments=(x, y, 1.0, 2**32))
    assert "got 3 arguments" in refused(SCALE, 1, 4, arguments=(x, y, 1.0))
    assert "x is an array of float64" in refused(SCALE, 1, 4, arguments=(x.astype(float), y, 1.0, 4))
    assert "got kernels called scale; wanted other" in refused(SCALE, 1, 4, name="other")
    with pytest.raises(CellError, match=r"scale\[blocks, threads\]"):
        cuda(SCALE)(x, y, 1.0, 4)
    with pytest.raises(CellError, match=r"scale\[3\]: wanted two things"):
        cuda(SCALE)[3]


def test_without_a_compiler_the_remedy_is_told(monkeypatch):
    monkeypatch.setenv("MINIVAE_CXX", "no-such-compiler")
    said = refused(SCALE + "// not in the cache", 1, 1)
    assert said.startswith("kernels cannot be run here: ") and "no-such-compiler" in said and "apt install g++" in said


def test_arrays_of_a_gpu_are_given_to_cupy(monkeypatch):
    launches = []

    class RawModule:
        def __init__(self, code):
            self.code = code

        def get_function(self, name):
            return lambda grid, block, arguments: launches.append((self.code, name, grid, block, arguments))

    class Array:
        __cuda_array_interface__ = ()

    monkeypatch.setitem(__import__("sys").modules, "cupy", type("cupy", (), {"RawModule": RawModule}))
    x, y = Array(), Array()
    cuda(SCALE)[4, 256](x, y, 2.0, 1000)
    ((code, name, grid, block, arguments),) = launches
    assert 'extern "C" __global__ void scale' in code and (name, grid, block) == ("scale", (4,), (256,))
    assert arguments[:2] == (x, y) and [a.dtype.name for a in arguments[2:]] == ["float32", "int32"]


def test_an_empty_kernel_is_known():
    assert cuda("__global__ void f(int n) {\n  // your lines\n  /* here */ }").is_empty
    assert not cuda(SCALE).is_empty
