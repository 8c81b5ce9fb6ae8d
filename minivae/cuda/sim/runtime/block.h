// Runs a block: each thread until it waits or ends, then the next, until all have ended. No two run at the same moment.
#pragma once
#include "switch.h"
#include "check.h"
#include "warp.h"

static void fail_barrier(Worker& w, const Thread& waits, const Thread& other) {
  Report* r = report(BARRIER, (uint32_t)waits.line);
  if (!r) return;
  describe(r->who, waits, (uint32_t)waits.line);
  describe(r->other, other, (uint32_t)other.line);
  for (uint32_t i = 0; i < w.n; ++i) {
    const Thread& t = w.threads[i];
    r->count += t.state == AT_BARRIER && t.line == waits.line;
    r->size += t.state == other.state && (other.state == DONE || t.line == other.line);
  }
}

// All threads of the block have arrived.
static void release_block(Worker& w) {
  int count = 0, all = 1, any = 0;
  const Thread& first = w.threads[0];
  for (uint32_t i = 0; i < w.n; ++i)
    if (w.threads[i].line != first.line) return fail_barrier(w, first, w.threads[i]);
  for (uint32_t i = 0; i < w.n; ++i) {
    Thread& t = w.threads[i];
    count += t.vote;
    all &= t.vote;
    any |= t.vote;
    t.state = READY;
    t.epoch++;
  }
  w.voted[0] = count;
  w.voted[1] = all;
  w.voted[2] = any;
  w.arrived = 0;
  check_pending(w, false);
}
extern "C" int __sim_barrier(int line, int vote, int result) {
  Worker& w = *W;
  Thread& t = *w.current;
  t.state = AT_BARRIER;
  t.line = line;
  t.vote = vote;
  if (++w.arrived == w.n) release_block(w);
  if (t.state == AT_BARRIER || stopped(w)) to_scheduler();
  return w.voted[result];
}

// Nobody can go on: who waits for whom?
static void fail_deadlock(Worker& w) {
  const Thread *barrier = nullptr, *lane = nullptr, *done = nullptr;
  for (uint32_t i = 0; i < w.n; ++i) {
    const Thread& t = w.threads[i];
    if (t.state == AT_BARRIER && !barrier) barrier = &t;
    if (t.state == AT_WARP && !lane) lane = &t;
    if (t.state == DONE && !done) done = &t;
  }
  check_pending(w, true);
  w.current = nullptr;
  if (lane)
    fail_warp(w, *lane);
  else if (barrier)
    fail_barrier(w, *barrier, done ? *done : *barrier);
}

static void begin(Worker& w, Thread& t) {
  t.state = READY;
  t.epoch = t.fenced = t.atomics = 0;
  w.current = &t;
}
// The bottom of every stack. A thread that never waits leaves its stack to the next, so nothing is switched.
static void run_threads() {
  Worker& w = *W;
  for (;;) {
    Thread& t = *w.current;
    w.run->call(w.run->arguments);
    t.state = DONE;
    w.live--;
    leave_warp(w, t);
    if (stopped(w) || w.at + 1 >= w.n || w.threads[w.order[w.at + 1]].state != NEW) break;
    Thread& next = w.threads[w.order[++w.at]];
    next.stack = t.stack;
    t.stack = nullptr;
    begin(w, next);
  }
  to_scheduler();
  abort();
}

static void new_block(Worker& w, uint64_t number) {
  const Launch& l = *w.run->launch;
  const unsigned *g = l.grid, *b = l.block;
  const uint3 block{(unsigned)(number % g[0]), (unsigned)(number / g[0] % g[1]), (unsigned)(number / g[0] / g[1])};
  w.block = number;
  w.live = w.n;
  w.arrived = 0;
  uint3 thread{0, 0, 0};
  for (uint32_t i = 0; i < w.n; ++i) {
    Thread& t = w.threads[i];
    t.place.thread = thread;
    t.place.block = block;
    t.state = NEW;
    if (++thread.x == b[0]) {
      thread.x = 0;
      if (++thread.y == b[1]) thread.y = 0, ++thread.z;
    }
  }
  for (uint32_t i = 0; i < w.n_warps; ++i) {
    w.warps[i].live = w.n - i * 32 >= 32 ? ~0u : (1u << (w.n - i * 32)) - 1;
    w.warps[i].arrived = 0;
  }
}
static void shuffle_order(Worker& w, uint64_t round) {
  const uint64_t seed = mix(w.run->launch->seed ^ mix(w.block ^ round << 48));
  for (uint32_t j = w.n; j > 1; --j) {
    const uint32_t k = (uint32_t)(mix(seed + j) % j);
    const uint16_t kept = w.order[j - 1];
    w.order[j - 1] = w.order[k];
    w.order[k] = kept;
  }
}
static void run_block(Worker& w, uint64_t number) {
  new_block(w, number);
  check_new_block(w);
  for (uint64_t round = 0; w.live && !stopped(w); ++round) {
    bool ran = false;
    if (w.run->launch->order == 2) shuffle_order(w, round);
    for (w.at = 0; w.at < w.n; ++w.at) {
      Thread& t = w.threads[w.order[w.at]];
      if (t.state > READY) continue;
      if (t.state == NEW) {
        if (!(t.stack = take_stack(w))) {
          report(NO_MEMORY, 0);
          break;
        }
        // Tops at different distances from a page's start, else all threads' locals fight for the same lines of the
        // cache.
        t.stack_pointer = fresh_stack(t.stack + STACK - t.id * 192 % 8192, run_threads);
        begin(w, t);
      }
      ran = true;
      w.current = &t;
      w.busy = 0;
      __sim_switch(&w.scheduler, t.stack_pointer);
      if (stopped(w)) break;
      if (w.current->state == DONE) give_stack(w, *w.current);
    }
    if (!ran && !stopped(w)) fail_deadlock(w);
  }
  if (!stopped(w)) check_pending(w, false);
  w.current = nullptr;
  for (uint32_t i = 0; i < w.n; ++i) give_stack(w, w.threads[i]);
  w.blocks_done++;
}
