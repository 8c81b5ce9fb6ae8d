// Adam, and AdamW, over all parameters of a model laid end to end: one launch a step, whatever the number of layers.
//
//     m = b1 m + g                                                          p, g, m, v: (n,)
//     v = b2 v + g^2
//     p = p - decay p - step * m / (sqrt(v) + tiny)
//
// m and v are decaying sums. The paper's running means are (1 - b1) m and (1 - b2) v, and divided by 1 - b1^t and
// 1 - b2^t for the first steps. All of these factors are the same for every parameter, so the host puts them into two
// numbers, and no thread computes them: with m_hat = (1 - b1) / (1 - b1^t) and root = sqrt((1 - b2) / (1 - b2^t)),
// step = lr * m_hat / root and tiny = tiny / root. AdamW has decay = lr * (its decay); Adam has 0.
//
// 16 n bytes come in and 12 n go out, for 12 n operations; the floor is 28 n bytes / copy bandwidth. Written with one
// array operation after the other, as in NumPy, the same step moves four times as much.
//
// Kingma & Ba 2015, algorithm 1. Loshchilov & Hutter 2019, algorithm 2, with the decay times lr, as in PyTorch.

constexpr int BLOCK = 256;

struct Settings {
  float b1, b2, step, tiny, decay;
};

__device__ void adam_one(float& p, float g, float& m, float& v, const Settings& s) {
  m = s.b1 * m + g;
  v = s.b2 * v + g * g;
  p = p - s.decay * p - s.step * m / (sqrtf(v) + s.tiny);
}

// One thread one parameter, 4 bytes at a time.
extern "C" __global__ void __launch_bounds__(BLOCK) adam_v1(
    float* __restrict__ p,        // (n,) read and written
    const float* __restrict__ g,  // (n,)
    float* __restrict__ m,        // (n,) read and written
    float* __restrict__ v,        // (n,) read and written
    float b1, float b2, float step, float tiny, float decay, int n) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= n) return;
  adam_one(p[i], g[i], m[i], v[i], Settings{b1, b2, step, tiny, decay});
}

// One thread four parameters, 16 bytes at a time: a quarter of the instructions for the same bytes, and four times as
// many bytes on their way at once, which is what keeps memory busy. A float4 has to begin at a multiple of 16 bytes,
// which the launcher sees to. The last thread may have less than four; it takes them one by one.
extern "C" __global__ void __launch_bounds__(BLOCK) adam_v2(
    float* __restrict__ p,        // (n,) read and written
    const float* __restrict__ g,  // (n,)
    float* __restrict__ m,        // (n,) read and written
    float* __restrict__ v,        // (n,) read and written
    float b1, float b2, float step, float tiny, float decay, int n) {
  const Settings s{b1, b2, step, tiny, decay};
  const size_t q = (size_t)blockIdx.x * BLOCK + threadIdx.x, first = 4 * q;
  if (first + 4 <= n) {
    float4 p4 = reinterpret_cast<float4*>(p)[q], m4 = reinterpret_cast<float4*>(m)[q];
    float4 v4 = reinterpret_cast<float4*>(v)[q];
    const float4 g4 = reinterpret_cast<const float4*>(g)[q];
    adam_one(p4.x, g4.x, m4.x, v4.x, s);
    adam_one(p4.y, g4.y, m4.y, v4.y, s);
    adam_one(p4.z, g4.z, m4.z, v4.z, s);
    adam_one(p4.w, g4.w, m4.w, v4.w, s);
    reinterpret_cast<float4*>(p)[q] = p4;
    reinterpret_cast<float4*>(m)[q] = m4;
    reinterpret_cast<float4*>(v)[q] = v4;
  } else {
    for (size_t i = first; i < n; ++i) adam_one(p[i], g[i], m[i], v[i], s);
  }
}
