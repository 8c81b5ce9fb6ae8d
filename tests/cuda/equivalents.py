# ruff: noqa: E501
"""Mutants of the kernels that no test can tell from the original, each with the reason. A key is what --show prints."""

EQUIVALENT: dict[str, str] = {}


def same(reason: str, *keys: str) -> None:
    EQUIVALENT.update(dict.fromkeys(keys, reason))


same(
    "the four elements go through the loop for the last ones instead, with the same sums",
    "adam.cu: if (first + 4 <= n) { -> if (first + 5 <= n) {",
    "adam.cu: if (first + 4 <= n) { -> if (first + 4 < n) {",
)

same(
    "every lane, warp or row of threads has the sum by then; another one writes the same number",
    "bernoulli_nll.cu: if (warp == 0) { -> if (warp == 1) {",
    "bias_activation.cu: if (inside && threadIdx.y == 0) part[(size_t)chunk * O + column] = sum; -> if (inside && threadIdx.y == 1) part[(size_t)chunk * O + column] = sum;",
    "bias_activation.cu: if (column < O && threadIdx.y == 0) sums[column] = sum; -> if (column < O && threadIdx.y == 1) sums[column] = sum;",
    "gaussian_kl.cu: if (t == 0) kl[blockIdx.x] = part[0]; -> if (t == 1) kl[blockIdx.x] = part[0];",
    "gaussian_nll.cu: if (warp == 0) { -> if (warp == 1) {",
    "group_norm_silu.cu: if (threadIdx.x == 0) { -> if (threadIdx.x == 1) {",
    "layer_norm.cu: if (lane == 0) { -> if (lane == 1) {",
    "layer_norm.cu: if (lane == 0) { -> if (lane == 1) { #2",
    "softmax.cu: if (lane == 0) y[b] = top + logf(sum); -> if (lane == 1) y[b] = top + logf(sum);",
    "softmax.cu: if (threadIdx.x % WARP == 0) y[b] = whole.top + logf(whole.sum); -> if (threadIdx.x % WARP == 1) y[b] = whole.top + logf(whole.sum);",
)

same(
    "the one number that changes is -0, which equals 0",
    "bias_activation.cu: case RELU: return a < 0.0f ? 0.0f : a; -> case RELU: return a <= 0.0f ? 0.0f : a;",
)

same(
    "outside of the array nothing is made of it",
    "bias_activation.cu: const float bias = inside ? b[column] : 0.0f; -> const float bias = inside ? b[column] : 0.01f;",
    "group_norm_silu.cu: const float factor = inside ? gain[c] : 0.0f, shift = inside ? bias[c] : 0.0f; -> const float factor = inside ? gain[c] : 0.01f, shift = inside ? bias[c] : 0.0f;",
    "group_norm_silu.cu: const float factor = inside ? gain[c] : 0.0f, shift = inside ? bias[c] : 0.0f; -> const float factor = inside ? gain[c] : 0.0f, shift = inside ? bias[c] : 0.01f;",
)

same(
    "one turn more, in which nothing lies inside: zeros are added, or nothing",
    "conv_direct.cu: for (int first = 0; first < places; first += DEPTH) { -> for (int first = 0; first <= places; first += DEPTH) {",
    "group_norm_silu.cu: for (int piece = 0; piece < wide; piece += width) { -> for (int piece = 0; piece <= wide; piece += width) {",
    "matmul.cu: for (int first = 0; first < K; first += TILE) { -> for (int first = 0; first <= K; first += TILE) {",
    "matmul.cu: for (int first = 0; first < K; first += DEPTH) { -> for (int first = 0; first <= K; first += DEPTH) {",
)

same(
    "its partner in the product is 0 there, or the result is not written",
    "conv_direct.cu: weight[d][threadIdx.x] = o < O ? weights[(size_t)(first + d) * O + o] : 0.0f; -> weight[d][threadIdx.x] = o < O ? weights[(size_t)(first + d) * O + o] : 0.01f;",
    "matmul.cu: a_tile[row][column] = m < M && first + column < K ? a[(size_t)m * K + first + column] : 0.0f; -> a_tile[row][column] = m < M && first + column < K ? a[(size_t)m * K + first + column] : 0.01f;",
    "matmul.cu: b_tile[row][column] = first + row < K && n < N ? b[(size_t)(first + row) * N + n] : 0.0f; -> b_tile[row][column] = first + row < K && n < N ? b[(size_t)(first + row) * N + n] : 0.01f;",
    "matmul.cu: a_strip[k][m] = top + m < M && first + k < K ? a[(size_t)(top + m) * K + first + k] : 0.0f; -> a_strip[k][m] = top + m < M && first + k < K ? a[(size_t)(top + m) * K + first + k] : 0.01f;",
    "matmul.cu: b_strip[k][n] = first + k < K && left + n < N ? b[(size_t)(first + k) * N + left + n] : 0.0f; -> b_strip[k][n] = first + k < K && left + n < N ? b[(size_t)(first + k) * N + left + n] : 0.01f;",
)

same(
    "room that nobody reads: it only moves rows to other banks of shared memory",
    "matmul.cu: __shared__ __align__(16) float a_strip[DEPTH][SIDE + 4], b_strip[DEPTH][SIDE]; -> __shared__ __align__(16) float a_strip[DEPTH][SIDE + 5], b_strip[DEPTH][SIDE];",
    "matmul.cu: __shared__ __align__(16) float a_strip[DEPTH][SIDE + 4], b_strip[DEPTH][SIDE]; -> __shared__ __align__(16) float a_strip[DEPTH][SIDE + 3], b_strip[DEPTH][SIDE];",
)

same(
    "a shortcut: the loop that follows looks at each element again",
    "reparameterize.cu: if (4 * q >= n) return; -> ",
    "reparameterize.cu: if (4 * q >= n) return; -> if (3 * q >= n) return;",
    "reparameterize.cu: if (4 * q >= n) return; -> if (4 * q > n) return;",
    "reparameterize.cu: if (4 * q >= n) return; ->  #2",
    "reparameterize.cu: if (4 * q >= n) return; -> if (3 * q >= n) return; #2",
    "reparameterize.cu: if (4 * q >= n) return; -> if (4 * q > n) return; #2",
    "reparameterize.cu: if (4 * q >= n) return; ->  #3",
    "reparameterize.cu: if (4 * q >= n) return; -> if (3 * q >= n) return; #3",
    "reparameterize.cu: if (4 * q >= n) return; -> if (4 * q > n) return; #3",
)

same(
    "room that nobody reads",
    "reparameterize.cu: float eps[4]; -> float eps[5];",
    "reparameterize.cu: float eps[4]; -> float eps[5]; #2",
    "reparameterize.cu: float four[4]; -> float four[5];",
)

same(
    "the maximum with a number of its own, or twice with the same one, changes nothing",
    "softmax.cu: for (int apart = WARP / 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart)); -> for (int apart = WARP * 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart));",
    "softmax.cu: for (int apart = WARP / 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart)); -> for (int apart = WARP / 1; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart));",
)

same(
    "where both tops are equal the factor is 1, and the sum is the same either way round",
    "softmax.cu: return higher > 0.0f ? Part{b.top, b.sum + a.sum * factor} : Part{a.top, a.sum + b.sum * factor}; -> return higher >= 0.0f ? Part{b.top, b.sum + a.sum * factor} : Part{a.top, a.sum + b.sum * factor};",
)
