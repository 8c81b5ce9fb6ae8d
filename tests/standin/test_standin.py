"""The stand-in refuses what CuPy refuses, counts what waits, and is otherwise NumPy: each line is a difference."""

import copy
import pickle
import sys

import numpy as np
import pytest

from tests import standin
from tests.standin import Misuse, gen_api
from tests.standin.machine import API

SOURCE = """
extern "C" __global__ void scale(const float* a, float* out, float factor, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = factor * a[i];
}
"""


@pytest.fixture
def cp():
    with standin.installed() as module:
        yield module


@pytest.fixture
def a(cp):
    return cp.arange(6, dtype=np.float32).reshape(2, 3)


def test_it_is_what_import_cupy_gives_and_only_inside():
    before = sys.modules.get("cupy")  # where there is a GPU, the real one may be installed
    with standin.installed() as module:
        import cupy

        assert cupy is module is not before and cupy.__version__ == "14.2.0"
    assert sys.modules.get("cupy") is before


HOST = np.ones(3, np.float32)
REFUSED = {
    "np.asarray": (lambda cp, a: np.asarray(a), TypeError, "Implicit conversion to a NumPy array is not allowed"),
    "np.array": (lambda cp, a: np.array(a), TypeError, "Implicit conversion"),
    "device + host": (lambda cp, a: a + HOST, TypeError, "Unsupported type <class 'numpy.ndarray'>"),
    "host + device": (lambda cp, a: HOST + a, TypeError, "Unsupported type"),
    "device * host of no dimension": (lambda cp, a: a * np.array(2.0), TypeError, "Unsupported type"),
    "device += host": (lambda cp, a: a.__iadd__(HOST), TypeError, "Unsupported type"),
    "device @ host": (lambda cp, a: a @ HOST, TypeError, "Unsupported type"),
    "exp(host)": (lambda cp, a: cp.exp(HOST), TypeError, "Unsupported type"),
    "concatenate with host": (lambda cp, a: cp.concatenate([a[0], HOST]), TypeError, "Only cupy arrays"),
    "where with host": (lambda cp, a: cp.where(a > 1, a, np.zeros((2, 3))), TypeError, "Unsupported type"),
    "a[...] = host": (lambda cp, a: a.__setitem__(..., HOST), ValueError, "non-scalar numpy.ndarray"),
    "ascontiguousarray(host)": (lambda cp, a: cp.ascontiguousarray(HOST), TypeError, "expected cupy.ndarray"),
    "where=": (lambda cp, a: cp.add(a, a, where=a > 1), TypeError, "where"),
    "sum(where=)": (lambda cp, a: cp.sum(a, where=a > 1), TypeError, "where"),
    "max(initial=)": (lambda cp, a: a.max(initial=0.0), TypeError, "initial"),
    "too many arguments": (lambda cp, a: cp.exp(a, a, a), TypeError, "too many positional"),
    "zeros(device=)": (lambda cp, a: cp.zeros(3, device="cpu"), TypeError, "device"),
    "take(mode=)": (lambda cp, a: cp.take(a, [0], mode="clip"), TypeError, "mode"),
    "item(index)": (lambda cp, a: a.item(3), TypeError, "takes 1 positional"),
    "item of many": (lambda cp, a: a.item(), ValueError, "array of size 1"),
    "errstate": (lambda cp, a: cp.errstate, AttributeError, "module 'cupy' has no attribute 'errstate' in CuPy 14"),
    "vecdot": (lambda cp, a: cp.vecdot, AttributeError, "no attribute"),
    "block": (lambda cp, a: cp.block([a]), AttributeError, "no attribute"),
    "ndarray.byteswap_": (lambda cp, a: a.no_such, AttributeError, "'cupy.ndarray' object has no attribute 'no_such'"),
    "class attribute": (lambda cp, a: cp.ndarray.no_such, AttributeError, "type object 'cupy.ndarray'"),
    "not modelled": (lambda cp, a: cp.ElementwiseKernel, AttributeError, "the stand-in does not model"),
    "method not modelled": (lambda cp, a: a.choose, AttributeError, "the stand-in does not model cupy.ndarray.choose"),
    "flags.writeable": (lambda cp, a: a.flags.writeable, AttributeError, "writeable"),
    "Generator.normal": (lambda cp, a: cp.random.default_rng(0).normal(), AttributeError, "NumPy's has it"),
    "Generator.permutation": (lambda cp, a: cp.random.default_rng(0).permutation(3), AttributeError, "permutation"),
    "multiply.at": (lambda cp, a: cp.multiply.at(a, 0, 2), NotImplementedError, "cupy_multiply"),
    "maximum.reduce": (lambda cp, a: cp.maximum.reduce(a), NotImplementedError, "not supported yet"),
    "range": (lambda cp, a: range(cp.asarray(3)), TypeError, "interpreted as an integer"),
    "objects": (lambda cp, a: cp.array(["x"]), ValueError, "Unsupported dtype"),
    "if of many": (lambda cp, a: bool(a), ValueError, "more than one element"),
    "len of none": (lambda cp, a: len(a.sum()), TypeError, "unsized"),
    "iteration over none": (lambda cp, a: list(a.sum()), TypeError, "0-d"),
    "hash": (lambda cp, a: hash(a), TypeError, "unhashable"),
    "sum of one over an axis": (lambda cp, a: a.sum().sum(axis=-1), np.exceptions.AxisError, "out of bounds"),
    "cp.sum of one over an axis": (lambda cp, a: cp.max(a.sum(), axis=0), np.exceptions.AxisError, "out of bounds"),
    "get into another type": (lambda cp, a: a.get(out=np.zeros((2, 3))), TypeError, "cannot be obtained"),
    "set of another type": (lambda cp, a: a.set(np.zeros((2, 3))), ValueError, "cannot be set"),
    "set of a list": (lambda cp, a: a.set([[1]]), TypeError, "Only numpy.ndarray"),
    "float16 view": (lambda cp, a: a.T.view("float16"), ValueError, "last axis must be contiguous"),
}
SILENT = {
    "an index beyond the end": (lambda cp, a: a[cp.asarray([0, 2])], "CuPy would take another element"),
    "take beyond the end": (lambda cp, a: cp.take(a, cp.asarray([3]), axis=1), "CuPy would take another"),
    "add.at beyond the end": (lambda cp, a: cp.add.at(a, cp.asarray([2]), 1.0), "CuPy would take another"),
    "assigned twice": (lambda cp, a: a.__setitem__(cp.asarray([0, 0]), cp.zeros(3)), "assigned to twice"),
    "assigned twice by two": (lambda cp, a: a.__setitem__((cp.asarray([0, 0]), cp.asarray([1, 1])), 1), "twice"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cupy_refuses_is_refused(cp, a, what):
    act, kind, words = REFUSED[what]
    with pytest.raises(kind, match=words):
        act(cp, a)


@pytest.mark.parametrize("what", SILENT)
def test_what_cupy_does_wrong_in_silence_is_an_error(cp, a, what):
    act, words = SILENT[what]
    with pytest.raises(Misuse, match=words):
        act(cp, a)


class TestValues:
    def test_they_are_numpys(self, cp, a):
        b = np.arange(6, dtype=np.float32).reshape(2, 3)
        for f in (
            lambda x, xp: x + x * 2 - 1 / (1 + x),
            lambda x, xp: x @ x.T,
            lambda x, xp: xp.exp(x).sum(axis=0),
            lambda x, xp: xp.where(x > 2, x, 0),
            lambda x, xp: x[:, ::2],
            lambda x, xp: x[xp.asarray([1, 0])],
            lambda x, xp: x[x > 2],
            lambda x, xp: xp.stack([x, x], axis=-1),
            lambda x, xp: xp.moveaxis(x[None], 0, -1),
            lambda x, xp: xp.einsum("ij,kj->ik", x, x),
            lambda x, xp: -(abs(x) ** 2),
            lambda x, xp: x.astype("float64").mean(axis=1, keepdims=True),
            lambda x, xp: 2 ** x[0],
            lambda x, xp: xp.lib.stride_tricks.as_strided(x, (2, 2, 2), (12, 4, 4)),
            lambda x, xp: xp.multiply(x, 0.5, out=xp.empty_like(x)),
            lambda x, xp: xp.linalg.norm(x, axis=1),
            lambda x, xp: xp.add.outer(x[0], x[0]),
            lambda x, xp: xp.add.reduce(x),
        ):
            got, want = f(a, cp), f(b, np)
            assert isinstance(got, cp.ndarray) and got.dtype == want.dtype and got.shape == np.shape(want)
            np.testing.assert_array_equal(got.get(), want)

    def test_reductions_and_elements_are_arrays_of_no_dimension(self, cp, a):
        for x in (a.sum(), a[0, 0], cp.max(a), a.mean(), a.sum() + 1, cp.allclose(a, a)):
            assert isinstance(x, cp.ndarray) and x.shape == ()

    def test_a_python_number_keeps_float32_and_a_numpy_number_does_not(self, cp, a):
        assert (a * 2.0).dtype == (2.0 * a).dtype == np.float32
        assert (a * np.float64(2)).dtype == (np.float64(2) * a).dtype == np.float64

    def test_numpys_functions_go_to_the_device(self, cp, a):
        for x in (np.exp(a), np.sum(a), np.concatenate([a, a]), np.full_like(a, 2), np.linalg.norm(a)):
            assert isinstance(x, cp.ndarray)
        assert np.shape(a) == (2, 3) and np.exp(a, out=a) is a

    def test_fresh_memory_is_nan_in_any_order(self, cp, a):
        for x in (cp.empty(3), cp.empty((2, 3), "f4", "F"), cp.empty_like(a.T), cp.ndarray((2, 2))):
            assert np.isnan(x.get()).all()
        assert cp.empty_like(a.T).strides == a.T.strides and cp.empty(2, "i4").get()[0] < -1e6

    def test_views_know_whose_they_are(self, cp):
        whole = cp.arange(6, dtype=np.float32)
        assert whole.base is None and whole.copy().base is None and (whole + 1).base is None
        for view in (
            whole[2:],
            whole.reshape(2, 3),
            whole[2:].reshape(2, 2),
            whole[::-1],
            whole.reshape(2, 3).T,
            whole[0],
        ):
            assert view.base is whole
        assert cp.asarray(whole) is whole and cp.ascontiguousarray(whole) is whole
        view = whole[1:3]
        view += 10
        assert whole.get().tolist() == [0, 11, 12, 3, 4, 5]

    def test_work_in_place_stays_in_place(self, cp, a):
        b = a
        b += 1
        b *= 2
        b[0] = 0
        b.fill(3)
        assert b is a and (a.get() == 3).all()
        product = cp.zeros((2, 2), "f4")
        assert cp.matmul(a, a.T, out=product) is product and (product.get() == 27).all()

    def test_what_adds_up_twice_does(self, cp):
        t = cp.zeros(3)
        cp.add.at(t, cp.asarray([0, 0, 2]), cp.asarray([1.0, 1.0, 1.0]))
        assert t.get().tolist() == [2, 0, 1]

    def test_copies_are_copies(self, cp, a):
        for b in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a)), a.copy()):
            assert b is not a and b.base is None
            np.testing.assert_array_equal(b.get(), a.get())

    def test_random_numbers_are_not_numpys(self, cp):
        got = cp.random.default_rng(0).standard_normal(4, dtype="f4")
        assert got.dtype == np.float32
        assert not np.allclose(got.get(), np.random.default_rng(0).standard_normal(4, np.float32))


