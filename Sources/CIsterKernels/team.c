// The only file with OpenMP in it.
#include "ister_team.h"

#include "affinity.h"
#include "float_control.h"
#include "thread_trial.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum {
  /// Two lines, since the adjacent-line prefetcher couples them.
  LINE = 128,
  INDEX_BITS = 20,
  COUNT_BITS = 2 * INDEX_BITS,
  /// Of what is left of a worker's range, one part is claimed at a time.
  PART = 4,
  /// Calls with much waiting, one after the other, before the team shrinks.
  PATIENCE = 2,
  /// Calls with fewer workers before all are tried again; doubles up to the second figure each time that this fails.
  FIRST_REST = 16,
  LONGEST_REST = 512,
  /// Milliseconds that one of these calls may take on average: long calls, as those of prompts, make a rest end
  /// earlier.
  REST_CALL_MILLISECONDS = 16,
  /// How long threads look for the next call before they sleep: longer than between two tokens of a text, much less
  /// than OpenMP's 200, which would keep the processors of a server busy that has little to do. KMP_BLOCKTIME has no
  /// say.
  IDLE_MILLISECONDS = 2,
};

/// Share of a call's time that a worker may wait asleep.
static const double TOLERATED_WAIT = 0.3;

typedef struct {
  /// Remaining work: tag (phase, 24 bits) | begin (20) | end (20).
  _Alignas(LINE) _Atomic uint64_t work;
  /// Nanoseconds asleep in this call, and when the worker returned from it.
  _Alignas(LINE) int64_t asleep;
  int64_t returned;
} share;

struct ister_team {
  size_t workers;
  size_t spin;
  size_t active;
  size_t running;
  size_t strikes;
  size_t rest;
  size_t rest_length;
  int64_t rest_end;
  ister_team_function function;
  void *context;
  /// [workers], or null where memory has one node; number: of this team among all.
  ister_place *places;
  uint64_t number;
  /// Tag (24 bits) | items done (40): of the newest phase that has any.
  _Alignas(LINE) _Atomic uint64_t done;
  /// Counts ended phases; what sleepers wait on.
  _Alignas(LINE) _Atomic uint32_t ended;
  _Atomic uint32_t sleepers;
  _Alignas(LINE) share shares[];
};

ister_team *ister_team_create(size_t workers, size_t spin) {
  if (workers == 0 || workers > 4096 || !ister_has_threads(workers - 1)) return NULL;
  ister_team *team = aligned_alloc(LINE, sizeof(ister_team) + workers * sizeof(share));
  if (!team) return NULL;
  memset(team, 0, sizeof(ister_team) + workers * sizeof(share));
  team->workers = workers;
  team->active = workers;
  team->spin = spin;
  team->rest_length = FIRST_REST;
  static _Atomic uint64_t teams;
  team->number = atomic_fetch_add(&teams, 1) + 1;
  return team;
}

void ister_team_destroy(ister_team *team) {
  free(team->places);
  free(team);
}

int ister_team_place(ister_team *team, size_t worker, size_t node, const int32_t *processors, size_t count) {
  if (!team->places) team->places = calloc(team->workers, sizeof(ister_place));
  if (!team->places) return 1;
  team->places[worker].node = node;
  for (size_t i = 0; i < count; i++) ister_place_add(&team->places[worker], processors[i]);
  return 0;
}

static inline void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#else
  __asm__ volatile("isb");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/// Whether tag a is that of a later phase than b; tags wrap at 24 bits.
static int is_later(uint32_t a, uint32_t b) { return a != b && ((a - b) & 0xFFFFFF) < 0x800000; }

static uint32_t tag_of(uint64_t word) { return (uint32_t)(word >> COUNT_BITS); }

static uint64_t packed(uint32_t tag, size_t begin, size_t end) {
  return (uint64_t)tag << COUNT_BITS | (uint64_t)begin << INDEX_BITS | (uint64_t)end;
}

