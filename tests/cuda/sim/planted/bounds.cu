// Planted bugs: an index beside the array. See barriers.cu for how to read this.

// planted bounds: grid=3 block=64 n=128 x=192
extern "C" __global__ void guard_off_by_one(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) y[i] = x[i];                                           // BUG
}
extern "C" __global__ void guard_off_by_one_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i];
}

// planted bounds: grid=3 block=64 n=128
extern "C" __global__ void guard_missing(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];                                                       // BUG
}
extern "C" __global__ void guard_missing_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i];
}

// planted bounds: grid=2 block=64
extern "C" __global__ void before_the_start(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i] - x[i - 1];                                            // BUG
}
extern "C" __global__ void before_the_start_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = i > 0 ? x[i] - x[i - 1] : x[i];
}

// A matrix of 4 rows and 32 columns, of which the row is taken for 33 long, or the rows for columns.
// planted bounds: grid=4 block=32
extern "C" __global__ void stride_too_long(const float* x, float* y, int n) {
  const int row = blockIdx.x, column = threadIdx.x, columns = n / 4;
  y[row * (columns + 1) + column] = x[row * columns + column];       // BUG
}
extern "C" __global__ void stride_too_long_mended(const float* x, float* y, int n) {
  const int row = blockIdx.x, column = threadIdx.x, columns = n / 4;
  y[row * columns + column] = x[row * columns + column];
}

// planted bounds: grid=4 block=32 x=128
extern "C" __global__ void rows_for_columns(const float* x, float* y, int n) {
  const int row = blockIdx.x, column = threadIdx.x, rows = 4;
  y[row * 32 + column] = x[column * 32 + row % rows];                // BUG
}
extern "C" __global__ void rows_for_columns_mended(const float* x, float* y, int n) {
  const int row = blockIdx.x, column = threadIdx.x, rows = 4;
  y[row * 32 + column] = x[column * rows + row];
}

// 130 / 4 is 32, so the last two elements are of a fifth row.
// planted bounds: grid=3 block=64 n=130 x=192 y=zeros:4
extern "C" __global__ void division_rounds_down(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = i / (n / 4);
  if (i < n) atomicAdd(&y[row], x[i]);                               // BUG
}
extern "C" __global__ void division_rounds_down_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = i / ((n + 3) / 4);
  if (i < n) atomicAdd(&y[row], x[i]);
}

// planted bounds: grid=1 block=64
extern "C" __global__ void shared_overrun(const float* x, float* y, int n) {
  __shared__ float a[64], b[64];
  float* p = a;
  b[threadIdx.x] = 1.0f;
  p[threadIdx.x + 1] = x[threadIdx.x];                               // BUG
  __syncthreads();
  y[threadIdx.x] = b[threadIdx.x] + (threadIdx.x ? a[threadIdx.x] : 0.0f);
}
extern "C" __global__ void shared_overrun_mended(const float* x, float* y, int n) {
  __shared__ float a[65], b[64];
  float* p = a;
  b[threadIdx.x] = 1.0f;
  p[threadIdx.x + 1] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = b[threadIdx.x] + (threadIdx.x ? a[threadIdx.x] : 0.0f);
}

// Beyond the row, but not beyond the tile.
// planted bounds: grid=1 block=8,8
extern "C" __global__ void row_of_a_tile_overrun(const float* x, float* y, int n) {
  __shared__ float tile[8][8];
  const int tx = threadIdx.x, ty = threadIdx.y;
  tile[ty][tx] = x[ty * 8 + tx];
  __syncthreads();
  y[ty * 8 + tx] = ty < 7 ? tile[ty][tx + 1] : 0.0f;                 // BUG
}
extern "C" __global__ void row_of_a_tile_overrun_mended(const float* x, float* y, int n) {
  __shared__ float tile[8][8];
  const int tx = threadIdx.x, ty = threadIdx.y;
  tile[ty][tx] = x[ty * 8 + tx];
  __syncthreads();
  y[ty * 8 + tx] = tx < 7 ? tile[ty][tx + 1] : 0.0f;
}

// planted bounds: grid=1 block=64 shared=128
extern "C" __global__ void dynamic_too_small(const float* x, float* y, int n) {
  extern __shared__ float s[];
  s[threadIdx.x] = x[threadIdx.x];                                   // BUG
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}
// mended: shared=256
extern "C" __global__ void dynamic_too_small_mended(const float* x, float* y, int n) {
  extern __shared__ float s[];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}

// planted bounds: grid=1 block=32
extern "C" __global__ void local_overrun(const float* x, float* y, int n) {
  float r[4];
  for (int j = 0; j <= n / 32; ++j) r[j] = x[threadIdx.x + j];       // BUG
  y[threadIdx.x] = r[n % 4];
}
extern "C" __global__ void local_overrun_mended(const float* x, float* y, int n) {
  float r[4];
  for (int j = 0; j < n / 32; ++j) r[j] = x[threadIdx.x + j];
  y[threadIdx.x] = r[n % 4];
}

// planted bounds: grid=1 block=32
extern "C" __global__ void local_of_another(const float* x, float* y, int n) {
  __shared__ float* p;
  float mine[2] = {x[threadIdx.x], 0.0f};
  if (threadIdx.x == 3) p = mine;
  __syncthreads();
  y[threadIdx.x] = p[n % 2];                                         // BUG
  __syncthreads();
  mine[1] = y[threadIdx.x];
  if (n < 0) p = mine;
}
extern "C" __global__ void local_of_another_mended(const float* x, float* y, int n) {
  __shared__ float given;
  if (threadIdx.x == 3) given = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = given;
}

// Lands in y if the arrays happen to lie one behind the other.
// planted bounds: grid=1 block=32
extern "C" __global__ void far_beyond(const float* x, float* y, int n) {
  const float* row = x + threadIdx.x * n;
  y[threadIdx.x] = row[threadIdx.x];                                 // BUG
}
extern "C" __global__ void far_beyond_mended(const float* x, float* y, int n) {
  const float* row = x + threadIdx.x;
  y[threadIdx.x] = row[threadIdx.x];
}

// planted null: grid=1 block=32 z=none
extern "C" __global__ void optional_not_tested(const float* x, const float* z, float* y, int n) {
  y[threadIdx.x] = x[threadIdx.x] + z[threadIdx.x];                  // BUG
}
extern "C" __global__ void optional_not_tested_mended(const float* x, const float* z, float* y, int n) {
  y[threadIdx.x] = x[threadIdx.x] + (z ? z[threadIdx.x] : 0.0f);
}
