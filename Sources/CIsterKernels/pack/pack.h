#ifndef ISTER_PACK_H
#define ISTER_PACK_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/ister_codebook.h"
#include "../include/ister_formats.h"

enum {
  ISTER_SUBBLOCKS = ISTER_CHUNK / ISTER_SUBBLOCK,
  /// Code of the value 0 in both tables.
  ISTER_Q4_ZERO = 8,
  /// Added to Q8's weights in the file.
  ISTER_Q8_BIAS = 128,
};

/// A chunk of a row without a larger magnitude is stored as zeros: its d might be no normal float.
#define ISTER_Q4_SMALLEST (2048 * FLT_MIN)

/// One row of one Q4 chunk before its bits are laid out.
typedef struct {
  float scale;  // a bf16 number, 0 or at least FLT_MIN, small enough that scale * 127 is finite
  int8_t subscale[ISTER_SUBBLOCKS];
  uint8_t table[ISTER_SUBBLOCKS];
  uint8_t code[ISTER_CHUNK];
} ister_q4_row;

/// Chooses scale, sub-scales, tables and codes of x[columns]; columns 32..256, a multiple of 32.
/// importance: weights of the squared errors, or null for 1.
void ister_q4_search(const float *x, const float *importance, size_t columns, ister_q4_row *row);

/// The sub-scale and table of least error for 16 weights x when the chunk's scale is given.
/// scale: positive and normal, as in ister_q4_row; importance: [16], not negative.
void ister_q4_choose(const float *x, const float *importance, float scale, int8_t *subscale, uint8_t *table);

/// Lays out one row of a Q4 chunk.
void ister_q4_put(const ister_q4_row *q, size_t columns, size_t row, uint8_t *chunk);

/// The scale of one row of a Q8 chunk, 0 or at least FLT_MIN, and the byte of one weight under it.
float ister_q8_scale(const float *x, size_t columns);
uint8_t ister_q8_code(float x, float scale);

/// Lays out one row of a Q8 chunk.
void ister_q8_put(float scale, const uint8_t *code, size_t columns, size_t row, uint8_t *chunk);

/// f rounded to bf16 to nearest, ties to even; f finite and below the largest bf16.
float ister_round_bf16(float f);

#endif
