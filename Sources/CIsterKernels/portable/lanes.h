// Sixteen float lanes in clang's vector extension: one source for every instruction set. A table includes these files
// inside its own target region; all is static, so no copy compiled for one set can be linked into another.
#ifndef ISTER_LANES_H
#define ISTER_LANES_H

#include <float.h>
#include <stdint.h>
#include <string.h>

// Vectors are passed only between functions that are always inlined, so no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

enum { LANES = 16 };

typedef float lanes __attribute__((ext_vector_type(16)));
typedef int32_t int_lanes __attribute__((ext_vector_type(16)));
typedef uint32_t uint_lanes __attribute__((ext_vector_type(16)));
typedef int8_t byte_lanes __attribute__((ext_vector_type(16)));

#define ISTER_INLINE static inline __attribute__((always_inline))

ISTER_INLINE lanes load_lanes(const float *p) {
  lanes v;
  memcpy(&v, p, sizeof v);
  return v;
}

ISTER_INLINE void store_lanes(float *p, lanes v) { memcpy(p, &v, sizeof v); }

ISTER_INLINE lanes multiply_add(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }

ISTER_INLINE uint_lanes bits_of(lanes v) { return (uint_lanes)v; }

/// The fixed tree of every reduction: 8, 4, 2, 1.
ISTER_INLINE float sum_of_lanes(lanes v) {
  float s[LANES];
  store_lanes(s, v);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; i++) s[i] += s[i + width];
  }
  return s[0];
}

ISTER_INLINE int32_t integer_sum_of_lanes(int_lanes v) {
  int32_t sum = 0;
  for (int i = 0; i < LANES; i++) sum += v[i];
  return sum;
}

/// Four int8 as one word, to be shown to all lanes.
ISTER_INLINE int32_t quad_at(const void *p) {
  int32_t quad;
  memcpy(&quad, p, sizeof quad);
  return quad;
}

ISTER_INLINE float max_of_lanes(lanes v) {
  float s[LANES];
  store_lanes(s, v);
  float m = s[0];
  for (int i = 1; i < LANES; i++) m = s[i] > m ? s[i] : m;
  return m;
}

/// x within -bound..bound; NaN stays.
ISTER_INLINE lanes bounded_lanes(lanes x, float bound) {
  lanes below = x > bound ? (lanes)bound : x;
  return below < -bound ? (lanes)-bound : below;
}

/// Round to nearest even for |x| < 2^22: adding 1.5 * 2^23 leaves no fraction bits.
ISTER_INLINE lanes round_lanes(lanes x) {
  const float magic = 12582912.0f;
  return (x + magic) - magic;
}

/// exp(x) for x <= 88: x = n ln 2 + r with ln 2 in two parts (Cody and Waite), a degree 6 polynomial for e^r, 2^n by
/// the exponent field. Relative error below 2e-7. 0 below -87, so that no denormal arises.
ISTER_INLINE lanes exp_lanes(lanes x) {
  lanes clamped = __builtin_elementwise_max(x, (lanes)-88.0f);
  lanes n = round_lanes(clamped * 1.44269504f);
  lanes r = multiply_add(n, (lanes)-0.693359375f, clamped);
  r = multiply_add(n, (lanes)2.12194440e-4f, r);
  lanes p = (lanes)(1.0f / 720);
  p = multiply_add(p, r, (lanes)(1.0f / 120));
  p = multiply_add(p, r, (lanes)(1.0f / 24));
  p = multiply_add(p, r, (lanes)(1.0f / 6));
  p = multiply_add(p, r, (lanes)0.5f);
  p = multiply_add(p, r, (lanes)1.0f);
  p = multiply_add(p, r, (lanes)1.0f);
  int_lanes exponent = __builtin_convertvector(n, int_lanes) + 127;
  lanes power = (lanes)(exponent << 23);
  return x < -87.0f ? (lanes)0.0f : p * power;
}

/// Half precision (IEEE 754 binary16). HARDWARE_HALF: the instruction set converts; else by integers here, because the
/// library routines that a compiler calls differ in calling convention between toolchains.
#if HARDWARE_HALF
ISTER_INLINE lanes load_half_lanes(const uint16_t *p) {
  typedef _Float16 half_lanes __attribute__((ext_vector_type(16)));
  half_lanes h;
  memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, lanes);
}

ISTER_INLINE void store_half_lanes(uint16_t *p, lanes v) {
  typedef _Float16 half_lanes __attribute__((ext_vector_type(16)));
  half_lanes h = __builtin_convertvector(v, half_lanes);
  memcpy(p, &h, sizeof h);
}
#else
ISTER_INLINE float float_of_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
  uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
  if (exponent == 31) bits = sign | 0x7F800000u | fraction << 13;
  if (exponent == 0) {
    // A subnormal half is fraction * 2^-24; its leading bit becomes the float's hidden one.
    if (fraction == 0) {
      bits = sign;
    } else {
      uint32_t shift = (uint32_t)__builtin_clz(fraction) - 21;
      bits = sign | (113 - shift) << 23 | (fraction << shift & 1023) << 13;
    }
  }
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// Rounds to nearest even; the caller keeps |x| within 65504.
ISTER_INLINE uint16_t half_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude < 0x38800000u) {
    // Below 2^-14: units of 2^-24.
    if (magnitude < 0x33000000u) return sign;
    uint32_t fraction = (magnitude & 0x7FFFFFu) | 0x800000u, shift = 126 - (magnitude >> 23);
    uint32_t kept = fraction >> shift, rest = fraction & ((1u << shift) - 1), half = 1u << (shift - 1);
    return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1)))));
  }
  return (uint16_t)(sign | (magnitude + 0xFFF + (magnitude >> 13 & 1) - 0x38000000u) >> 13);
}

ISTER_INLINE lanes load_half_lanes(const uint16_t *p) {
  lanes v;
  for (int i = 0; i < LANES; i++) v[i] = float_of_half(p[i]);
  return v;
}

ISTER_INLINE void store_half_lanes(uint16_t *p, lanes v) {
  for (int i = 0; i < LANES; i++) p[i] = half_of_float(v[i]);
}
#endif

ISTER_INLINE float exp_float(float x) { return exp_lanes((lanes)x)[0]; }

#endif
