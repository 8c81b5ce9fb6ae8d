// How threads wait for each other: barriers, and what the lanes of a warp do together. See block.h and warp.h.
#pragma once

extern "C" {
int __sim_barrier(int line, int vote, int result);  // result: 0 how many voted, 1 whether all, 2 whether any
void __sim_syncwarp(unsigned mask, int line);
unsigned long long __sim_shuffle(unsigned mask, unsigned long long bits, int source, int line);
unsigned __sim_ballot(unsigned mask, int vote, int line);
unsigned __sim_match(unsigned mask, unsigned long long bits, int line);
unsigned __sim_lane(void);
void __sim_fence(void);
void __sim_pause(void);
}

__sim_inline void __syncthreads(int line = __builtin_LINE()) { __sim_barrier(line, 0, 0); }
__sim_inline int __syncthreads_count(int vote, int line = __builtin_LINE()) {
  return __sim_barrier(line, vote != 0, 0);
}
__sim_inline int __syncthreads_and(int vote, int line = __builtin_LINE()) { return __sim_barrier(line, vote != 0, 1); }
__sim_inline int __syncthreads_or(int vote, int line = __builtin_LINE()) { return __sim_barrier(line, vote != 0, 2); }
__sim_inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) { __sim_syncwarp(mask, line); }
__sim_inline void __threadfence() { __sim_fence(); }
__sim_inline void __threadfence_system() { __sim_fence(); }
__sim_inline void __threadfence_block() { __sim_fence(); }
__sim_inline void __nanosleep(unsigned) { __sim_pause(); }

__sim_inline unsigned __ballot_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return __sim_ballot(mask, vote != 0, line);
}
__sim_inline int __any_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return __sim_ballot(mask, vote != 0, line) != 0;
}
__sim_inline int __all_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return __sim_ballot(mask, vote == 0, line) == 0;
}

template <class T> __sim_inline unsigned long long __sim_bits(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a warp function takes values of 4 or 8 bytes");
  if constexpr (sizeof(T) == 4) return __builtin_bit_cast(unsigned, value);
  else return __builtin_bit_cast(unsigned long long, value);
}
template <class T> __sim_inline T __sim_from_bits(unsigned long long bits) {
  if constexpr (sizeof(T) == 4) return __builtin_bit_cast(T, (unsigned)bits);
  else return __builtin_bit_cast(T, bits);
}
template <class T> __sim_inline unsigned __match_any_sync(unsigned mask, T value, int line = __builtin_LINE()) {
  return __sim_match(mask, __sim_bits(value), line);
}

// Which lane each variant reads; a lane beyond the group of `width` reads its own value, as CUDA has it.
template <class T> __sim_inline T __sim_shfl(unsigned mask, T value, int source, int line) {
  constexpr bool number = __sim_kind<T> != 's' && __sim_kind<T> != 'b';
  static_assert(number, "a shuffle moves int, unsigned, long long, float or double");
  return __sim_from_bits<T>(__sim_shuffle(mask, __sim_bits(value), source, line));
}
template <class T>
__sim_inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, int line = __builtin_LINE()) {
  const int lane = (int)__sim_lane();
  return __sim_shfl(mask, value, (lane & ~(width - 1)) + (source & (width - 1)), line);
}
template <class T>
__sim_inline T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32, int line = __builtin_LINE()) {
  const int lane = (int)__sim_lane(), source = lane ^ flip;
  return __sim_shfl(mask, value, source >= (lane & ~(width - 1)) + width ? lane : source, line);
}
template <class T>
__sim_inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, int line = __builtin_LINE()) {
  const unsigned lane = __sim_lane();
  return __sim_shfl(mask, value, (int)((lane & (width - 1)) + by >= (unsigned)width ? lane : lane + by), line);
}
template <class T>
__sim_inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, int line = __builtin_LINE()) {
  const unsigned lane = __sim_lane();
  return __sim_shfl(mask, value, (int)((lane & (width - 1)) < by ? lane : lane - by), line);
}
