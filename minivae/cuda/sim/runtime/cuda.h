// What stands before a .cu file when a C++17 compiler builds it for the CPU: the words of CUDA C, and nothing else.
//
// No standard header is included, since NVRTC has none either: a name that is not CUDA's own must fail here too. Names
// of ours begin with __sim_; what they do is in the other files of this folder. `line` is the caller's, for the default
// argument __builtin_LINE() is worked out where the function is called.
#pragma once

// ---- words that mean nothing on a CPU -------------------------------------------------------------------------------
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)  // read by translate.py
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1  // as NVRTC defines it, so that #ifdef picks the same branch
#define __CUDA_ARCH__ 750
#define NULL 0

typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;

#define __sim_inline static inline __attribute__((always_inline, unused))
#ifdef __SIM_CHECK
#define __sim_bare static __attribute__((no_sanitize("thread"), no_sanitize("undefined"), noinline, unused))
#else
#define __sim_bare __sim_inline
#endif

#include "cuda_kinds.h"
#include "cuda_vectors.h"

// ---- what a thread knows of itself ----------------------------------------------------------------------------------
struct __sim_place { uint3 thread, block, dim, grid; };
extern "C" __attribute__((const)) const __sim_place* __sim_me(void);  // const: a call of a kernel is one thread's
#define threadIdx (__sim_me()->thread)
#define blockIdx (__sim_me()->block)
#define blockDim (__sim_me()->dim)
#define gridDim (__sim_me()->grid)
constexpr int warpSize = 32;

// ---- shared memory: translate.py writes these for `__shared__ float t[8][9];` and `extern __shared__ float s[];` ----
extern "C" void* __sim_shared(const void* key, size_t size, size_t align, size_t item, int line, const char* name,
                              const unsigned* extents);
extern "C" void* __sim_dynamic(void);
template <class T> using __sim_type = T;
template <class T> struct __sim_array {  // sizes of up to three axes, and the element
  typedef T item;
  static constexpr unsigned extent = 0, inner = 0, innermost = 0;
};
template <class T, size_t N> struct __sim_array<T[N]> {
  typedef typename __sim_array<T>::item item;
  static constexpr unsigned extent = N, inner = __sim_array<T>::extent, innermost = __sim_array<T>::inner;
};
template <class T> __sim_inline T& __sim_shared_memory(const char* key, size_t align, int line, const char* name) {
  typedef __sim_array<T> array;
  static const unsigned extents[3] = {array::extent, array::inner, array::innermost};
  return *(T*)__sim_shared(key, sizeof(T), align ? align : alignof(T), sizeof(typename array::item), line, name,
                           extents);
}
#define __sim_shared_array(name, align, ...) \
  static const char __sim_key_##name = 0;    \
  auto& name = __sim_shared_memory<__sim_type<__VA_ARGS__>>(&__sim_key_##name, align, __LINE__, #name)
#define __sim_dynamic_array(name, ...) __VA_ARGS__* const name = (__VA_ARGS__*)__sim_dynamic()

#include "cuda_threads.h"
#include "cuda_memory.h"
#include "cuda_math.h"

// ---- printf, assert -------------------------------------------------------------------------------------------------
extern "C" __attribute__((format(printf, 1, 2))) int __sim_printf(const char* format, ...);
extern "C" void __sim_assert(const char* what, int line);
#define printf __sim_printf
#define assert(e) ((e) ? (void)0 : __sim_assert(#e, __LINE__))
__sim_inline void __trap(int line = __builtin_LINE()) { __sim_assert(0, line); }
#ifndef __clang__
#define __builtin_assume(e) ((void)0)
#endif

#include "cuda_launch.h"
