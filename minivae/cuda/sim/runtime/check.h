// The checker's memory: for each element, who wrote it last and who used it since; and what is in order with what.
//
// Two accesses to an element are in order if a __syncthreads() stands between them (epoch), a __syncwarp() among lanes
// of one warp (moment), or, between blocks, a fence and an atomic (publish.h). Blocks and threads run one after the
// other here; what could have happened at the same time on a GPU is found in whichever order it came.
#pragma once
#include "state.h"

constexpr uint32_t LINE = 0x80000000u;  // a place in the source: LINE | its number, or else an offset of the code

#ifndef __SIM_CHECK
static void check_access(const void*, size_t, size_t, Access, uint32_t) {}
static void check_shared(Worker&, const SharedArray&) {}
static void check_new_block(Worker&) {}
static void check_pending(Worker&, bool) {}
static void check_warp_synchronised(Worker&, uint32_t, uint32_t) {}
#else
#include "publish.h"

struct Past {  // one plain write
  uint32_t block, epoch, moment, place;
  uint16_t thread;
  uint8_t known, access;
};
struct Lanes {  // accesses of one kind by lanes of one warp at one moment
  uint32_t block, epoch, moment, place, lanes;
  uint8_t warp, known, access;
};
struct Cell {
  Past wrote;
  Lanes since[2];   // reads and atomics after that; two warps are enough: whoever writes later differs from one of them
  uint32_t serial;  // of the block that a cell of shared memory speaks of; another one's is out of date
  bool valued;
};
struct Region {  // memory that the kernel may use
  uintptr_t start, end;
  uint32_t shift;  // 1 << shift bytes have a cell of their own
  uint32_t item, fresh, writable;
  Space space;
  int index;
  const char* name;
  uint32_t extents[3];
  Cell* cells;
  bool has(uintptr_t a, size_t size) const { return a - start < end - start && size <= end - a; }
};
struct Checker {
  Region* regions;  // arguments and variables
  uint32_t n_regions, n_shared;
  Region shared[MOST_SHARED_ARRAYS];
  Cell* shared_cells;         // room for one a byte
  uint32_t seen[32][32][32];  // [warp][lane][other lane]: up to which of its moments the other is known
  Published published;
  uint32_t serial;  // counts blocks, over all launches
  bool pending;     // `report` holds a read of what nobody had written so far
  Report report;
};

static void check_new_block(Worker& w) {
  Checker& c = *w.checker;
  c.serial++;
  memset(w.shared_memory, 0xff, w.shared_used);  // NaN
  memset(c.seen, 0, sizeof c.seen[0] * w.n_warps);
  for (uint32_t warp = 0; warp < w.n_warps; ++warp)
    for (int lane = 0; lane < 32; ++lane) c.seen[warp][lane][lane] = 1;
  c.published.new_block();
}
static void check_shared(Worker& w, const SharedArray& s) {
  Checker& c = *w.checker;
  Region& r = c.shared[c.n_shared++];
  memset(&r, 0, sizeof r);
  r.start = (uintptr_t)w.shared_memory + s.offset;
  r.end = r.start + s.size;
  r.shift = s.grain == 4 ? 2 : 0;
  r.item = s.item;
  r.writable = 1;
  r.space = s.key ? SHARED : DYNAMIC;
  r.index = -1;
  r.name = s.name;
  memcpy(r.extents, s.extents, sizeof r.extents);
  r.cells = c.shared_cells + s.offset;
  memset((void*)r.start, 0xff, s.size);
}
static void check_warp_synchronised(Worker& w, uint32_t warp, uint32_t members) {
  uint32_t (*seen)[32] = w.checker->seen[warp];
  uint32_t all[32] = {};
  for (uint32_t m = members; m; m &= m - 1)
    for (int k = 0; k < 32; ++k)
      if (seen[__builtin_ctz(m)][k] > all[k]) all[k] = seen[__builtin_ctz(m)][k];
  for (uint32_t m = members; m; m &= m - 1) {
    const int lane = __builtin_ctz(m);
    memcpy(seen[lane], all, sizeof all);
    seen[lane][lane]++;
  }
}

// ---- reports
// --------------------------------------------------------------------------------------------------------- A read of
// what nobody wrote is kept back: if the write still comes, it is a race, which says more. In shared memory until the
// next barrier, in global memory, where another block may write, to the end of the launch.
static void check_pending(Worker& w, bool end) {
  Checker& c = *w.checker;
  if (!c.pending || (!end && c.report.space != SHARED && c.report.space != DYNAMIC)) return;
  c.pending = false;
  if (Report* r = report(UNINITIALISED, 0)) *r = c.report;
}
static void set_place(Who& who, uint32_t place) {
  who.line = place & LINE ? place & ~LINE : 0;
  who.offset = place & LINE ? 0 : place;
}
static void fill(Report& r, uint32_t place, Access access, size_t size, const Region* region, uintptr_t a) {
  set_place(r.who, place);
  r.who.access = access;
  r.size = (int64_t)size;
  r.index = -1;
  if (!region) return;
  r.space = region->space;
  r.index = region->index;
  r.element = (int64_t)(a - region->start);
  r.count = (int64_t)(region->end - region->start);
  r.bytes = region->item;
  memcpy(r.extents, region->extents, sizeof r.extents);
  snprintf(r.name, sizeof r.name, "%s", region->name ? region->name : "");
}
// The fault of an access; what is still pending came before it and may well be its cause.
static Report* fault(Worker& w, Kind kind, uint32_t place, Access access, size_t size, const Region* region,
                     uintptr_t a) {
  if (kind != RACE) check_pending(w, true);
  Report* r = report(kind, 0);
  if (r) fill(*r, place, access, size, region, a);
  return r;
}

