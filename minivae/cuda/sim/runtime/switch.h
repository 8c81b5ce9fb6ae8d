// Changing from one stack to another: every CUDA thread that waits has a stack of its own.
#pragma once
#include "state.h"

// Keeps the registers that a called function must preserve on the old stack, leaves its pointer in *save, takes `to`.
extern "C" void __sim_switch(void** save, void* to);

#if defined(__APPLE__)
#define SWITCH_NAME "___sim_switch"
#else
#define SWITCH_NAME "__sim_switch"
#endif

#if defined(__x86_64__)
asm(".text\n.globl " SWITCH_NAME "\n" SWITCH_NAME ":\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n popq %rcx\n jmp *%rcx\n");
static void* fresh_stack(char* top, void (*entry)()) {
  void** sp = (void**)((uintptr_t)top & ~(uintptr_t)15);
  *--sp = nullptr;  // so that `entry` finds the alignment that a call leaves
  *--sp = (void*)entry;
  sp -= 6;
  memset(sp, 0, 6 * sizeof *sp);
  return sp;
}
#elif defined(__aarch64__)
asm(".text\n.globl " SWITCH_NAME "\n" SWITCH_NAME ":\n"
    " sub sp, sp, #160\n stp x19, x20, [sp, #0]\n stp x21, x22, [sp, #16]\n stp x23, x24, [sp, #32]\n"
    " stp x25, x26, [sp, #48]\n stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n stp d8, d9, [sp, #96]\n"
    " stp d10, d11, [sp, #112]\n stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n mov x9, sp\n str x9, [x0]\n"
    " mov sp, x1\n"
    " ldp x19, x20, [sp, #0]\n ldp x21, x22, [sp, #16]\n ldp x23, x24, [sp, #32]\n ldp x25, x26, [sp, #48]\n"
    " ldp x27, x28, [sp, #64]\n ldp x29, x30, [sp, #80]\n ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
    " ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n add sp, sp, #160\n br x30\n");
static void* fresh_stack(char* top, void (*entry)()) {
  uint64_t* sp = (uint64_t*)((uintptr_t)top & ~(uintptr_t)15) - 20;
  memset(sp, 0, 160);
  sp[11] = (uint64_t)entry;  // where x30 is taken from
  return sp;
}
#else
#error "the simulator knows x86-64 and ARM64 processors"
#endif

// A stack with a stretch below it that faults, for a thread with more local variables than fit.
static char* take_stack(Worker& w) {
  if (w.n_free_stacks) return w.free_stacks[--w.n_free_stacks];
  void* p = mmap(nullptr, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  mprotect(p, GUARD, PROT_NONE);
  return (char*)p + GUARD;
}
static void give_stack(Worker& w, Thread& t) {
  if (t.stack) w.free_stacks[w.n_free_stacks++] = t.stack;
  t.stack = nullptr;
}

static void to_scheduler() {
  Worker& w = *W;
  __sim_switch(&w.current->stack_pointer, w.scheduler);
}

// How small numbers are treated belongs to the processor, and is put back after a launch.
#if defined(__x86_64__)
static uint64_t flush_small(bool flush) {
  const unsigned before = __builtin_ia32_stmxcsr();
  if (flush) __builtin_ia32_ldmxcsr(before | 0x8040);
  return before;
}
static void put_back(uint64_t before) { __builtin_ia32_ldmxcsr((unsigned)before); }
#else
static uint64_t flush_small(bool flush) {
  uint64_t before;
  asm volatile("mrs %0, fpcr" : "=r"(before));
  if (flush) asm volatile("msr fpcr, %0" ::"r"(before | 1ull << 24));
  return before;
}
static void put_back(uint64_t before) { asm volatile("msr fpcr, %0" ::"r"(before)); }
#endif
