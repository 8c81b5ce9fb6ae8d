// Every load and store of the checking build comes here: through the hooks that -fsanitize=thread calls before each,
// and those that -fsanitize=bounds,alignment,... calls for what it finds. The sanitizers' own libraries are not linked.
#pragma once
#include "check.h"
#ifdef __SIM_CHECK
#include <dlfcn.h>

static bool is_shared(const Worker& w, uintptr_t a) { return a - (uintptr_t)w.shared_memory < SHARED_ROOM; }
static const Region* nearest(const Worker& w, uintptr_t a) {
  const Checker& c = *w.checker;
  const Region *regions = is_shared(w, a) ? c.shared : c.regions, *best = nullptr;
  uintptr_t distance = 0;
  for (uint32_t k = 0; k < (is_shared(w, a) ? c.n_shared : c.n_regions); ++k) {
    const Region& r = regions[k];
    const uintptr_t d = a < r.start ? r.start - a : a >= r.end ? a - r.end + 1 : 0;
    if (!best || d < distance) best = &r, distance = d;
  }
  return best;
}
static bool in_library(uintptr_t a) {  // constants of the kernel's own, such as a static const table
  static uintptr_t known = 0;          // a page that was asked for before: asking takes long
  if (known && a >> 12 == known) return true;
  Dl_info info;
  if (!dladdr((void*)a, &info) || info.dli_fbase != code_start) return false;
  known = a >> 12;
  return true;
}
static void outside(Worker& w, uintptr_t a, size_t size, Access access, uint32_t place) {
  for (uint32_t i = 0; i < w.n; ++i)
    if (w.threads[i].stack && a - (uintptr_t)w.threads[i].stack < STACK) {
      if (Report* r = fault(w, BOUNDS, place, access, size, nullptr, a)) r->space = LOCAL;
      to_scheduler();
    }
  bool null = a < 65536;
  if (!null && a < 1ull << 32)  // p[i] with a large i
    for (uint32_t k = 0; k < w.run->launch->arguments; ++k) null |= w.run->launch->argument[k].array == NULL_POINTER;
  if (null) {
    if (Report* r = fault(w, NO_POINTER, place, access, size, nullptr, a)) r->element = (int64_t)a;
    to_scheduler();
  }
  fault(w, BOUNDS, place, access, size, nearest(w, a), a);
  to_scheduler();
}

static void look_at(Worker& w, uintptr_t a, size_t size, size_t align, Access access, uint32_t place) {
  Checker& c = *w.checker;
  const Region* region = nullptr;
  if (is_shared(w, a)) {
    for (uint32_t k = 0; k < c.n_shared && !region; ++k)
      if (c.shared[k].has(a, size)) region = &c.shared[k];
  } else {
    for (uint32_t k = 0; k < c.n_regions && !region; ++k)
      if (c.regions[k].has(a, size)) region = &c.regions[k];
    if (!region && in_library(a)) return;
  }
  if (!region) return outside(w, a, size, access, place);
  if (a % align) {
    if (Report* r = fault(w, ALIGNMENT, place, access, size, region, a)) r->bytes = (int64_t)align;
    to_scheduler();
  }
  if (writes(access) && !region->writable) {
    fault(w, CONSTANT, place, access, size, region, a);
    to_scheduler();
  }
  const bool global = region->space == ARGUMENT || region->space == VARIABLE;
  // In shared memory, volatile is what code from before Volta wrote instead of __syncwarp(); it orders nothing.
  if (!global && access >= VOLATILE_READ) access = access == VOLATILE_READ ? READ : WRITE;
  if (global) {
    if (access >= ATOMIC) c.published.acquire(a);
    if (access == WRITE) w.current->fenced = 0;
  }
  const uintptr_t first = (a - region->start) >> region->shift, last = (a + size - 1 - region->start) >> region->shift;
  for (uintptr_t k = first; k <= last; ++k)
    check_cell(w, *region, region->cells[k], region->start + (k << region->shift), size, access, place);
  if (global && (access == ATOMIC || access == VOLATILE_WRITE) && w.current->fenced)
    c.published.release(a, (uint32_t)w.block, *w.current);
}
static void check_access(const void* p, size_t size, size_t align, Access access, uint32_t place) {
  Worker* w = W;
  if (!w || !w->current || !size) return;
  const uintptr_t a = (uintptr_t)p;
  if (a - (uintptr_t)w->current->stack < STACK) return;                              // the thread's own variables
  if (a - (uintptr_t)w < sizeof *w) return;                                          // threadIdx and its like
  if (a - (uintptr_t)w->run->launch->values < w->run->launch->values_bytes) return;  // a struct by value, being copied
  w->busy = 1;
  w->place = place;
  look_at(*w, a, size, align, access, place);
  w->busy = 0;
  if (stopped(*w)) to_scheduler();  // a signal came meanwhile
}

