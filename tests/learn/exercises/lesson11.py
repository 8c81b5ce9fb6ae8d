"""Lesson 11: many right kernels are taken, and each known mistake meets the hint about that mistake."""

from minivae.learn.exercises.lesson11 import ADAM, MATMUL, REPARAMETERIZE, ROW_KL, WARP_KL


def but(exercise, *changes):
    """The solution with some texts replaced by others; each has to be there."""
    source = exercise.cuda.source
    for old, new in changes:
        assert old in source, f"{old!r} is not in the solution of {exercise.ref}"
        source = source.replace(old, new)
    return source


def draw(*changes):
    return but(REPARAMETERIZE, *changes)


STRIDE = r"""
__global__ void stride(const float* __restrict__ mu, const float* __restrict__ lv, const float* __restrict__ e,
                       float* __restrict__ out, int count) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
    out[i] = fmaf(expf(lv[i] / 2), e[i], mu[i]);
}
"""

REPARAMETERIZE_RIGHT = {
    "the solution": REPARAMETERIZE.cuda.source,
    "a loop over the grid, other names, restrict": STRIDE,
    "returns early": draw(("if (i < n) ", "if (i >= n) return;\n  ")),
    "root of the variance": draw(("expf(0.5f * logvar[i])", "sqrtf(expf(logvar[i]))")),
    "a block size of its own, and size_t": draw(
        ("int i = blockIdx.x * blockDim.x", "const size_t i = (size_t)blockIdx.x * 256")
    ),
    "as the library has it": draw(("__global__ void", 'extern "C" __global__ void __launch_bounds__(256)')),
    "a function of its own": "__device__ float half_exp(float a) { return expf(0.5f * a); }\n"
    + draw(("expf(0.5f * logvar[i])", "half_exp(logvar[i])")),
    "without const": draw(("const float*", "float*")),
}

REPARAMETERIZE_WRONG = {
    "no-guard": draw(("if (i < n) ", "")),
    "no-guard (one too many)": draw(("i < n", "i <= n")),
    "index-without-block": draw(("blockIdx.x * blockDim.x + ", "")),
    "wrong-index": draw(("blockIdx.x * blockDim.x + threadIdx.x", "blockIdx.x + blockDim.x * threadIdx.x")),
    "wrong-index (a block of 128)": draw(("* blockDim.x", "* 512")),
    "half-is-zero": draw(("0.5f", "1 / 2")),
    "variance-for-std": draw(("0.5f * ", "")),
    "half-outside": draw(("expf(0.5f * logvar[i])", "0.5f * expf(logvar[i])")),
    "logvar-for-std": draw(("expf(0.5f * logvar[i])", "logvar[i]")),
    "no-centre": draw(("mu[i] + ", "")),
    "compile": draw(("float* eps", "float* noise")),
    "compile (never closed)": draw(("\n}\n", "\n")),
    "arguments": draw(("const float* eps, ", ""), ("eps[i]", "1.0f")),
    "not-callable": 3.0,
    "not-callable (in Python)": lambda mu, logvar, eps: mu,
    "changes:mu": draw(("const float* mu", "float* mu"), ("\n}", "\n  if (i < n) mu[i] = 0.0f;\n}")),
    "const:mu": draw(("\n}", "\n  if (i < n) ((float*)mu)[i] = 0.0f;\n}")),
    "endless": draw(("if (i < n) ", "for (volatile int k = 0; k < 1; k = 0)\n  if (i < n) ")),
    "values": draw(("mu[i]", "2.0f * mu[i]")),
}


def tree(*changes):
    return but(ROW_KL, *changes)


LOOP = """for (int half = 64; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }"""
SHARE = "part[t] = sum;\n  __syncthreads();\n"
SUM = "0.5f * (mu[row + l] * mu[row + l] + expf(logvar[row + l]) - 1.0f - logvar[row + l])"

