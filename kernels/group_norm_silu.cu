// Group norm, and the bend that follows it in most networks that make images: in one pass.
//
//     y = act(a),  a = gain * u + bias,  u = (x - mean) * scale             x, y: (B, P, C);  gain, bias: (C,)
//
//     act(a) = a * sigmoid(a) if silu is 1, and a if it is 0
//     mean and scale = 1 / sqrt(variance + tiny) over the P pixels of an image and C / groups channels: (B, groups)
//
//     e      = g * act'(a)                                                  g: (B, P, C), the gradient that comes in
//     g_gain = sum of e * u over images and pixels,  g_bias = sum of e
//     g_x    = scale * (f - (sum of f + u * sum of f * u) / n),  f = e * gain,  sums over the n = P C / groups elements
//
// The channels come last: image b is P = H W pixels of C floats each, and of these a group has C / groups that lie side
// by side. Memory delivers 32 bytes at least, so the groups should have 8 channels or more.
//
// Forward: 4 B P C + 8 C bytes in and 4 B P C out, some 12 B P C operations; the floor is 8 B P C bytes / copy
// bandwidth. Apart, the norm and the bend would move twice as much. Backward: 8 B P C in and 4 B P C out; `a` is
// computed again from x, and the forward keeps nothing but mean and scale, two floats for each group.
//
// Wu & He 2018, equations 1, 2 and 7. Hendrycks & Gimpel 2016 and Elfwing et al. 2017 for the SiLU.

constexpr int BLOCK = 256;
constexpr int WARP = 32;
constexpr int WARPS = BLOCK / WARP;

__device__ float sigmoid(float a) { return 0.5f * tanhf(0.5f * a) + 0.5f; }  // cannot overflow

__device__ float activate(float a, int silu) { return silu ? a * sigmoid(a) : a; }

__device__ float slope(float a, int silu) {
  const float s = sigmoid(a);
  return silu ? s + a * s * (1.0f - s) : 1.0f;
}

// The sum over a block, in all of its threads: within the warps by shuffles, then over the warps, by everybody in the
// same order. The second barrier is for the next sum, which uses the same memory.
__device__ float block_sum(float value, float part[WARPS]) {
  for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_down_sync(0xffffffffu, value, apart);
  if (threadIdx.x % WARP == 0) part[threadIdx.x / WARP] = value;
  __syncthreads();
  float sum = 0.0f;
  for (int warp = 0; warp < WARPS; ++warp) sum += part[warp];
  __syncthreads();
  return sum;
}

// One thread a group of an image. Three walks: mean, variance (as in layer_norm.cu), y. Besides being slow, one thread
// that adds up 100,000 numbers loses digits, as each of them is small beside the sum. Many threads with short sums,
// which are then added in pairs, keep them.
extern "C" __global__ void __launch_bounds__(BLOCK) group_norm_silu_v1(
    const float* __restrict__ x,     // (B, P, C)
    const float* __restrict__ gain,  // (C,)
    const float* __restrict__ bias,  // (C,)
    float* __restrict__ y,           // (B, P, C)
    float* __restrict__ mean,        // (B, groups)
    float* __restrict__ scale,       // (B, groups)
    float tiny, int B, int P, int C, int groups, int silu) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= (size_t)B * groups) return;
  const int wide = C / groups, left = i % groups * wide;
  const float n = (float)P * wide;
  const size_t start = i / groups * P;  // the image's first pixel
  float sum = 0.0f, squares = 0.0f;
  for (int p = 0; p < P; ++p)
    for (int c = left; c < left + wide; ++c) sum += x[(start + p) * C + c];
  const float middle = sum / n;
  for (int p = 0; p < P; ++p)
    for (int c = left; c < left + wide; ++c) {
      const float distance = x[(start + p) * C + c] - middle;
      squares += distance * distance;
    }
  const float stretch = 1.0f / sqrtf(squares / n + tiny);
  for (int p = 0; p < P; ++p)
    for (int c = left; c < left + wide; ++c)
      y[(start + p) * C + c] = activate((x[(start + p) * C + c] - middle) * stretch * gain[c] + bias[c], silu);
  mean[i] = middle;
  scale[i] = stretch;
}

