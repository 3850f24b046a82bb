#ifndef ISTER_KERNELS_HARNESS_H
#define ISTER_KERNELS_HARNESS_H

// Compares every function of every kernel table of this processor with scalar's bytes, and prints a hash of scalar's
// results for each subject, so that two architectures can be compared. Plain C: it runs under an emulator, too.

#include <stddef.h>
#include <stdint.h>

#include "ister_kernels.h"

/// The tables under test, without scalar.
typedef struct {
  const ister_kernels *scalar;
  const ister_kernels *others[8];
  size_t count;
} tables_t;

/// Seeded numbers: SplitMix64.
typedef struct {
  uint64_t state;
} seeded_t;

uint64_t next_number(seeded_t *seeded);
/// Uniform in -magnitude..<magnitude.
void fill_floats(seeded_t *seeded, float magnitude, float *to, size_t count);
void fill_bytes(seeded_t *seeded, uint8_t *to, size_t count);
/// Floats of all sizes: zeros of both signs, subnormals, the smallest and large normal ones, mixed with uniform ones.
void fill_mixed(seeded_t *seeded, float *to, size_t count);

/// Zeros that end where an unreadable page begins: reading or writing past the end is a fault. Never freed.
void *guarded(size_t bytes);

/// Reports a difference between scalar's bytes and a table's: which function and case, where, and both words.
void check_same(const char *table, const char *subject, const char *description, const void *expected,
                const void *found, size_t bytes);
void check_true(int condition, const char *table, const char *subject, const char *description);

/// Adds results to the hash (FNV-1a) of a subject.
void hash_results(const char *subject, const void *bytes, size_t count);
void print_hashes(void);
size_t check_count(void);
size_t failure_count(void);

// A new kernel function gets its check in one of these, a new format its row in their case lists.
void check_matmul(const tables_t *tables);
void check_elementwise(const tables_t *tables);
void check_attention(const tables_t *tables);
void check_half_precision(const tables_t *tables);
void check_packing(void);

#endif
