// What the simulator knows of a launch, a block and a thread. launch.py has the structs that cross over from Python.
#pragma once
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SIM_CHECK
constexpr bool CHECK = true;
#else
constexpr bool CHECK = false;
#endif

// ---- what Python says and is told -----------------------------------------------------------------------------------
struct Array {           // memory that a kernel may use: an argument or a __device__ variable
  char* start;
  uint64_t bytes;
  uint32_t grain;        // bytes of one element, as far as the checker tells elements apart
  uint32_t offset;       // of `start` from a multiple of 256, where memory of a GPU begins
  uint32_t writable;
  uint32_t fresh;        // the bits of memory that nobody wrote yet, see memory.py; 0 for none
};
constexpr int32_t NO_ARRAY = -1, NULL_POINTER = -2;
struct Argument {        // one parameter of the kernel
  void* bytes;           // where its value lies
  int32_t array;         // the array that it points to, or one of these
  uint32_t unused;
  uint64_t offset;       // of the pointer from the start of that array
};
struct Launch {
  uint32_t grid[3], block[3];
  uint64_t seed;
  uint32_t order;        // 0 forward, 1 reverse, 2 random
  uint32_t workers;      // operating system threads
  uint32_t flush;        // small float32 results become 0, as CuPy's -ftz=true has it
  uint32_t dynamic;      // bytes of dynamic shared memory
  uint32_t dynamic_grain, static_limit;
  uint32_t arguments, arrays;
  double seconds;        // of processor time, that one block may take
  const char* values;    // where all values of arguments lie
  uint64_t values_bytes;
  struct Worker** idle;  // workers of earlier launches, of any library; Python lets only one launch run at a time
  Argument* argument;
  Array* array;
};
enum Kind : uint32_t {   // in the order of report.py
  NOTHING, BOUNDS, NO_POINTER, CONSTANT, ALIGNMENT, RACE, UNINITIALISED, BARRIER, WARP, OVERFLOW, DIVISION, SHIFT,
  CONVERSION, NO_RETURN, ENDLESS, STACK_FULL, CRASH, ASSERTION, SHARED_FULL, NO_MEMORY, INTERRUPTED, INDEX, LANE, MASK,
};
enum Access : uint32_t { READ, WRITE, ATOMIC, VOLATILE_READ, VOLATILE_WRITE };
enum Space : uint32_t { NOWHERE, ARGUMENT, SHARED, DYNAMIC, VARIABLE, LOCAL };
struct Who {             // a thread, and where it is: the line, or else the offset of the code
  uint32_t known, block[3], thread[3], access, line, offset, state;
};
struct Report {
  uint32_t kind, space;
  Who who, other;
  uint32_t trail[16];    // places that may have led to where a signal came, the likeliest first
  int32_t index;         // which argument or variable
  uint32_t extents[3];   // of a shared array
  int64_t element, count, size, bytes;
  char name[64], text[256];
};

// ---- threads and blocks ---------------------------------------------------------------------------------------------
struct uint3 { unsigned x, y, z; };
struct Place { uint3 thread, block, dim, grid; };
enum State : uint8_t { NEW, READY, AT_BARRIER, AT_WARP, DONE };
struct Thread {
  Place place;                       // first, since the kernel is given a pointer to it
  void* stack_pointer;
  char* stack;
  uint32_t id, lane, warp;
  State state;
  int line;                          // of the barrier or warp function it waits at
  int vote;
  // of the warp function: what it asks, says and gets
  uint32_t asks, mask;
  int source;
  uint64_t value, result;
  bool defined;
  // for the checker: how many barriers it passed, and whether it called __threadfence() since it last wrote
  uint32_t epoch, fenced, atomics;
};
struct Warp {
  uint32_t live, arrived;
  uint32_t (*seen)[32];              // [lane][other]: up to which of the other's moments it has synchronised
};
struct SharedArray {
  const void* key;
  uint32_t offset, size, item, grain;
  const char* name;
  uint32_t extents[3];
};
struct Run;
struct Checker;
constexpr size_t STACK = 256 * 1024, GUARD = 16 * 1024, SHARED_ROOM = 128 * 1024, SIGNAL_STACK = 64 * 1024;
constexpr uint32_t MOST_THREADS = 1024, MOST_SHARED_ARRAYS = 64;

struct Worker {                      // an operating system thread that runs one block at a time
  Run* run;
  Thread* current;
  void* scheduler;                   // its stack pointer, while a CUDA thread runs
  uint32_t place;                    // of the last access that the checker looked at
  volatile uint32_t busy;            // in a function of ours that must not be left in its midst, for it may hold a lock
  Thread threads[MOST_THREADS];
  Warp warps[32];
  uint16_t order[MOST_THREADS];
  uint32_t at, n, n_warps, live, arrived;
  uint64_t block;                    // number of the block in the grid
  uint64_t blocks_done, blocks_seen; // for the clock that ends endless blocks
  uint32_t ticks;
  int voted[3];
  SharedArray shared[MOST_SHARED_ARRAYS];
  uint32_t n_shared, shared_used, static_used;
  char *shared_memory, *signal_stack;
  char* free_stacks[MOST_THREADS];
  uint32_t n_free_stacks;
  Checker* checker;
  pthread_t self;
  Worker* next;                      // in the list of those that wait for the next launch
};
struct Run {                         // one launch
  const Launch* launch;
  const struct Arena* arena;
  void (*call)(void**);
  void** arguments;
  uint64_t blocks, next_block;
  uint32_t* shuffled;                // the blocks in a random order, if that is wanted
  Report* report;
  int failed;                        // set once, by whoever is first to report
  Worker* workers[16];
  uint32_t n_workers;
};

static thread_local Worker* W = nullptr;
static char* code_start = nullptr;   // where this library lies in memory

static void to_scheduler();
static bool stopped(const Worker& w) { return __atomic_load_n(&w.run->failed, __ATOMIC_RELAXED) != 0; }
// Of the call that will return to `pc`.
[[maybe_unused]] static uint32_t code_offset(const void* pc) { return (uint32_t)((const char*)pc - 1 - code_start); }

static uint64_t mix(uint64_t x) {    // splitmix64
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

// ---- reporting: the first finding counts ----------------------------------------------------------------------------
static void describe(Who& who, const Thread& t, uint32_t line) {
  who.known = 1;
  memcpy(who.block, &t.place.block, sizeof who.block);
  memcpy(who.thread, &t.place.thread, sizeof who.thread);
  who.line = line;
  who.state = t.state;
}
// To be filled in by the caller; nullptr if another finding came first.
static Report* report(Kind kind, uint32_t line) {
  Worker& w = *W;
  int none = 0;
  if (!__atomic_compare_exchange_n(&w.run->failed, &none, 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return nullptr;
  Report* r = w.run->report;
  memset(r, 0, sizeof *r);
  r->kind = kind;
  r->index = -1;
  if (w.current) describe(r->who, *w.current, line);
  return r;
}
