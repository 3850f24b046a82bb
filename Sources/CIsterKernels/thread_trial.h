#ifndef ISTER_THREAD_TRIAL_H
#define ISTER_THREAD_TRIAL_H

#include <stddef.h>

/// Whether the system lets this process have `count` more threads at a time, as far as a trial can tell: OpenMP aborts
/// the process when it does not.
int ister_has_threads(size_t count);

#endif
