// Atomics, loads and stores with a hint, and copies. See atomics.h and check.h.
#pragma once

extern "C" {
// kind: 'i', 'u' or 'f'; operation: one of the numbers below
unsigned long long __sim_atomic(void* p, int size, int operation, char kind, unsigned long long value,
                                unsigned long long compare, int line);
void __sim_touch(const void* p, size_t size, size_t align, int writes, int line);
void* __sim_memcpy(void* to, const void* from, size_t size, int line);
void* __sim_memset(void* to, int byte, size_t size, int line);
}
enum { __sim_add, __sim_sub, __sim_max, __sim_min, __sim_exch, __sim_cas };
enum { __sim_or = __sim_cas + 1, __sim_and, __sim_xor, __sim_inc, __sim_dec };

template <class T> __sim_inline T __sim_rmw(T* p, int operation, T value, T compare, int line) {
  return __sim_from_bits<T>(
      __sim_atomic((void*)p, sizeof(T), operation, __sim_kind<T>, __sim_bits(value), __sim_bits(compare), line));
}
// The types that CUDA has each for; a kernel may bring its own atomicMax(float*, float).
#define __SIM_ATOMIC_1(Name, operation, T) \
  __sim_inline T Name(T* p, T v, int line = __builtin_LINE()) { return __sim_rmw(p, operation, v, (T)0, line); }
#define __SIM_ATOMIC(Name, operation, T) \
  __SIM_ATOMIC_1(Name, operation, T)     \
  __SIM_ATOMIC_1(Name##_block, operation, T) __SIM_ATOMIC_1(Name##_system, operation, T)
#define __SIM_ATOMIC_32(Name, operation) __SIM_ATOMIC(Name, operation, int) __SIM_ATOMIC(Name, operation, unsigned)
#define __SIM_ATOMIC_INTEGER(Name, operation) \
  __SIM_ATOMIC_32(Name, operation) __SIM_ATOMIC(Name, operation, unsigned long long)
__SIM_ATOMIC_INTEGER(atomicAdd, __sim_add)
__SIM_ATOMIC(atomicAdd, __sim_add, float)
__SIM_ATOMIC(atomicAdd, __sim_add, double)
__SIM_ATOMIC_32(atomicSub, __sim_sub)
__SIM_ATOMIC_INTEGER(atomicMax, __sim_max)
__SIM_ATOMIC(atomicMax, __sim_max, long long)
__SIM_ATOMIC_INTEGER(atomicMin, __sim_min)
__SIM_ATOMIC(atomicMin, __sim_min, long long)
__SIM_ATOMIC_INTEGER(atomicExch, __sim_exch)
__SIM_ATOMIC(atomicExch, __sim_exch, float)
__SIM_ATOMIC_INTEGER(atomicOr, __sim_or)
__SIM_ATOMIC_INTEGER(atomicAnd, __sim_and)
__SIM_ATOMIC_INTEGER(atomicXor, __sim_xor)
__SIM_ATOMIC(atomicInc, __sim_inc, unsigned)
__SIM_ATOMIC(atomicDec, __sim_dec, unsigned)
#define __SIM_CAS(T)                                                                  \
  __sim_inline T atomicCAS(T* p, T compare, T v, int line = __builtin_LINE()) {       \
    return __sim_rmw(p, __sim_cas, v, compare, line);                                 \
  }
__SIM_CAS(int)
__SIM_CAS(unsigned)
__SIM_CAS(unsigned long long)
#undef __SIM_CAS
#undef __SIM_ATOMIC_INTEGER
#undef __SIM_ATOMIC_32
#undef __SIM_ATOMIC
#undef __SIM_ATOMIC_1

// The access itself happens in this file, so the checker is told the line of the caller.
#ifdef __SIM_CHECK
#define __SIM_TOUCH(writes) __sim_touch((const void*)p, sizeof(T), alignof(T), writes, line)
#else
#define __SIM_TOUCH(writes) (void)line
#endif
#define __SIM_LOAD(Name) \
  template <class T> __sim_bare T Name(const T* p, int line = __builtin_LINE()) { __SIM_TOUCH(0); return *p; }
#define __SIM_STORE(Name) \
  template <class T> __sim_bare void Name(T* p, __sim_type<T> v, int line = __builtin_LINE()) { \
    __SIM_TOUCH(1);                                                                              \
    *p = v;                                                                                      \
  }
__SIM_LOAD(__ldg) __SIM_LOAD(__ldcs) __SIM_LOAD(__ldcg) __SIM_LOAD(__ldca) __SIM_LOAD(__ldlu) __SIM_LOAD(__ldcv)
__SIM_STORE(__stcs) __SIM_STORE(__stcg) __SIM_STORE(__stwb) __SIM_STORE(__stwt)
#undef __SIM_LOAD
#undef __SIM_STORE
#undef __SIM_TOUCH

#define memcpy(to, from, size) __sim_memcpy(to, from, size, __LINE__)
#define memset(to, byte, size) __sim_memset(to, byte, size, __LINE__)
