"""Lesson 11, Write the kernels: a draw, a sum by many threads, a step of Adam and a tiled product, in CUDA C."""

from __future__ import annotations

import numpy as np

from minivae.cuda.registry import cdiv
from minivae.learn.exercise import Cuda, Exercise, Misconception
from minivae.learn.exercises.sums_of_lesson11 import ALL_WAIT, HALF, ROW_KL, WAIT, WARP_KL
from minivae.learn.inputs import normal, number, uniform

GUARD = (
    "The grid has whole blocks, so there are more threads than numbers: the last block's last threads have nothing to "
    "do. Let only those work whose index is below the size: `if (i < n)`, not `<=`."
)
INDEX = (
    "`threadIdx.x` begins at 0 again in every block. The index over all blocks is `blockIdx.x * blockDim.x + "
    "threadIdx.x`: so many whole blocks before mine, then my place in it."
)


def reparameterize(mu, logvar, eps):
    """A sample of N(mu, exp(logvar)), from eps drawn from N(0, I): (n,), three times -> z : (n,)."""
    return mu + np.exp(0.5 * logvar) * eps


REPARAMETERIZE = Exercise(
    ref="11/reparameterize",
    solution=reparameterize,
    cuda=Cuda(
        r"""
__global__ void reparameterize(const float* mu, const float* logvar, const float* eps, float* z, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) z[i] = mu[i] + expf(0.5f * logvar[i]) * eps[i];
}
""",
        grid=lambda n: (cdiv(n, 256),),
        block=(256,),
    ),
    inputs=dict(mu=normal("n"), logvar=uniform("n", -3, 1), eps=normal("n")),
    sizes={"n": (1009, 300, 256, 1, 513)},
    dtypes=("float32",),
    returns="z : (n,)",
    example=([1.0, 2.0], [0.0, -1.0], [1.0, -2.0]),
    misconceptions=(
        Misconception("no-guard", GUARD, symptom="bounds"),
        Misconception("index-without-block", INDEX, symptom=("race", "schedule")),
        Misconception(
            "wrong-index",
            "Each number needs one thread. Write down for block 0 and block 1 which `i` their first threads get: with "
            "`blockIdx.x * blockDim.x + threadIdx.x` block 1 begins where block 0 ends.",
            symptom="unwritten",
        ),
        Misconception(
            "half-is-zero",
            "Every range has width 1 in your kernel, as if `logvar` were 0. " + HALF,
            lambda mu, logvar, eps: mu + eps,
        ),
        Misconception(
            "variance-for-std",
            r"You use `expf(logvar)`, which is the variance $\sigma^2$. Noise is scaled by the standard deviation: a "
            "half goes inside the `expf`.",
            lambda mu, logvar, eps: mu + np.exp(logvar) * eps,
        ),
        Misconception(
            "half-outside",
            r"You use `0.5f * expf(logvar)`: half of the variance. The square root is a half *inside* the `expf`.",
            lambda mu, logvar, eps: mu + 0.5 * np.exp(logvar) * eps,
        ),
        Misconception(
            "logvar-for-std",
            "You use `logvar` itself as the standard deviation. It is the *logarithm* of the variance: `expf` first.",
            lambda mu, logvar, eps: mu + logvar * eps,
        ),
        Misconception(
            "no-centre",
            "You scale the noise but leave out the centre, so every sample lies around 0. Add `mu[i]`.",
            lambda mu, logvar, eps: np.exp(0.5 * logvar) * eps,
        ),
    ),
    hints=(
        "Every thread runs the same lines. First it works out which number is its own, then it makes that one.",
        "Its number is `blockIdx.x * blockDim.x + threadIdx.x`, and in the last block that may be n or more: those "
        "threads leave the arrays alone.",
        "Two lines: `int i = ...;` and `if (i < n) z[i] = mu[i] + expf(0.5f * logvar[i]) * eps[i];`",
    ),
)


