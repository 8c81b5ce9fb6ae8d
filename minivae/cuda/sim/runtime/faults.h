// What must not end the Python process: a wild pointer, a division by zero, an endless loop. Each becomes a report, and
// the CUDA thread is left where it stands. Ctrl-C goes on to Python once the launch is over.
#pragma once
#include "arena.h"
#include "switch.h"
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <sys/ucontext.h>
#include <unistd.h>
#if defined(__linux__) && !defined(SIM_WATCHMAN)
#define SIM_TIMERS
#include <sys/syscall.h>
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
#endif

constexpr int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int CLOCK_SIGNAL = SIGURG;  // ignored where nobody handles it, so one that comes late does no harm
constexpr int TICKS = 4;
constexpr uintptr_t LARGEST_LIBRARY = 64 << 20;

// Where the signal found the processor.
struct Found {
  uintptr_t pc, sp;
  explicit Found(void* context) {
    const ucontext_t* u = (const ucontext_t*)context;
#if defined(__APPLE__) && defined(__x86_64__)
    pc = u->uc_mcontext->__ss.__rip, sp = u->uc_mcontext->__ss.__rsp;
#elif defined(__APPLE__)
    pc = u->uc_mcontext->__ss.__pc, sp = u->uc_mcontext->__ss.__sp;
#elif defined(__x86_64__)
    pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP], sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#else
    pc = u->uc_mcontext.pc, sp = u->uc_mcontext.sp;
#endif
  }
  // The place, the last access if this is a function of ours, and what looks like return addresses on the stack, for it
  // may be a function of libm. Which of them belong to the .cu file is known to lines.py.
  void leave_trail(Report& r, const Worker& w) const {
    const uintptr_t library = (uintptr_t)code_start, end = (uintptr_t)w.current->stack + STACK;
    uint32_t n = 0;
    if (pc - library < LARGEST_LIBRARY) {
      r.trail[n++] = (uint32_t)(pc - library);
      if (CHECK) r.trail[n++] = w.place;
    }
    for (uintptr_t a = (sp + 7) & ~(uintptr_t)7; a >= (uintptr_t)w.current->stack && a + 8 <= end && n < 16; a += 8) {
      const uintptr_t word = *(const uintptr_t*)a;
      if (word - library < LARGEST_LIBRARY) r.trail[n++] = (uint32_t)(word - library) - 1;
    }
  }
  // On the stack of a CUDA thread, which can be left at any point; the scheduler's cannot.
  bool in_kernel(const Worker* w) const {
    return w && w->run && w->current && sp - ((uintptr_t)w->current->stack - 2 * GUARD) < STACK + 2 * GUARD;
  }
};

static struct sigaction before[5], before_interrupt;  // in the order of FAULTS, then CLOCK_SIGNAL

static void on_fault(int signal, siginfo_t* info, void* context) {
  Worker* w = W;
  const Found found(context);
  if (!found.in_kernel(w)) {  // not a kernel's: let it happen again, for whoever handled it before
    for (int k = 0; k < 4; ++k)
      if (FAULTS[k] == signal) sigaction(signal, &before[k], nullptr);
    return;
  }
  const uintptr_t a = (uintptr_t)info->si_addr, stack = (uintptr_t)w->current->stack;
  const bool full = a - (stack - GUARD) < GUARD;
  const Kind kind = signal == SIGFPE ? DIVISION : signal == SIGILL ? NO_RETURN : full ? STACK_FULL : CRASH;
  if (Report* r = report(kind, 0)) {
    found.leave_trail(*r, *w);
    r->element = (int64_t)a;
    // The processor does not say the address of a misaligned vector, or of one that no memory can have.
    const bool nameless = signal == SIGSEGV && info->si_code == 128;
    if (kind == CRASH && !nameless && a < 65536)
      r->kind = NO_POINTER;
    else if (kind == CRASH)
      w->run->arena->describe(*r, a);
  }
  to_scheduler();
}

static void leave(Worker& w) {
  if (!w.busy) to_scheduler();
}
static void on_clock(int, siginfo_t*, void* context) {
  Worker* w = W;
  const Found found(context);
  if (!found.in_kernel(w)) return;
  if (stopped(*w)) return leave(*w);
  w->ticks = w->blocks_done == w->blocks_seen ? w->ticks + 1 : 0;
  w->blocks_seen = w->blocks_done;
  if (w->ticks < TICKS) return;
  check_pending(*w, true);
  if (Report* r = report(ENDLESS, 0)) found.leave_trail(*r, *w);
  leave(*w);
}
static Run* active = nullptr;  // the launch that is under way, and the thread that Python called it from
static pthread_t active_thread;

