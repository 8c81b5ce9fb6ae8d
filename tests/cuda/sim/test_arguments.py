"""What is passed at a launch: each mismatch is refused before it runs, in words, and what fits runs."""

import re

import numpy as np
import pytest

from minivae.cuda import sim

SOURCE = """
constexpr int BLOCK = 128;
extern "C" __global__ void __launch_bounds__(BLOCK) scale(
    const float* __restrict__ x, float* __restrict__ y, float by, int n) {
  const int i = blockIdx.x * BLOCK + threadIdx.x;
  if (i < n) y[i] = by * x[i];
}
extern "C" __global__ void count(const unsigned char* mask, int* counts, unsigned long long seed, bool all) {
  if (all || mask[threadIdx.x]) atomicAdd(counts, (int)seed);
}
extern "C" __global__ void none() {}
template <class T> __global__ void general(T* x) {}
__global__ void mangled(float* x) {}
extern "C" {
__global__ void inside(float* x) {}
}
extern "C" __global__ void later(float* x);
extern "C" __global__ void later(float* x) { *x = 1.0f; }
"""
X, Y = np.ones(100, np.float32), np.zeros(100, np.float32)
GOOD = (X, Y, np.float32(2), np.int32(100))


@pytest.fixture(params=[False, True], ids=["fast", "check"], scope="module")
def module(compiled, request):
    return compiled(SOURCE, "args.cu", request.param)


class TestKernels:
    def test_their_signatures_are_as_written(self, module):
        assert module.kernels == ("scale", "count", "none", "inside", "later")
        assert module.kernel("scale").signature == [
            ("x", "const float*"),
            ("y", "float*"),
            ("by", "float"),
            ("n", "int"),
        ]
        assert module.kernel("count").signature == [
            ("mask", "const unsigned char*"),
            ("counts", "int*"),
            ("seed", "unsigned long long"),
            ("all", "bool"),
        ]
        assert module.kernel("none").signature == []

    def test_one_that_is_not_there_is_answered_with_those_that_are(self, module):
        with pytest.raises(sim.SimulatorError, match="there is no kernel 'scalar'; it has scale, count, none, inside"):
            module.kernel("scalar")

    @pytest.mark.parametrize(("name", "line"), [("general", 12), ("mangled", 13)])
    def test_one_that_cupy_would_not_find_by_its_name_is_refused(self, module, name, line):
        with pytest.raises(
            sim.SimulatorError, match=f'args.cu:{line}: {name} is a template, or not declared extern "C"'
        ):
            module.kernel(name)

    def test_those_that_are_found_run(self, module):
        module.kernel("none")((1,), (1,), ())
        module.kernel("inside")((1,), (1,), (Y,))
        y = np.zeros(1, np.float32)
        module.kernel("later")((1,), (1,), (y,))
        assert y[0] == 1
        assert repr(module.kernel("later")) == "<sim.Kernel later(float* x)>"
        assert repr(module).startswith("<sim.Module args.cu: scale, count")


def refused(module, words, *args, kernel="scale", grid=(1,), block=(128,), **how):
    with pytest.raises(sim.KernelError, match=re.escape(words)) as caught:
        module.kernel(kernel)(grid, block, args or GOOD, **how)
    found = caught.value.finding
    assert (found.kind, found.kernel, found.file) == ("launch", kernel, "args.cu")
    assert found.line == {"scale": 3, "count": 8}[kernel]
    assert found.block is found.thread is None


