// What the lanes of a warp do together: a lane waits until all that its mask names have come, then each gets its
// result.
#pragma once
#include "check.h"

enum Ask : uint32_t { ASK_SYNC, ASK_SHUFFLE, ASK_BALLOT, ASK_MATCH };

static void fail_warp(Worker& w, const Thread& waits) {
  const Warp& warp = w.warps[waits.warp];
  const Thread* lanes = &w.threads[waits.warp * 32];
  uint32_t missing = waits.mask & warp.live;
  for (uint32_t m = missing; m; m &= m - 1) {
    const Thread& t = lanes[__builtin_ctz(m)];
    if (t.state == AT_WARP && t.mask == waits.mask && t.line == waits.line) missing &= ~(1u << t.lane);
  }
  Report* r = report(WARP, (uint32_t)waits.line);
  if (!r) return;
  describe(r->who, waits, (uint32_t)waits.line);
  r->element = waits.mask;
  r->count = missing;
  if (missing) describe(r->other, lanes[__builtin_ctz(missing)], (uint32_t)lanes[__builtin_ctz(missing)].line);
}

static void answer(Thread* lanes, uint32_t members, Thread& t) {
  t.defined = true;
  if (t.asks == ASK_SHUFFLE) {
    t.defined = members >> t.source & 1;
    t.result = t.defined ? lanes[t.source].value : 0x7fc000007fc00000ull;  // NaN, where a GPU leaves open what comes
  } else if (t.asks != ASK_SYNC) {
    t.result = 0;
    for (uint32_t m = members; m; m &= m - 1) {
      const int lane = __builtin_ctz(m);
      const bool yes = t.asks == ASK_BALLOT ? lanes[lane].value != 0 : lanes[lane].value == t.value;
      t.result |= (uint64_t)yes << lane;
    }
  }
}

// Let the lanes of `mask` go on if all are there; a lane that has returned is not waited for.
static bool release_warp(Worker& w, uint32_t which, uint32_t mask) {
  Warp& warp = w.warps[which];
  Thread* lanes = &w.threads[which * 32];
  const uint32_t members = mask & warp.live;
  if (!members || (warp.arrived & members) != members) return false;
  const Thread& first = lanes[__builtin_ctz(members)];
  for (uint32_t m = members; m; m &= m - 1) {
    const Thread& t = lanes[__builtin_ctz(m)];
    if ((t.mask & warp.live) != members) return false;  // it waits for others
    if (t.line != first.line || t.asks != first.asks) {
      fail_warp(w, first);
      return false;
    }
  }
  for (uint32_t m = members; m; m &= m - 1) answer(lanes, members, lanes[__builtin_ctz(m)]);
  for (uint32_t m = members; m; m &= m - 1) lanes[__builtin_ctz(m)].state = READY;
  warp.arrived &= ~members;
  // A shuffle or a vote hands over registers. Only __syncwarp() makes what was written to memory visible.
  if (first.asks == ASK_SYNC) check_warp_synchronised(w, which, members);
  return true;
}

static Thread& collective(Ask asks, uint32_t mask, uint64_t value, int source, int line) {
  Worker& w = *W;
  Thread& t = *w.current;
  if (!(mask >> t.lane & 1)) {
    if (Report* r = report(MASK, (uint32_t)line)) r->element = mask;
    to_scheduler();
  }
  t.asks = asks;
  t.mask = mask;
  t.value = value;
  t.source = source & 31;
  t.line = line;
  t.state = AT_WARP;
  w.warps[t.warp].arrived |= 1u << t.lane;
  if (!release_warp(w, t.warp, mask) || stopped(w)) to_scheduler();
  if (CHECK && !t.defined) {
    if (Report* r = report(LANE, (uint32_t)line)) {
      r->element = mask;
      r->count = t.source;
      r->size = w.warps[t.warp].live >> t.source & 1;
    }
    to_scheduler();
  }
  return t;
}
extern "C" {
void __sim_syncwarp(unsigned mask, int line) { collective(ASK_SYNC, mask, 0, 0, line); }
unsigned long long __sim_shuffle(unsigned mask, unsigned long long bits, int source, int line) {
  return collective(ASK_SHUFFLE, mask, bits, source, line).result;
}
unsigned __sim_ballot(unsigned mask, int vote, int line) {
  return (unsigned)collective(ASK_BALLOT, mask, (uint64_t)(vote != 0), 0, line).result;
}
unsigned __sim_match(unsigned mask, unsigned long long bits, int line) {
  return (unsigned)collective(ASK_MATCH, mask, bits, 0, line).result;
}
unsigned __sim_lane() { return W->current->lane; }
}

static void leave_warp(Worker& w, Thread& t) {
  Warp& warp = w.warps[t.warp];
  warp.live &= ~(1u << t.lane);
  for (uint32_t m = warp.arrived; m; m &= m - 1)  // somebody may have waited for this lane alone
    if (release_warp(w, t.warp, w.threads[t.warp * 32 + __builtin_ctz(m)].mask)) break;
}