#define HERE code_offset(__builtin_return_address(0))
extern "C" {
#define HOOKS(n)                                                                                      \
  void __tsan_read##n(void* p) { check_access(p, n, n < 8 ? n : 8, READ, HERE); }                     \
  void __tsan_write##n(void* p) { check_access(p, n, n < 8 ? n : 8, WRITE, HERE); }                   \
  void __tsan_read_write##n(void* p) {                                                                \
    check_access(p, n, n < 8 ? n : 8, READ, HERE);                                                    \
    check_access(p, n, 1, WRITE, HERE);                                                               \
  }                                                                                                   \
  void __tsan_unaligned_read##n(void* p) { check_access(p, n, 1, READ, HERE); }                       \
  void __tsan_unaligned_write##n(void* p) { check_access(p, n, 1, WRITE, HERE); }                     \
  void __tsan_unaligned_read_write##n(void* p) {                                                      \
    check_access(p, n, 1, READ, HERE);                                                                \
    check_access(p, n, 1, WRITE, HERE);                                                               \
  }                                                                                                   \
  void __tsan_volatile_read##n(void* p) { check_access(p, n, n < 8 ? n : 8, VOLATILE_READ, HERE); }   \
  void __tsan_volatile_write##n(void* p) { check_access(p, n, n < 8 ? n : 8, VOLATILE_WRITE, HERE); } \
  void __tsan_unaligned_volatile_read##n(void* p) { check_access(p, n, 1, VOLATILE_READ, HERE); }     \
  void __tsan_unaligned_volatile_write##n(void* p) { check_access(p, n, 1, VOLATILE_WRITE, HERE); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
#undef HOOKS
void __tsan_read_range(void* p, size_t size) { check_access(p, size, 1, READ, HERE); }
void __tsan_write_range(void* p, size_t size) { check_access(p, size, 1, WRITE, HERE); }
void* __tsan_memcpy(void* to, const void* from, size_t size) {  // how clang copies a struct
  check_access(from, size, 1, READ, HERE);
  check_access(to, size, 1, WRITE, HERE);
  return memcpy(to, from, size);
}
void* __tsan_memmove(void* to, const void* from, size_t size) {
  check_access(from, size, 1, READ, HERE);
  check_access(to, size, 1, WRITE, HERE);
  return memmove(to, from, size);
}
void* __tsan_memset(void* to, int byte, size_t size) {
  check_access(to, size, 1, WRITE, HERE);
  return memset(to, byte, size);
}
void __sim_copied(const void* to, const void* from, size_t size, const void* caller) {
  check_access(from, size, size, READ, code_offset(caller));
  check_access(to, size, size, WRITE, code_offset(caller));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

// What the other sanitizers know: where, and a few words.
struct Source {
  const char* file;
  uint32_t line, column;
};
struct Type {
  uint16_t kind, info;
  char name[1];
};
static Report* undefined(Kind kind, const Source& where, const char* text) {
  if (!W || !W->current) return nullptr;
  Report* r = fault(*W, kind, LINE | where.line, READ, 0, nullptr, 0);
  if (r) snprintf(r->text, sizeof r->text, "%s", text);
  return r;
}
struct Operation {
  Source where;
  Type* type;
};
#define UNDEFINED(name, kind, text, ...)                    \
  void __ubsan_handle_##name(Operation* o, ##__VA_ARGS__) { \
    undefined(kind, o->where, text);                        \
    if (W && W->current) to_scheduler();                    \
  }
UNDEFINED(add_overflow, OVERFLOW, "+", void*, void*)
UNDEFINED(sub_overflow, OVERFLOW, "-", void*, void*)
UNDEFINED(mul_overflow, OVERFLOW, "*", void*, void*)
UNDEFINED(negate_overflow, OVERFLOW, "-", void*)
UNDEFINED(divrem_overflow, DIVISION, "", void*, void*)
UNDEFINED(shift_out_of_bounds, SHIFT, "", void*, void*)
UNDEFINED(float_cast_overflow, CONVERSION, "", void*)
UNDEFINED(missing_return, NO_RETURN, "")
UNDEFINED(builtin_unreachable, NO_RETURN, "")
struct Indexed {
  Source where;
  Type *array, *index;
};
void __ubsan_handle_out_of_bounds(Indexed* i, uintptr_t index) {
  if (!W || !W->current) return;
  const int bits = 1 << (i->index->info >> 1), unused = 64 - bits;
  if (Report* r = undefined(INDEX, i->where, i->array->name))
    r->element = i->index->info & 1 ? (int64_t)((uint64_t)index << unused) >> unused : (int64_t)index;
  to_scheduler();
}
struct Mismatch {
  Source where;
  Type* type;
  unsigned char log_align, how;
};
void __ubsan_handle_type_mismatch_v1(Mismatch* m, uintptr_t a) {
  if (!W || !W->current) return;
  const uintptr_t align = (uintptr_t)1 << m->log_align;
  if (Report* r = fault(*W, ALIGNMENT, LINE | m->where.line, m->how == 1 ? WRITE : READ, align, nearest(*W, a), a)) {
    r->bytes = (int64_t)align;
    snprintf(r->text, sizeof r->text, "%s", m->type->name);
  }
  to_scheduler();
}
void __sim_touch(const void* p, size_t size, size_t align, int writes, int line) {
  check_access(p, size, align, writes ? WRITE : READ, LINE | (uint32_t)line);
}
}
#endif
extern "C" {
void* __sim_memcpy(void* to, const void* from, size_t size, int line) {
  check_access(from, size, 1, READ, LINE | (uint32_t)line);
  check_access(to, size, 1, WRITE, LINE | (uint32_t)line);
  return memcpy(to, from, size);
}
void* __sim_memset(void* to, int byte, size_t size, int line) {
  check_access(to, size, 1, WRITE, LINE | (uint32_t)line);
  return memset(to, byte, size);
}
}