class TestCounts:
    @pytest.mark.parametrize(
        "look",
        [
            lambda cp, x: float(x),
            lambda cp, x: int(x),
            lambda cp, x: bool(x > 0),
            lambda cp, x: x.item(),
            lambda cp, x: f"{x:.2f}",
            lambda cp, x: str(x),
            lambda cp, x: repr(x),
            lambda cp, x: x.get(),
            lambda cp, x: x.tolist(),
            lambda cp, x: cp.asnumpy(x),
            lambda cp, x: 1 if x else 2,
            lambda cp, x: x[None][x[None] > 0],
            lambda cp, x: cp.nonzero(x[None]),
            lambda cp, x: x[None].nonzero(),
            lambda cp, x: cp.unique(x[None]),
            lambda cp, x: x.tobytes(),
        ],
        ids=range(16),
    )
    def test_a_look_at_a_value(self, cp, a, look):
        x = a.sum()
        with standin.counting() as counted:
            look(cp, x)
        assert counted.device_to_host == 1

    def test_no_look_at_a_value(self, cp, a):
        with standin.counting() as counted:
            b = (a @ a.T).sum(axis=0).reshape(2, 1)
            b += cp.where(b > 2, b, 0).astype("float32")
            assert b.shape == (2, 1) and b.ndim == 2 and len(b) == 2 and b.size and b.dtype == "float32" and b.flags
            b[0], b[:, 0]
            cp.add.at(b, cp.arange(1), 1.0)
            b.fill(0)
        assert (counted.device_to_host, counted.host_to_device, counted.waits) == (0, 0, 0)
        assert counted.calls > 8

    def test_what_comes_from_the_host(self, cp, a):
        for send in (
            lambda: cp.asarray(HOST),
            lambda: cp.array([1.0, 2.0]),
            lambda: a[np.array([0])],
            lambda: a[[0, 1]],
        ):
            with standin.counting() as counted:
                send()
            assert counted.host_to_device == 1
        with standin.counting() as counted:
            cp.asarray(2.5), cp.asarray(np.float32(1)), cp.zeros(3), cp.full((2,), 3.0), cp.asarray(a), cp.stack([a, a])
            cp.asarray([a[0], a[1]])
        assert counted.host_to_device == 0

    def test_synchronize(self, cp):
        with standin.counting() as counted:
            cp.cuda.Device().synchronize()
            cp.cuda.runtime.deviceSynchronize()
            cp.cuda.get_current_stream().synchronize()
        assert counted.waits == 3

    def test_counts_can_be_nested_and_stand_still_afterwards(self, cp, a):
        with standin.counting() as outer:
            a.get()
            with standin.counting() as inner:
                a.get()
        a.get()
        assert (outer.device_to_host, inner.device_to_host) == (2, 1)
        assert standin.counters.device_to_host >= 3


