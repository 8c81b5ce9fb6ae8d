// The product of two matrices, which is most of what a network computes: each layer is one, and so is each convolution,
// once its patches stand in rows (im2col.cu).
//
//     y[m, n] = sum over k of a[m, k] * b[k, n]                             (M, K), (K, N) -> (M, N)
//
// The gradients are products as well: g_a = g b^T and g_b = a^T g.
//
// 2 M N K operations on 4 (M K + K N) bytes that come in and 4 M N that go out. This is the one kernel here that need
// not wait for memory: of square matrices with side n, every float that is moved serves 2 n / 3 operations. So there
// are two floors, bytes / copy bandwidth and 2 M N K / (operations a second), and the higher one holds. To come near to
// it, a float that has been fetched must be used many times, and from a nearer place than memory. That is the whole
// story of the versions below.
//
// These kernels are here to be read. What the package calls for a product is cuBLAS, through CuPy: it has kernels for
// each shape and each GPU, takes either factor transposed, and on large matrices is not to be beaten by a page of C.

constexpr int TILE = 16;
constexpr int BLOCK = TILE * TILE;
constexpr int SIDE = 64;            // v3: a block makes a square of y of this side
constexpr int PATCH = SIDE / TILE;  // and each of its threads a square of this side
constexpr int DEPTH = 16;           // v3: columns of a, and rows of b, that are at hand at a time

// One thread an element of y. The two floats of each multiply-add are fetched from memory, or from a cache, which has
// them, since neighbours ask for the same: a warp reads 2 floats of `a` and 16 of b for 32 multiply-adds. But fetching
// is an instruction too, and takes several times as long as the arithmetic it is for.
extern "C" __global__ void __launch_bounds__(BLOCK) matmul_v1(
    const float* __restrict__ a,  // (M, K)
    const float* __restrict__ b,  // (K, N)
    float* __restrict__ y,        // (M, N)
    int M, int N, int K) {
  const int m = blockIdx.x * TILE + threadIdx.y, n = blockIdx.y * TILE + threadIdx.x;
  if (m >= M || n >= N) return;
  float sum = 0.0f;
  for (int k = 0; k < K; ++k) sum += a[(size_t)m * K + k] * b[(size_t)k * N + n];
  y[(size_t)m * N + n] = sum;
}

// One block a square of y, by way of shared memory. It needs a strip of `a` and a strip of b, and takes them in pieces
// of TILE x TILE: each thread brings one float of both, all wait until the pieces are complete, each uses TILE floats
// of both, and all wait again before the next pieces take their place. What comes from memory is used TILE times. What
// lies outside of a matrix is 0, and adds nothing.
extern "C" __global__ void __launch_bounds__(BLOCK) matmul_v2(
    const float* __restrict__ a,  // (M, K)
    const float* __restrict__ b,  // (K, N)
    float* __restrict__ y,        // (M, N)
    int M, int N, int K) {
  __shared__ float a_tile[TILE][TILE], b_tile[TILE][TILE];
  const int row = threadIdx.y, column = threadIdx.x;
  const int m = blockIdx.x * TILE + row, n = blockIdx.y * TILE + column;
  float sum = 0.0f;
  for (int first = 0; first < K; first += TILE) {
    a_tile[row][column] = m < M && first + column < K ? a[(size_t)m * K + first + column] : 0.0f;
    b_tile[row][column] = first + row < K && n < N ? b[(size_t)(first + row) * N + n] : 0.0f;
    __syncthreads();
    for (int k = 0; k < TILE; ++k) sum += a_tile[row][k] * b_tile[k][column];
    __syncthreads();
  }
  if (m < M && n < N) y[(size_t)m * N + n] = sum;
}

// One thread a square of PATCH x PATCH elements of y. In v2 each multiply-add still reads two floats, now of shared
// memory, which delivers one in the time of two to four multiply-adds. Nearer than that are only registers. For one k,
// a thread reads PATCH floats of `a` and PATCH of b, which make PATCH * PATCH products, here 16 of 8. A float from
// memory is used SIDE times.
//
// The strip of `a` lies in shared memory with its rows and columns exchanged, for then a patch's floats are neighbours,
// of which one instruction reads four. Each row has 4 floats more than are used. Without them, the 16 floats of a piece
// of `a` that are written at once would all go to one of the 32 banks of shared memory, one after the other.
//
// A larger patch would ask less of shared memory still; cuBLAS has 8 x 8 and more. It takes four times the registers
// for its sums, and makes fewer blocks: (128, 784) times (784, 400) is 14 squares of side 64 and 4 of side 128, for a
// GPU of some hundred multiprocessors.
extern "C" __global__ void __launch_bounds__(BLOCK) matmul_v3(
    const float* __restrict__ a,  // (M, K)
    const float* __restrict__ b,  // (K, N)
    float* __restrict__ y,        // (M, N)
    int M, int N, int K) {
  __shared__ __align__(16) float a_strip[DEPTH][SIDE + 4], b_strip[DEPTH][SIDE];
  const int thread = threadIdx.y * TILE + threadIdx.x;
  const int row = threadIdx.y * PATCH, column = threadIdx.x * PATCH;  // of the patch, in the block's square
  const int top = blockIdx.x * SIDE, left = blockIdx.y * SIDE;        // of the square, in y
  float sum[PATCH][PATCH] = {};
  for (int first = 0; first < K; first += DEPTH) {
    for (int part = 0; part < SIDE * DEPTH; part += BLOCK) {
      const int m = (part + thread) / DEPTH, k = (part + thread) % DEPTH;
      a_strip[k][m] = top + m < M && first + k < K ? a[(size_t)(top + m) * K + first + k] : 0.0f;
    }
    for (int part = 0; part < DEPTH * SIDE; part += BLOCK) {
      const int k = (part + thread) / SIDE, n = (part + thread) % SIDE;
      b_strip[k][n] = first + k < K && left + n < N ? b[(size_t)(first + k) * N + left + n] : 0.0f;
    }
    __syncthreads();
    for (int k = 0; k < DEPTH; ++k)
#pragma unroll
      for (int i = 0; i < PATCH; ++i)
#pragma unroll
        for (int j = 0; j < PATCH; ++j) sum[i][j] += a_strip[k][row + i] * b_strip[k][column + j];
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < PATCH; ++i)
#pragma unroll
    for (int j = 0; j < PATCH; ++j) {
      const int m = top + row + i, n = left + column + j;
      if (m < M && n < N) y[(size_t)m * N + n] = sum[i][j];
    }
}
