// How badly a Gaussian decoder predicts grey pixels: -log N(x; mu, exp(logvar)), one number for each row.
//
//     nll[b] = 0.5 * sum over d of (u^2 + logvar + log(2 pi)),  u = (x - mu) / sigma,  sigma = exp(logvar / 2)
//
//     g_x      =  g[b] * u / sigma                                          x, mu: (B, D);  nll, g: (B,)
//     g_mu     = -g[b] * u / sigma
//     g_logvar = 0.5 * g[b] * (1 - u^2)
//
// logvar is (B, D), or a single number where every pixel has the same sigma, as in the VAE for grey images. Then all
// threads read it from one address, and 8 B D bytes come in instead of 12, for 8 B D operations. The floor is
// (8 B D + 4 B) bytes / copy bandwidth, or (12 B D + 4 B).
//
// It is divided by sigma, and not multiplied by 1 / sigma^2, which overflows long before.
//
// Kingma & Welling 2013, appendix C.2.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int WARPS = BLOCK / WARP;
constexpr int ROWS = BLOCK / WARP;  // rows of a block where each warp has one

__device__ float warp_sum(float value) {  // right in lane 0 alone
  for (int half = WARP / 2; half > 0; half /= 2) value += __shfl_down_sync(0xffffffffu, value, half);
  return value;
}

// One block a row, summed in two steps as in bernoulli_nll.cu.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_nll(
    const float* __restrict__ x,       // (B, D)
    const float* __restrict__ mu,      // (B, D)
    const float* __restrict__ logvar,  // (1 if one_logvar else B, 1 if one_logvar else D)
    float* __restrict__ nll,           // (B,) nats
    int B, int D, int one_logvar) {
  __shared__ float part[WARPS];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const size_t row = (size_t)blockIdx.x * D;
  float sum = 0.0f;
  for (int d = threadIdx.x; d < D; d += BLOCK) {
    const float lv = logvar[one_logvar ? 0 : row + d];
    const float u = (x[row + d] - mu[row + d]) * expf(-0.5f * lv);
    sum += 0.5f * (u * u + lv + 1.8378770664093453f);  // log(2 pi)
  }
  sum = warp_sum(sum);
  if (lane == 0) part[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    sum = warp_sum(lane < WARPS ? part[lane] : 0.0f);
    if (lane == 0) nll[blockIdx.x] = sum;
  }
}

// One thread an element, in tiles of ROWS rows and WARP columns (see gaussian_kl.cu), for all gradients; null for one
// that nobody wants. Where logvar is a single number, its gradient is the sum of g_logvar over all elements, which is
// left to the caller.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_nll_backward(
    const float* __restrict__ g,       // (B,)
    const float* __restrict__ x,       // (B, D)
    const float* __restrict__ mu,      // (B, D)
    const float* __restrict__ logvar,  // (1 if one_logvar else B, 1 if one_logvar else D)
    float* __restrict__ g_x,           // (B, D) or null
    float* __restrict__ g_mu,          // (B, D) or null
    float* __restrict__ g_logvar,      // (B, D) or null
    int B, int D, int one_logvar) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.y;
  if (b >= B) return;
  const float g_row = g[b];
  for (int d = blockIdx.y * WARP + threadIdx.x; d < D; d += gridDim.y * WARP) {
    const size_t i = b * D + d;
    const float per_sigma = expf(-0.5f * logvar[one_logvar ? 0 : i]);
    const float u = (x[i] - mu[i]) * per_sigma;
    if (g_x) g_x[i] = g_row * u * per_sigma;
    if (g_mu) g_mu[i] = -g_row * u * per_sigma;
    if (g_logvar) g_logvar[i] = 0.5f * g_row * (1.0f - u * u);
  }
}
