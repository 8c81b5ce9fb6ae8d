// Rows of mean 0 and variance 1, each column then stretched and shifted by numbers that are learned.
//
//     y = gain * u + bias,  u = (x - mean) * scale                          x, y: (B, N);  gain, bias: (N,)
//     mean = sum of x / N,  scale = 1 / sqrt(sum of (x - mean)^2 / N + tiny)    over a row: (B,)
//
//     g_x    = scale * (e - sum of e / N - u * sum of (e * u) / N),  e = g * gain     sums over a row
//     g_gain = sum of g * u over all rows                                   g: (B, N), the gradient that comes in
//     g_bias = sum of g over all rows
//
// Forward: 4 B N + 8 N bytes in, 4 B N + 8 B out, some 8 B N operations; the floor is (8 B N + 8 N + 8 B) bytes / copy
// bandwidth. Backward: 8 B N in and 4 B N out, and what little gain, mean and scale are. The forward leaves mean and
// scale, 8 bytes a row, for the backward, which would have to walk over the row twice to find them.
//
// The mean comes first and the variance after it, as the sum of (x - mean)^2. Both at once, from the sums of x and x^2,
// would spare one walk, but the difference of two large numbers has few digits left where the mean is large.
//
// Ba, Kiros & Hinton 2016, equations 3 and 4.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int WARPS = BLOCK / WARP;
constexpr int ROWS = 2 * WARPS;  // rows that a block of the backward takes on

// The sum over a warp, in all of its lanes. Lanes exchange in pairs, 16 apart, then 8, ...; a + b is b + a to the last
// bit, so all come to the same number.
__device__ float warp_sum(float value) {
  for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(0xffffffffu, value, apart);
  return value;
}

// One thread a row: three walks along it, for mean, variance and y. Neighbouring threads read floats that lie N apart.
extern "C" __global__ void __launch_bounds__(BLOCK) layer_norm_v1(
    const float* __restrict__ x,     // (B, N)
    const float* __restrict__ gain,  // (N,)
    const float* __restrict__ bias,  // (N,)
    float* __restrict__ y,           // (B, N)
    float* __restrict__ mean,        // (B,)
    float* __restrict__ scale,       // (B,)
    float tiny, int B, int N) {
  const size_t b = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (b >= B) return;
  const float* row = x + b * N;
  float sum = 0.0f, squares = 0.0f;
  for (int n = 0; n < N; ++n) sum += row[n];
  const float middle = sum / N;
  for (int n = 0; n < N; ++n) squares += (row[n] - middle) * (row[n] - middle);
  const float stretch = 1.0f / sqrtf(squares / N + tiny);
  for (int n = 0; n < N; ++n) y[b * N + n] = (row[n] - middle) * stretch * gain[n] + bias[n];
  mean[b] = middle;
  scale[b] = stretch;
}

// One warp a row. Of the three walks only the first goes to memory: a row of some hundred floats is still in the cache
// at the second and the third, since few other rows come between.
extern "C" __global__ void __launch_bounds__(BLOCK) layer_norm_v2(
    const float* __restrict__ x,     // (B, N)
    const float* __restrict__ gain,  // (N,)
    const float* __restrict__ bias,  // (N,)
    float* __restrict__ y,           // (B, N)
    float* __restrict__ mean,        // (B,)
    float* __restrict__ scale,       // (B,)
    float tiny, int B, int N) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP;
  if (b >= B) return;  // the same for all of a warp
  const float* row = x + b * N;
  float sum = 0.0f, squares = 0.0f;
  for (int n = lane; n < N; n += WARP) sum += row[n];
  const float middle = warp_sum(sum) / N;
  for (int n = lane; n < N; n += WARP) squares += (row[n] - middle) * (row[n] - middle);
  const float stretch = 1.0f / sqrtf(warp_sum(squares) / N + tiny);
  for (int n = lane; n < N; n += WARP) y[b * N + n] = (row[n] - middle) * stretch * gain[n] + bias[n];
  if (lane == 0) {
    mean[b] = middle;
    scale[b] = stretch;
  }
}

// One block ROWS rows, and over them in both directions. First along them, one warp a row: the two sums that g_x needs.
// Then down the columns, one thread a column: g_x, and on the way the block's part of g_gain and g_bias. The second
// time g and x come from the cache. The parts are summed by column_sum (bias_activation.cu), always in the same order.
extern "C" __global__ void __launch_bounds__(BLOCK) layer_norm_backward(
    const float* __restrict__ g,      // (B, N)
    const float* __restrict__ x,      // (B, N)
    const float* __restrict__ gain,   // (N,)
    const float* __restrict__ mean,   // (B,)
    const float* __restrict__ scale,  // (B,)
    float* __restrict__ g_x,          // (B, N)
    float* __restrict__ gain_part,    // (cdiv(B, ROWS), N) sums of g * u over ROWS rows each
    float* __restrict__ bias_part,    // (cdiv(B, ROWS), N) sums of g
    int B, int N) {
  __shared__ float shift[ROWS], slope[ROWS];
  const int lane = threadIdx.x % WARP;
  const size_t top = (size_t)blockIdx.x * ROWS;
  const int rows = min((size_t)ROWS, B - top);
  for (int j = threadIdx.x / WARP; j < rows; j += WARPS) {
    const size_t b = top + j;
    const float middle = mean[b], stretch = scale[b];
    float sum_e = 0.0f, sum_eu = 0.0f;
    for (int n = lane; n < N; n += WARP) {
      const float e = g[b * N + n] * gain[n];
      sum_e += e;
      sum_eu += e * (x[b * N + n] - middle) * stretch;
    }
    sum_e = warp_sum(sum_e);
    sum_eu = warp_sum(sum_eu);
    if (lane == 0) {
      shift[j] = sum_e / N;
      slope[j] = sum_eu / N;
    }
  }
  __syncthreads();
  for (int n = threadIdx.x; n < N; n += BLOCK) {
    const float factor = gain[n];
    float sum_gu = 0.0f, sum_g = 0.0f;
    for (int j = 0; j < rows; ++j) {
      const size_t b = top + j, i = b * N + n;
      const float u = (x[i] - mean[b]) * scale[b];
      g_x[i] = scale[b] * (g[i] * factor - shift[j] - u * slope[j]);
      sum_gu += g[i] * u;
      sum_g += g[i];
    }
    gain_part[(size_t)blockIdx.x * N + n] = sum_gu;
    bias_part[(size_t)blockIdx.x * N + n] = sum_g;
  }
}
