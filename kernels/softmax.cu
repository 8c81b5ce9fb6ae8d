// Numbers of any size into shares that are positive and add up to 1, row by row; and the logarithm of their sum.
//
//     softmax:    y[b, n] = exp(x[b, n]) / sum over m of exp(x[b, m])       (B, N) -> (B, N)
//                 g_x     = y * (g - sum over the row of g * y)             g: (B, N), the gradient that comes in
//
//     logsumexp:  y[b] = log(sum over n of exp(x[b, n]))                    (B, N) -> (B,)
//                 g_x  = g[b] * exp(x - y[b])                               g: (B,)
//
// exp(89) is beyond float32. So the largest of the row, top, is taken out: exp(x - top) / sum of exp(x - top) is the
// same number, no exponential is above 1, and the sum is no less than 1.
//
// Softmax: 4 B N bytes in and 4 B N out, some 7 B N operations, two of them exponentials; the floor is 8 B N bytes /
// copy bandwidth. Its backward: 8 B N in, 4 B N out. Logsumexp: 4 B N in, 4 B out; its backward: 4 B N in, 4 B N out.
//
// Milakov & Gimelshein 2018, algorithm 3, for the maximum and the sum in one walk.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int ROWS = BLOCK / WARP;  // rows of a block where each warp has one

// Where a maximum begins. With minus infinity, a row of nothing but minus infinities would compute inf - inf.
constexpr float LOWEST = -3.402823466e+38f;

__device__ float warp_sum(float value) {
  for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(0xffffffffu, value, apart);
  return value;
}

// NaN is passed over by fmaxf, but not by the sum that follows.
__device__ float warp_max(float value) {
  for (int apart = WARP / 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart));
  return value;
}

// The largest of some numbers, and the sum of exp(number - top).
struct Part {
  float top, sum;
};

// Two parts made one: the sum that has the lower top is brought to the higher one. A single number x is Part{x, 1}. It
// is always added to the one with the higher top, so (a, b) and (b, a) give the same bits.
__device__ Part merge(Part a, Part b) {
  const float higher = b.top - a.top, factor = expf(-fabsf(higher));
  return higher > 0.0f ? Part{b.top, b.sum + a.sum * factor} : Part{a.top, a.sum + b.sum * factor};
}

// A row's largest number and sum in one walk, by one warp; in all of its lanes.
__device__ Part merged(const float* row, int N) {
  Part part{LOWEST, 0.0f};
  for (int n = threadIdx.x % WARP; n < N; n += WARP) part = merge(part, Part{row[n], 1.0f});
  for (int apart = WARP / 2; apart > 0; apart /= 2) {
    const float top = __shfl_xor_sync(0xffffffffu, part.top, apart);
    part = merge(part, Part{top, __shfl_xor_sync(0xffffffffu, part.sum, apart)});
  }
  return part;
}

// One thread a row: three walks along it, for the largest, the sum and y.
extern "C" __global__ void __launch_bounds__(BLOCK) softmax_v1(
    const float* __restrict__ x,  // (B, N)
    float* __restrict__ y,        // (B, N)
    int B, int N) {
  const size_t b = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (b >= B) return;
  const float* row = x + b * N;
  float top = LOWEST, sum = 0.0f;
  for (int n = 0; n < N; ++n) top = fmaxf(top, row[n]);
  for (int n = 0; n < N; ++n) sum += expf(row[n] - top);
  for (int n = 0; n < N; ++n) y[b * N + n] = expf(row[n] - top) / sum;
}

// One warp a row: neighbouring threads read neighbouring floats. Still three walks.
extern "C" __global__ void __launch_bounds__(BLOCK) softmax_v2(
    const float* __restrict__ x,  // (B, N)
    float* __restrict__ y,        // (B, N)
    int B, int N) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;  // the same for all of a warp
  const float* row = x + b * N;
  float top = LOWEST, sum = 0.0f;
  for (int n = lane; n < N; n += WARP) top = fmaxf(top, row[n]);
  top = warp_max(top);
  for (int n = lane; n < N; n += WARP) sum += expf(row[n] - top);
  sum = warp_sum(sum);
  for (int n = lane; n < N; n += WARP) y[b * N + n] = expf(row[n] - top) / sum;
}

// One warp a row, two walks: the sum is made along with the maximum. Whenever a larger number turns up, what has been
// summed so far is brought to the new top by one factor. That takes as many exponentials, and reads each float twice,
// not three times, which counts where rows are too long for the cache. FlashAttention stands on it: it never has a row
// as a whole.
extern "C" __global__ void __launch_bounds__(BLOCK) softmax_v3(
    const float* __restrict__ x,  // (B, N)
    float* __restrict__ y,        // (B, N)
    int B, int N) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;
  const float* row = x + b * N;
  const Part whole = merged(row, N);
  for (int n = threadIdx.x % WARP; n < N; n += WARP) y[b * N + n] = expf(row[n] - whole.top) / whole.sum;
}

// One warp a row. It takes y from the forward; the exponentials are not computed again.
extern "C" __global__ void __launch_bounds__(BLOCK) softmax_backward(
    const float* __restrict__ g,  // (B, N)
    const float* __restrict__ y,  // (B, N)
    float* __restrict__ g_x,      // (B, N)
    int B, int N) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;
  float sum = 0.0f;
  for (int n = lane; n < N; n += WARP) sum += g[b * N + n] * y[b * N + n];
  sum = warp_sum(sum);
  for (int n = lane; n < N; n += WARP) g_x[b * N + n] = y[b * N + n] * (g[b * N + n] - sum);
}

// One warp a row, two walks: for the largest, and for the sum.
extern "C" __global__ void __launch_bounds__(BLOCK) logsumexp_v1(
    const float* __restrict__ x,  // (B, N)
    float* __restrict__ y,        // (B,)
    int B, int N) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;
  const float* row = x + b * N;
  float top = LOWEST, sum = 0.0f;
  for (int n = lane; n < N; n += WARP) top = fmaxf(top, row[n]);
  top = warp_max(top);
  for (int n = lane; n < N; n += WARP) sum += expf(row[n] - top);
  sum = warp_sum(sum);
  if (lane == 0) y[b] = top + logf(sum);
}

// One walk: maximum and sum together, as in softmax_v3.
extern "C" __global__ void __launch_bounds__(BLOCK) logsumexp_v2(
    const float* __restrict__ x,  // (B, N)
    float* __restrict__ y,        // (B,)
    int B, int N) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;
  const Part whole = merged(x + b * N, N);
  if (threadIdx.x % WARP == 0) y[b] = whole.top + logf(whole.sum);
}

// One thread an element, in tiles of ROWS rows and WARP columns (see gaussian_kl.cu).
extern "C" __global__ void __launch_bounds__(BLOCK) logsumexp_backward(
    const float* __restrict__ g,  // (B,)
    const float* __restrict__ x,  // (B, N)
    const float* __restrict__ y,  // (B,) of the forward
    float* __restrict__ g_x,      // (B, N)
    int B, int N) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.y;
  if (b >= B) return;
  const float g_row = g[b], log_sum = y[b];
  for (int n = blockIdx.y * WARP + threadIdx.x; n < N; n += gridDim.y * WARP)
    g_x[b * N + n] = g_row * expf(x[b * N + n] - log_sum);
}
