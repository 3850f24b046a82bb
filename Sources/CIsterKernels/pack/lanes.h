#ifndef ISTER_PACK_LANES_H
#define ISTER_PACK_LANES_H

// The few vector operations of the Q4 search on 16 lanes. SSE2 is x86's baseline; elsewhere the compiler's vector
// types do. Integers only: both ways give the same bits.

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define ISTER_SSE2_LANES 1
#endif

#define ISTER_INLINE static inline __attribute__((always_inline))

typedef int8_t ister_bytes __attribute__((vector_size(16)));
typedef int16_t ister_shorts __attribute__((vector_size(16)));  // half of the lanes
typedef int32_t ister_words __attribute__((vector_size(16)));

/// a * b >> 16 in each lane.
ISTER_INLINE ister_shorts ister_multiply_high(ister_shorts a, ister_shorts b) {
#ifdef ISTER_SSE2_LANES
  return (ister_shorts)_mm_mulhi_epi16((__m128i)a, (__m128i)b);
#else
  ister_shorts r;
  for (int i = 0; i < 8; i++) r[i] = (int16_t)(a[i] * b[i] >> 16);
  return r;
#endif
}

/// Both halves saturated to bytes.
ISTER_INLINE ister_bytes ister_saturate(ister_shorts low, ister_shorts high) {
#ifdef ISTER_SSE2_LANES
  return (ister_bytes)_mm_packs_epi16((__m128i)low, (__m128i)high);
#else
  ister_bytes r;
  for (int i = 0; i < 16; i++) {
    const int16_t v = i < 8 ? low[i] : high[i - 8];
    r[i] = (int8_t)(v > 127 ? 127 : v < -128 ? -128 : v);
  }
  return r;
#endif
}

/// Sign-extends lanes 0-7 and 8-15.
ISTER_INLINE void ister_widen(ister_bytes v, ister_shorts *low, ister_shorts *high) {
#ifdef ISTER_SSE2_LANES
  const __m128i zero = _mm_setzero_si128();
  *low = (ister_shorts)_mm_unpacklo_epi8(zero, (__m128i)v) >> 8;
  *high = (ister_shorts)_mm_unpackhi_epi8(zero, (__m128i)v) >> 8;
#else
  for (int i = 0; i < 8; i++) (*low)[i] = v[i], (*high)[i] = v[i + 8];
#endif
}

/// Sum of the squares of all lanes; the caller keeps it below 2^31.
ISTER_INLINE int32_t ister_square_sum(ister_shorts low, ister_shorts high) {
#ifdef ISTER_SSE2_LANES
  const ister_words s = (ister_words)_mm_madd_epi16((__m128i)low, (__m128i)low) +
                        (ister_words)_mm_madd_epi16((__m128i)high, (__m128i)high);
  return s[0] + s[1] + s[2] + s[3];
#else
  int32_t sum = 0;
  for (int i = 0; i < 8; i++) sum += low[i] * low[i] + high[i] * high[i];
  return sum;
#endif
}

#endif
