// Planted bugs: threads that do not wait for each other, or wait for ever. `// BUG` stands where the finding has to point.
// Above each kernel: the kind of finding, and how it is launched; below it, the kernel mended.

constexpr int N = 64;

// planted race: grid=2 block=64
extern "C" __global__ void barrier_missing(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  s[t] = x[blockIdx.x * N + t];                                      // BUG
  y[blockIdx.x * N + t] = s[(t + 1) % N];                            // BUG
}
extern "C" __global__ void barrier_missing_mended(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  s[t] = x[blockIdx.x * N + t];
  __syncthreads();
  y[blockIdx.x * N + t] = s[(t + 1) % N];
}

// planted race: grid=2 block=64
extern "C" __global__ void barrier_missing_in_tree(const float* x, float* y, int n) {
  __shared__ float part[N];
  const int t = threadIdx.x;
  part[t] = x[blockIdx.x * N + t];
  __syncthreads();
  for (int half = N / 2; half > 0; half /= 2)
    if (t < half) part[t] += part[t + half];                         // BUG
  if (t == 0) y[blockIdx.x] = part[0];
}
extern "C" __global__ void barrier_missing_in_tree_mended(const float* x, float* y, int n) {
  __shared__ float part[N];
  const int t = threadIdx.x;
  part[t] = x[blockIdx.x * N + t];
  __syncthreads();
  for (int half = N / 2; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  if (t == 0) y[blockIdx.x] = part[0];
}

// The tile is filled anew while others still read it.
// planted race: grid=2 block=64
extern "C" __global__ void second_barrier_missing(const float* x, float* y, int n) {
  __shared__ float tile[N];
  const int t = threadIdx.x;
  float sum = 0.0f;
  for (int k = 0; k < 4; ++k) {
    tile[t] = x[k * N + t];                                          // BUG
    __syncthreads();
    for (int i = 0; i < N; ++i) sum += tile[(i + t) % N];            // BUG
  }
  y[blockIdx.x * N + t] = sum;
}
extern "C" __global__ void second_barrier_missing_mended(const float* x, float* y, int n) {
  __shared__ float tile[N];
  const int t = threadIdx.x;
  float sum = 0.0f;
  for (int k = 0; k < 4; ++k) {
    tile[t] = x[k * N + t];
    __syncthreads();
    for (int i = 0; i < N; ++i) sum += tile[(i + t) % N];
    __syncthreads();
  }
  y[blockIdx.x * N + t] = sum;
}

// Two buffers save a barrier, if they really take turns: here both reads and writes go to the same one.
// planted race: grid=2 block=64
extern "C" __global__ void double_buffer(const float* x, float* y, int n) {
  __shared__ float buffer[2][N];
  const int t = threadIdx.x;
  buffer[0][t] = x[t];
  __syncthreads();
  for (int step = 1; step < N; step *= 2) {
    const float left = t >= step ? buffer[0][t - step] : 0.0f;       // BUG
    buffer[0][t] += left;                                            // BUG
    __syncthreads();
  }
  y[blockIdx.x * N + t] = buffer[0][t];
}
extern "C" __global__ void double_buffer_mended(const float* x, float* y, int n) {
  __shared__ float buffer[2][N];
  const int t = threadIdx.x;
  int in = 0;
  buffer[0][t] = x[t];
  __syncthreads();
  for (int step = 1; step < N; step *= 2, in = 1 - in) {
    buffer[1 - in][t] = buffer[in][t] + (t >= step ? buffer[in][t - step] : 0.0f);
    __syncthreads();
  }
  y[blockIdx.x * N + t] = buffer[in][t];
}

// planted barrier: grid=2 block=64
extern "C" __global__ void barrier_in_branch(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  if (t < 16) {
    s[t] = x[t];
    __syncthreads();                                                 // BUG
  }
  y[blockIdx.x * N + t] = t < 16 ? s[15 - t] : 0.0f;
}
extern "C" __global__ void barrier_in_branch_mended(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  if (t < 16) s[t] = x[t];
  __syncthreads();
  y[blockIdx.x * N + t] = t < 16 ? s[15 - t] : 0.0f;
}

// planted barrier: grid=2 block=64 n=125
extern "C" __global__ void return_before_barrier(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x, i = blockIdx.x * N + t;
  if (i >= n) return;
  s[t] = x[i];
  __syncthreads();                                                   // BUG
  y[i] = s[t / 2];
}
extern "C" __global__ void return_before_barrier_mended(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x, i = blockIdx.x * N + t;
  if (i < n) s[t] = x[i];
  __syncthreads();
  if (i < n) y[i] = s[t / 2];
}

// Thread t goes round t / 16 + 1 times, so the barrier meets fewer threads each time.
// planted barrier: grid=1 block=64
extern "C" __global__ void barrier_in_uneven_loop(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  float sum = 0.0f;
  for (int k = 0; k <= t / 16; ++k) {
    s[t] = x[k * N + t];
    __syncthreads();                                                 // BUG
    sum += s[t];
  }
  y[t] = sum;
}
extern "C" __global__ void barrier_in_uneven_loop_mended(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  float sum = 0.0f;
  for (int k = 0; k < 4; ++k) {
    s[t] = x[k * N + t];
    __syncthreads();
    if (k <= t / 16) sum += s[t];
  }
  y[t] = sum;
}

// planted barrier: grid=1 block=64
extern "C" __global__ void one_barrier_written_twice(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  if (t < 32) {
    s[t] = x[t];
    __syncthreads();                                                 // BUG
  } else {
    s[t] = -x[t];
    __syncthreads();
  }
  y[t] = s[N - 1 - t];
}
extern "C" __global__ void one_barrier_written_twice_mended(const float* x, float* y, int n) {
  __shared__ float s[N];
  const int t = threadIdx.x;
  s[t] = t < 32 ? x[t] : -x[t];
  __syncthreads();
  y[t] = s[N - 1 - t];
}
