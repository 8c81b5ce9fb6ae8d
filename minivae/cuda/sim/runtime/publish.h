// How one block's data may reach another within a launch: it writes, calls __threadfence(), and changes an atomic; the
// other changes the same atomic afterwards and then reads. This is what "the last block adds up the others' sums"
// needs.
#pragma once
#include "state.h"

struct Published {
  struct Entry {
    uintptr_t address;
    uint32_t block, thread, epoch, used;
  };
  Entry* table = nullptr;
  size_t room = 0, n = 0;
  uintptr_t met[8];  // atomics that this block changed
  uint32_t n_met = 0;

  void new_block() { n_met = 0; }
  void clear() {
    if (table) memset(table, 0, room * sizeof *table);
    n = n_met = 0;
  }
  Entry* place(uintptr_t address, uint32_t block) const {
    size_t k = (size_t)mix(address ^ (uint64_t)block << 40);
    for (;; ++k) {
      Entry* e = &table[k & (room - 1)];
      if (!e->used || (e->address == address && e->block == block)) return e;
    }
  }
  void grow() {
    const Entry* old = table;
    const size_t before = room;
    room = room ? room * 2 : 64;
    // Not from malloc, in whose midst a signal may end the launch.
    void* p = mmap(nullptr, room * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (p == MAP_FAILED) abort();
    table = (Entry*)p;
    for (size_t k = 0; k < before; ++k)
      if (old[k].used) *place(old[k].address, old[k].block) = old[k];
    if (old) munmap((void*)old, before * sizeof *old);
  }
  // This thread, after a fence, changes the atomic at `address`.
  void release(uintptr_t address, uint32_t block, const Thread& t) {
    if (n * 2 >= room) grow();
    Entry* e = place(address, block);
    n += !e->used;
    *e = Entry{address, block, t.id, t.epoch, 1};
  }
  void acquire(uintptr_t address) {
    for (uint32_t k = 0; k < n_met; ++k)
      if (met[k] == address) return;
    if (n_met < 8) met[n_met++] = address;
  }
  // Whether what that thread of that block did then has reached the current block.
  bool seen(uint32_t block, uint32_t thread, uint32_t epoch) const {
    if (room)
      for (uint32_t k = 0; k < n_met; ++k) {
        const Entry* e = place(met[k], block);
        if (e->used && (epoch < e->epoch || (epoch == e->epoch && thread == e->thread))) return true;
      }
    return false;
  }
};