class TestShape:
    @pytest.mark.parametrize(
        ("grid", "block", "words"),
        [
            ((0,), (32,), "grid is (0,), which makes no thread at all; wanted 1 or more along each axis"),
            ((1,), (32, 0), "block is (32, 0), which makes no thread at all"),
            ((1,), (-1,), "block is (-1,), which makes no thread"),
            ((1,), (1025,), "block is (1025,); a GPU takes at most (1024, 1024, 64)"),
            ((1,), (1, 1, 65), "block is (1, 1, 65); a GPU takes at most"),
            ((1, 65536), (1,), "grid is (1, 65536); a GPU takes at most (2147483647, 65535, 65535)"),
            ((1,), (129,), "block (129, 1, 1) has 129 threads; __launch_bounds__ allows 128"),
            ((1, 1, 1, 1), (1,), "grid is (1, 1, 1, 1); wanted one to three numbers"),
            ((), (1,), "grid is (); wanted one to three numbers"),
            (4, (1,), "grid is 4; wanted a tuple of one to three numbers, as in (4,)"),
        ],
    )
    def test_of_grid_and_block(self, module, grid, block, words):
        refused(module, words, grid=grid, block=block)

    def test_a_block_has_at_most_1024_threads(self, module):
        mask = np.ones(1024, np.uint8)
        args = (mask, np.zeros(1, np.int32), np.uint64(1), np.True_)
        module.kernel("count")((1,), (32, 32), args)
        assert args[1][0] == 1024
        refused(module, "has 1,056 threads; a block has at most 1,024", *args, kernel="count", block=(33, 32))

    def test_of_shared_memory(self, module):
        module.kernel("scale")((1,), (128,), GOOD, 49152)
        refused(module, "shared_mem is 49,153 bytes; a block has 49,152", shared_mem=49153)
        refused(module, "shared_mem is -4 bytes", shared_mem=-4)

    def test_an_order_that_is_none(self, module):
        with pytest.raises(sim.SimulatorError, match="got order 'backward'; wanted one of forward, reverse, random"):
            module.kernel("scale")((1,), (128,), GOOD, order="backward")


class TestArguments:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({3: None}, "n is a NoneType; wanted np.int32(...) for `int n`"),
            ({2: 2.0}, "by is a float; wanted np.float32(...) for `float by`"),
            ({2: np.float64(2)}, "by is float64, and `float by` would read other bytes; pass np.float32(...)"),
            ({2: np.int32(2)}, "by is int32, and `float by` would read other bytes"),
            ({3: np.int64(2)}, "n is int64, and `int n` would read other bytes; pass np.int32(...)"),
            ({3: 2**31}, "n is 2147483648, beyond the range of `int n`"),
            ({3: True}, "n is a bool; wanted np.int32(...)"),
            ({3: X}, "n is a ndarray; wanted np.int32(...)"),
            ({0: X.astype(float)}, "x is an array of float64, which is not what `const float* x` points to"),
            ({0: X.astype(np.int32)}, "x is an array of int32"),
            ({0: X.astype(">f4")}, "x is an array of >f4"),
            ({0: X[::2]}, "x has gaps or is transposed; copy it with np.ascontiguousarray(x)"),
            ({1: np.ones((4, 25), np.float32).T}, "y has gaps or is transposed"),
            ({0: 3}, "x is a int; wanted a NumPy array for `const float* x`, or None"),
            ({0: [1.0]}, "x is a list; wanted a NumPy array"),
        ],
    )
    def test_that_do_not_fit(self, module, change, words):
        refused(module, words, *(change.get(k, a) for k, a in enumerate(GOOD)))

    def test_too_few_and_too_many(self, module):
        refused(module, "got 3 arguments; wanted 4: x, y, by, n", *GOOD[:3])
        refused(module, "got 5 arguments; wanted 4: x, y, by, n", *GOOD, 1)

    def test_an_output_that_is_read_only(self, module):
        y = np.zeros(100, np.float32)
        y.flags.writeable = False
        refused(module, "y is read-only, and `float* y` may be written to; pass y.copy()", X, y, *GOOD[2:])
        module.kernel("scale")((1,), (128,), (y, Y, *GOOD[2:]))

    def test_python_integers_arrays_of_bool_and_0d_arrays_that_fit(self, module):
        counts = np.zeros((), np.int32)
        mask = np.arange(32) % 2 == 0
        module.kernel("count")((1,), (32,), (mask, counts, 3, np.False_))
        assert counts == 48
        y = np.zeros(4, np.float32)
        module.kernel("scale")((1,), (128,), (X[:4], y, np.array(3, np.float32), 4))
        assert np.array_equal(y, [3, 3, 3, 3])

    def test_parts_of_arrays_and_several_axes(self, module):
        whole = np.arange(60, dtype=np.float32).reshape(3, 20)
        module.kernel("scale")((1,), (128,), (whole[1], whole[2], np.float32(10), np.int32(20)))
        assert np.array_equal(whole[0], np.arange(20))
        assert np.array_equal(whole[1], np.arange(20, 40))
        assert np.array_equal(whole[2], 10 * np.arange(20, 40))

    def test_an_array_may_be_input_and_output(self, compiled, module):
        source = SOURCE.replace("__restrict__", "")
        x = np.arange(100, dtype=np.float32)
        kernel = compiled(source, "args.cu", module.check).kernel("scale")
        kernel((1,), (128,), (x, x, np.float32(2), np.int32(100)))
        assert np.array_equal(x, 2 * np.arange(100))
        kernel((1,), (128,), (x[:60], x[40:], np.float32(2), np.int32(30)))
        assert np.array_equal(x[40:70], 4 * np.arange(30))

    def test_unless_it_is_declared_restrict_and_written(self, module):
        x = np.zeros(200, np.float32)
        words = "x and y share memory, but x is declared __restrict__, which promises that nothing else points there"
        refused(module, words, x[:100], x[:100], *GOOD[2:])
        refused(module, words, x[99:199], x[:100], *GOOD[2:])
        module.kernel("scale")((1,), (128,), (x[:100], x[100:], *GOOD[2:]))

    def test_empty_arrays(self, module):
        empty = np.zeros(0, np.float32)
        module.kernel("scale")((1,), (128,), (empty, empty.copy(), np.float32(2), np.int32(0)))