class TestKernels:
    @pytest.fixture
    def scale(self, cp):
        return cp.RawModule(code=SOURCE).get_function("scale")

    def test_they_run(self, cp, a, scale):
        out = cp.empty_like(a)
        with standin.counting() as counted:
            scale((1,), (32,), (a, out, np.float32(3), np.int32(6)), shared_mem=0)
        assert (counted.launches, counted.device_to_host) == (1, 0)
        np.testing.assert_array_equal(out.get(), 3 * a.get())

    @pytest.mark.parametrize(
        ("args", "kind", "words"),
        [
            (lambda a, out: (a.T, out, np.float32(3), np.int32(6)), Misuse, "argument 0 has gaps or is transposed"),
            (lambda a, out: (a.get(), out, np.float32(3), np.int32(6)), TypeError, r"numpy.ndarray of shape \(2, 3\)"),
            (lambda a, out: (a, out, 3.0, np.int32(6)), Exception, "factor"),
            (lambda a, out: (a, out, np.float32(3), 6), Exception, "scale: "),
            (lambda a, out: (a.astype("f8"), out, np.float32(3), np.int32(6)), Exception, "float64"),
            (lambda a, out: (a, out, np.float32(3)), Exception, "got 3 arguments; wanted 4"),
            (lambda a, out: (a, out, "3", np.int32(6)), TypeError, "Unsupported type"),
        ],
        ids=range(7),
    )
    def test_wrong_arguments(self, cp, a, scale, args, kind, words):
        with pytest.raises(kind, match=words):
            scale((1,), (32,), args(a, cp.empty((3, 2), "f4")))

    def test_grids_are_tuples_options_too_and_code_is_one(self, cp, a, scale):
        with pytest.raises(TypeError, match="'grid' has incorrect type .expected tuple, got int"):
            scale(1, (32,), ())
        with pytest.raises(TypeError, match="'block'"):
            scale((1,), 32, ())
        with pytest.raises(TypeError, match="'options' has incorrect type"):
            cp.RawModule(code=SOURCE, options=["-DX"])
        with pytest.raises(TypeError, match="Exactly one of `code` and `path`"):
            cp.RawModule()

    def test_an_unknown_name_and_code_that_does_not_compile(self, cp):
        with pytest.raises(cp.cuda.driver.CUDADriverError, match="CUDA_ERROR_NOT_FOUND"):
            cp.RawModule(code=SOURCE).get_function("scales")
        with pytest.raises(cp.cuda.compiler.CompileException, match="kernel.cu:4"):
            cp.RawModule(code=SOURCE.replace("const int i", "const int j")).get_function("scale")

    def test_a_kernel_by_itself(self, cp, a):
        out = cp.empty_like(a)
        cp_kernel = cp.RawKernel(SOURCE, "scale")
        cp_kernel((1,), (32,), (a, out, np.float32(2), np.int32(6)))
        np.testing.assert_array_equal(out.get(), 2 * a.get())

    def test_the_checking_build_sees_memory_that_nobody_wrote(self):
        with standin.installed(check=True) as cp:
            out, kernel = cp.empty(6, "f4"), cp.RawModule(code=SOURCE).get_function("scale")
            kernel((1,), (32,), (cp.ones(6, "f4"), out, np.float32(2), np.int32(6)))
            with pytest.raises(RuntimeError, match="fresh memory"):
                kernel((1,), (32,), (cp.empty(6, "f4"), out, np.float32(2), np.int32(6)))
            with pytest.raises(RuntimeError, match="a has 5 elements"):
                kernel((1,), (32,), (cp.ones(5, "f4"), out, np.float32(2), np.int32(6)))


