// Planted bugs: arithmetic that a GPU answers without a word. See barriers.cu for how to read this.

// 65,536 rows of 65,536 columns: the index passes 2^31.
// planted overflow: grid=1 block=64
extern "C" __global__ void index_beyond_int(const float* x, float* y, int n) {
  const int row = threadIdx.x * 1024, columns = 65536;
  const int i = row * columns;                                       // BUG
  y[threadIdx.x] = x[(unsigned)i % 64u];
}
extern "C" __global__ void index_beyond_int_mended(const float* x, float* y, int n) {
  const int row = threadIdx.x * 1024, columns = 65536;
  const size_t i = (size_t)row * columns;
  y[threadIdx.x] = x[i % 64u];
}

// planted overflow: grid=1 block=32
extern "C" __global__ void sum_beyond_int(const float* x, float* y, int n) {
  int sum = 2147483600;
  sum += n + (int)threadIdx.x;                                       // BUG
  y[threadIdx.x] = x[sum & 31];
}
extern "C" __global__ void sum_beyond_int_mended(const float* x, float* y, int n) {
  long long sum = 2147483600;
  sum += n + (int)threadIdx.x;
  y[threadIdx.x] = x[sum & 31];
}

// planted division: grid=1 block=32
extern "C" __global__ void divides_by_zero(const float* x, float* y, int n) {
  const int groups = (int)threadIdx.x / 16;
  y[threadIdx.x] = x[n / groups % 64];                               // BUG
}
extern "C" __global__ void divides_by_zero_mended(const float* x, float* y, int n) {
  const int groups = (int)threadIdx.x / 16 + 1;
  y[threadIdx.x] = x[n / groups % 64];
}

// planted shift: grid=1 block=64
extern "C" __global__ void shifts_too_far(const float* x, float* y, int n) {
  const unsigned bit = 1u << threadIdx.x;                            // BUG
  y[threadIdx.x] = bit & (unsigned)n ? x[threadIdx.x] : 0.0f;
}
extern "C" __global__ void shifts_too_far_mended(const float* x, float* y, int n) {
  const unsigned long long bit = 1ull << threadIdx.x;
  y[threadIdx.x] = bit & (unsigned)n ? x[threadIdx.x] : 0.0f;
}

// planted conversion: grid=1 block=32
extern "C" __global__ void float_beyond_int(const float* x, float* y, int n) {
  const int bin = (int)(x[threadIdx.x] * 1e12f);                     // BUG
  y[threadIdx.x] = (float)(bin % 8);
}
extern "C" __global__ void float_beyond_int_mended(const float* x, float* y, int n) {
  const int bin = __float2int_rz(x[threadIdx.x] * 1e12f);
  y[threadIdx.x] = (float)(bin % 8);
}

// planted return: grid=1 block=32
__device__ __noinline__ float forgets_to_return(float v) {           // BUG
  if (v > 1e6f) return 1.0f;
}
extern "C" __global__ void no_value_returned(const float* x, float* y, int n) {
  y[threadIdx.x] = forgets_to_return(x[threadIdx.x]);
}
__device__ __noinline__ float returns(float v) { return v > 1e6f ? 1.0f : 0.0f; }
extern "C" __global__ void no_value_returned_mended(const float* x, float* y, int n) {
  y[threadIdx.x] = returns(x[threadIdx.x]);
}

// planted assert: grid=1 block=32
extern "C" __global__ void assertion_fails(const float* x, float* y, int n) {
  assert(n < 100);                                                   // BUG
  y[threadIdx.x] = x[threadIdx.x];
}
extern "C" __global__ void assertion_fails_mended(const float* x, float* y, int n) {
  assert(n < 1000);
  y[threadIdx.x] = x[threadIdx.x];
}

// planted endless: grid=1 block=32
extern "C" __global__ void stands_still(const float* x, float* y, int n) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n; i += n / 256) sum += x[i];        // BUG
  y[threadIdx.x] = sum;
}
extern "C" __global__ void stands_still_mended(const float* x, float* y, int n) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n; i += 32) sum += x[i];
  y[threadIdx.x] = sum;
}

// Nobody says that both blocks run at the same time.
// planted endless: grid=2 block=1 y=zeros:2
extern "C" __global__ void blocks_wait_for_each_other(const float* x, float* y, int n) {
  atomicAdd(&y[0], 1.0f);
  while (*(volatile float*)&y[0] < 2.0f) {                           // BUG
  }
  atomicAdd(&y[1], x[blockIdx.x]);
}
extern "C" __global__ void blocks_wait_for_each_other_mended(const float* x, float* y, int n) {
  atomicAdd(&y[0], 1.0f);
  atomicAdd(&y[1], x[blockIdx.x]);
}