ROW_KL_RIGHT = {
    "the solution": ROW_KL.cuda.source,
    "neighbours first, as in Harris's first kernel": tree(
        (
            LOOP,
            "for (int s = 1; s < 128; s *= 2) {\n    if (t % (2 * s) == 0) part[t] += part[t + s];\n"
            "    __syncthreads();\n  }",
        )
    ),
    "one thread adds the shares": tree((LOOP, "if (t == 0) for (int k = 1; k < 128; ++k) part[0] += part[k];")),
    "an atomic on shared memory": tree(
        ("part[128]", "part[1]"),
        (SHARE, "if (t == 0) part[0] = 0;\n  __syncthreads();\n  atomicAdd(part, sum);\n"),
        (LOOP, "__syncthreads();"),
    ),
    "the barrier first in the loop": tree(
        (SHARE, "part[t] = sum;\n"),
        (
            LOOP,
            "for (int half = 64; half > 0; half /= 2) {\n    __syncthreads();\n"
            "    if (t < half) part[t] += part[t + half];\n  }",
        ),
    ),
    "the last rounds by shuffles": tree(
        (
            LOOP,
            "if (t < 32) {\n    sum = part[t] + part[t + 32] + part[t + 64] + part[t + 96];\n"
            "    for (int h = 16; h; h /= 2) sum += __shfl_down_sync(0xffffffffu, sum, h);\n"
            "    if (t == 0) part[0] = sum;\n  }",
        ),
    ),
    "the half at the end": tree(("sum += 0.5f * ", "sum += "), ("= part[0]", "= 0.5f * part[0]")),
}

ROW_KL_WRONG = {
    "missing-barrier": tree((SHARE, "part[t] = sum;\n")),
    "missing-barrier (in the loop)": tree(("t + half];\n    __syncthreads();", "t + half];")),
    "missing-barrier (the last warp goes in step)": tree(
        ("t + half];\n    __syncthreads();", "t + half];\n    if (half > 32) __syncthreads();")
    ),
    "divergent-barrier": tree(
        (
            "if (t < half) part[t] += part[t + half];\n    __syncthreads();",
            "if (t < half) {\n      part[t] += part[t + half];\n      __syncthreads();\n    }",
        )
    ),
    "divergent-barrier (some returned)": tree(("  float sum", "  if (t >= L) return;\n  float sum")),
    "many-writers": tree(
        (LOOP, "kl[blockIdx.x] = 0;\n  __syncthreads();\n  kl[blockIdx.x] += part[t];"),
        ("if (t == 0) kl[blockIdx.x] = part[0];", ""),
    ),
    "result-not-begun": tree(
        (LOOP, "atomicAdd(&kl[blockIdx.x], part[t]);"), ("if (t == 0) kl[blockIdx.x] = part[0];", "")
    ),
    "part-not-begun": tree(("part[t] = sum;", "if (t < L) part[t] = sum;")),
    "tree-too-tall": tree(("half = 64", "half = 128")),
    "past-the-row": tree(("l < L", "l <= L")),
    "one-pass": tree(("l += 128", "l += 1 << 20")),
    "one-pass (an if)": tree(("for (int l = t; l < L; l += 128)", "int l = t;\n  if (l < L)")),
    "tree-stops-early": tree(("half > 0", "half > 1")),
    "always-row-0": tree(("row = blockIdx.x * L", "row = 0")),
    "half-is-zero": tree(("0.5f", "1 / 2")),
    "no-half": tree(("0.5f * ", "")),
    "mean-over-code": tree(("= part[0]", "= part[0] / L")),
    "std-for-variance": tree(("expf(", "expf(0.5f * ")),
    "not-shared": f"__global__ void f(const float* mu, const float* logvar, float* kl, int L) {{\n"
    f"  int row = blockIdx.x * L;\n  float sum = 0;\n  if (threadIdx.x) return;\n"
    f"  for (int l = 0; l < L; ++l) sum += {SUM};\n  kl[blockIdx.x] = sum;\n}}",
    "unwritten": tree(("if (t == 0) kl", "if (t == 0 && blockIdx.x < 2) kl")),
}


def warp(*changes):
    return but(WARP_KL, *changes)


SHUFFLES = "for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);"

WARP_KL_RIGHT = {
    "the solution": WARP_KL.cuda.source,
    "by exclusive or": warp(("__shfl_down_sync", "__shfl_xor_sync")),
    "five lines": warp(
        (SHUFFLES, "".join(f"sum += __shfl_down_sync(0xffffffff, sum, {h});\n" for h in (16, 8, 4, 2, 1)))
    ),
    "from the short end": warp(("int half = 16; half > 0; half /= 2", "int half = 1; half < 32; half *= 2")),
    "nobody returns": warp(
        ("  if (b >= B) return;\n", ""),
        ("l < L; l += 32", "b < B && l < L; l += 32"),
        ("if (lane == 0)", "if (lane == 0 && b < B)"),
    ),
    "by shifts and masks": warp(("threadIdx.x % 32", "(threadIdx.x & 31)"), ("threadIdx.x / 32", "(threadIdx.x >> 5)")),
    "every lane writes into shared memory first": warp(
        (
            "if (lane == 0) kl[b] = sum;",
            "__shared__ float s[256];\n  s[threadIdx.x] = sum;\n  if (lane == 0) kl[b] = s[threadIdx.x];",
        )
    ),
}

