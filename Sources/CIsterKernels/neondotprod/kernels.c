// Advanced SIMD with the dot product of 8-bit integers (Neoverse N1, Cortex-A76, Apple M1 and later).
#if defined(__aarch64__)
#include <arm_neon.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

// Sixteen lanes are four of 32 registers: four accumulators fill half of them. Half precision converts in the base set.
#define HARDWARE_HALF 1
#define TOKEN_TILE 4
#define QUERY_TILE 4
#define VALUE_ACCUMULATORS 4
#define TABLE ister_kernels_neondotprod
#define TABLE_NAME "neondotprod"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#include "../neon/dot_128.inc"

ISTER_INLINE int32_t start_q8(int32_t step_offset) {
  (void)step_offset;  // weights are made signed below, so nothing is to be taken off
  return 0;
}

ISTER_INLINE int8x16_t make_signed(uint8x16_t weights) {
  return vreinterpretq_s8_u8(veorq_u8(weights, vdupq_n_u8(0x80)));
}

ISTER_INLINE int32x4_t dot_subblock_q8(int32x4_t sum, const uint8x16_t weights[4], int8x16_t x) {
  int8x16_t w[4];
  for (int j = 0; j < 4; j++) w[j] = make_signed(weights[j]);
  return dot_signed(sum, w, x);
}

ISTER_INLINE int32x4_t dot_line_q8(int32x4_t sum, uint8x16_t weights, int8x16_t x) {
  return vdotq_s32(sum, make_signed(weights), x);
}

#include "../neon/matmul_128.inc"

#include "matmul_tile.inc"

#include "../neon/matmul_tiled_128.inc"

#include "../neon/quads_128.inc"

#define PEAK_VECTOR int32x4_t
#define PEAK_REGISTER "w"
#define PEAK_PRODUCTS 16
ISTER_INLINE int32x4_t dot_registers(int32x4_t sum, int32x4_t w, int32x4_t x) {
  return vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
}

#include "../portable/integer_peak.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"

#pragma clang attribute pop
#endif