/// Items of which `left` are there: a part of them in whole grains (Polychronopoulos and Kuck 1987), so that a worker
/// reads long streams at first and the last pieces, which others wait for, are small.
static size_t guided(size_t left, size_t grain) {
  const size_t part = left / PART / grain * grain;
  return part > grain ? part : left < grain ? left : grain;
}

/// Takes items of one share, from the front or the back. A share that still carries an older phase belongs to a worker
/// that has not come yet: whoever is first sets it to the whole range.
static ister_range take(ister_team *team, size_t owner, uint32_t phase, size_t items, size_t grain, int from_back) {
  const uint64_t mask = (1u << INDEX_BITS) - 1;
  const uint32_t tag = phase & 0xFFFFFF;
  _Atomic uint64_t *work = &team->shares[owner].work;
  uint64_t old = atomic_load_explicit(work, memory_order_acquire);
  for (;;) {
    if (is_later(tag_of(old), tag)) return (ister_range){0, 0};
    size_t begin = items * owner / team->running, end = items * (owner + 1) / team->running;
    if (tag_of(old) == tag) {
      begin = old >> INDEX_BITS & mask;
      end = old & mask;
    }
    size_t count = guided(end - begin, grain);
    ister_range range = from_back ? (ister_range){end - count, end} : (ister_range){begin, begin + count};
    uint64_t next = from_back ? packed(tag, begin, end - count) : packed(tag, begin + count, end);
    if (next == old) return range;
    if (atomic_compare_exchange_weak_explicit(work, &old, next, memory_order_acq_rel, memory_order_acquire)) {
      return range;
    }
  }
}

/// Whether two workers belong to different memory nodes.
static int is_far(const ister_team *team, size_t a, size_t b) {
  return team->places && team->places[a].node != team->places[b].node;
}

ister_range ister_team_claim(ister_team *team, size_t worker, uint32_t phase, size_t items, size_t grain) {
  if (items >> INDEX_BITS != 0) {  // indices would run into each other and come out as ranges that do not exist
    fputs("ister_team_claim: 2^20 items or more\n", stderr);
    abort();
  }
  ister_range range = take(team, worker, phase, items, grain, 0);
  for (int far = 0; far < 2; far++) {
    for (size_t i = 1; range.begin == range.end && i < team->running; i++) {
      size_t owner = (worker + i) % team->running;
      if (is_far(team, worker, owner) == far) range = take(team, owner, phase, items, grain, 1);
    }
  }
  return range;
}