class TestMemoryBesides:
    """Nothing outside of the arrays passed is touched, however the kernel errs, and in the fast build too."""

    def test_neighbours_in_one_buffer(self, compiled):
        whole = np.zeros(300, np.float32)
        kernel = compiled(SOURCE, "args.cu", False).kernel("scale")
        with pytest.raises(sim.KernelError, match=r"some thread writes y\[100\], but y has 100 elements") as caught:
            kernel((2,), (128,), (np.ones(200, np.float32), whole[100:200], np.float32(1), np.int32(101)))
        assert caught.value.finding.kind == "bounds"
        assert set(whole[100:200]) == {1}
        assert set(whole[:100]) == set(whole[200:]) == {0}

    def test_far_away(self, compiled):
        source = 'extern "C" __global__ void far(float* y, long long at) { y[at] = 1.0f; }'
        kernel = compiled(source).kernel("far")
        y = np.zeros(8, np.float32)
        for at in (2**12, -(2**12), 2**20, -(2**20)):
            with pytest.raises(sim.KernelError, match=rf"test.cu:1: far: thread \(0, 0, 0\).*y\[{at}\]") as caught:
                kernel((1,), (1,), (y, np.int64(at)))
            assert caught.value.finding.kind == "bounds"

    def test_results_are_there_even_after_a_finding(self, compiled):
        source = 'extern "C" __global__ void some(float* y) { y[threadIdx.x] = 1.0f; assert(threadIdx.x < 5); }'
        y = np.zeros(8, np.float32)
        for check in (False, True):
            with pytest.raises(sim.KernelError, match="assert"):
                compiled(source, check=check).kernel("some")((1,), (8,), (y,))
            assert list(y) == [1, 1, 1, 1, 1, 1, 0, 0]

    def test_const_arrays_are_never_written_back(self, compiled):
        source = 'extern "C" __global__ void cheat(const float* x) { ((float*)x)[0] = 1.0f; }'
        x = np.zeros(8, np.float32)
        with pytest.raises(sim.KernelError, match=r"writes x\[0\], but x is const"):
            compiled(source, check=True).kernel("cheat")((1,), (1,), (x,))
        assert x[0] == 0

    def test_alignment_is_that_of_a_gpu_whatever_numpy_does(self, compiled):
        """An array begins at a multiple of 256 there, and a part of one where it begins in the whole."""
        source = 'extern "C" __global__ void four(const float4* x, float* y) { y[threadIdx.x] = x[threadIdx.x].w; }'
        kernel = compiled(source, check=True).kernel("four")
        whole = np.arange(64, dtype=np.float32)
        y = np.zeros(4, np.float32)
        for start in (0, 4, 8):
            kernel((1,), (4,), (whole[start : start + 16], y))
            assert np.array_equal(y, whole[start + 3 : start + 16 : 4])
        for start in (1, 2, 3):
            with pytest.raises(sim.KernelError) as caught:
                kernel((1,), (4,), (whole[start : start + 16], y))
            assert caught.value.finding.kind == "alignment"
