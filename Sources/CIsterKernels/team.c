// The only file with OpenMP in it.
#include "ister_team.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// 128 bytes: two lines, since the adjacent-line prefetcher couples them.
enum { LINE = 128, INDEX_BITS = 20 };

/// Remaining work of one worker: tag (phase, 24 bits) | begin (20) | end (20).
typedef struct {
  _Alignas(LINE) _Atomic uint64_t word;
} share;

struct ister_team {
  size_t workers;
  size_t spin;
  size_t running;
  ister_team_function function;
  void *context;
  _Alignas(LINE) _Atomic uint32_t arrived;
  _Alignas(LINE) _Atomic uint32_t generation;
  _Atomic uint32_t sleepers;
  _Alignas(LINE) share shares[];
};

ister_team *ister_team_create(size_t workers, size_t spin) {
  if (workers == 0 || workers > 4096) return NULL;
  ister_team *team = aligned_alloc(LINE, sizeof(ister_team) + workers * sizeof(share));
  if (!team) return NULL;
  memset(team, 0, sizeof(ister_team) + workers * sizeof(share));
  team->workers = workers;
  team->spin = spin;
  return team;
}

void ister_team_destroy(ister_team *team) { free(team); }

size_t ister_team_workers(const ister_team *team) { return team->workers; }

static inline void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#else
  __asm__ volatile("isb");
#endif
}

static void sleep_until_changed(ister_team *team, uint32_t seen) {
  atomic_fetch_add(&team->sleepers, 1);
  while (atomic_load(&team->generation) == seen) {
    syscall(SYS_futex, &team->generation, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  }
  atomic_fetch_sub(&team->sleepers, 1);
}

void ister_team_barrier(ister_team *team, size_t worker) {
  (void)worker;
  if (team->running == 1) return;
  uint32_t seen = atomic_load_explicit(&team->generation, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->running) {
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    atomic_fetch_add(&team->generation, 1);
    if (atomic_load(&team->sleepers)) syscall(SYS_futex, &team->generation, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
    return;
  }
  for (size_t i = 0; i < team->spin; i++) {
    if (atomic_load_explicit(&team->generation, memory_order_acquire) != seen) return;
    relax();
  }
  sleep_until_changed(team, seen);
}

static uint64_t packed(uint32_t phase, size_t begin, size_t end) {
  return (uint64_t)phase << (2 * INDEX_BITS) | (uint64_t)begin << INDEX_BITS | (uint64_t)end;
}

/// Takes up to grain items of one share, from the front or the back. A share that still carries an older phase belongs
/// to a worker that has not arrived: whoever comes first sets it to the whole range, so a stalled core stalls nobody.
static ister_range take(ister_team *team, size_t owner, uint32_t phase, size_t items, size_t grain, int from_back) {
  const uint64_t mask = (1u << INDEX_BITS) - 1;
  const uint32_t tag = phase & 0xFFFFFF;
  _Atomic uint64_t *word = &team->shares[owner].word;
  uint64_t old = atomic_load_explicit(word, memory_order_acquire);
  for (;;) {
    size_t begin, end;
    if (old >> (2 * INDEX_BITS) == tag) {
      begin = old >> INDEX_BITS & mask;
      end = old & mask;
    } else {
      begin = items * owner / team->running;
      end = items * (owner + 1) / team->running;
    }
    size_t count = end - begin < grain ? end - begin : grain;
    ister_range range = from_back ? (ister_range){end - count, end} : (ister_range){begin, begin + count};
    uint64_t next = from_back ? packed(tag, begin, end - count) : packed(tag, begin + count, end);
    if (next == old) return range;
    if (atomic_compare_exchange_weak_explicit(word, &old, next, memory_order_acq_rel, memory_order_acquire)) {
      return range;
    }
  }
}

ister_range ister_team_claim(ister_team *team, size_t worker, uint32_t phase, size_t items, size_t grain) {
  ister_range range = take(team, worker, phase, items, grain, 0);
  for (size_t i = 1; range.begin == range.end && i < team->running; i++) {
    range = take(team, (worker + i) % team->running, phase, items, grain, 1);
  }
  return range;
}

#if defined(__x86_64__)
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
#endif

static void run_worker(ister_team *team, size_t worker) {
#if defined(__x86_64__)
  unsigned int saved = _mm_getcsr();
  _mm_setcsr(saved | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
  team->function(team->context, team, worker);
  _mm_setcsr(saved);
#else
  team->function(team->context, team, worker);
#endif
}

// Declared here: omp.h does not come with every compiler that has -fopenmp.
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

size_t ister_team_run(ister_team *team, ister_team_function function, void *context) {
  team->function = function;
  team->context = context;
  if (team->workers == 1) {
    team->running = 1;
    run_worker(team, 0);
    return 1;
  }
#pragma omp parallel num_threads((int)team->workers)
  {
#pragma omp single
    team->running = (size_t)omp_get_num_threads();
    run_worker(team, (size_t)omp_get_thread_num());
  }
  return team->running;
}