WARP_KL_WRONG = {
    "lanes-missing": warp(("  float sum", "  if (lane >= L) return;\n  float sum")),
    "lanes-missing (in an if)": warp(("sum += __shfl", "if (lane < half) sum += __shfl")),
    "past-the-row": warp(("  if (b >= B) return;\n", "")),
    "past-the-row (one too many)": warp(("l < L", "l <= L")),
    "many-writers": warp(("if (lane == 0) ", "")),
    "many-writers (one row a block)": warp(("b = blockIdx.x * 8 + threadIdx.x / 32", "b = blockIdx.x")),
    "one-row-a-block": warp(
        ("b = blockIdx.x * 8 + threadIdx.x / 32;", "b = blockIdx.x;"),
        ("  float sum", "  if (threadIdx.x > 31) return;\n  float sum"),
    ),
    "one-pass": warp(("l += 32", "l += L")),
    "tree-stops-early": warp(("half > 0", "half > 1")),
    "tree-begins-late": warp(("half = 16", "half = 8")),
    "no-tree": warp((SHUFFLES, "sum = __shfl_sync(0xffffffffu, sum, 0);")),
    "half-is-zero": warp(("0.5f", "1 / 2")),
    "no-half": warp(("0.5f * ", "")),
    "no-shuffle": warp(
        (
            SHUFFLES,
            "__shared__ float s[256];\n  s[threadIdx.x] = sum;\n  __syncwarp();\n"
            "  if (lane == 0) for (int k = 1; k < 32; ++k) sum += s[threadIdx.x + k];",
        )
    ),
}


def step(*changes):
    return but(ADAM, *changes)


ADAM_RIGHT = {
    "the solution": ADAM.cuda.source,
    "in place": step(
        ("float m_new = b1 * m[i] + (1.0f - b1) * g[i];", "m[i] = b1 * m[i] + (1 - b1) * g[i];"),
        ("float v_new = b2 * v[i] + (1.0f - b2) * g[i] * g[i];", "v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];"),
        ("  m[i] = m_new;\n  v[i] = v_new;\n", ""),
        ("m_new", "m[i]"),
        ("v_new", "v[i]"),
    ),
    "as an average that moves": step(("b1 * m[i] + (1.0f - b1) * g[i]", "m[i] + (1 - b1) * (g[i] - m[i])")),
    "the correction of v outside of the root": step(("sqrtf(v_new / c2)", "sqrtf(v_new) / sqrtf(c2)")),
    "an if instead of a return": step(("if (i >= n) return;", "if (i < n) {"), ("\n}\n", "\n}}\n")),
    "a loop over the grid": step(
        ("int i = ", "for (int i = "),
        ("threadIdx.x;", "threadIdx.x; i < n; i += gridDim.x * blockDim.x) {"),
        ("  if (i >= n) return;\n", ""),
        ("\n}\n", "\n}}\n"),
    ),
    "one line": step(
        (
            "p[i] -= lr * (m_new / c1) / (sqrtf(v_new / c2) + tiny)",
            "p[i] = p[i] - lr / c1 * m_new / (tiny + sqrtf(v_new / c2))",
        )
    ),
}

ADAM_WRONG = {
    "no-guard": step(("if (i >= n) return;", "")),
    "no-guard (one too many)": step(("i >= n", "i > n")),
    "index-without-block": step(("blockIdx.x * blockDim.x + ", "")),
    "no-correction": step((" / c1", ""), (" / c2", "")),
    "half-corrected": step((" / c2", "")),
    "times-correction": step((" / c1", " * c1"), (" / c2", " * c2")),
    "tiny-inside": step(("sqrtf(v_new / c2) + tiny", "sqrtf(v_new / c2 + tiny)")),
    "uphill": step(("p[i] -=", "p[i] +=")),
    "no-root": step(("sqrtf(v_new / c2)", "v_new / c2")),
    "old-means": step(
        ("  p[i] -= lr * (m_new / c1) / (sqrtf(v_new / c2) + tiny);\n", ""),
        ("  m[i] = m_new;", "  p[i] -= lr * (m[i] / c1) / (sqrtf(v[i] / c2) + tiny);\n  m[i] = m_new;"),
    ),
    "means-not-kept": step(("  m[i] = m_new;\n  v[i] = v_new;\n", "")),
    "g-not-squared": step(("g[i] * g[i]", "g[i]")),
    "sums-for-means": step(("(1.0f - b1) * ", ""), ("(1.0f - b2) * ", "")),
    "compile": step(("sqrtf", "root")),
}