// One block a group of an image, each thread with one channel. The threads stand in rows as wide as the group. Each
// stays in its column and goes down the pixels by as many as there are rows, so nobody has to find pixel and channel in
// the number of an element by a division. A few threads that fill no row have nothing to do. A group of more channels
// than threads is taken in pieces.
extern "C" __global__ void __launch_bounds__(BLOCK) group_norm_silu_v2(
    const float* __restrict__ x,     // (B, P, C)
    const float* __restrict__ gain,  // (C,)
    const float* __restrict__ bias,  // (C,)
    float* __restrict__ y,           // (B, P, C)
    float* __restrict__ mean,        // (B, groups)
    float* __restrict__ scale,       // (B, groups)
    float tiny, int B, int P, int C, int groups, int silu) {
  __shared__ float part[WARPS];
  const int wide = C / groups, width = min(wide, BLOCK), height = BLOCK / width;
  const int left = blockIdx.x % groups * wide, right = left + wide;
  const int column = left + threadIdx.x % width, row = threadIdx.x / width;
  const int top = row < height ? row : P;  // the few that fill no row begin behind the last pixel
  const size_t start = (size_t)(blockIdx.x / groups) * P;
  const float n = (float)P * wide;
  float sum = 0.0f, squares = 0.0f;
  for (int c = column; c < right; c += width)
    for (int p = top; p < P; p += height) sum += x[(start + p) * C + c];
  const float middle = block_sum(sum, part) / n;
  for (int c = column; c < right; c += width)
    for (int p = top; p < P; p += height) {
      const float distance = x[(start + p) * C + c] - middle;
      squares += distance * distance;
    }
  const float stretch = 1.0f / sqrtf(block_sum(squares, part) / n + tiny);
  for (int c = column; c < right; c += width) {
    const float factor = gain[c], shift = bias[c];
    for (int p = top; p < P; p += height) {
      const size_t i = (start + p) * C + c;
      y[i] = activate((x[i] - middle) * stretch * factor + shift, silu);
    }
  }
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = middle;
    scale[blockIdx.x] = stretch;
  }
}

// One block a group of an image, two walks, its threads in rows and columns as before. The sums down the columns are
// the image's part of g_gain and g_bias, and both sums over the group follow from them: each channel's times its gain.
// So one walk finds four sums, and a second one, along which g and x come from the cache, makes g_x. The parts, one for
// each image, are summed by column_sum (bias_activation.cu).
extern "C" __global__ void __launch_bounds__(BLOCK) group_norm_silu_backward(
    const float* __restrict__ g,      // (B, P, C)
    const float* __restrict__ x,      // (B, P, C)
    const float* __restrict__ gain,   // (C,)
    const float* __restrict__ bias,   // (C,)
    const float* __restrict__ mean,   // (B, groups)
    const float* __restrict__ scale,  // (B, groups)
    float* __restrict__ g_x,          // (B, P, C)
    float* __restrict__ gain_part,    // (B, C) sums of e * u over the pixels of an image
    float* __restrict__ bias_part,    // (B, C) sums of e
    int B, int P, int C, int groups, int silu) {
  __shared__ float part[WARPS], sum_eu[BLOCK], sum_e[BLOCK];
  const int wide = C / groups, width = min(wide, BLOCK), height = BLOCK / width;
  const int left = blockIdx.x % groups * wide, right = left + wide;
  const int column = left + threadIdx.x % width, row = threadIdx.x / width;
  const int top = row < height ? row : P;
  const size_t b = blockIdx.x / groups, start = b * P;
  const float middle = mean[blockIdx.x], stretch = scale[blockIdx.x], n = (float)P * wide;
  float sum_f = 0.0f, sum_fu = 0.0f;
  for (int piece = 0; piece < wide; piece += width) {  // the same number of turns for all, since there are barriers
    const int c = column + piece;
    const bool inside = c < right;
    const float factor = inside ? gain[c] : 0.0f, shift = inside ? bias[c] : 0.0f;
    float eu = 0.0f, e = 0.0f;
    for (int p = inside ? top : P; p < P; p += height) {
      const size_t i = (start + p) * C + c;
      const float u = (x[i] - middle) * stretch;
      const float one = g[i] * slope(u * factor + shift, silu);
      eu += one * u;
      e += one;
    }
    sum_eu[threadIdx.x] = eu;
    sum_e[threadIdx.x] = e;
    __syncthreads();
    for (int rows = height; rows > 1;) {
      const int half = (rows + 1) / 2;  // of an odd number of rows, the middle one waits for the next turn
      if (row + half < rows) {
        sum_eu[threadIdx.x] += sum_eu[threadIdx.x + half * width];
        sum_e[threadIdx.x] += sum_e[threadIdx.x + half * width];
      }
      rows = half;
      __syncthreads();
    }
    if (row == 0 && inside) {
      gain_part[b * C + c] = sum_eu[threadIdx.x];
      bias_part[b * C + c] = sum_e[threadIdx.x];
      sum_fu += factor * sum_eu[threadIdx.x];
      sum_f += factor * sum_e[threadIdx.x];
    }
  }
  sum_f = block_sum(sum_f, part) / n;
  sum_fu = block_sum(sum_fu, part) / n;
  for (int c = column; c < right; c += width) {
    const float factor = gain[c], shift = bias[c];
    for (int p = top; p < P; p += height) {
      const size_t i = (start + p) * C + c;
      const float u = (x[i] - middle) * stretch;
      g_x[i] = stretch * (g[i] * slope(u * factor + shift, silu) * factor - sum_f - u * sum_fu);
    }
  }
}
