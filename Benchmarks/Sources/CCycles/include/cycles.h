#ifndef ISTER_CYCLES_H
#define ISTER_CYCLES_H

#include <stdint.h>

/// Runs a chain of instructions that each wait for the one before and returns the cycles that it takes: by the time of
/// the chain the clock's rate is known, whatever the time stamp counter runs at.
uint64_t ister_run_cycles(uint64_t rounds);

#endif
