// AVX-VNNI: the 256-bit dot product of client processors without AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)

// Sixteen lanes are two registers here: four accumulators fill half the register file.
#define HARDWARE_HALF 1
#define TOKEN_TILE 4
#define QUERY_TILE 4
#define VALUE_ACCUMULATORS 4
#define TABLE ister_kernels_avxvnni
#define TABLE_NAME "avxvnni"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#define PEAK_VECTOR __m256i
#define PEAK_REGISTER "x"
#define PEAK_PRODUCTS 32
ISTER_INLINE __m256i dot_registers(__m256i sum, __m256i w, __m256i x) {
  return _mm256_dpbusd_avx_epi32(sum, w, x);
}

#include "../portable/integer_peak.inc"

/// How far ahead decode prefetches; see avx512vnni.
#define PREFETCH_BYTES 6144

ISTER_INLINE __m256i broadcast_quad(const void *x) {
  int32_t quad;
  memcpy(&quad, x, sizeof quad);
  return _mm256_set1_epi32(quad);
}

ISTER_INLINE __m256i start_q8(int32_t step_offset) { return _mm256_set1_epi32(step_offset); }

ISTER_INLINE __m256i dot_line_q8(__m256i sum, __m256i offset_weights, __m256i x) {
  return _mm256_dpbusd_avx_epi32(sum, offset_weights, x);
}

ISTER_INLINE __m256i start_q4(const int32_t *offset) { return broadcast_quad(offset); }

ISTER_INLINE __m256i dot_line_q4(__m256i dot, __m256i weights, __m256i x) {
  return _mm256_dpbusd_avx_epi32(dot, weights, x);
}

/// The dot is an int32 within int16: only its lower half is to be scaled.
ISTER_INLINE __m256i scale_of_dot(__m256i scale_twice) {
  return _mm256_and_si256(scale_twice, _mm256_set1_epi32(0xFFFF));
}

/// As for AVX2, but not measured.
enum { FEW_TOKENS_Q4 = 1, FEW_TOKENS_Q8 = 8 };

#include "../avx2/matmul_256.inc"

#include "../avx2/matmul_few_256.inc"

#include "../avx2/matmul_groups_256.inc"

#include "tile_vnni.inc"

#include "../avx2/matmul_tiled_256.inc"

#include "../avx2/quads_256.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"

#pragma clang attribute pop
#endif
