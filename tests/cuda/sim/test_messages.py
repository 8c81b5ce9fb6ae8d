"""Findings in a learner's words: who did what to which element, at which line, and what to do. Held word by word."""

import numpy as np
import pytest

from minivae.cuda import sim

SOURCE = """extern "C" __global__ void blur(const float* x, float* y, int n) {
  __shared__ float tile[4][8];
  const int t = threadIdx.x;
  switch (n) {
    case 1: y[t] = x[t + 1]; break;
    case 2: y[t] = x[t - 1]; break;
    case 3: tile[t / 8][t % 8] = x[t]; y[t] = tile[3 - t / 8][t % 8]; break;
    case 4: y[t] = tile[t / 8][t % 8]; break;
    case 5: y[0] = x[t]; break;
    case 6: if (t < 5) __syncthreads(); break;
    case 7: if (t < 31) __syncwarp(); break;
    case 8: y[t] = tile[t / 8][t % 8 + 1]; break;
    case 9: y[t] = x[t] / (n / (t - 7)); break;
    case 10: __syncwarp(1u); break;
    case 11: assert(t < 3); break;
    case 12: if (t == 9) __trap(); break;
    case 13: y[(int)x[t] + 0x7fffffff - 3] = 0; break;
  }
}
"""
WORDS = {
    1: "m.cu:5: blur: thread (31, 0, 0) of block (0, 0, 0) reads x[32], but x has 32 elements, [0] to [31]; let "
    "only an index in this range come here, as with if (i < n)",
    2: "m.cu:6: blur: thread (0, 0, 0) of block (0, 0, 0) reads x[-1], but x has 32 elements, [0] to [31]; look "
    "at how the index is made",
    3: "m.cu:7: blur: data race on shared tile[2][0]: thread (8, 0, 0) read it at line 7, and thread (16, 0, 0) "
    "of block (0, 0, 0) writes it at line 7 with no __syncthreads() or __syncwarp() between; lanes of a warp "
    "need not go in step, and neither volatile nor a shuffle orders memory: put __syncthreads() between the "
    "two, or __syncwarp() if only the lanes of one warp are involved",
    4: "m.cu:8: blur: thread (0, 0, 0) of block (0, 0, 0) reads shared tile[0][0], which no thread of the block "
    "has written; shared memory begins with garbage: write it first, then __syncthreads()",
    5: "m.cu:9: blur: data race on y[0]: thread (0, 0, 0) wrote it at line 9, and thread (1, 0, 0) of block (0, "
    "0, 0) writes it at line 9 with no __syncthreads() or __syncwarp() between; give each thread its own "
    "element, let one thread write, or use atomicAdd",
    6: "m.cu:10: blur: not all threads reach this __syncthreads(): thread (0, 0, 0) of block (0, 0, 0) and 4 "
    "more threads came to it, but thread (5, 0, 0) and 26 more threads returned; let every thread of the "
    "block come by the same barriers: move __syncthreads() out of the if or the loop, and let no thread "
    "return before it",
    10: "m.cu:14: blur: thread (1, 0, 0) of block (0, 0, 0), lane 1 of its warp, calls a warp function with the "
    "mask 0x00000001, which does not name it; a lane may call it only with its own bit in the mask; "
    "0xffffffffu names all 32",
    11: "m.cu:15: blur: assert(t < 3) fails for thread (3, 0, 0) of block (0, 0, 0); what it demands does not hold",
    12: "m.cu:16: blur: thread (9, 0, 0) of block (0, 0, 0) calls __trap(); it is there to stop the kernel",
}


@pytest.mark.parametrize("case", WORDS)
def test_the_words_of(compiled, case):
    x, y = np.arange(32, dtype=np.float32), sim.poison(32)
    with pytest.raises(sim.KernelError) as caught:
        compiled(SOURCE, "m.cu", True).kernel("blur")((1,), (32,), (x, y, np.int32(case)))
    assert str(caught.value) == WORDS[case]


def test_two_parameters_for_one_array_are_both_named(compiled):
    source = 'extern "C" __global__ void two(const float* a, float* b) { b[32] = a[0]; }'
    x = np.zeros(32, np.float32)
    with pytest.raises(sim.KernelError, match=r"writes a and b\[32\], but a and b have 32 elements"):
        compiled(source, "m.cu", True).kernel("two")((1,), (1,), (x, x))


def test_null_pointers_are_named(compiled):
    source = 'extern "C" __global__ void two(const float* a, float* b, int i) { b[0] = a[i]; }'
    for check in (False, True):
        for i in (0, 100):
            with pytest.raises(sim.KernelError, match="m.cu:1: two: .*null pointer.*; test the pointer") as caught:
                compiled(source, "m.cu", check).kernel("two")((1,), (1,), (None, np.zeros(1, np.float32), np.int32(i)))
            assert "None was passed for a" in str(caught.value)


def test_a_variable_of_the_device_is_named(compiled):
    source = """__device__ int total[4];
extern "C" __global__ void k(int i) {
  total[0] = i;
  int* p = total;
  p[i] = 1;
}"""
    with pytest.raises(sim.KernelError, match=r"writes the variable total\[4\], but .* has 4 elements"):
        compiled(source, "m.cu", True).kernel("k")((1,), (1,), (np.int32(4),))
    with pytest.raises(sim.KernelError, match=r"data race on the variable total\[0\]"):
        compiled(source, "m.cu", True).kernel("k")((2,), (1,), (np.int32(1),))


def test_constant_memory_cannot_be_written(compiled):
    source = '__constant__ float c[2] = {1, 2};\nextern "C" __global__ void k() {\n  c[1] = 3;\n}'
    with pytest.raises(sim.KernelError, match=r"m.cu:3: k: .* writes the variable c\[1\].* is const"):
        compiled(source, "m.cu", True).kernel("k")((1,), (1,), ())