static void on_interrupt(int signal, siginfo_t* info, void* context) {
  if (before_interrupt.sa_flags & SA_SIGINFO)
    before_interrupt.sa_sigaction(signal, info, context);
  else if (before_interrupt.sa_handler == SIG_IGN)
    return;
  else if (before_interrupt.sa_handler != SIG_DFL)
    before_interrupt.sa_handler(signal);
  // Not by way of W, which this thread may not have yet: to make one would need malloc, which it may be in the midst
  // of.
  Run* run = active;
  if (!run || !pthread_equal(active_thread, pthread_self())) return;
  int none = 0;
  if (__atomic_compare_exchange_n(&run->failed, &none, 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    run->report->kind = INTERRUPTED;
  for (uint32_t k = 1; k < run->n_workers; ++k) pthread_kill(run->workers[k]->self, CLOCK_SIGNAL);
  if (Found(context).in_kernel(run->workers[0])) leave(*run->workers[0]);
}

static void handle(int signal, void (*handler)(int, siginfo_t*, void*), struct sigaction* old) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = handler;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // not deferred: the handler may be left for good
  sigaction(signal, &a, old);
}
static void install_handlers(Run& run) {
  active_thread = pthread_self();
  active = &run;
  for (int k = 0; k < 4; ++k) handle(FAULTS[k], on_fault, &before[k]);
  handle(CLOCK_SIGNAL, on_clock, &before[4]);
  handle(SIGINT, on_interrupt, &before_interrupt);
}
static void remove_handlers() {
  for (int k = 0; k < 4; ++k) sigaction(FAULTS[k], &before[k], nullptr);
  sigaction(CLOCK_SIGNAL, &before[4], nullptr);
  sigaction(SIGINT, &before_interrupt, nullptr);
  active = nullptr;
}

// For each operating system thread: a stack for handlers, since the fault may be that a stack is full, and a clock.
struct Guard {
  stack_t old{};
#if defined(SIM_TIMERS)
  timer_t timer;
  bool ticking = false;
#endif
  void begin(char* stack, double seconds) {
    stack_t mine{};
    mine.ss_sp = stack;
    mine.ss_size = SIGNAL_STACK;
    sigaltstack(&mine, &old);
#if defined(SIM_TIMERS)
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = CLOCK_SIGNAL;
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0) {
      ticking = true;
      const double tick = seconds / TICKS;
      struct itimerspec every;
      every.it_interval.tv_sec = every.it_value.tv_sec = (time_t)tick;
      every.it_interval.tv_nsec = every.it_value.tv_nsec = (long)((tick - (double)(time_t)tick) * 1e9) | 1;
      timer_settime(timer, 0, &every, nullptr);
    }
#else
    (void)seconds;
#endif
  }
  void end() {
#if defined(SIM_TIMERS)
    if (ticking) timer_delete(timer);
#endif
    sigaltstack(&old, nullptr);
  }
};

// Where a thread cannot have a timer, one that sleeps most of the time sends the ticks, by the clock on the wall.
struct Watchman {
#if defined(SIM_TIMERS)
  void begin(Run&) {}
  void end() {}
#else
  pthread_t thread;
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t over = PTHREAD_COND_INITIALIZER;
  Run* run = nullptr;
  bool done = false, there = false;
  static void* watch(void* self) {
    Watchman& w = *(Watchman*)self;
    const double tick = w.run->launch->seconds / TICKS;
    pthread_mutex_lock(&w.lock);
    while (!w.done) {
      struct timespec when;
      clock_gettime(CLOCK_REALTIME, &when);
      const double at = (double)when.tv_nsec * 1e-9 + tick;
      when.tv_sec += (time_t)at;
      when.tv_nsec = (long)((at - (double)(time_t)at) * 1e9);
      if (pthread_cond_timedwait(&w.over, &w.lock, &when) == ETIMEDOUT && !w.done)
        for (uint32_t k = 0; k < w.run->n_workers; ++k) pthread_kill(w.run->workers[k]->self, CLOCK_SIGNAL);
    }
    pthread_mutex_unlock(&w.lock);
    return nullptr;
  }
  void begin(Run& r) {
    run = &r;
    there = pthread_create(&thread, nullptr, watch, this) == 0;
  }
  void end() {
    pthread_mutex_lock(&lock);
    done = true;
    pthread_cond_signal(&over);
    pthread_mutex_unlock(&lock);
    if (there) pthread_join(thread, nullptr);
  }
#endif
};
