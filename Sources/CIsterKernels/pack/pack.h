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

/// One row of one chunk before its bits are laid out. Q8 uses scale and code only, the latter with its offset of 128,
/// Q8G32 and Q4G32 group and code.
typedef struct {
  float scale;  // Q4: a bf16 number, 0 or at least FLT_MIN, small enough that scale * 120 is finite
  uint16_t group[ISTER_CHUNK / ISTER_GROUP];  // binary16
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

static inline int ister_is_grouped(ister_format format) {
  return format == ISTER_FORMAT_Q8G32 || format == ISTER_FORMAT_Q4G32;
}

/// The scale of least squared error for 32 weights, as binary16; 0 for weights that are too small for any.
/// importance: [32] weights of the squared errors, or null for 1.
uint16_t ister_group_scale(ister_format format, const float *x, const float *importance);

/// Codes of `count` weights of a group under its scale, and the value of one.
void ister_group_codes(ister_format format, const float *x, size_t count, uint16_t scale, uint8_t *code);
float ister_group_value(ister_format format, uint8_t code, uint16_t scale);

/// Lays out one row of a chunk of groups, and reads it.
void ister_group_put(ister_format format, const uint16_t *scales, const uint8_t *codes, size_t columns, size_t row,
                     uint8_t *chunk);
void ister_group_unpack(ister_format format, const uint8_t *chunk, size_t columns, size_t row, float *out);

/// Whether all scales of a chunk are finite.
int ister_group_is_finite(const uint8_t *chunk, size_t columns);

#endif