def tiled(*changes):
    return but(MATMUL, *changes)


A, B = (
    "m < M && first + column < K ? a[m * K + first + column] : 0.0f",
    "first + row < K && n < N ? b[(first + row) * N + n] : 0.0f",
)
NAIVE = r"""
__global__ void f(const float* a, const float* b, float* y, int M, int N, int K) {
  int m = blockIdx.y * 16 + threadIdx.y, n = blockIdx.x * 16 + threadIdx.x;
  if (m >= M || n >= N) return;
  float sum = 0;
  for (int k = 0; k < K; ++k) sum += a[m * K + k] * b[k * N + n];
  y[m * N + n] = sum;
}
"""

MATMUL_RIGHT = {
    "the solution": MATMUL.cuda.source,
    "indices kept inside, products with 0": tiled(
        (A, "(m < M && first + column < K) * a[min(m, M - 1) * K + min(first + column, K - 1)]")
    ),
    "b turned on the way": tiled(
        ("b_tile[row][column] =", "b_tile[column][row] ="), ("b_tile[k][column]", "b_tile[column][k]")
    ),
    "a row more, as against bank conflicts": tiled(
        ("a_tile[16][16], b_tile[16][16]", "a_tile[16][17], b_tile[16][17]")
    ),
    "one array": tiled(
        ("a_tile[16][16], b_tile[16][16]", "both[2][16][16]"), ("a_tile", "both[0]"), ("b_tile", "both[1]")
    ),
    "counts tiles": tiled(
        ("int first = 0; first < K; first += 16", "int j = 0; j < (K + 15) / 16; ++j"), ("first", "16 * j")
    ),
    "the second barrier at the beginning": tiled(
        ("    a_tile[row][column] =", "    __syncthreads();\n    a_tile[row][column] ="),
        ("b_tile[k][column];\n    __syncthreads();", "b_tile[k][column];"),
    ),
}

MATMUL_WRONG = {
    "missing-barrier": tiled(("b_tile[k][column];\n    __syncthreads();", "b_tile[k][column];")),
    "missing-barrier (the first)": tiled(("    __syncthreads();\n    for", "    for")),
    "early-return": tiled(("  float sum", "  if (m >= M || n >= N) return;\n  float sum")),
    "no-guard": tiled((A, "a[m * K + first + column]")),
    "no-guard (in b)": tiled((B, "b[(first + row) * N + n]")),
    "no-guard (writes)": tiled(("if (m < M && n < N) ", "")),
    "edge-not-zero": tiled(
        (
            f"a_tile[row][column] = {A};",
            "if (m < M && first + column < K) a_tile[row][column] = a[m * K + first + column];",
        )
    ),
    "grid-swapped": tiled(
        ("blockIdx.y * 16", "blockIdx.X * 16"), ("blockIdx.x * 16", "blockIdx.y * 16"), ("blockIdx.X", "blockIdx.x")
    ),
    "first-tile-only": tiled(("first < K;", "first < 16;")),
    "last-tile-only": tiled(("    a_tile[row][column] =", "    sum = 0;\n    a_tile[row][column] =")),
    "rest-lost": tiled(("first < K;", "first + 16 <= K;")),
    "tile-turned": tiled(("b_tile[k][column]", "b_tile[column][k]")),
    "elementwise": tiled(
        (
            "for (int k = 0; k < 16; ++k) sum += a_tile[row][k] * b_tile[k][column]",
            "sum += a_tile[row][column] * b_tile[row][column]",
        )
    ),
    "not-tiled": NAIVE,
    "arguments": NAIVE.replace("int K)", "float K)").replace("< K", "< (int)K").replace("m * K", "m * (int)K"),
}

RIGHT = {
    "11/reparameterize": REPARAMETERIZE_RIGHT,
    "11/kl": ROW_KL_RIGHT,
    "11/kl-warp": WARP_KL_RIGHT,
    "11/adam": ADAM_RIGHT,
    "11/matmul": MATMUL_RIGHT,
}
WRONG = {
    "11/reparameterize": REPARAMETERIZE_WRONG,
    "11/kl": ROW_KL_WRONG,
    "11/kl-warp": WARP_KL_WRONG,
    "11/adam": ADAM_WRONG,
    "11/matmul": MATMUL_WRONG,
}
