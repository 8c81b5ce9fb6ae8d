// Where the kernel's arrays lie: not in NumPy's memory, where an index too large would destroy what Python keeps there.
//
// Every array is copied to a place with a stretch of forbidden memory before and behind it, far from all others, and
// what the kernel may have written is copied back. The fast build does this for arrays that are written, the rest it
// reads where they are; the checking build, which looks at each access, does it for all.
#pragma once
#include "check.h"
#include <dlfcn.h>

extern "C" int __sim_variable(int k, const char** name, void** start, size_t* bytes, size_t* item, int* constant);

static char* library_start() {
  Dl_info info;
  return dladdr((void*)&library_start, &info) ? (char*)info.dli_fbase : nullptr;
}

struct Arena {
  static constexpr size_t MARGIN = 64 << 20, PAGE = 16384;  // the largest page of the systems this runs on
  static constexpr unsigned char UNTOUCHED = 0xa5;
  struct Home {
    uintptr_t start, end;
  };
  const Launch* launch = nullptr;
  Home* homes = nullptr;    // of each array; start 0 where it stays in NumPy's memory
  void** values = nullptr;  // what the kernel gets
  char** addresses = nullptr;
  char* memory = nullptr;
  size_t room = 0;

  static size_t up(size_t n) { return (n + PAGE - 1) / PAGE * PAGE; }
  static bool copied(const Array& a) { return CHECK || a.writable; }
  bool build(const Launch& l) {
    launch = &l;
    homes = (Home*)calloc(l.arrays + 1, sizeof *homes);
    values = (void**)calloc(l.arguments + 1, sizeof *values);
    addresses = (char**)calloc(l.arguments + 1, sizeof *addresses);
    if (!homes || !values || !addresses) return false;
    for (uint32_t k = 0; k < l.arrays; ++k)
      if (copied(l.array[k])) room += up(l.array[k].bytes + 1024) + MARGIN;
    if (room) {
      room += MARGIN;
      void* p = mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) return false;
      memory = (char*)p;
    }
    uintptr_t at = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
    for (uint32_t k = 0; k < l.arrays; ++k) {
      const Array& a = l.array[k];
      if (!copied(a)) continue;
      at += MARGIN;
      const size_t pages = up(a.bytes + 1024);
      // Its end near to the forbidden memory, but at the alignment that a GPU's memory has. What is between is looked
      // at after the launch.
      const uintptr_t start = (at + pages - 256 - a.bytes - a.offset) / 256 * 256 + a.offset;
      if (mprotect((void*)at, pages, PROT_READ | PROT_WRITE)) return false;
      homes[k] = {start, start + a.bytes};
      if (!CHECK) memset((void*)(start - 256), UNTOUCHED, 256), memset((void*)(start + a.bytes), UNTOUCHED, 256);
      memcpy((void*)start, a.start, a.bytes);
      at += pages;
    }
    for (uint32_t k = 0; k < l.arguments; ++k) {
      const Argument& g = l.argument[k];
      values[k] = g.bytes;
      if (g.array < 0 || !homes[g.array].start) continue;
      addresses[k] = (char*)homes[g.array].start + g.offset;
      values[k] = &addresses[k];
    }
    return true;
  }
  void end() {
    for (uint32_t k = 0; homes && k < launch->arrays; ++k)
      if (homes[k].start && launch->array[k].writable)
        memcpy(launch->array[k].start, (void*)homes[k].start, launch->array[k].bytes);
    if (memory) munmap(memory, room);
    free(homes), free(values), free(addresses);
  }
  // The fast build learns afterwards that somebody wrote just beside an array.
  void look_beside(Report& r) const {
    for (uint32_t k = 0; !CHECK && !r.kind && k < launch->arrays; ++k)
      for (uintptr_t a = homes[k].start - 256; homes[k].start && a < homes[k].end + 256; ++a) {
        if (a == homes[k].start) a = homes[k].end;
        if (*(const unsigned char*)a != UNTOUCHED) return describe(r, a);
      }
  }
  // The array next to a place that faulted, for the words of the report.
  void describe(Report& r, uintptr_t a) const {
    if (a - (uintptr_t)memory >= room) return;
    for (uint32_t k = 0; k < launch->arrays; ++k) {
      if (!homes[k].start || a + MARGIN / 2 < homes[k].start || a > homes[k].end + MARGIN / 2) continue;
      r.kind = BOUNDS;
      r.space = ARGUMENT;
      r.index = (int)k;
      r.element = (int64_t)(a - homes[k].start);
      r.count = (int64_t)(homes[k].end - homes[k].start);
    }
  }
};

#ifndef __SIM_CHECK
static bool check_worker(Worker&) { return true; }
struct Regions {
  bool build(const Launch&, const Arena&) { return true; }
  void lend(Worker&) {}
  void end() {}
};
#else
static bool check_worker(Worker& w) {
  w.checker = (Checker*)mmap(nullptr, sizeof(Checker), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (w.checker == MAP_FAILED) return false;
  void* cells = mmap(nullptr, SHARED_ROOM * sizeof(Cell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  w.checker->shared_cells = (Cell*)cells;
  return cells != MAP_FAILED;
}
struct Regions {  // what the checker is to know of arguments and of __device__ variables
  Region* regions = nullptr;
  uint32_t n = 0;

  static size_t cell_bytes(const Region& r) { return (((r.end - r.start) >> r.shift) + 1) * sizeof(Cell); }
  bool add(uintptr_t start, uintptr_t end, uint32_t grain, uint32_t item, uint32_t fresh, bool writable, Space space,
           int index, const char* name) {
    Region& r = regions[n++];
    r = {start, end, grain == 4 ? 2u : grain == 2 ? 1u : 0u, item, fresh, writable, space, index, name, {}, nullptr};
    void* p = mmap(nullptr, cell_bytes(r), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    r.cells = p == MAP_FAILED ? nullptr : (Cell*)p;
#if defined(MADV_HUGEPAGE)
    if (r.cells) madvise(p, cell_bytes(r), MADV_HUGEPAGE);  // or else most of the time goes into making small pages
#endif
    return r.cells != nullptr;
  }
  bool build(const Launch& l, const Arena& arena) {
    const char* name;
    void* start;
    size_t bytes, item;
    int constant, variables = 0;
    while (__sim_variable(variables, &name, &start, &bytes, &item, &constant)) ++variables;
    regions = (Region*)calloc(l.arrays + (uint32_t)variables + 1, sizeof *regions);
    bool enough = regions != nullptr;
    for (uint32_t k = 0; enough && k < l.arrays; ++k) {
      const Array& a = l.array[k];
      enough = add(arena.homes[k].start, arena.homes[k].end, a.grain, a.grain, a.fresh, a.writable, ARGUMENT, (int)k,
                   nullptr);
    }
    for (int k = 0; enough && __sim_variable(k, &name, &start, &bytes, &item, &constant); ++k) {
      const uintptr_t a = (uintptr_t)start;
      enough = add(a, a + bytes, a % 4 || bytes % 4 ? 1 : 4, (uint32_t)item, 0, !constant, VARIABLE, k, name);
    }
    return enough;
  }
  void lend(Worker& w) {
    Checker& c = *w.checker;
    c.regions = regions;
    c.n_regions = n;
    c.n_shared = 0;
    c.pending = false;
    c.published.clear();
    check_shared(w, w.shared[0]);
  }
  void end() {
    for (uint32_t k = 0; k < n; ++k)
      if (regions[k].cells) munmap(regions[k].cells, cell_bytes(regions[k]));
    free(regions);
  }
};
#endif