def adam(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    """One step: p, g, m, v: (n,) -> p, m, v; c1 = 1 - b1^t and c2 = 1 - b2^t correct the bias of the first steps."""
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    return p - lr * (m / c1) / (np.sqrt(v / c2) + tiny), m, v


def _step(p, m, v, lr, tiny, c1=1.0, c2=1.0):
    return p - lr * (m / c1) / (np.sqrt(v / c2) + tiny)


def _means(g, m, v, b1, b2):
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2


def _no_correction(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return _step(p, m, v, lr, tiny), m, v


def _half_corrected(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return _step(p, m, v, lr, tiny, c1), m, v


def _times_correction(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return _step(p, m, v, lr, tiny, 1 / c1, 1 / c2), m, v


def _tiny_inside(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return p - lr * (m / c1) / np.sqrt(v / c2 + tiny), m, v


def _uphill(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return _step(p, m, v, -lr, tiny, c1, c2), m, v


def _no_root(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)
    return p - lr * (m / c1) / (v / c2 + tiny), m, v


def _stale(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    return _step(p, m, v, lr, tiny, c1, c2), *_means(g, m, v, b1, b2)


def _forgotten(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    return adam(p, g, m, v, lr, b1, b2, tiny, c1, c2)[0], m, v


def _not_squared(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = _means(g, m, v, b1, b2)[0], b2 * v + (1 - b2) * g
    return _step(p, m, v, lr, tiny, c1, c2), m, v


def _sums(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m, v = b1 * m + g, b2 * v + g**2
    return _step(p, m, v, lr, tiny, c1, c2), m, v


ADAM = Exercise(
    ref="11/adam",
    solution=adam,
    cuda=Cuda(
        r"""
__global__ void adam(float* p, const float* g, float* m, float* v, float lr, float b1, float b2, float tiny,
                     float c1, float c2, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float m_new = b1 * m[i] + (1.0f - b1) * g[i];
  float v_new = b2 * v[i] + (1.0f - b2) * g[i] * g[i];
  m[i] = m_new;
  v[i] = v_new;
  p[i] -= lr * (m_new / c1) / (sqrtf(v_new / c2) + tiny);
}
""",
        grid=lambda n: (cdiv(n, 256),),
        block=(256,),
    ),
    inputs=dict(
        p=normal("n"),
        g=normal("n"),
        m=normal("n"),
        v=uniform("n", 0.5, 2),
        lr=number(0.2, 0.5),
        b1=number(0.5, 0.8),
        b2=number(0.6, 0.8),
        tiny=number(0.1, 0.3),
        c1=number(0.3, 0.5),
        c2=number(0.6, 0.8),
    ),
    sizes={"n": (1009, 300, 256, 1, 513)},
    dtypes=("float32",),
    returns=("p : (n,)", "m : (n,)", "v : (n,)"),
    misconceptions=(
        Misconception("no-guard", GUARD, symptom="bounds"),
        Misconception("index-without-block", INDEX, symptom=("race", "schedule")),
        Misconception(
            "no-correction",
            "The bias is not corrected. m and v began at 0, so in the first steps they are too small: divide m by `c1` "
            "and v by `c2` before you use them.",
            _no_correction,
        ),
        Misconception(
            "half-corrected",
            "m is corrected, v is not. Both began at 0: divide v by `c2`, inside the root.",
            _half_corrected,
        ),
        Misconception(
            "times-correction",
            "You multiply by `c1` and `c2`. They are below 1 and m and v are too *small*: divide.",
            _times_correction,
        ),
        Misconception(
            "tiny-inside",
            r"`tiny` stands inside the root. It belongs outside, $\sqrt{v} + \mathrm{tiny}$: inside, it would be a "
            r"guard of $\sqrt{\mathrm{tiny}}$, ten thousand times larger at 1e-8.",
            _tiny_inside,
        ),
        Misconception("uphill", "The sign of the step is turned: go *against* the gradient, `p[i] -= ...`.", _uphill),
        Misconception(
            "no-root", "The root of v is missing: v is a mean of *squares*, and has to come back to m's unit.", _no_root
        ),
        Misconception(
            "old-means",
            "The step is made with m and v as they came in. First bring them up to date, then step with the new ones.",
            _stale,
        ),
        Misconception(
            "means-not-kept",
            "The step is right, and m and v are forgotten: they live in registers and end with the thread. Write them "
            "back to `m[i]` and `v[i]` for the next step.",
            _forgotten,
        ),
        Misconception("g-not-squared", "v is a mean of the *squares* of the gradient: `g[i] * g[i]`.", _not_squared),
        Misconception(
            "sums-for-means",
            "Your m and v are decaying sums: the factors `1 - b1` and `1 - b2` before the new gradient are missing.",
            _sums,
        ),
    ),
    hints=(
        "One thread, one parameter: it reads p, g, m and v of its own index once, and writes p, m and v once.",
        "New m: `b1 * m[i] + (1.0f - b1) * g[i]`; new v likewise with `g[i] * g[i]`. Keep both in variables of the "
        "thread, and write them back too.",
        "`p[i] -= lr * (m_new / c1) / (sqrtf(v_new / c2) + tiny);`",
    ),
)


def matmul(a, b):
    """(M, K), (K, N) -> (M, N)."""
    return a @ b


def _tiles(a, b, used):
    """The product, with the strip of K cut into tiles of 16 of which some are used: a function of their number."""
    return sum((a[:, k : k + 16] @ b[k : k + 16] for k in used(range(0, a.shape[1], 16))), 0 * a[:, :1] * b[:1])


def _blocks(a, b, product):
    """The product as blocks of 16 x 16 make it, if `product` is what a block does with its two tiles."""
    sizes = [cdiv(n, 16) * 16 for n in (*a.shape, b.shape[1])]
    left, right = np.zeros(sizes[:2]), np.zeros(sizes[1:])
    left[: a.shape[0], : a.shape[1]], right[: b.shape[0], : b.shape[1]] = a, b
    y = np.zeros((sizes[0], sizes[2]))
    for m in range(0, sizes[0], 16):
        for n in range(0, sizes[2], 16):
            for k in range(0, sizes[1], 16):
                y[m : m + 16, n : n + 16] += product(left[m : m + 16, k : k + 16], right[k : k + 16, n : n + 16])
    return y[: a.shape[0], : b.shape[1]]


MATMUL = Exercise(
    ref="11/matmul",
    solution=matmul,
    cuda=Cuda(
        r"""
__global__ void matmul(const float* a, const float* b, float* y, int M, int N, int K) {
  __shared__ float a_tile[16][16], b_tile[16][16];
  int row = threadIdx.y, column = threadIdx.x;
  int m = blockIdx.y * 16 + row, n = blockIdx.x * 16 + column;
  float sum = 0.0f;
  for (int first = 0; first < K; first += 16) {
    a_tile[row][column] = m < M && first + column < K ? a[m * K + first + column] : 0.0f;
    b_tile[row][column] = first + row < K && n < N ? b[(first + row) * N + n] : 0.0f;
    __syncthreads();
    for (int k = 0; k < 16; ++k) sum += a_tile[row][k] * b_tile[k][column];
    __syncthreads();
  }
  if (m < M && n < N) y[m * N + n] = sum;
}
""",
        grid=lambda M, N: (cdiv(N, 16), cdiv(M, 16)),
        block=(16, 16),
        holds="__shared__",
    ),
    inputs=dict(a=normal("M K"), b=normal("K N")),
    sizes={"M": (21, 16, 5, 1, 33), "K": (37, 16, 20, 1, 8), "N": (67, 32, 40, 1, 17)},
    dtypes=("float32",),
    returns="y : (M, N)",
    example=([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 2.0]]),
    misconceptions=(
        Misconception(
            "missing-barrier",
            WAIT + " A tile needs two: one when it is complete, and one when all have used it.",
            symptom="race:shared",
        ),
        Misconception("early-return", ALL_WAIT, symptom="barrier"),
        Misconception(
            "no-guard",
            "Sizes are seldom multiples of 16, so some tiles hang over the edge of a matrix. What lies outside is not "
            "there to be read or written: take 0 for it, and write only where `m < M && n < N`.",
            symptom=("bounds", "race:y"),
        ),
        Misconception(
            "edge-not-zero",
            "Where a tile hangs over the edge you leave shared memory as it is, and it begins with garbage. Put a 0 "
            "there: it adds nothing to the sum.",
            symptom="uninitialised:shared",
        ),
        Misconception(
            "grid-swapped",
            "Some numbers of y have no thread. The grid is `(N / 16, M / 16)`, rounded up: x runs along the *columns* "
            "and y along the rows, as in `n = blockIdx.x * 16 + threadIdx.x`.",
            symptom="unwritten",
        ),
        Misconception(
            "first-tile-only",
            "Only the first 16 of the K products come in. Loop over tiles: `for (int first = 0; first < K; first += "
            "16)`.",
            lambda a, b: _tiles(a, b, lambda tiles: tiles[:1]),
        ),
        Misconception(
            "last-tile-only",
            "Only the last tile comes in: the sum begins at 0 again for each. Declare it before the loop over tiles.",
            lambda a, b: _tiles(a, b, lambda tiles: tiles[-1:]),
        ),
        Misconception(
            "rest-lost",
            "The last tile is lost where K is no multiple of 16: `K / 16` rounds down. Go on while `first < K`.",
            lambda a, b: _tiles(a, b, lambda tiles: [k for k in tiles if k + 16 <= a.shape[1]]),
        ),
        Misconception(
            "tile-turned",
            "The tile of b is read with row and column exchanged. The sum runs down a *column* of b: "
            "`b_tile[k][column]`.",
            lambda a, b: _blocks(a, b, lambda left, right: left @ right.T),
        ),
        Misconception(
            "elementwise",
            "You multiply number by number. Each thread needs a whole row of one tile and a whole column of the other: "
            "a loop over k, 16 rounds.",
            lambda a, b: _blocks(a, b, lambda left, right: left * right),
        ),
        Misconception(
            "not-tiled",
            "The numbers are right, and every one of them was fetched from memory anew for each product. Bring tiles "
            "into `__shared__` memory and use them from there.",
            symptom="lacks",
        ),
    ),
    hints=(
        "A block makes 16 x 16 numbers of y. For each tile along K, every thread brings one number of a and one of b.",
        "Bring, wait, multiply 16 times, wait, next tile. What lies outside of a matrix is brought as 0, so that no "
        "thread has to leave before a barrier.",
        "`a_tile[row][column] = m < M && first + column < K ? a[m * K + first + column] : 0.0f;`, for b likewise with "
        "`first + row` and `n`; then `sum += a_tile[row][k] * b_tile[k][column];`",
    ),
)

EXERCISES = (REPARAMETERIZE, ROW_KL, WARP_KL, ADAM, MATMUL)
