// In C because the kernel's processor sets are macros of a GNU header, which Swift does not see.
#define _GNU_SOURCE
#include <sched.h>

#include "affinity.h"
#include "ister_team.h"

_Static_assert(sizeof(cpu_set_t) == sizeof(((ister_place *)0)->processors), "a place has the kernel's set");

/// A set of `size` processors is as large as the kernel's or is refused: -1.
static int64_t list_allowed(size_t size, int32_t *numbers, size_t capacity) {
  const size_t bytes = CPU_ALLOC_SIZE(size);
  cpu_set_t *set = CPU_ALLOC(size);
  if (!set || sched_getaffinity(0, bytes, set) != 0) {
    CPU_FREE(set);
    return -1;
  }
  size_t count = 0;
  for (size_t processor = 0; processor < size; processor++) {
    if (!CPU_ISSET_S(processor, bytes, set)) continue;
    if (count < capacity) numbers[count] = (int32_t)processor;
    count++;
  }
  CPU_FREE(set);
  return (int64_t)count;
}

/// On kernels with more than ISTER_MOST_PROCESSORS, threads are not bound to places: their sets are larger.
size_t ister_allowed_processors(int32_t *numbers, size_t capacity) {
  for (size_t size = CPU_SETSIZE; size <= 1 << 16; size *= 2) {
    const int64_t count = list_allowed(size, numbers, capacity);
    if (count >= 0) return (size_t)count;
  }
  return 0;
}

void ister_place_add(ister_place *place, int32_t processor) {
  if (processor >= 0 && processor < ISTER_MOST_PROCESSORS) CPU_SET(processor, (cpu_set_t *)place->processors);
}

void ister_enter_place(const ister_place *place, uint64_t owner, size_t worker) {
  // A place may be refused, as when a container takes processors away: then the thread stays where it is.
  static _Thread_local cpu_set_t before;
  static _Thread_local uint64_t current;  // owner of the place that this thread is bound to; 0: none
  static _Thread_local size_t current_worker;
  if (!place) {
    if (current) sched_setaffinity(0, sizeof before, &before);
    current = 0;
    return;
  }
  if (current == owner && current_worker == worker) return;
  if (!current && sched_getaffinity(0, sizeof before, &before) != 0) return;
  current = owner;
  current_worker = worker;
  sched_setaffinity(0, sizeof(cpu_set_t), (const cpu_set_t *)place->processors);
}
