"""What is a race and what is not: the cases that are close to each other. Each kernel runs in three orders."""

import numpy as np
import pytest

from minivae.cuda import sim

ORDERS = ("forward", "reverse", "random")
KERNEL = 'extern "C" __global__ void k_{k}({parameters}) {{\n  const int t = threadIdx.x, b = blockIdx.x;\n{body}\n}}\n'
PARAMETERS = "const float* x, float* y, unsigned int* count, unsigned char* bytes"

# name: body; launched with 4 blocks of 64 threads, x and y of 256 elements, counts of 64 zeros, 256 bytes of zeros
RIGHT = {
    "everybody reads the same": "y[64 * b + t] = x[0] + x[t];",
    "a thread reads, then writes its own": "y[64 * b + t] = 1; y[64 * b + t] += x[t]; y[64 * b + t] *= 2;",
    "atomics on one element": "atomicAdd(&count[0], 1u); atomicMax(&count[0], 5u);",
    "a block's atomics, then its plain read": """
        atomicAdd(&count[b], 1u);
        __syncthreads();
        y[64 * b + t] = count[b];""",
    "a plain write, a barrier, then atomics": """
        __shared__ int s;
        if (t == 0) s = 0;
        __syncthreads();
        atomicAdd(&s, 1);
        __syncthreads();
        y[64 * b + t] = s;""",
    "reads, a barrier, a write by another": """
        __shared__ float s[64];
        s[t] = x[t];
        __syncthreads();
        const float v = s[(t + 1) % 64];
        __syncthreads();
        s[t] = v;
        y[64 * b + t] = v;""",
    "neighbouring bytes": "bytes[64 * b + t] = t; y[64 * b + t] = bytes[64 * b + t];",
    "neighbouring shared bytes": """
        __shared__ unsigned char s[64];
        s[t] = t;
        __syncthreads();
        y[64 * b + t] = s[63 - t];""",
    "bytes written, then read as words": """
        __shared__ __align__(16) unsigned char s[256];
        for (int k = 0; k < 4; ++k) s[4 * t + k] = k;
        __syncthreads();
        y[64 * b + t] = (float)reinterpret_cast<int*>(s)[63 - t];""",
    "lanes of a warp after __syncwarp": """
        __shared__ float s[64];
        s[t] = x[t];
        __syncwarp();
        y[64 * b + t] = s[t ^ 31];""",
    "groups of four lanes with masks of their own": """
        __shared__ float s[64];
        const unsigned mask = 0xfu << (t % 32 / 4 * 4);
        s[t] = x[t];
        for (int k = 0; k < t / 4 % 3 + 1; ++k) {
          __syncwarp(mask);
          const float v = s[t ^ 3];
          __syncwarp(mask);
          s[t] += v;
        }
        y[64 * b + t] = s[t];""",
    "masks of some, then of all": """
        __shared__ float s[64];
        s[t] = x[t];
        if (t % 32 < 2) for (int k = 0; k < 5; ++k) { __syncwarp(0x3u); s[t] += 1; __syncwarp(0x3u); }
        __syncwarp();
        y[64 * b + t] = s[t / 32 * 32 + (t + 1) % 32];""",
    "what one lane learned from another it hands on": """
        __shared__ float s[3];
        if (t == 0) s[0] = 1;
        if (t < 2) __syncwarp(0x3u);
        if (t == 1) s[1] = s[0];
        if (t == 1 || t == 2) __syncwarp(0x6u);
        if (t == 2) { s[2] = s[0] + s[1]; y[64 * b] = s[2]; }""",
    "the last block adds up what all threads of the others left": """
        __shared__ bool last;
        y[64 * b + t] = x[t];
        __threadfence();
        __syncthreads();
        if (t == 0) last = atomicAdd(&count[0], 1u) == gridDim.x - 1;
        __syncthreads();
        if (last) {
          float sum = 0;
          for (int k = 0; k < 4; ++k) sum += y[64 * k + t];
          y[64 * 3 + t] = t < 0 ? sum : y[64 * 3 + t];
        }""",
    "a flag that is volatile, behind a fence": """
        if (t == 0) {
          y[b] = x[b];
          __threadfence();
          *(volatile unsigned int*)&count[b] = 1;
          if (b > 0 && *(volatile unsigned int*)&count[b - 1] == 1) y[64 + b] = y[b - 1];
        }""",
    "two shared arrays and the space of one after the other": """
        __shared__ float a[64], c[64];
        a[t] = x[t];
        c[t] = 2 * x[t];
        __syncthreads();
        y[64 * b + t] = a[63 - t] + c[63 - t];""",
    "float4 written, floats read": """
        __shared__ __align__(16) float s[64];
        if (t < 16) reinterpret_cast<float4*>(s)[t] = make_float4(x[4 * t], x[4 * t + 1], x[4 * t + 2], x[4 * t + 3]);
        __syncthreads();
        y[64 * b + t] = s[t];""",
}

