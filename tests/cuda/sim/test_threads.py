"""What a kernel sees of CUDA: indices, barriers, warps, atomics, memory; in the fast and in the checking build."""

import numpy as np
import pytest

from minivae.cuda import sim

ALL = 0xFFFFFFFF

SOURCE = r"""
constexpr unsigned ALL = 0xffffffffu;

extern "C" __global__ void places(unsigned* out) {  // one row a thread: its indices, and the dimensions
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  unsigned* row = out + 12 * (block * blockDim.x * blockDim.y * blockDim.z + t);
  row[0] = threadIdx.x; row[1] = threadIdx.y; row[2] = threadIdx.z;
  row[3] = blockIdx.x; row[4] = blockIdx.y; row[5] = blockIdx.z;
  row[6] = blockDim.x; row[7] = blockDim.y; row[8] = blockDim.z;
  row[9] = gridDim.x; row[10] = gridDim.y; row[11] = gridDim.z;
}

extern "C" __global__ void shuffles(const int* v, int* out, int by, int width) {
  const int t = threadIdx.x;
  out[t] = __shfl_sync(ALL, v[t], by, width);
  out[32 + t] = __shfl_up_sync(ALL, v[t], by, width);
  out[64 + t] = __shfl_down_sync(ALL, v[t], by, width);
  out[96 + t] = __shfl_xor_sync(ALL, v[t], by, width);
}

extern "C" __global__ void shuffles_of_every_type(double* d, long long* l, float* f, unsigned* u) {
  const int t = threadIdx.x, s = 31 - t;
  d[t] = __shfl_sync(ALL, t + 0.5, s);
  l[t] = __shfl_sync(ALL, (1ll << 40) + t, s);
  f[t] = __shfl_sync(ALL, t + 0.25f, s);
  u[t] = __shfl_sync(ALL, 0x80000000u + t, s);
}

extern "C" __global__ void votes(const int* v, unsigned* out) {
  const int t = threadIdx.x;
  out[t] = __ballot_sync(ALL, v[t] > 0);
  out[32 + t] = __any_sync(ALL, v[t] > 30) ? 1 : 0;
  out[64 + t] = __all_sync(ALL, v[t] > -1) ? 1 : 0;
  out[96 + t] = __all_sync(ALL, v[t] > 3) ? 1 : 0;
  out[128 + t] = __match_any_sync(ALL, v[t] % 3);
}

// The halves of a warp go round a different number of times, each with a mask of its own.
extern "C" __global__ void halves(float* out) {
  const int t = threadIdx.x;
  const unsigned mask = t < 16 ? 0x0000ffffu : 0xffff0000u;
  float sum = t;
  for (int k = 0; k < (t < 16 ? 4 : 1); ++k) sum += __shfl_xor_sync(mask, sum, 1 << k);
  out[t] = sum;
}

extern "C" __global__ void block_votes(const int* v, int* out) {
  const int t = threadIdx.x;
  out[3 * t] = __syncthreads_count(v[t] > 2);
  out[3 * t + 1] = __syncthreads_and(v[t] > 2);
  out[3 * t + 2] = __syncthreads_or(v[t] > 2);
}

template <class T> __device__ void each_atomic(T* a, T v) {
  atomicAdd(&a[0], v);
  atomicMax(&a[1], v);
  atomicMin(&a[2], v);
  atomicOr(&a[3], v);
  atomicXor(&a[4], v);
  atomicAnd(&a[5], v);
}
extern "C" __global__ void atomics(int* i, unsigned* u, unsigned long long* ull, float* f, double* d) {
  const int t = threadIdx.x;
  each_atomic<int>(i, t - 20);
  each_atomic<unsigned>(u, (unsigned)t);
  each_atomic<unsigned long long>(ull, (unsigned long long)t << 33);
  atomicSub(&i[6], t);
  atomicInc(&u[6], 40u);
  atomicDec(&u[7], 40u);
  atomicAdd(f, 0.5f * t);
  atomicAdd(d, 0.5 * t);
  int old = i[7], seen;
  if (t == 5) {
    do { seen = old; old = atomicCAS(&i[7], seen, seen + 3); } while (old != seen);
    atomicExch(&i[8], 77);
  }
}

// A lock: correct on GPUs whose lanes go their own ways, endless on one that never lets another thread run.
extern "C" __global__ void lock(int* held, int* count) {
  bool done = false;
  while (!done) {
    if (atomicCAS(held, 0, 1) == 0) {
      atomicAdd(count, 1);
      __threadfence();
      atomicExch(held, 0);
      done = true;
    }
  }
}

struct Shape { int rows, columns; float scale, unused[30]; };
extern "C" __global__ void by_value(const float* x, float* y, const Shape shape, const float4 add, bool negate) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < shape.rows * shape.columns) y[i] = (negate ? -1.0f : 1.0f) * x[i] * shape.scale + add.x + add.w;
}

__constant__ float weights[4] = {1.0f, 2.0f, 3.0f, 4.0f};
__device__ int launches = 0;
extern "C" __global__ void variables(float* y) {
  static const float table[4] = {10.0f, 20.0f, 30.0f, 40.0f};
  if (threadIdx.x == 0) atomicAdd(&launches, 1);
  y[threadIdx.x] = weights[threadIdx.x % 4] + table[threadIdx.x % 4];
}

template <int T> __device__ float mirrored(float v) {
  __shared__ float s[T];
  s[threadIdx.x] = v;
  __syncthreads();
  const float out = s[T - 1 - threadIdx.x];
  __syncthreads();
  return out;
}
extern "C" __global__ void templates(const float* x, float* y) {
  y[threadIdx.x] = mirrored<64>(x[threadIdx.x]) + 1000.0f * mirrored<64>(x[threadIdx.x]);
}

extern "C" __global__ void carved(const float* x, float* sums, int* counts, int n) {  // two arrays in dynamic memory
  extern __shared__ __align__(16) unsigned char raw[];
  float* s = reinterpret_cast<float*>(raw);
  int* c = reinterpret_cast<int*>(raw + blockDim.x * sizeof(float));
  const int t = threadIdx.x;
  s[t] = 0.0f;
  c[t] = 0;
  for (int i = t; i < n; i += blockDim.x) { s[t] += x[i]; c[t] += 1; }
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (t < half) { s[t] += s[t + half]; c[t] += c[t + half]; }
    __syncthreads();
  }
  if (t == 0) { *sums = s[0]; *counts = c[0]; }
}

extern "C" __global__ void says(int n) {
  if (threadIdx.x == 0) printf("block %d of %d: %s %.2f\n", (int)blockIdx.x, n, "half", 0.5);
}

extern "C" __global__ void copies(const float* x, float* y) {
  float row[8];
  memcpy(row, x + 8 * threadIdx.x, sizeof row);
  memset(y + 8 * threadIdx.x, 0, 4 * sizeof(float));
  for (int k = 4; k < 8; ++k) __stcs(&y[8 * threadIdx.x + k], __ldg(&row[k]) + __ldcs(&x[8 * threadIdx.x + k]));
}
"""


