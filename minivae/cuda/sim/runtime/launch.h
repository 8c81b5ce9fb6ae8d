// From a launch to blocks: memory for the arrays, workers for the blocks, and the end of it all.
#pragma once
#include "arena.h"
#include "block.h"
#include "faults.h"

extern "C" {
__attribute__((const)) const Place* __sim_me() { return &W->current->place; }
void* __sim_dynamic() { return W->shared_memory; }

// Laid out as the kernel's threads come to the declarations, and kept for the whole launch.
void* __sim_shared(const void* key, size_t size, size_t align, size_t item, int line, const char* name,
                   const unsigned* extents) {
  Worker& w = *W;
  for (uint32_t k = 1; k < w.n_shared; ++k)
    if (w.shared[k].key == key) return w.shared_memory + w.shared[k].offset;
  w.static_used += (uint32_t)size;
  // The checking build leaves a stretch between arrays, and aligns each as far as it asked for and not further.
  const size_t gap = CHECK ? 256 : 0, step = CHECK ? 2 * align : align < 16 ? 16 : align;
  const size_t offset = (w.shared_used + gap + step - 1) / step * step + (CHECK ? align : 0);
  if (w.static_used + w.run->launch->dynamic > w.run->launch->static_limit || w.n_shared == MOST_SHARED_ARRAYS ||
      offset + size > SHARED_ROOM) {
    if (Report* r = report(SHARED_FULL, (uint32_t)line)) {
      r->element = w.static_used;
      r->count = w.run->launch->dynamic;
      r->size = w.run->launch->static_limit;
      snprintf(r->name, sizeof r->name, "%s", name);
    }
    to_scheduler();
  }
  const uint32_t grain = item % 4 == 0 && align % 4 == 0 ? 4 : 1;
  SharedArray& s = w.shared[w.n_shared++] = {key, (uint32_t)offset, (uint32_t)size, (uint32_t)item, grain, name, {}};
  memcpy(s.extents, extents, sizeof s.extents);
  w.shared_used = (uint32_t)(offset + size);
  check_shared(w, s);
  return w.shared_memory + offset;
}

void __sim_assert(const char* what, int line) {
  if (Report* r = report(ASSERTION, (uint32_t)line)) snprintf(r->text, sizeof r->text, "%s", what ? what : "");
  to_scheduler();
}

// What kernels print is handed to Python after the launch; like a GPU's, the room for it is limited.
static char printed[1 << 20];
static size_t n_printed = 0;
int __sim_printf(const char* format, ...) {
  W->busy = 1;
  char line[1024];
  va_list values;
  va_start(values, format);
  int n = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  W->busy = 0;
  if (n > (int)sizeof line - 1) n = sizeof line - 1;
  if (n <= 0) return n;
  const size_t at = __atomic_fetch_add(&n_printed, (size_t)n, __ATOMIC_RELAXED);
  if (at + (size_t)n <= sizeof printed) memcpy(printed + at, line, (size_t)n);
  return n;
}
__attribute__((visibility("default"))) size_t __sim_take_printed(char* out, size_t room) {
  size_t n = __atomic_exchange_n(&n_printed, 0, __ATOMIC_RELAXED);
  n = n < sizeof printed ? n : sizeof printed;
  n = n < room ? n : room;
  memcpy(out, printed, n);
  return n;
}
}

// ---- workers are kept for the next launch: to make one takes longer than a small launch
// ------------------------------
static void* fresh_memory(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}
static Worker* take_worker(const Launch& l) {
  Worker* w = *l.idle;
  if (w) {
    *l.idle = w->next;
    return w;
  }
  w = (Worker*)fresh_memory(sizeof(Worker));
  if (w) w->shared_memory = (char*)fresh_memory(SHARED_ROOM + SIGNAL_STACK);
  if (!w || !w->shared_memory || !check_worker(*w)) return nullptr;
  w->signal_stack = w->shared_memory + SHARED_ROOM;
  return w;
}
static void give_worker(const Launch& l, Worker* w) {
  w->run = nullptr;
  w->next = *l.idle;
  *l.idle = w;
}