# name: (body, kind)
WRONG = {
    "one byte of a word that another writes": (
        "if (b == 0 && t < 2) bytes[t] = t;\n if (b == 0 && t == 40) bytes[1] = 0;",
        "race",
    ),
    "a float4 over another's float": (
        """
        __shared__ __align__(16) float s[64];
        s[t] = x[t];
        if (t == 0) reinterpret_cast<float4*>(s)[8] = make_float4(1, 2, 3, 4);""",
        "race",
    ),
    "a write after reads by a whole warp": (
        """
        __shared__ float s[64];
        s[t] = x[t];
        __syncthreads();
        y[64 * b + t] = s[t % 8];
        if (t == 7) s[3] = 0;""",
        "race",
    ),
    "a write after reads by two warps, one of which is in order": (
        """
        __shared__ float s[64];
        s[t] = x[t];
        __syncthreads();
        y[64 * b + t] = s[0];
        __syncwarp();
        if (t == 32) s[0] = 1;""",
        "race",
    ),
    "lanes that a mask leaves out": (
        """
        __shared__ float s[64];
        s[t] = x[t];
        if (t % 32 < 16) __syncwarp(0x0000ffffu);
        y[64 * b + t] = s[t / 32 * 32 + (t + 16) % 32];""",
        "race",
    ),
    "many meetings with one lane are none with another": (
        """
        __shared__ float s[64];
        if (t < 2) for (int k = 0; k < 9; ++k) __syncwarp(0x3u);
        if (t == 2) s[0] = 1;
        if (t == 1) y[64 * b] = s[0];""",
        "race",
    ),
    "an atomic and a plain write": ("if (t == 9) count[0] = 1; else atomicAdd(&count[0], 1u);", "race"),
    "a plain read between blocks' atomics": ("y[64 * b + t] = atomicAdd(&count[t], 1u) + count[t];", "race"),
    "all write the same": (
        """
        __shared__ int flag;
        flag = 1;
        __syncthreads();
        y[64 * b + t] = flag;""",
        "race",
    ),
    "a fence before the write": (
        """
        if (t == 0) {
          __threadfence();
          y[b] = x[b];
          if (atomicAdd(&count[0], 1u) == gridDim.x - 1) y[64] = y[0] + y[1] + y[2] + y[3];
        }""",
        "race",
    ),
    "a flag without a fence": (
        """
        if (t == 0) {
          y[b] = x[b];
          *(volatile unsigned int*)&count[b] = 1;
          if (b > 0 && *(volatile unsigned int*)&count[b - 1] <= 1) y[64 + b] = y[b - 1];
        }""",
        "race",
    ),
    "another block's elements": ("y[64 * b + t] = 1; if (t == 0) y[(64 * b + 64) % 256] = 2;", "race"),
    "initialised by the first block for all": ("if (b == 0) y[t] = 0; else if (b == 1) y[64 + t] = y[t];", "race"),
    "memset and a write": ("if (t == 0 && b == 0) memset(y, 0, 256); if (b == 1 && t < 64) y[t] = 1;", "race"),
    "part of a struct is read before it is written": (
        """
        __shared__ float2 pair[64];
        pair[t].x = x[t];
        __syncthreads();
        y[64 * b + t] = pair[63 - t].x + pair[63 - t].y;""",
        "uninitialised",
    ),
    "the last of a block's bytes": (
        """
        __shared__ __align__(16) unsigned char s[256];
        for (int k = 0; k < 3; ++k) s[4 * t + k] = k;
        __syncthreads();
        y[64 * b + t] = (float)reinterpret_cast<int*>(s)[63 - t];""",
        "uninitialised",
    ),
    "what the block before left in shared memory": (
        """
        __shared__ float s[64];
        if (b == 0) s[t] = x[t];
        __syncthreads();
        y[64 * b + t] = s[t];""",
        "uninitialised",
    ),
}


