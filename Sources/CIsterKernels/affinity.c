// In C because the kernel's processor sets are macros of a GNU header, which Swift does not see.
#define _GNU_SOURCE
#include <sched.h>

#include "ister_team.h"

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
