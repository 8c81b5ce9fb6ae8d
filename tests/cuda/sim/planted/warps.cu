// Planted bugs: lanes of a warp that do not come, or are counted on to go in step. See barriers.cu for how to read this.

constexpr unsigned ALL = 0xffffffffu;

// As it was written for GPUs before Volta, whose lanes went in step.
// planted race: grid=1 block=32
extern "C" __global__ void lanes_in_step(const float* x, float* y, int n) {
  __shared__ volatile float s[32];
  const int t = threadIdx.x;
  s[t] = x[t];
  __syncwarp();
  if (t < 16) {
    s[t] += s[t + 16];                                               // BUG
    s[t] += s[t + 8];                                                // BUG
    s[t] += s[t + 4];                                                // BUG
  }
  __syncwarp();
  if (t == 0) y[0] = s[0] + s[1] + s[2] + s[3];
}
extern "C" __global__ void lanes_in_step_mended(const float* x, float* y, int n) {
  __shared__ float s[32];
  const int t = threadIdx.x;
  s[t] = x[t];
  __syncwarp();
  for (int half = 16; half >= 4; half /= 2) {
    const float other = s[(t + half) % 32];
    __syncwarp();
    if (t < half) s[t] += other;
    __syncwarp();
  }
  if (t == 0) y[0] = s[0] + s[1] + s[2] + s[3];
}

// planted warp: grid=1 block=64
extern "C" __global__ void half_a_warp_shuffles(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  if (threadIdx.x % 32 < 16) v += __shfl_down_sync(ALL, v, 8);       // BUG
  __syncthreads();
  y[threadIdx.x] = v;
}
extern "C" __global__ void half_a_warp_shuffles_mended(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  const float other = __shfl_down_sync(ALL, v, 8);
  if (threadIdx.x % 32 < 16) v += other;
  __syncthreads();
  y[threadIdx.x] = v;
}

// Lanes 8 to 15 read from lanes that the mask leaves out.
// planted warp: grid=1 block=64
extern "C" __global__ void mask_too_small(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  if (threadIdx.x % 32 < 16) v += __shfl_down_sync(0x0000ffffu, v, 8);   // BUG
  y[threadIdx.x] = v;
}
extern "C" __global__ void mask_too_small_mended(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  if (threadIdx.x % 32 < 16) v += __shfl_down_sync(0x0000ffffu, v, 8, 16);
  y[threadIdx.x] = v;
}

// planted warp: grid=1 block=32
extern "C" __global__ void mask_without_the_caller(const float* x, float* y, int n) {
  const unsigned votes = __ballot_sync(0x0000ffffu, x[threadIdx.x] > 0.0f);  // BUG
  y[threadIdx.x] = __popc(votes);
}
extern "C" __global__ void mask_without_the_caller_mended(const float* x, float* y, int n) {
  const unsigned votes = __ballot_sync(ALL, x[threadIdx.x] > 0.0f);
  y[threadIdx.x] = __popc(votes & 0x0000ffffu);
}

// The second warp has only 16 lanes.
// planted warp: grid=1 block=48
extern "C" __global__ void warp_not_full(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  for (int half = 16; half > 0; half /= 2) v += __shfl_down_sync(ALL, v, half);  // BUG
  if (threadIdx.x % 32 == 0) y[threadIdx.x / 32] = v;
}
// mended: block=64
extern "C" __global__ void warp_not_full_mended(const float* x, float* y, int n) {
  float v = threadIdx.x < 48 ? x[threadIdx.x] : 0.0f;
  for (int half = 16; half > 0; half /= 2) v += __shfl_down_sync(ALL, v, half);
  if (threadIdx.x % 32 == 0) y[threadIdx.x / 32] = v;
}

// A lane that has returned has no value to give.
// planted warp: grid=1 block=32 n=20
extern "C" __global__ void lane_has_returned(const float* x, float* y, int n) {
  if ((int)threadIdx.x >= n) return;
  y[threadIdx.x] = __shfl_xor_sync(ALL, x[threadIdx.x], 16);         // BUG
}
extern "C" __global__ void lane_has_returned_mended(const float* x, float* y, int n) {
  const float v = (int)threadIdx.x < n ? x[threadIdx.x] : 0.0f;
  const float other = __shfl_xor_sync(ALL, v, 16);
  if ((int)threadIdx.x < n) y[threadIdx.x] = other;
}

// A shuffle hands over a register; it does not make others see what was written to memory.
// planted race: grid=1 block=32
extern "C" __global__ void shuffle_is_no_barrier(const float* x, float* y, int n) {
  __shared__ float s[32];
  s[threadIdx.x] = x[threadIdx.x];                                   // BUG
  const float v = __shfl_xor_sync(ALL, x[threadIdx.x], 1);
  y[threadIdx.x] = v + s[31 - threadIdx.x];                          // BUG
}
extern "C" __global__ void shuffle_is_no_barrier_mended(const float* x, float* y, int n) {
  __shared__ float s[32];
  s[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  const float v = __shfl_xor_sync(ALL, x[threadIdx.x], 1);
  y[threadIdx.x] = v + s[31 - threadIdx.x];
}

// __syncwarp() reaches one warp; the value comes from another.
// planted race: grid=1 block=64
extern "C" __global__ void warp_barrier_between_warps(const float* x, float* y, int n) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];                                   // BUG
  __syncwarp();
  y[threadIdx.x] = s[63 - threadIdx.x];                              // BUG
}
extern "C" __global__ void warp_barrier_between_warps_mended(const float* x, float* y, int n) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}

// planted warp: grid=1 block=32
extern "C" __global__ void two_lines_one_mask(const float* x, float* y, int n) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 16)
    v = __shfl_xor_sync(ALL, v, 1);                                  // BUG
  else
    v = __shfl_xor_sync(ALL, v, 2);
  y[threadIdx.x] = v;
}
extern "C" __global__ void two_lines_one_mask_mended(const float* x, float* y, int n) {
  y[threadIdx.x] = __shfl_xor_sync(ALL, x[threadIdx.x], threadIdx.x < 16 ? 1 : 2);
}
