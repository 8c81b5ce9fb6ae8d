// The noising step of diffusion: x after t steps of noise, in one jump.
//
//     x_t = sqrt(alpha_bar[t]) x + sqrt(1 - alpha_bar[t]) eps               x, eps, x_t: (B, D);  t: (B,)
//
// Each row has its own t. The two roots come in as tables over all T steps, `signal` and `noise`, which the host makes
// in float64: for small t, 1 - alpha_bar is the small difference of two nearly equal numbers, of which float32 would
// keep three digits. t has to lie in [0, T); the launcher does not look at it, since to ask a GPU is to wait for it.
//
// 8 B D + 4 B bytes in (the tables are a few kilobytes and stay in cache), 4 B D out, 3 B D operations; the floor is
// 12 B D bytes / copy bandwidth. No backward: x is data and eps is a draw.
//
// Ho, Jain & Abbeel 2020, equation 4.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int ROWS = BLOCK / WARP;  // rows of a block: one for each warp

// One thread an element, in tiles of ROWS rows and WARP columns (see gaussian_kl.cu). A warp is in one row, so its
// threads read the same t, signal and noise: one read for all 32.
extern "C" __global__ void __launch_bounds__(BLOCK) diffuse(
    const float* __restrict__ x,       // (B, D)
    const float* __restrict__ eps,     // (B, D) from N(0, 1)
    const float* __restrict__ signal,  // (T,) sqrt(alpha_bar)
    const float* __restrict__ noise,   // (T,) sqrt(1 - alpha_bar)
    const int* __restrict__ t,         // (B,) in [0, T)
    float* __restrict__ x_t,           // (B, D)
    int B, int D, int T) {
  const size_t b = (size_t)blockIdx.x * ROWS + threadIdx.y;
  if (b >= B) return;
  const int step = t[b];
  const float keep = signal[step], add = noise[step];
  for (int d = blockIdx.y * WARP + threadIdx.x; d < D; d += gridDim.y * WARP) {
    const size_t i = b * D + d;
    x_t[i] = keep * x[i] + add * eps[i];
  }
}