class TestMachines:
    def test_without_a_driver_cupy_imports_and_arrays_fail(self):
        with standin.installed(driver="cudaErrorInsufficientDriver: too old") as cp:
            assert not cp.cuda.is_available()
            for act in (lambda: cp.zeros(3), lambda: cp.asarray([1.0]), cp.cuda.runtime.getDeviceCount):
                with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="InsufficientDriver"):
                    act()
            with pytest.raises(RuntimeError, match="InsufficientDriver"):
                cp.RawModule(code=SOURCE).get_function("scale")
        assert standin.machine.driver == ""

    def test_without_headers_arrays_are_there_and_computing_fails(self):
        with standin.installed(toolkit=RuntimeError("Failed to find CUDA headers")) as cp:
            assert cp.cuda.runtime.getDeviceCount() == 1
            x = cp.empty(3)
            for act in (lambda: x + 1, lambda: cp.exp(x), lambda: cp.RawModule(code=SOURCE).get_function("scale")):
                with pytest.raises(RuntimeError, match="CUDA headers"):
                    act()


class TestApi:
    """gen_api.py reads signatures where Python has them, and docstrings where it has not."""

    def test_signatures(self):
        def f(a, b=1, /, c=2, *args, d, e=3, **rest): ...

        def g(a, *, b): ...

        assert gen_api.parameters(f) == "a, b=None, /, c=None, *args, d, e=None, **rest"
        assert gen_api.parameters(g) == "a, *, b"

    @pytest.mark.parametrize(
        ("doc", "wanted"),
        [
            (
                "_ndarray_base.sum(self, axis=None, dtype=None, out=None) -> _ndarray_base",
                "self, axis=None, dtype=None, out=None",
            ),
            (
                "exp(x, /, out=None, \\*, casting='same_kind', dtype=None)",
                "x, /, out=None, *, casting=None, dtype=None",
            ),
            ("_ndarray_base.swapaxes(self, Py_ssize_t axis1, Py_ssize_t axis2)", "self, axis1, axis2"),
            ("f()", ""),
            ("modf(x, [, out1, out2], / [, out=(None, None)])", None),
            ("says nothing of how it is called", None),
        ],
    )
    def test_docstrings(self, doc, wanted):
        class Compiled:
            __doc__ = doc
            __signature__ = "none that Python can read"

            def __call__(self): ...

        assert gen_api.parameters(Compiled()) == wanted

    def test_the_file_is_of_the_version_that_the_package_asks_for(self):
        assert API["version"] == "14.2.0"
        assert {"exp", "matmul", "concatenate"} <= API["module"].keys() and "where" not in API["module"]["add"]
        assert API["at"] == ["add", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", "subtract"]
        for section in ("module", "ndarray", "linalg", "random", "Generator"):
            for text in filter(None, API[section].values()):
                eval(f"lambda {text}: None")
