// What follows a matrix product: add a bias to each column, then bend. In one pass, where two would send the whole
// array to memory and back between them.
//
//     y = act(a),  a = x + b                                                x, y: (B, O);  b: (O,)
//
//     g_x = g * act'(a)                                                     g: (B, O), the gradient that comes in
//     g_b = sum over rows of g_x
//
//     kind   act            act'
//     0      a              1
//     1      max(a, 0)      1 where a > 0, else 0                           ReLU
//     2      a s            s + a s (1 - s),  s = sigmoid(a)                SiLU
//     3      a (1 + t) / 2  see below,  t = tanh(c (a + 0.044715 a^3))      GELU, c = sqrt(2 / pi)
//     4      tanh(a)        1 - y^2
//     5      sigmoid(a)     y (1 - y)
//
// Forward: 4 B O + 4 O bytes in, 4 B O out, some 10 B O operations at most; the floor is (8 B O + 4 O) bytes / copy
// bandwidth. Backward: 8 B O + 4 O in and 4 B O out. It reads x and computes `a` again; nothing is kept for it but the
// product itself.

constexpr int BLOCK = 256;
constexpr int WIDTH = 32;              // columns of a tile: a warp reads 128 bytes that lie side by side
constexpr int HEIGHT = BLOCK / WIDTH;  // threads on top of each other in a tile
constexpr int ROWS = 4 * HEIGHT;       // rows that a block of the backward takes on

enum { NONE, RELU, SILU, GELU, TANH, SIGMOID };

__device__ float sigmoid(float a) { return 0.5f * tanhf(0.5f * a) + 0.5f; }  // cannot overflow

// GELU's argument is cut off at +-10: beyond, t is +-1 to the last digit, and the cube may overflow.
__device__ float near_zero(float a) { return a > 10.0f ? 10.0f : a < -10.0f ? -10.0f : a; }
__device__ float gelu_tanh(float near) { return tanhf(0.7978845608028654f * (near + 0.044715f * near * near * near)); }

// All threads have the same `kind`, so no warp is ever split by the switch. Comparisons are written so that NaN goes
// through them: fmaxf(NaN, 0) would be 0, and the fault would be hidden.
__device__ float activate(float a, int kind) {
  switch (kind) {
    case RELU: return a < 0.0f ? 0.0f : a;
    case SILU: return a * sigmoid(a);
    case GELU: return 0.5f * a * (1.0f + gelu_tanh(near_zero(a)));
    case TANH: return tanhf(a);
    case SIGMOID: return sigmoid(a);
    default: return a;
  }
}

__device__ float slope(float a, int kind) {
  switch (kind) {
    case RELU: return a > 0.0f ? 1.0f : 0.0f;
    case SILU: {
      const float s = sigmoid(a);
      return s + a * s * (1.0f - s);
    }
    case GELU: {
      const float near = near_zero(a), t = gelu_tanh(near);
      const float inner = 0.7978845608028654f * (1.0f + 3.0f * 0.044715f * near * near);
      return 0.5f * (1.0f + t + near * (1.0f - t * t) * inner);
    }
    case TANH: {
      const float y = tanhf(a);
      return 1.0f - y * y;
    }
    case SIGMOID: {
      const float y = sigmoid(a);
      return y * (1.0f - y);
    }
    default: return 1.0f;
  }
}

// One thread an element, numbered through. Which column it is in takes a division of 64-bit numbers, and a GPU has no
// instruction for that: it is a subroutine of some hundred.
extern "C" __global__ void __launch_bounds__(BLOCK) bias_activation_v1(
    const float* __restrict__ x,  // (B, O)
    const float* __restrict__ b,  // (O,)
    float* __restrict__ y,        // (B, O)
    int B, int O, int kind) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= (size_t)B * O) return;
  y[i] = activate(x[i] + b[i % O], kind);
}