void ister_team_complete(ister_team *team, uint32_t phase, size_t items, size_t count) {
  const uint32_t tag = phase & 0xFFFFFF;
  const uint64_t mask = ((uint64_t)1 << COUNT_BITS) - 1;
  uint64_t old = atomic_load_explicit(&team->done, memory_order_acquire), next;
  do {
    // While items of this phase are open no later phase can have begun.
    next = (uint64_t)tag << COUNT_BITS | ((tag_of(old) == tag ? old & mask : 0) + count);
  } while (!atomic_compare_exchange_weak_explicit(&team->done, &old, next, memory_order_acq_rel, memory_order_acquire));
  if ((next & mask) < items) return;
  atomic_fetch_add(&team->ended, 1);
  if (atomic_load(&team->sleepers)) syscall(SYS_futex, &team->ended, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

static int is_over(ister_team *team, uint32_t phase, size_t items) {
  uint64_t done = atomic_load_explicit(&team->done, memory_order_acquire);
  uint32_t tag = phase & 0xFFFFFF;
  return is_later(tag_of(done), tag) || (tag_of(done) == tag && (done & (((uint64_t)1 << COUNT_BITS) - 1)) >= items);
}

static void sleep_until_over(ister_team *team, uint32_t phase, size_t items) {
  atomic_fetch_add(&team->sleepers, 1);
  for (;;) {
    uint32_t seen = atomic_load(&team->ended);
    if (is_over(team, phase, items)) break;
    syscall(SYS_futex, &team->ended, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  }
  atomic_fetch_sub(&team->sleepers, 1);
}

void ister_team_wait(ister_team *team, size_t worker, uint32_t phase, size_t items) {
  if (items == 0) return;
  for (size_t i = 0; i <= team->spin; i++) {
    if (is_over(team, phase, items)) return;
    relax();
  }
  int64_t start = nanoseconds();
  sleep_until_over(team, phase, items);
  // Where there are fewer items than workers some have nothing to do, whatever other processes do.
  if (items >= team->running) team->shares[worker].asleep += nanoseconds() - start;
}

static void run_worker(ister_team *team, size_t worker) {
  team->shares[worker].asleep = 0;
  ister_enter_place(team->places ? &team->places[worker] : NULL, team->number, worker);
  const uint64_t saved = read_float_control();
  write_float_control(saved | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
  team->function(team->context, team, worker);
  write_float_control(saved);
  // The caller goes on with other things, and starts threads that must not be bound.
  if (worker == 0) ister_enter_place(NULL, team->number, worker);
  team->shares[worker].returned = nanoseconds();
}

/// Shrinks a team in which a worker waited for much of several calls: another process holds a core, and fewer workers
/// are faster than waiting for it. All workers are tried again after a rest.
static void adapt(ister_team *team, int64_t start, int64_t end) {
  int64_t longest = 0;
  for (size_t worker = 0; worker < team->running; worker++) {
    int64_t wait = team->shares[worker].asleep + (end - team->shares[worker].returned);
    if (wait > longest) longest = wait;
  }
  int waited = (double)longest > TOLERATED_WAIT * (double)(end - start);
  team->strikes = waited ? team->strikes + 1 : team->strikes / 2;
  if (team->strikes >= PATIENCE) {
    team->strikes = 0;
    team->active = team->running - 1;
    team->rest = team->rest_length;
    team->rest_end = end + (int64_t)team->rest_length * REST_CALL_MILLISECONDS * 1000000;
    if (team->running == team->workers && team->rest_length < LONGEST_REST) team->rest_length *= 2;
  } else if (team->running == team->workers && !waited && team->rest_length > FIRST_REST) {
    team->rest_length /= 2;
  }
}

// Declared here: omp.h does not come with every compiler that has -fopenmp.
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern void kmp_set_blocktime(int milliseconds);

/// Before the workers of a call begin. The shares of workers that sat out carry old tags; beyond half the range of tags
/// an old one would look later than the next phase, and its items would never be claimed.
static void begin_call(ister_team *team, size_t running) {
  const uint32_t newest = tag_of(atomic_load_explicit(&team->done, memory_order_relaxed));
  for (size_t i = team->running; i < running; i++) {
    atomic_store_explicit(&team->shares[i].work, packed(newest, 0, 0), memory_order_relaxed);
  }
  team->running = running;
}

void ister_team_recall(ister_team *team) {
  team->active = team->workers;
  team->rest = 0;
  team->strikes = 0;
}

static void run_alone(ister_team *team) {
  begin_call(team, 1);
  run_worker(team, 0);
}

size_t ister_team_run(ister_team *team, ister_team_function function, void *context) {
  team->function = function;
  team->context = context;
  if (team->active < team->workers && (team->rest-- == 0 || nanoseconds() >= team->rest_end)) ister_team_recall(team);
  if (team->active == 1) {
    run_alone(team);
    return 1;
  }
  kmp_set_blocktime(IDLE_MILLISECONDS);
  int64_t start = nanoseconds();
#pragma omp parallel num_threads((int)team->active)
  {
#pragma omp single
    begin_call(team, (size_t)omp_get_num_threads());
    run_worker(team, (size_t)omp_get_thread_num());
  }
  // Bound workers stay: the last ones are all of one memory node, which need not be the busy one.
  if (team->running > 1 && !team->places) adapt(team, start, nanoseconds());
  return team->running;
}
