#ifndef ISTER_AFFINITY_H
#define ISTER_AFFINITY_H

#include <stddef.h>
#include <stdint.h>

enum { ISTER_MOST_PROCESSORS = 1024 };

/// Where a worker belongs: a memory node and the set of its processors, a bit each.
typedef struct {
  size_t node;
  unsigned long processors[ISTER_MOST_PROCESSORS / (8 * sizeof(unsigned long))];
} ister_place;

void ister_place_add(ister_place *place, int32_t processor);

/// Binds the calling thread to a place (null: to where it was before the first). owner: a number of whatever the place
/// belongs to, never 0; the same owner, worker and thread again cost nothing.
void ister_enter_place(const ister_place *place, uint64_t owner, size_t worker);

#endif
