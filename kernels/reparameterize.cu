// A draw from N(mu, exp(logvar)) through which gradients pass: the noise comes from elsewhere, and mu and logvar only
// shift and stretch it.
//
//     z = mu + exp(logvar / 2) * eps                                        three (n,) -> (n,)
//
//     g_mu     = g                                                          no kernel: it is g itself
//     g_logvar = 0.5 * g * exp(logvar / 2) * eps
//
// With eps given, 12 n bytes come in and 4 n go out, for 4 n operations; the floor is 16 n bytes / copy bandwidth.
// The second pair of kernels makes eps itself. Then 8 n come in and 4 n go out, and no eps is kept for the backward,
// which makes the same noise again: a counter-based generator has no state to lose. Its random bits are a function of
// (seed, draw, position), computed in any order by any thread, twice if need be.
//
// Kingma & Welling 2013, section 2.4. Salmon, Moraes, Dror & Shaw 2011 for Philox. Box & Muller 1958.

constexpr int BLOCK = 256;

// One thread an element.
extern "C" __global__ void __launch_bounds__(BLOCK) reparameterize(
    const float* __restrict__ mu,      // (n,)
    const float* __restrict__ logvar,  // (n,)
    const float* __restrict__ eps,     // (n,) from N(0, 1)
    float* __restrict__ z,             // (n,)
    int n) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= n) return;
  z[i] = mu[i] + expf(0.5f * logvar[i]) * eps[i];
}

// One thread an element. The standard deviation is computed again: an exponential costs less than 4 bytes fetched.
extern "C" __global__ void __launch_bounds__(BLOCK) reparameterize_backward(
    const float* __restrict__ g,       // (n,)
    const float* __restrict__ logvar,  // (n,)
    const float* __restrict__ eps,     // (n,) the same as in the forward
    float* __restrict__ g_logvar,      // (n,)
    int n) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= n) return;
  g_logvar[i] = 0.5f * g[i] * expf(0.5f * logvar[i]) * eps[i];
}

// Philox 4x32-10: ten rounds that stir a counter of 128 bits with a key of 64. A product of two 32-bit numbers has 64
// bits; its upper half depends on every bit of both, which is where the stirring comes from.
__device__ uint4 philox(uint4 counter, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const unsigned int low0 = 0xD2511F53u * counter.x, high0 = __umulhi(0xD2511F53u, counter.x);
    const unsigned int low1 = 0xCD9E8D57u * counter.z, high1 = __umulhi(0xCD9E8D57u, counter.z);
    counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key.x += 0x9E3779B9u;
    key.y += 0xBB67AE85u;
  }
  return counter;
}

// Box & Muller: two uniform numbers, as a radius and an angle, make two independent normal ones. The radius takes
// (bits + 1/2) / 2^32, which is never 0, so its logarithm is finite: no draw is beyond 6.8.
__device__ float2 two_normals(unsigned int bits0, unsigned int bits1) {
  const float radius = sqrtf(-2.0f * logf((bits0 + 0.5f) * 2.3283064365386963e-10f));  // 2^-32
  float sine, cosine;
  sincospif(bits1 * 4.656612873077393e-10f, &sine, &cosine);  // 2^-31: twice the uniform number, times pi
  return make_float2(radius * cosine, radius * sine);
}

// The noise for elements 4q .. 4q + 3 of one draw. Another draw, say the next training step, is another part of the
// counter, so nothing repeats, whatever the sizes were.
__device__ void four_normals(unsigned long long seed, unsigned long long draw, unsigned int q, float eps[4]) {
  const uint2 when = make_uint2((unsigned int)draw, (unsigned int)(draw >> 32));
  const uint2 key = make_uint2((unsigned int)seed, (unsigned int)(seed >> 32));
  const uint4 bits = philox(make_uint4(q, 0, when.x, when.y), key);
  const float2 a = two_normals(bits.x, bits.y), b = two_normals(bits.z, bits.w);
  eps[0] = a.x;
  eps[1] = a.y;
  eps[2] = b.x;
  eps[3] = b.y;
}

// One thread four elements, for Philox makes four numbers at a time. The four lie side by side, so the four reads of a
// warp touch the same lines of memory, and the cache has three of them.
extern "C" __global__ void __launch_bounds__(BLOCK) reparameterize_philox(
    const float* __restrict__ mu,      // (n,)
    const float* __restrict__ logvar,  // (n,)
    float* __restrict__ z,             // (n,)
    unsigned long long seed, unsigned long long draw, int n) {
  const unsigned int q = blockIdx.x * BLOCK + threadIdx.x;
  if (4 * q >= n) return;
  float eps[4];
  four_normals(seed, draw, q, eps);
#pragma unroll
  for (int j = 0; j < 4; ++j) {  // unrolled, so that eps stays in registers: they cannot be indexed by a variable
    const unsigned int i = 4 * q + j;
    if (i < n) z[i] = mu[i] + expf(0.5f * logvar[i]) * eps[j];
  }
}

// The same thread makes the same noise again.
extern "C" __global__ void __launch_bounds__(BLOCK) reparameterize_philox_backward(
    const float* __restrict__ g,       // (n,)
    const float* __restrict__ logvar,  // (n,)
    float* __restrict__ g_logvar,      // (n,)
    unsigned long long seed, unsigned long long draw, int n) {
  const unsigned int q = blockIdx.x * BLOCK + threadIdx.x;
  if (4 * q >= n) return;
  float eps[4];
  four_normals(seed, draw, q, eps);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const unsigned int i = 4 * q + j;
    if (i < n) g_logvar[i] = 0.5f * g[i] * expf(0.5f * logvar[i]) * eps[j];
  }
}

// The noise alone, to be looked at: eps of one draw.
extern "C" __global__ void __launch_bounds__(BLOCK) philox_normal(
    float* __restrict__ eps,  // (n,)
    unsigned long long seed, unsigned long long draw, int n) {
  const unsigned int q = blockIdx.x * BLOCK + threadIdx.x;
  if (4 * q >= n) return;
  float four[4];
  four_normals(seed, draw, q, four);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const unsigned int i = 4 * q + j;
    if (i < n) eps[i] = four[j];
  }
}

// The bits alone, so that they can be held against the published ones.
extern "C" __global__ void __launch_bounds__(BLOCK) philox_bits(
    const unsigned int* __restrict__ counter,  // (n, 4)
    const unsigned int* __restrict__ key,      // (n, 2)
    unsigned int* __restrict__ bits,           // (n, 4)
    int n) {
  const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (i >= n) return;
  const uint4 made = philox(make_uint4(counter[4 * i], counter[4 * i + 1], counter[4 * i + 2], counter[4 * i + 3]),
                            make_uint2(key[2 * i], key[2 * i + 1]));
  bits[4 * i] = made.x;
  bits[4 * i + 1] = made.y;
  bits[4 * i + 2] = made.z;
  bits[4 * i + 3] = made.w;
}
