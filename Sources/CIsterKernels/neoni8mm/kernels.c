// Advanced SIMD with the matrix product of 8-bit integers (Neoverse V1 and N2, Cortex-A510, Apple M2 and later).
#if defined(__aarch64__)
#include <arm_neon.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

// Sixteen lanes are four of 32 registers: four accumulators fill half of them. Half precision converts in the base set.
#define HARDWARE_HALF 1
#define TOKEN_TILE 4
#define QUERY_TILE 4
#define VALUE_ACCUMULATORS 4
#define TABLE ister_kernels_neoni8mm
#define TABLE_NAME "neoni8mm"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#include "../neon/dot_128.inc"

ISTER_INLINE int32_t start_q8(int32_t step_offset) { return step_offset; }

/// Unsigned times signed: the stored bytes need no change, the start takes their offset off.
ISTER_INLINE int32x4_t dot_subblock_q8(int32x4_t sum, const uint8x16_t weights[4], int8x16_t x) {
  sum = vusdotq_laneq_s32(sum, weights[0], x, 0);
  sum = vusdotq_laneq_s32(sum, weights[1], x, 1);
  sum = vusdotq_laneq_s32(sum, weights[2], x, 2);
  return vusdotq_laneq_s32(sum, weights[3], x, 3);
}

ISTER_INLINE int32x4_t dot_line_q8(int32x4_t sum, uint8x16_t weights, int8x16_t x) {
  return vusdotq_s32(sum, weights, x);
}

#include "../neon/matmul_128.inc"

#include "matmul_pairs.inc"

#include "../neon/matmul_tiled_128.inc"

#include "../neon/quads_128.inc"

#define PEAK_VECTOR int32x4_t
#define PEAK_REGISTER "w"
#define PEAK_PRODUCTS 32
ISTER_INLINE int32x4_t dot_registers(int32x4_t sum, int32x4_t w, int32x4_t x) {
  return vmmlaq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
}

#include "../portable/integer_peak.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"

#pragma clang attribute pop
#endif
