// In C because the kernel's processor sets are macros of a GNU header, which Swift does not see.
#define _GNU_SOURCE
#include <sched.h>

#include "affinity.h"
#include "ister_team.h"

_Static_assert(sizeof(cpu_set_t) == sizeof(((ister_place *)0)->processors), "a place has the kernel's set");

size_t ister_allowed_processors(int32_t *numbers, size_t capacity) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  size_t count = 0;
  for (int32_t processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &set)) continue;
    if (count < capacity) numbers[count] = processor;
    count++;
  }
  return count;
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