@pytest.fixture(params=[False, True], ids=["fast", "check"], scope="module")
def module(compiled, request):
    return compiled(SOURCE, "threads.cu", request.param)


def lanes(values, dtype=np.int32):
    return np.array(values, dtype)


class TestIndices:
    @pytest.mark.parametrize(("grid", "block"), [((2,), (5,)), ((2, 3), (4, 2)), ((2, 1, 3), (3, 2, 2)), ((1,), (1,))])
    def test_each_thread_knows_its_place(self, module, grid, block):
        g, b = ((*shape, 1, 1)[:3] for shape in (grid, block))
        out = np.zeros((*g[::-1], *b[::-1], 12), np.uint32)
        module.kernel("places")(grid, block, (out,))
        for place in np.ndindex(out.shape[:-1]):
            (bz, by, bx), (tz, ty, tx) = place[:3], place[3:]
            assert tuple(out[place]) == (tx, ty, tz, bx, by, bz, *b, *g)

    def test_a_block_of_1024_threads_and_many_blocks(self, module):
        out = np.zeros((70, 1024, 12), np.uint32)
        module.kernel("places")((70,), (1024,), (out,))
        assert np.array_equal(out[..., 0], np.tile(np.arange(1024), (70, 1)))
        assert np.array_equal(out[:, 0, 3], np.arange(70))