// The grid has two directions, as the array has, and a block is a tile of it: row and column are known without a
// division. The grid is at most 65,535 blocks high; the loop takes the rows beyond.
extern "C" __global__ void __launch_bounds__(BLOCK) bias_activation_v2(
    const float* __restrict__ x,  // (B, O)
    const float* __restrict__ b,  // (O,)
    float* __restrict__ y,        // (B, O)
    int B, int O, int kind) {
  const int column = blockIdx.x * WIDTH + threadIdx.x;
  if (column >= O) return;
  const float bias = b[column];
  for (int row = blockIdx.y * HEIGHT + threadIdx.y; row < B; row += gridDim.y * HEIGHT) {
    const size_t i = (size_t)row * O + column;
    y[i] = activate(x[i] + bias, kind);
  }
}

// Sums the columns of a tile: each of the HEIGHT threads above each other brings a part. Every thread of the block has
// to come here. The parts are added in this order and no other, whatever the GPU does first: atomicAdd would take them
// as they arrive, and since float sums depend on their order, two equal runs would differ in the last digits.
__device__ float tile_sum(float value, float tile[HEIGHT][WIDTH]) {
  tile[threadIdx.y][threadIdx.x] = value;
  __syncthreads();
  for (int half = HEIGHT / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) tile[threadIdx.y][threadIdx.x] += tile[threadIdx.y + half][threadIdx.x];
    __syncthreads();
  }
  return tile[0][threadIdx.x];
}

// A block takes ROWS rows of WIDTH columns. While g_x is at hand it sums its columns, which saves reading g_x again:
// g_b is the sum of the few rows of `part`, by column_sum. A block cannot do that itself, since it cannot wait for the
// others.
extern "C" __global__ void __launch_bounds__(BLOCK) bias_activation_backward(
    const float* __restrict__ g,  // (B, O)
    const float* __restrict__ x,  // (B, O)
    const float* __restrict__ b,  // (O,)
    float* __restrict__ g_x,      // (B, O)
    float* __restrict__ part,     // (cdiv(B, ROWS), O) sums of g_x over ROWS rows each
    int B, int O, int kind) {
  __shared__ float tile[HEIGHT][WIDTH];
  const int column = blockIdx.x * WIDTH + threadIdx.x;
  const bool inside = column < O;  // who is outside has no element, but has to come to the barriers
  const float bias = inside ? b[column] : 0.0f;
  for (int chunk = blockIdx.y; chunk * ROWS < B; chunk += gridDim.y) {
    float sum = 0.0f;
    for (int j = threadIdx.y; j < ROWS; j += HEIGHT) {
      const int row = chunk * ROWS + j;
      if (inside && row < B) {
        const size_t i = (size_t)row * O + column;
        const float g_a = g[i] * slope(x[i] + bias, kind);
        g_x[i] = g_a;
        sum += g_a;
      }
    }
    sum = tile_sum(sum, tile);
    if (inside && threadIdx.y == 0) part[(size_t)chunk * O + column] = sum;
    __syncthreads();  // nobody may write to the tile while another still reads it
  }
}

// Sums over rows, the gradient of a bias: (B, O) -> (O,). 4 B O bytes in, 4 O out, B O sums.

// One thread a column: neighbours read neighbouring floats, but a layer of 400 units keeps 400 threads busy, and each
// waits for one row after the other.
extern "C" __global__ void __launch_bounds__(BLOCK) column_sum_v1(
    const float* __restrict__ a,  // (B, O)
    float* __restrict__ sums,     // (O,)
    int B, int O) {
  const size_t column = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (column >= O) return;
  float sum = 0.0f;
  for (int row = 0; row < B; ++row) sum += a[(size_t)row * O + column];
  sums[column] = sum;
}

// Eight threads a column, each every eighth row; their parts meet in shared memory.
extern "C" __global__ void __launch_bounds__(BLOCK) column_sum_v2(
    const float* __restrict__ a,  // (B, O)
    float* __restrict__ sums,     // (O,)
    int B, int O) {
  __shared__ float tile[HEIGHT][WIDTH];
  const int column = blockIdx.x * WIDTH + threadIdx.x;
  float sum = 0.0f;
  if (column < O)
    for (int row = threadIdx.y; row < B; row += HEIGHT) sum += a[(size_t)row * O + column];
  sum = tile_sum(sum, tile);
  if (column < O && threadIdx.y == 0) sums[column] = sum;
}