@pytest.fixture(scope="module")
def module(compiled):
    bodies = [*RIGHT.values(), *(body for body, _ in WRONG.values())]
    source = "".join(KERNEL.format(k=k, parameters=PARAMETERS, body=body) for k, body in enumerate(bodies))
    return compiled(source, "races.cu", True)


def run(module, k, order, seed=3):
    x, y = np.arange(256, dtype=np.float32), sim.poison(256)
    count, flags = np.zeros(64, np.uint32), np.zeros(256, np.uint8)
    module.kernel(f"k_{k}")((4,), (64,), (x, y, count, flags), order=order, seed=seed)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", RIGHT)
def test_no_false_alarm(module, name, order):
    run(module, list(RIGHT).index(name), order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", WRONG)
def test_found(module, name, order):
    with pytest.raises(sim.KernelError) as caught:
        run(module, len(RIGHT) + list(WRONG).index(name), order)
    assert caught.value.finding.kind == WRONG[name][1], caught.value


def test_a_race_names_both_parties(module):
    with pytest.raises(sim.KernelError) as caught:
        run(module, len(RIGHT) + list(WRONG).index("a write after reads by a whole warp"), "forward")
    found = caught.value.finding
    assert (found.block, found.thread) == ((0, 0, 0), (7, 0, 0))
    assert found.other_block == (0, 0, 0)
    assert found.other_thread in {(3 + 8 * k, 0, 0) for k in range(8)}
    assert found.other_line == found.line - 1
    assert f"at line {found.other_line}, and thread (7, 0, 0) of block (0, 0, 0) writes it at line" in found.message


def test_findings_do_not_outlive_their_launch(module):
    """A wrong kernel, then a right one, on the same worker."""
    for _ in range(3):
        with pytest.raises(sim.KernelError):
            run(module, len(RIGHT), "forward")
        run(module, 0, "forward")


def test_memory_that_was_poisoned_is_known_again_in_copies_and_views(compiled):
    source = 'extern "C" __global__ void add(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] + 1.0f; }'
    kernel = compiled(source, check=True).kernel("add")
    whole = sim.poison((4, 8))
    whole[1] = 0
    y = np.zeros(8, np.float32)
    kernel((1,), (8,), (whole[1], y))
    for x in (whole[0], whole.copy()[2], whole[1:].ravel()[4:12]):
        with pytest.raises(sim.KernelError, match="reads x.*, which still holds what fresh memory holds") as caught:
            kernel((1,), (8,), (x, y))
        assert caught.value.finding.kind == "uninitialised"


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint32", "int64"])
def test_fresh_memory_of_other_types_is_known_too(compiled, dtype):
    kind = {"float64": "double", "int32": "int", "uint32": "unsigned", "int64": "long long"}[dtype]
    source = f'extern "C" __global__ void add({kind}* y) {{ y[threadIdx.x] += 1; }}'
    with pytest.raises(sim.KernelError, match=r"reads y\[0\], which still holds"):
        compiled(source, check=True).kernel("add")((1,), (8,), (sim.poison(8, dtype),))
    compiled(source, check=True).kernel("add")((1,), (8,), (np.zeros(8, dtype),))
