// How badly a decoder predicts black-and-white pixels: -log p(x) with P(1) = sigmoid(logits), one number for each row.
//
//     nll[b] = sum over d of max(logits, 0) - x * logits + log(1 + exp(-|logits|))      two (B, D) -> (B,) nats
//
//     g_logits = g[b] * (sigmoid(logits) - x)                               g: (B,), the gradient that comes in
//     g_x      = -g[b] * logits
//
// This is -x log s - (1 - x) log(1 - s) with s = sigmoid(logits), rearranged so that nothing overflows: the exponential
// is never of a positive number. log1pf keeps what log(1 + tiny) would round away.
//
// Forward: 8 B D bytes in, 4 B out, 8 B D operations. The floor is (8 B D + 4 B) bytes / copy bandwidth.
//
// Kingma & Welling 2013, appendix C.1.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int ROWS = BLOCK / WARP;  // rows of a block where each warp has one
constexpr int WARPS = BLOCK / WARP;

__device__ float nll_of_one(float logit, float x) {
  return fmaxf(logit, 0.0f) - x * logit + log1pf(expf(-fabsf(logit)));
}

__device__ float warp_sum(float value) {  // right in lane 0 alone
  for (int half = WARP / 2; half > 0; half /= 2) value += __shfl_down_sync(0xffffffffu, value, half);
  return value;
}

// One warp sums one row: what is best for the short rows of a latent code (gaussian_kl.cu). But a picture has 784
// pixels, each lane reads 25 of them one after the other, and a batch of 128 keeps 128 warps busy where there is room
// for thousands.
extern "C" __global__ void __launch_bounds__(BLOCK) bernoulli_nll_v1(
    const float* __restrict__ logits,  // (B, D)
    const float* __restrict__ x,       // (B, D) in [0, 1]
    float* __restrict__ nll,           // (B,) nats
    int B, int D) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;
  float sum = 0.0f;
  for (int d = lane; d < D; d += WARP) sum += nll_of_one(logits[b * D + d], x[b * D + d]);
  sum = warp_sum(sum);
  if (lane == 0) nll[b] = sum;
}

// One block sums one row, in two steps: each warp sums its part by shuffles and leaves it in shared memory; the first
// warp sums the eight parts. One barrier, where a tree through shared memory (gaussian_kl_v2) has eight.
extern "C" __global__ void __launch_bounds__(BLOCK) bernoulli_nll_v2(
    const float* __restrict__ logits,  // (B, D)
    const float* __restrict__ x,       // (B, D) in [0, 1]
    float* __restrict__ nll,           // (B,) nats
    int B, int D) {
  __shared__ float part[WARPS];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const size_t row = (size_t)blockIdx.x * D;
  float sum = 0.0f;
  for (int d = threadIdx.x; d < D; d += BLOCK) sum += nll_of_one(logits[row + d], x[row + d]);
  sum = warp_sum(sum);
  if (lane == 0) part[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    sum = warp_sum(lane < WARPS ? part[lane] : 0.0f);
    if (lane == 0) nll[blockIdx.x] = sum;
  }
}

// One thread an element, in tiles of ROWS rows and WARP columns (see gaussian_kl.cu). 8 B D + 4 B bytes in, and 4 B D
// out for each gradient that is wanted; null for one that is not. x is data in every model here: g_x is seldom wanted.
extern "C" __global__ void __launch_bounds__(BLOCK) bernoulli_nll_backward(
    const float* __restrict__ g,       // (B,)
    const float* __restrict__ logits,  // (B, D)
    const float* __restrict__ x,       // (B, D)
    float* __restrict__ g_logits,      // (B, D) or null
    float* __restrict__ g_x,           // (B, D) or null
    int B, int D) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.y;
  if (b >= B) return;
  const float g_row = g[b];
  for (int d = blockIdx.y * WARP + threadIdx.x; d < D; d += gridDim.y * WARP) {
    const size_t i = b * D + d;
    const float logit = logits[i];
    // For logits below -88 the exponential is infinite, and 1 / infinity is the 0 that it should be.
    if (g_logits) g_logits[i] = g_row * (1.0f / (1.0f + expf(-logit)) - x[i]);
    if (g_x) g_x[i] = -g_row * logit;
  }
}