// ---- order
// -----------------------------------------------------------------------------------------------------------
static bool writes(uint32_t access) { return access == WRITE || access == ATOMIC || access == VOLATILE_WRITE; }
static bool atomic(uint32_t access) { return access >= ATOMIC; }
static bool conflict(uint32_t a, uint32_t b) { return (writes(a) || writes(b)) && !(atomic(a) && atomic(b)); }

// Those of the lanes whose access is in no order with what the current thread does now.
static uint32_t unordered(const Worker& w, uint32_t block, uint32_t warp, uint32_t epoch, uint32_t moment,
                          uint32_t lanes) {
  const Thread& t = *w.current;
  uint32_t left = lanes;
  if (block != (uint32_t)w.block) {
    for (uint32_t m = lanes; m; m &= m - 1)
      if (w.checker->published.seen(block, warp * 32 + (uint32_t)__builtin_ctz(m), epoch)) left &= ~(m & -m);
    return left;
  }
  if (epoch < t.epoch) return 0;
  if (warp != t.warp) return lanes;
  left &= ~(1u << t.lane);
  for (uint32_t m = left; m; m &= m - 1)
    if (moment <= w.checker->seen[warp][t.lane][__builtin_ctz(m)]) left &= ~(m & -m);
  return left;
}
static void race(Worker& w, const Region& region, uintptr_t a, size_t size, Access access, uint32_t place,
                 uint32_t block, uint32_t thread, uint32_t other_access, uint32_t other_place) {
  if (Report* r = fault(w, RACE, place, access, size, &region, a)) {
    const uint32_t *d = w.run->launch->block, *g = w.run->launch->grid;
    Who& o = r->other;
    o.known = 1;
    o.access = other_access;
    o.thread[0] = thread % d[0], o.thread[1] = thread / d[0] % d[1], o.thread[2] = thread / d[0] / d[1];
    o.block[0] = block % g[0], o.block[1] = block / g[0] % g[1], o.block[2] = block / g[0] / g[1];
    set_place(o, other_place);
  }
  to_scheduler();
}

static void note(Worker& w, Cell& c, Access access, uint32_t place) {
  const Thread& t = *w.current;
  const uint32_t block = (uint32_t)w.block, moment = w.checker->seen[t.warp][t.lane][t.lane];
  if (writes(access)) c.valued = true;
  if (access == WRITE) {  // everything before it is in order with it, so with whatever comes after it
    c.wrote = {block, t.epoch, moment, place, (uint16_t)t.id, 1, (uint8_t)access};
    c.since[0].known = c.since[1].known = 0;
    return;
  }
  int empty = -1, same_warp = -1;
  for (int k = 0; k < 2; ++k) {
    Lanes& l = c.since[k];
    if (!l.known || (l.block == block && l.epoch < t.epoch)) {
      empty = k;
    } else if (l.block == block && l.warp == t.warp) {
      if (l.moment == moment && l.access == access) {
        l.lanes |= 1u << t.lane;
        return;
      }
      same_warp = k;
    }
  }
  const int k = empty >= 0 ? empty : same_warp >= 0 ? same_warp : 1;
  c.since[k] = {block, t.epoch, moment, place, 1u << t.lane, (uint8_t)t.warp, 1, (uint8_t)access};
}

static void check_cell(Worker& w, const Region& region, Cell& c, uintptr_t a, size_t size, Access access,
                       uint32_t place) {
  if (region.space != ARGUMENT && region.space != VARIABLE && c.serial != w.checker->serial) {
    memset(&c, 0, sizeof c);
    c.serial = w.checker->serial;
  }
  const Past& p = c.wrote;
  if (p.known && conflict(p.access, access) &&
      unordered(w, p.block, p.thread / 32, p.epoch, p.moment, 1u << p.thread % 32))
    race(w, region, a, size, access, place, p.block, p.thread, p.access, p.place);
  for (const Lanes& l : c.since)
    if (l.known && conflict(l.access, access))
      if (const uint32_t lanes = unordered(w, l.block, l.warp, l.epoch, l.moment, l.lanes))
        race(w, region, a, size, access, place, l.block, l.warp * 32 + (uint32_t)__builtin_ctz(lanes), l.access,
             l.place);
  if (!c.valued && access != WRITE && access != VOLATILE_WRITE && !w.checker->pending) {
    const bool shared = region.space == SHARED || region.space == DYNAMIC;
    if (shared || (region.fresh && region.shift == 2 && *(const uint32_t*)(a & ~(uintptr_t)3) == region.fresh)) {
      Report& r = w.checker->report;
      memset(&r, 0, sizeof r);
      r.kind = UNINITIALISED;
      describe(r.who, *w.current, 0);
      fill(r, place, access, size, &region, a);
      w.checker->pending = true;
    }
  }
  note(w, c, access, place);
}
#endif
