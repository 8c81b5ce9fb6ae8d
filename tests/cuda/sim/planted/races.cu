// Planted bugs: threads that use the same element in no order. See barriers.cu for how to read this.

// planted race: grid=2 block=64 y=zeros:1
extern "C" __global__ void sum_without_atomic(const float* x, float* y, int n) {
  y[0] += x[blockIdx.x * blockDim.x + threadIdx.x];                  // BUG
}
extern "C" __global__ void sum_without_atomic_mended(const float* x, float* y, int n) {
  atomicAdd(&y[0], x[blockIdx.x * blockDim.x + threadIdx.x]);
}

// planted race: grid=2 block=64
extern "C" __global__ void block_forgotten(const float* x, float* y, int n) {
  y[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];         // BUG
}
extern "C" __global__ void block_forgotten_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];
}

// blockDim.y is 1, so the blocks' stretches lie over each other.
// planted race: grid=4 block=32
extern "C" __global__ void wrong_axis(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.y + threadIdx.x;
  y[i] = x[i];                                                       // BUG
}
extern "C" __global__ void wrong_axis_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];
}

// A block counts on what its neighbour has written, but nobody says who comes first.
// planted race: grid=4 block=32
extern "C" __global__ void reads_neighbours_output(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = 2.0f * x[i];                                                // BUG
  __syncthreads();
  if (threadIdx.x == 0 && i > 0) y[i] += y[i - 1];                   // BUG
}
extern "C" __global__ void reads_neighbours_output_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = 2.0f * x[i];
  if (threadIdx.x == 0 && i > 0) y[i] += 2.0f * x[i - 1];
}

// planted race: grid=1 block=64 y=zeros:128
extern "C" __global__ void stencil_in_place(const float* x, float* y, int n) {
  const int i = threadIdx.x + 1;
  y[i] = 0.5f * (y[i - 1] + y[i + 1]) + x[i];                        // BUG
}
extern "C" __global__ void stencil_in_place_mended(const float* x, float* y, int n) {
  const int i = threadIdx.x + 1;
  y[i] = 0.5f * (x[i - 1] + x[i + 1]) + x[i];
}

// An atomic keeps atomics apart, not a plain read.
// planted race: grid=1 block=64 y=zeros:128
extern "C" __global__ void atomic_and_plain(const float* x, float* y, int n) {
  atomicAdd(&y[0], x[threadIdx.x]);                                  // BUG
  if (threadIdx.x == 40) y[1] = y[0];                                // BUG
}
extern "C" __global__ void atomic_and_plain_mended(const float* x, float* y, int n) {
  atomicAdd(&y[0], x[threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 40) y[1] = y[0];
}

// The block that comes last adds up what all have left. Without the fence its count may arrive before its sum does.
__device__ unsigned int arrived = 0;
// planted race: grid=4 block=32
extern "C" __global__ void fence_missing(const float* x, float* y, int n) {
  if (threadIdx.x) return;
  y[1 + blockIdx.x] = x[blockIdx.x];                                 // BUG
  if (atomicAdd(&arrived, 1u) < gridDim.x - 1) return;
  float sum = 0.0f;
  for (int k = 0; k < (int)gridDim.x; ++k) sum += y[1 + k];          // BUG
  y[0] = sum;
  arrived = 0;
}
__device__ unsigned int arrived_too = 0;
extern "C" __global__ void fence_missing_mended(const float* x, float* y, int n) {
  if (threadIdx.x) return;
  y[1 + blockIdx.x] = x[blockIdx.x];
  __threadfence();
  if (atomicAdd(&arrived_too, 1u) < gridDim.x - 1) return;
  float sum = 0.0f;
  for (int k = 0; k < (int)gridDim.x; ++k) sum += y[1 + k];
  y[0] = sum;
  atomicExch(&arrived_too, 0u);
}

// All threads raise a flag that one of them has to lower first.
// planted race: grid=1 block=64
extern "C" __global__ void flag_without_order(const float* x, float* y, int n) {
  __shared__ int negative;
  if (threadIdx.x == 0) negative = 0;                                // BUG
  if (x[threadIdx.x] < 0.0f) atomicOr(&negative, 1);                 // BUG
  __syncthreads();
  y[threadIdx.x] = negative ? -1.0f : 1.0f;
}
extern "C" __global__ void flag_without_order_mended(const float* x, float* y, int n) {
  __shared__ int negative;
  if (threadIdx.x == 0) negative = 0;
  __syncthreads();
  if (x[threadIdx.x] < 0.0f) atomicOr(&negative, 1);
  __syncthreads();
  y[threadIdx.x] = negative ? -1.0f : 1.0f;
}