static void prepare(Worker& w, Run& run) {
  const Launch& l = *run.launch;
  w.run = &run;
  w.current = nullptr;
  w.n = l.block[0] * l.block[1] * l.block[2];
  w.n_warps = (w.n + 31) / 32;
  w.blocks_done = w.blocks_seen = w.ticks = 0;
  w.self = pthread_self();
  for (uint32_t i = 0; i < w.n; ++i) {
    Thread& t = w.threads[i];
    t.id = i, t.lane = i % 32, t.warp = i / 32;
    t.stack = nullptr;
    memcpy(&t.place.dim, l.block, sizeof t.place.dim);
    memcpy(&t.place.grid, l.grid, sizeof t.place.grid);
    w.order[i] = (uint16_t)(l.order == 1 ? w.n - 1 - i : i);
  }
  w.shared[0] = {nullptr, 0, l.dynamic, 1, l.dynamic_grain, "dynamic shared memory", {}};
  w.n_shared = 1;
  w.static_used = 0;
  w.shared_used = l.dynamic;
}

static uint64_t which_block(const Run& run, uint64_t k) {
  if (run.launch->order == 1) return run.blocks - 1 - k;
  return run.shuffled ? run.shuffled[k] : k;
}
static void* work(void* argument) {
  Worker& w = *(Worker*)argument;
  Run& run = *w.run;
  Guard guard;
  W = &w;
  w.self = pthread_self();
  guard.begin(w.signal_stack, run.launch->seconds);
  const uint64_t small = flush_small(run.launch->flush);
  const uint64_t some = run.blocks / (run.n_workers * 16) + 1;
  for (uint64_t from; !stopped(w) && (from = __atomic_fetch_add(&run.next_block, some, __ATOMIC_RELAXED)) < run.blocks;)
    for (uint64_t k = from; k < from + some && k < run.blocks && !stopped(w); ++k) run_block(w, which_block(run, k));
  if (!stopped(w)) check_pending(w, true);
  put_back(small);
  guard.end();
  W = nullptr;
  return nullptr;
}
static bool shuffle_blocks(Run& run) {
  if (run.launch->order != 2) return true;
  run.shuffled = run.blocks >> 32 ? nullptr : (uint32_t*)malloc(run.blocks * sizeof(uint32_t));
  if (!run.shuffled) return false;
  for (uint64_t k = 0; k < run.blocks; ++k) {
    const uint64_t j = mix(run.launch->seed + k) % (k + 1);
    run.shuffled[k] = run.shuffled[j];
    run.shuffled[j] = (uint32_t)k;
  }
  return true;
}

extern "C" __attribute__((visibility("default"))) int __sim_launch(void (*call)(void**), const Launch* launch,
                                                                   Report* out) {
  memset(out, 0, sizeof *out);
  if (!code_start) code_start = library_start();
  Run run{};
  run.launch = launch;
  run.call = call;
  run.report = out;
  run.blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
  run.n_workers = CHECK ? 1 : launch->workers;
  for (uint32_t k = 0; k < run.n_workers; ++k)
    if (!(run.workers[k] = take_worker(*launch))) run.n_workers = k;
  Arena arena;
  Regions regions;
  run.arena = &arena;
  if (!run.n_workers || !shuffle_blocks(run) || !arena.build(*launch) || !regions.build(*launch, arena)) {
    out->kind = NO_MEMORY;
  } else {
    run.arguments = arena.values;
    install_handlers(run);
    for (uint32_t k = 0; k < run.n_workers; ++k) prepare(*run.workers[k], run), regions.lend(*run.workers[k]);
    uint32_t started = 1;
    while (started < run.n_workers &&
           pthread_create(&run.workers[started]->self, nullptr, work, run.workers[started]) == 0)
      ++started;
    Watchman watchman;
    watchman.begin(run);
    work(run.workers[0]);
    for (uint32_t k = 1; k < started; ++k) pthread_join(run.workers[k]->self, nullptr);
    watchman.end();
    remove_handlers();
    arena.look_beside(*out);
  }
  regions.end();
  arena.end();
  free(run.shuffled);
  for (uint32_t k = 0; k < run.n_workers; ++k) give_worker(*launch, run.workers[k]);
  return (int)out->kind;
}
