// How far a Gaussian is from the prior: KL(N(mu, exp(logvar)) || N(0, I)), one number for each row.
//
//     kl[b] = 0.5 * sum over l of (mu^2 + exp(logvar) - 1 - logvar)         (B, L), (B, L) -> (B,) nats
//
//     g_mu[b, l]     = g[b] * mu                                            g: (B,), the gradient that comes in
//     g_logvar[b, l] = 0.5 * g[b] * (exp(logvar) - 1)
//
// Forward: 8 B L bytes come in and 4 B go out, for 6 B L operations. By their data sheets, GPUs do 50 to 300 operations
// in the time it takes to move one float, so this kernel waits for memory, and its floor is (8 B L + 4 B) bytes / copy
// bandwidth. Three ways to sum a row follow. They differ in which thread reads what, and by that alone in speed.
//
// Kingma & Welling 2013, appendix B.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int ROWS = BLOCK / WARP;  // rows that a block takes on in v3 and in the backward: one for each warp

__device__ float kl_of_one(float mu, float logvar) {
  return 0.5f * (mu * mu + expf(logvar) - 1.0f - logvar);
}

// One thread sums one row. Right, and slow: at any moment the 32 threads of a warp read 32 addresses that lie L floats
// apart, so each of the 128-byte lines that memory delivers is used for 4 bytes of it before the next is asked for.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_kl_v1(
    const float* __restrict__ mu,      // (B, L)
    const float* __restrict__ logvar,  // (B, L)
    float* __restrict__ kl,            // (B,) nats
    int B, int L) {
  const size_t b = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (b >= B) return;
  float sum = 0.0f;
  for (int l = 0; l < L; ++l) sum += kl_of_one(mu[b * L + l], logvar[b * L + l]);
  kl[b] = sum;
}

// One block sums one row: neighbouring threads read neighbouring floats. Each is left with a part of the sum; the parts
// meet in shared memory, in halves: 128 + 128, 64 + 64, ... The barrier stands outside of the `if`, for all threads
// have to reach it, also those that have nothing left to add.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_kl_v2(
    const float* __restrict__ mu,      // (B, L)
    const float* __restrict__ logvar,  // (B, L)
    float* __restrict__ kl,            // (B,) nats
    int B, int L) {
  __shared__ float part[BLOCK];
  const size_t row = (size_t)blockIdx.x * L;
  const int t = threadIdx.x;
  float sum = 0.0f;
  for (int l = t; l < L; l += BLOCK) sum += kl_of_one(mu[row + l], logvar[row + l]);
  part[t] = sum;
  __syncthreads();
  for (int half = BLOCK / 2; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  if (t == 0) kl[blockIdx.x] = part[0];
}

// One warp sums one row. A latent code has some tens of numbers: in v2 most of the 256 threads had nothing to read, and
// all waited at eight barriers. The 32 threads of a warp can hand each other registers, without memory or barrier.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_kl_v3(
    const float* __restrict__ mu,      // (B, L)
    const float* __restrict__ logvar,  // (B, L)
    float* __restrict__ kl,            // (B,) nats
    int B, int L) {
  const int lane = threadIdx.x % WARP;
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.x / WARP;
  if (b >= B) return;  // the same for all of a warp, so nobody is missing in the shuffles
  float sum = 0.0f;
  for (int l = lane; l < L; l += WARP) sum += kl_of_one(mu[b * L + l], logvar[b * L + l]);
  for (int half = WARP / 2; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
  if (lane == 0) kl[b] = sum;
}

// One thread an element, for both gradients. A gradient that nobody wants is passed as null and not computed.
// 8 B L + 4 B bytes in, 8 B L out: the variance is computed again, which is cheaper than to have kept it.
//
// A block is a tile of ROWS rows and WARP columns. With threads numbered through the whole array, each would have to
// find its row as i / L, and a GPU divides 64-bit numbers by a subroutine of some hundred instructions: more than all
// the rest. The grid is at most 65,535 tiles wide; the loop takes the columns beyond.
extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_kl_backward(
    const float* __restrict__ g,       // (B,)
    const float* __restrict__ mu,      // (B, L)
    const float* __restrict__ logvar,  // (B, L)
    float* __restrict__ g_mu,          // (B, L) or null
    float* __restrict__ g_logvar,      // (B, L) or null
    int B, int L) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.y;
  if (b >= B) return;
  const float g_row = g[b];
  for (int l = blockIdx.y * WARP + threadIdx.x; l < L; l += gridDim.y * WARP) {
    const size_t i = b * L + l;
    if (g_mu) g_mu[i] = g_row * mu[i];
    if (g_logvar) g_logvar[i] = 0.5f * g_row * (expf(logvar[i]) - 1.0f);
  }
}