class TestWarps:
    @pytest.mark.parametrize("width", [32, 16, 8, 2])
    @pytest.mark.parametrize("by", [0, 1, 3, 16, 31])
    def test_shuffles_read_the_lane_that_cuda_says(self, module, by, width):
        v, out = np.arange(100, 132, dtype=np.int32), np.zeros((4, 32), np.int32)
        module.kernel("shuffles")((1,), (32,), (v, out, np.int32(by), np.int32(width)))
        lane = np.arange(32)
        first = lane // width * width
        up, down, flip = lane - by, lane + by, lane ^ by
        assert np.array_equal(out[0], v[first + by % width])
        assert np.array_equal(out[1], v[np.where(up < first, lane, up)])
        assert np.array_equal(out[2], v[np.where(down >= first + width, lane, down)])
        assert np.array_equal(out[3], v[np.where(flip >= first + width, lane, flip)])

    def test_shuffles_move_every_type_whole(self, module):
        d, i = np.zeros(32), np.zeros(32, np.int64)
        f, u = np.zeros(32, np.float32), np.zeros(32, np.uint32)
        module.kernel("shuffles_of_every_type")((1,), (32,), (d, i, f, u))
        back = np.arange(32)[::-1]
        assert np.array_equal(d, back + 0.5)
        assert np.array_equal(i, back + 2**40)
        assert np.array_equal(f, back + np.float32(0.25))
        assert np.array_equal(u, back.astype(np.uint32) + np.uint32(2**31))

    def test_votes(self, module):
        v = np.arange(32, dtype=np.int32)
        out = np.zeros((5, 32), np.uint32)
        module.kernel("votes")((1,), (32,), (v, out))
        assert set(out[0]) == {ALL - 1}
        assert [set(row) for row in out[1:4]] == [{1}, {1}, {0}]
        third = [sum(1 << k for k in range(32) if k % 3 == rest) for rest in range(3)]
        assert list(out[4]) == [third[k % 3] for k in range(32)]

    @pytest.mark.parametrize("order", ["forward", "reverse", "random"])
    def test_halves_of_a_warp_go_their_own_ways(self, module, order):
        out = np.zeros(32, np.float32)
        module.kernel("halves")((1,), (32,), (out,), order=order)
        assert set(out[:16]) == {sum(range(16))}
        assert list(out[16:]) == [k + (k ^ 1) for k in range(16, 32)]


class TestBlocks:
    def test_a_barrier_counts_votes(self, module):
        v, out = np.arange(40, dtype=np.int32) % 5, np.zeros((40, 3), np.int32)
        module.kernel("block_votes")((1,), (40,), (v, out))
        assert {tuple(row) for row in out} == {(16, 0, 1)}

    @pytest.mark.parametrize("order", ["forward", "reverse", "random"])
    def test_shared_memory_of_a_template_function_is_its_own(self, module, order):
        x, y = np.arange(64, dtype=np.float32), sim.poison(64)
        module.kernel("templates")((1,), (64,), (x, y), order=order)
        assert np.array_equal(y, 1001 * x[::-1])

    def test_two_arrays_carved_from_dynamic_memory(self, module):
        x, total, count = np.arange(1000, dtype=np.float32), np.zeros(1, np.float32), np.zeros(1, np.int32)
        module.kernel("carved")((1,), (128,), (x, total, count, np.int32(1000)), shared_mem=128 * 8)
        assert (total[0], count[0]) == (499_500, 1000)


class TestAtomics:
    @pytest.mark.parametrize("order", ["forward", "random"])
    def test_each_does_what_it_is_called(self, module, order):
        t = np.arange(50)
        i = np.array([5, -100, 100, 0, 0, -1, 0, 1, 0], np.int32)
        u = np.array([5, 0, 100, 0, 0, 255, 0, 0], np.uint32)
        ull = np.array([5, 0, 2**60, 0, 0, 2**63], np.uint64)
        f, d = np.zeros(1, np.float32), np.zeros(1)
        module.kernel("atomics")((1,), (50,), (i, u, ull, f, d), order=order)
        s, w = t - 20, t.astype(np.uint64) << np.uint64(33)

        def bits(op, values, start):
            return op.reduce([start, *values])

        assert list(i) == [
            *(5 + s.sum(), s.max(), s.min(), bits(np.bitwise_or, s, 0), bits(np.bitwise_xor, s, 0)),
            *(bits(np.bitwise_and, s, -1), -t.sum(), 4, 77),
        ]
        # atomicInc goes 0, 1 ... 40, 0 ..., atomicDec the other way round
        assert list(u) == [
            *(5 + t.sum(), 49, 0, bits(np.bitwise_or, t, 0), bits(np.bitwise_xor, t, 0), 0, 50 % 41, -50 % 41)
        ]
        assert list(ull) == [5 + w.sum(), w.max(), 0, bits(np.bitwise_or, w, np.uint64(0)), np.bitwise_xor.reduce(w), 0]
        assert (f[0], d[0]) == (t.sum() / 2, t.sum() / 2)

    @pytest.mark.parametrize("order", ["forward", "reverse", "random"])
    def test_a_lock_is_waited_for(self, module, order):
        held, count = np.zeros(1, np.int32), np.zeros(1, np.int32)
        module.kernel("lock")((3,), (64,), (held, count), order=order)
        assert (held[0], count[0]) == (0, 192)


