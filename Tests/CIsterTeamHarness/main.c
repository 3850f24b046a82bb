// Runs the thread team as forward passes do: phases of items that are claimed, written and, when the phase is over,
// read by all. Built with a sanitizer of threads by Tools/check-sanitized.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ister_team.h"

enum { MOST_ITEMS = 300, PHASES = 40, CALLS = 12 };

typedef struct {
  size_t items, late_worker;
  uint32_t first_phase;
  uint32_t sums[PHASES];  // of each phase's values
  // Plain memory: only the team orders who writes and who reads.
  uint32_t values[2][MOST_ITEMS];
  size_t wrong[64];
} job_t;

static void pause_for(long microseconds) {
  struct timespec time = {0, microseconds * 1000};
  nanosleep(&time, NULL);
}

/// Each item depends on all of the phase before, as a row of a product does. Who has claimed one may read them: while
/// it is open no later phase begins.
static void work(void *context, ister_team *team, size_t worker) {
  job_t *job = context;
  for (uint32_t i = 0; i < PHASES; i++) {
    const uint32_t phase = job->first_phase + i;
    uint32_t *now = job->values[i % 2], *before = job->values[(i + 1) % 2];
    if (worker == job->late_worker && i % 8 == 3) pause_for(300);
    for (;;) {
      const ister_range range = ister_team_claim(team, worker, phase, job->items, 3);
      if (range.begin == range.end) break;
      uint32_t sum = 0;
      for (size_t k = 0; i > 0 && k < job->items; k++) sum += before[k];
      job->wrong[worker] += i > 0 && sum != job->sums[i - 1];
      for (size_t k = range.begin; k < range.end; k++) now[k] = sum + (uint32_t)k + 1;
      ister_team_complete(team, phase, job->items, range.end - range.begin);
    }
    ister_team_wait(team, worker, phase, job->items);
  }
}

static void expect(job_t *job) {
  uint32_t before = 0;
  for (size_t i = 0; i < PHASES; i++) {
    job->sums[i] = 0;
    for (size_t k = 0; k < job->items; k++) job->sums[i] += before + (uint32_t)k + 1;
    before = job->sums[i];
  }
}

/// Items that came out wrong.
static size_t run(size_t workers, size_t spin, size_t items, int is_placed) {
  ister_team *team = ister_team_create(workers, spin);
  if (!team) return 1;
  int32_t processors[1024];
  const size_t found = ister_allowed_processors(processors, 1024), count = found < 1024 ? found : 1024;
  for (size_t w = 0; is_placed && w < workers; w++) {
    if (ister_team_place(team, w, w % 2, processors, count)) return 1;
  }
  static job_t job;
  size_t wrong = 0;
  for (uint32_t call = 0; call < CALLS; call++) {
    memset(&job, 0, sizeof job);
    job.items = items;
    job.late_worker = call % 3 ? workers - 1 : workers;
    expect(&job);
    job.first_phase = 1 + call * 0x200000u;  // in all more than the 24 bits of a phase's tag
    if (call == CALLS - 1) ister_team_recall(team);
    const size_t ran = ister_team_run(team, work, &job);
    if (ran < 1 || ran > workers || (call == CALLS - 1 && ran != workers)) wrong++;
    for (size_t w = 0; w < workers; w++) wrong += job.wrong[w];
    uint32_t last = 0;
    for (size_t k = 0; k < items; k++) last += job.values[(PHASES - 1) % 2][k];
    wrong += last != job.sums[PHASES - 1];
  }
  ister_team_destroy(team);
  return wrong;
}

int main(void) {
  const size_t spins[] = {0, 2000}, counts[] = {1, 2, 7, MOST_ITEMS};
  size_t wrong = 0, runs = 0;
  for (size_t workers = 1; workers <= 5; workers++) {
    for (size_t s = 0; s < 2; s++) {
      for (size_t c = 0; c < 4; c++, runs++) wrong += run(workers, spins[s], counts[c], c % 2);
    }
  }
  printf("%zu teams of up to 5 threads, %d calls of %d phases each, %zu wrong\n", runs, CALLS, PHASES, wrong);
  return wrong != 0;
}
