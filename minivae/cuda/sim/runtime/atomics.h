// Atomics and fences, on whole numbers and floats of 4 and 8 bytes.
#pragma once
#include "check.h"

enum { ADD, SUB, MAX, MIN, EXCHANGE, COMPARE, OR, AND, XOR, INCREMENT, DECREMENT };  // as in cuda_memory.h

template <class T>
static T combine(int operation, T old, T value, T compare) {
  switch (operation) {
    case ADD:
      return old + value;
    case SUB:
      return old - value;
    case MAX:
      return old < value ? value : old;
    case MIN:
      return value < old ? value : old;
    case EXCHANGE:
      return value;
    case COMPARE:
      return old == compare ? value : old;
  }
  if constexpr (T(0.5) == T(0)) switch (operation) {  // whole numbers
      case OR:
        return old | value;
      case AND:
        return old & value;
      case XOR:
        return old ^ value;
      case INCREMENT:
        return old >= value ? T(0) : old + 1;
      case DECREMENT:
        return old == 0 || old > value ? value : old - 1;
    }
  return old;
}
template <class Bits, class T>
static uint64_t change(void* p, int operation, uint64_t value, uint64_t compare) {
  Bits* bits = (Bits*)p;
  Bits old = __atomic_load_n(bits, __ATOMIC_RELAXED), wanted;
  T v, c, now;
  memcpy(&v, &value, sizeof v);
  memcpy(&c, &compare, sizeof c);
  do {
    memcpy(&now, &old, sizeof now);
    const T next = combine<T>(operation, now, v, c);
    memcpy(&wanted, &next, sizeof wanted);
  } while (!__atomic_compare_exchange_n(bits, &old, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}

// Lets the other threads of the block run: one of them may hold what this one waits for.
extern "C" void __sim_pause() {
  W->current->state = READY;
  to_scheduler();
}

extern "C" unsigned long long __sim_atomic(void* p, int size, int operation, char kind, unsigned long long value,
                                           unsigned long long compare, int line) {
  check_access(p, (size_t)size, (size_t)size, ATOMIC, LINE | (uint32_t)line);
  uint64_t old;
  // Sums of signed integers are made of unsigned ones: on a GPU, atomicAdd goes round at the end of the range.
  if (kind == 'f')
    old = size == 4 ? change<uint32_t, float>(p, operation, value, compare)
                    : change<uint64_t, double>(p, operation, value, compare);
  else if (kind == 'u' || operation <= SUB)
    old = size == 4 ? change<uint32_t, uint32_t>(p, operation, value, compare)
                    : change<uint64_t, uint64_t>(p, operation, value, compare);
  else
    old = size == 4 ? change<uint32_t, int32_t>(p, operation, value, compare)
                    : change<uint64_t, int64_t>(p, operation, value, compare);
  if (++W->current->atomics % 64 == 0) __sim_pause();  // it may be a lock that another thread of the block holds
  return old;
}

extern "C" void __sim_fence() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  W->current->fenced = 1;
}
