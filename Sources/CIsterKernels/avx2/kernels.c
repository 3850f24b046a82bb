// AVX2 with FMA and F16C (Haswell, Zen and later).
#if defined(__x86_64__)
#include <immintrin.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

// Sixteen lanes are two registers here: four accumulators fill half the register file.
#define HARDWARE_HALF 1
#define TOKEN_TILE 4
#define QUERY_TILE 4
#define VALUE_ACCUMULATORS 4
#define TABLE ister_kernels_avx2
#define TABLE_NAME "avx2"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#define PEAK_VECTOR __m256i
#define PEAK_REGISTER "x"
#define PEAK_PRODUCTS 32
ISTER_INLINE __m256i dot_registers(__m256i sum, __m256i w, __m256i x) {
  return _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
}

#include "../portable/integer_peak.inc"

/// How far ahead decode prefetches; see avx512vnni.
#define PREFETCH_BYTES 6144

ISTER_INLINE __m256i broadcast_quad(const void *x) {
  int32_t quad;
  memcpy(&quad, x, sizeof quad);
  return _mm256_set1_epi32(quad);
}

ISTER_INLINE __m256i start_q8(int32_t step_offset) {
  (void)step_offset;  // weights are made signed below, so nothing is to be taken off
  return _mm256_setzero_si256();
}

/// |w| times x with w's sign: maddubs wants one unsigned side, and 2 * 128 * 127 fits int16.
ISTER_INLINE __m256i dot_line_q8(__m256i sum, __m256i offset_weights, __m256i x) {
  __m256i w = _mm256_xor_si256(offset_weights, _mm256_set1_epi8((char)0x80));
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// The offset goes into the lower of the two 16-bit halves that the pairs of products are summed in. It is masked as a
/// vector: a broadcast from memory needs no arithmetic port.
ISTER_INLINE __m256i start_q4(const int32_t *offset) {
  return _mm256_and_si256(broadcast_quad(offset), _mm256_set1_epi32(0xFFFF));
}

/// Eight products of at most 31 * 127 stay within int16.
ISTER_INLINE __m256i dot_line_q4(__m256i dot, __m256i weights, __m256i x) {
  return _mm256_add_epi16(dot, _mm256_maddubs_epi16(weights, x));
}

ISTER_INLINE __m256i scale_of_dot(__m256i scale_twice) { return scale_twice; }

/// Weights are used as they lie up to here; from one token more on, a form of their own is faster.
enum { FEW_TOKENS_Q4 = 3, FEW_TOKENS_Q8 = 24 };

#include "matmul_256.inc"

#include "matmul_few_256.inc"

#include "matmul_groups_256.inc"

#include "tile_avx2.inc"

#include "matmul_tiled_256.inc"

#include "quads_256.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"

#pragma clang attribute pop
#endif
