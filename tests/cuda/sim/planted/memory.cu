// Planted bugs: values that nobody wrote, and addresses that do not fit. See barriers.cu for how to read this.

// planted uninitialised: grid=1 block=64
extern "C" __global__ void shared_not_written(const float* x, float* y, int n) {
  __shared__ float s[64];
  if (threadIdx.x < 60) s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];                              // BUG
}
extern "C" __global__ void shared_not_written_mended(const float* x, float* y, int n) {
  __shared__ float s[64];
  s[threadIdx.x] = threadIdx.x < 60 ? x[threadIdx.x] : 0.0f;
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}

// planted uninitialised: grid=1 block=64
extern "C" __global__ void counter_not_zeroed(const float* x, float* y, int n) {
  __shared__ int positive;
  if (x[threadIdx.x] > 0.0f) atomicAdd(&positive, 1);                // BUG
  __syncthreads();
  y[threadIdx.x] = positive;
}
extern "C" __global__ void counter_not_zeroed_mended(const float* x, float* y, int n) {
  __shared__ int positive;
  if (threadIdx.x == 0) positive = 0;
  __syncthreads();
  if (x[threadIdx.x] > 0.0f) atomicAdd(&positive, 1);
  __syncthreads();
  y[threadIdx.x] = positive;
}

// Memory of a GPU is not zero when it is handed out.
// planted uninitialised: grid=2 block=64
extern "C" __global__ void adds_to_fresh_memory(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] += x[i];                                                      // BUG
}
extern "C" __global__ void adds_to_fresh_memory_mended(const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];
}

// planted alignment: grid=1 block=16
extern "C" __global__ void float4_from_the_second(const float* x, float* y, int n) {
  const int t = threadIdx.x;
  reinterpret_cast<float4*>(y)[t] = *reinterpret_cast<const float4*>(x + 1 + 4 * t);  // BUG
}
extern "C" __global__ void float4_from_the_second_mended(const float* x, float* y, int n) {
  const int t = threadIdx.x;
  reinterpret_cast<float4*>(y)[t] = *reinterpret_cast<const float4*>(x + 4 + 4 * t);
}

// planted alignment: grid=1 block=16
extern "C" __global__ void shared_float4_unaligned(const float* x, float* y, int n) {
  __shared__ float s[64];
  const int t = threadIdx.x;
  for (int k = 0; k < 4; ++k) s[4 * t + k] = x[4 * t + k];
  const float4 v = reinterpret_cast<float4*>(s)[t];                  // BUG
  y[t] = v.x + v.y + v.z + v.w;
}
extern "C" __global__ void shared_float4_unaligned_mended(const float* x, float* y, int n) {
  __shared__ __align__(16) float s[64];
  const int t = threadIdx.x;
  for (int k = 0; k < 4; ++k) s[4 * t + k] = x[4 * t + k];
  const float4 v = reinterpret_cast<float4*>(s)[t];
  y[t] = v.x + v.y + v.z + v.w;
}

// planted alignment: grid=1 block=16
extern "C" __global__ void float2_component(const float* x, float* y, int n) {
  const float2* pairs = reinterpret_cast<const float2*>(x + 3);
  y[threadIdx.x] = pairs[threadIdx.x].y;                             // BUG
}
extern "C" __global__ void float2_component_mended(const float* x, float* y, int n) {
  const float2* pairs = reinterpret_cast<const float2*>(x + 2);
  y[threadIdx.x] = pairs[threadIdx.x].y;
}

// planted const: grid=1 block=64
extern "C" __global__ void const_cast_away(const float* x, float* y, int n) {
  y[threadIdx.x] = x[threadIdx.x];
  if (x[threadIdx.x] < 0.0f) ((float*)x)[threadIdx.x] = 0.0f;        // BUG
}
extern "C" __global__ void const_cast_away_mended(const float* x, float* y, int n) {
  y[threadIdx.x] = fmaxf(x[threadIdx.x], 0.0f);
}

// 64 KiB, and a block has 48.
// planted launch: grid=1 block=64
extern "C" __global__ void too_much_shared(const float* x, float* y, int n) {
  __shared__ float a[8192];
  __shared__ float b[8192];                                          // BUG
  a[threadIdx.x] = x[threadIdx.x];
  b[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = a[threadIdx.x] + b[threadIdx.x];
}
extern "C" __global__ void too_much_shared_mended(const float* x, float* y, int n) {
  __shared__ float a[8192];
  a[threadIdx.x] = 2.0f * x[threadIdx.x];
  y[threadIdx.x] = a[threadIdx.x];
}

// 4 MiB for one thread.
__device__ __noinline__ float through_memory(volatile float* r, int n) {
  for (int k = 0; k < 8; ++k) r[k * (n / 8)] = (float)k;
  return r[n / 2];
}
// planted stack: grid=1 block=2
extern "C" __global__ void locals_too_large(const float* x, float* y, int n) {     // BUG
  volatile float r[1 << 20];
  y[threadIdx.x] = x[threadIdx.x] + through_memory(r, 1 << 20);
}
extern "C" __global__ void locals_too_large_mended(const float* x, float* y, int n) {
  volatile float r[1 << 10];
  y[threadIdx.x] = x[threadIdx.x] + through_memory(r, 1 << 10);
}
