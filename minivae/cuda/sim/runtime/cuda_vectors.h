// float4, int2, dim3 and the rest, with the alignment that CUDA gives them.
#pragma once

// clang says nothing of how a vector that it copies has to be aligned, so in the checking build the copy says it.
#if defined(__SIM_CHECK) && defined(__clang__)
extern "C" void __sim_copied(const void* to, const void* from, size_t size, const void* caller);
#define __SIM_COPIED(V) __sim_copied(this, &o, sizeof(V), __builtin_return_address(0))
#define __SIM_BARE __attribute__((noinline, not_tail_called, no_sanitize("thread"), no_sanitize("undefined")))
#define __SIM_COPY_2(T, V)                                                                         \
  V() = default;                                                                                   \
  constexpr V(T x, T y = (T)0) : x(x), y(y) {}                                                     \
  __SIM_BARE V(const V& o) { __SIM_COPIED(V); x = o.x; y = o.y; }                                  \
  __SIM_BARE V& operator=(const V& o) { __SIM_COPIED(V); x = o.x; y = o.y; return *this; }
#define __SIM_COPY_4(T, V)                                                                         \
  V() = default;                                                                                   \
  constexpr V(T x, T y = (T)0, T z = (T)0, T w = (T)0) : x(x), y(y), z(z), w(w) {}                 \
  __SIM_BARE V(const V& o) { __SIM_COPIED(V); x = o.x; y = o.y; z = o.z; w = o.w; }                \
  __SIM_BARE V& operator=(const V& o) { __SIM_COPIED(V); x = o.x; y = o.y; z = o.z; w = o.w; return *this; }
#else
#define __SIM_COPY_2(T, V)
#define __SIM_COPY_4(T, V)
#endif

#define __SIM_VECTORS(T, V, align2, align4)                                           \
  struct V##1 { T x; };                                                               \
  struct __align__(align2) V##2 { T x, y; __SIM_COPY_2(T, V##2) };                    \
  struct V##3 { T x, y, z; };                                                         \
  struct __align__(align4) V##4 { T x, y, z, w; __SIM_COPY_4(T, V##4) };              \
  __sim_inline V##1 make_##V##1(T x) { return {x}; }                                  \
  __sim_inline V##2 make_##V##2(T x, T y) { return {x, y}; }                          \
  __sim_inline V##3 make_##V##3(T x, T y, T z) { return {x, y, z}; }                  \
  __sim_inline V##4 make_##V##4(T x, T y, T z, T w) { return {x, y, z, w}; }
__SIM_VECTORS(signed char, char, 2, 4)
__SIM_VECTORS(unsigned char, uchar, 2, 4)
__SIM_VECTORS(short, short, 4, 8)
__SIM_VECTORS(unsigned short, ushort, 4, 8)
__SIM_VECTORS(int, int, 8, 16)
__SIM_VECTORS(unsigned, uint, 8, 16)
__SIM_VECTORS(long, long, 16, 16)
__SIM_VECTORS(unsigned long, ulong, 16, 16)
__SIM_VECTORS(long long, longlong, 16, 16)
__SIM_VECTORS(unsigned long long, ulonglong, 16, 16)
__SIM_VECTORS(float, float, 8, 16)
__SIM_VECTORS(double, double, 16, 16)
#undef __SIM_VECTORS

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