class TestMemory:
    def test_structs_vectors_and_bools_come_by_value(self, module):
        x, y = np.arange(12, dtype=np.float32), sim.poison(12)
        fields = [("rows", "i4"), ("columns", "i4"), ("scale", "f4"), ("unused", "f4", 30)]
        shape = np.array((3, 4, 0.5, np.zeros(30)), fields)
        four = np.array((1, 2, 3, 4), "f4,f4,f4,f4")
        module.kernel("by_value")((1,), (32,), (x, y, shape[()], four[()], np.True_))
        assert np.array_equal(y, -0.5 * x + 5)

    def test_variables_are_a_modules_own_and_keep_their_values(self, module):
        other = sim.Module(SOURCE, "threads.cu", check=module.check)
        y = sim.poison(8)
        before = int(module.variable("launches", "int32")[0])
        for _ in range(3):
            module.kernel("variables")((1,), (8,), (y,))
        assert np.array_equal(y, [11, 22, 33, 44] * 2)
        assert module.variable("launches", np.int32)[0] == before + 3
        assert other.variable("launches", np.int32)[0] == 0
        other.variable("weights", np.float32)[:] = 0
        other.kernel("variables")((1,), (8,), (y,))
        assert np.array_equal(y, [10, 20, 30, 40] * 2)
        with pytest.raises(sim.SimulatorError, match="no __device__ variable 'bias'; there is weights, launches"):
            module.variable("bias", np.float32)

    def test_copies_and_loads_with_hints(self, module):
        x, y = np.arange(32, dtype=np.float32), sim.poison(32)
        module.kernel("copies")((1,), (4,), (x, y))
        want = 2 * x.reshape(4, 8)
        want[:, :4] = 0
        assert np.array_equal(y, want.ravel())


class TestPrintf:
    def test_it_goes_to_where_python_prints(self, module, capsys):
        module.kernel("says")((2,), (4,), (np.int32(2),))
        assert capsys.readouterr().out == "block 0 of 2: half 0.50\nblock 1 of 2: half 0.50\n"
        assert module.printed() == ""


class TestOrders:
    def test_forward_reverse_and_random_are_what_they_say(self, compiled):
        source = """
        extern "C" __global__ void turns(int* next, int* turn) {
          turn[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
          __syncthreads();
          turn[gridDim.x * blockDim.x + blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
        }
        """
        kernel = compiled(source).kernel("turns")

        def turns(**how):
            out = np.zeros((2, 5 * 7), np.int32)
            kernel((5,), (7,), (np.zeros(1, np.int32), out), **how)
            return out

        forward, back = turns(), turns(order="reverse")
        assert np.array_equal(forward[0].reshape(5, 7), np.arange(7) + 14 * np.arange(5)[:, None])
        assert np.array_equal(forward[0][::-1], back[0])
        shuffled = [turns(order="random", seed=seed) for seed in range(3)]
        for out in (forward, back, *shuffled):
            assert sorted(out.ravel()) == list(range(70))
        for out in shuffled:  # blocks, threads, and threads after the barrier, each in an order of their own
            assert not np.array_equal(np.argsort(out[0].reshape(5, 7)[:, 0]), np.arange(5))
            assert not np.array_equal(out[0].argsort(), out[1].argsort())
        assert np.array_equal(shuffled[1], turns(order="random", seed=1))
        assert not np.array_equal(shuffled[1], shuffled[2])

    def test_any_number_of_workers_gives_the_same(self, compiled):
        kernel = compiled(SOURCE, "threads.cu", False).kernel("templates")
        x, want, got = np.arange(64, dtype=np.float32), sim.poison(64), sim.poison(64)
        kernel((1,), (64,), (x, want), threads=1)
        for threads in (2, 3, 100):
            out = np.zeros((70, 256, 12), np.uint32)
            compiled(SOURCE, "threads.cu", False).kernel("places")((70,), (256,), (out,), threads=threads)
            assert np.array_equal(out[:, 0, 3], np.arange(70))
            kernel((1,), (64,), (x, got), threads=threads)
            assert np.array_equal(got, want)

    def test_sums_by_atomics_are_the_same_to_the_bit_unless_workers_are_asked_for(self, compiled):
        source = """
        extern "C" __global__ void sum(const float* x, float* y, int n) {
          const int i = blockIdx.x * blockDim.x + threadIdx.x;
          if (i < n) atomicAdd(y, x[i]);
        }
        """
        kernel = compiled(source).kernel("sum")
        x = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)

        def total():
            y = np.zeros(1, np.float32)
            kernel((80,), (256,), (x, y, np.int32(x.size)))
            return y[0]

        assert len({total() for _ in range(5)}) == 1
