// Sixteen float lanes in clang's vector extension: one source for every instruction set. A table includes these files
// inside its own target region; all is static, so no copy compiled for one set can be linked into another.
#ifndef ISTER_LANES_H
#define ISTER_LANES_H

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

ISTER_INLINE float max_of_lanes(lanes v) {
  float s[LANES];
  store_lanes(s, v);
  float m = s[0];
  for (int i = 1; i < LANES; i++) m = s[i] > m ? s[i] : m;
  return m;
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

ISTER_INLINE float exp_float(float x) { return exp_lanes((lanes)x)[0]; }

#endif
