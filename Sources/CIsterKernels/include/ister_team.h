#ifndef ISTER_TEAM_H
#define ISTER_TEAM_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A team of threads that runs one function at a time, every worker the same code on its own share (SPMD).
/// Only one thread, always the same, may call ister_team_run: OpenMP keeps a pool for each calling thread.
///
/// Work comes in phases. A phase ends when its items are done, not when all workers have come: a worker that another
/// process keeps off its core finds the phases it missed empty and catches up. A team that loses much of its time
/// waiting runs with fewer workers for a while, counted in calls, but not for longer than some seconds.
typedef struct ister_team ister_team;

typedef void (*ister_team_function)(void *context, ister_team *team, size_t worker);

/// workers: 1 to 4096. spin: polls before a wait sleeps; 0 when threads outnumber processors. Null beyond that, or when
/// the system refuses the memory or the threads.
ister_team *_Nullable ister_team_create(size_t workers, size_t spin);
void ister_team_destroy(ister_team *team);

/// Says where a worker belongs on a machine with several memory nodes: while ister_team_run runs it stays on these
/// processors, and it takes over work of its own node's workers before that of others. Before the first run.
/// Returns 0, or 1 when there is no memory for it.
int ister_team_place(ister_team *team, size_t worker, size_t node, const int32_t *processors, size_t count);

/// Runs function(context, team, worker) on the active workers and returns when all have returned. FTZ and DAZ are set
/// inside and restored after. Returns the number of workers that ran.
size_t ister_team_run(ister_team *team, ister_team_function function, void *context);

/// Lets all workers take part in the next call, whatever they waited for before: for measurements.
void ister_team_recall(ister_team *team);

typedef struct {
  size_t begin;
  size_t end;
} ister_range;

/// The next share of `items` in this phase: first the front of the worker's own contiguous range, which is
/// items * worker / workers to items * (worker + 1) / workers, then the back of the others'. It is a part of what is
/// left of the range, in whole grains, at least one; the last one may be smaller. Empty (begin == end) when none is
/// left. phase: above 0 and ascending in the team's life (modulo 2^24, by less than 2^23 at a time), the same on all
/// workers; a worker waits for a phase before it claims from the next. items < 2^20, else the process is aborted; grain
/// >= 1.
ister_range ister_team_claim(ister_team *team, size_t worker, uint32_t phase, size_t items, size_t grain);

/// Reports `count` claimed items of this phase as done.
void ister_team_complete(ister_team *team, uint32_t phase, size_t items, size_t count);

/// Returns when all items of this phase are done.
void ister_team_wait(ister_team *team, size_t worker, uint32_t phase, size_t items);

/// Writes the numbers of the processors that this thread may run on, ascending, and returns how many there are (which
/// may exceed capacity). 0 when the kernel does not say.
size_t ister_allowed_processors(int32_t *numbers, size_t capacity);

#pragma clang assume_nonnull end
#endif
