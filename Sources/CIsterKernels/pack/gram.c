// Sums of products of activations: gram = X^T X.
#include <math.h>
#include <string.h>

#include "../include/ister_calibration.h"
#include "wide.h"

enum { LANES = 16, ROWS = 4 };

/// What a row must be multiplied by to have a mean square of 1; not a number for a row that holds none.
static float unit(const float *row, size_t width) {
  double parts[8] = {}, sum = 0;
  for (size_t c = 0; c < width; c++) parts[c % 8] += (double)row[c] * (double)row[c];
  for (size_t i = 0; i < 8; i++) sum += parts[i];
  return sum == 0 ? 0 : isfinite(sum) ? (float)sqrt((double)width / sum) : NAN;
}

void ister_gram_pack(const float *rows, size_t count, size_t stride, size_t width, size_t padded_width, float *packed) {
  for (size_t row = 0; row < count; row++) {
    const float *source = rows + row * stride;
    const float factor = unit(source, width);
    for (size_t panel = 0; panel < padded_width / LANES; panel++) {
      float *target = packed + (panel * count + row) * LANES;
      for (size_t i = 0; i < LANES; i++) {
        const size_t column = panel * LANES + i;
        target[i] = column < width ? source[column] * factor : 0;
      }
    }
  }
}

ISTER_WIDE
void ister_gram_add(const float *packed, size_t count, size_t width, size_t panel_begin, size_t panel_end,
                    float *gram) {
  for (size_t pi = panel_begin; pi < panel_end; pi++) {
    for (size_t pj = pi; pj < width / LANES; pj++) {
      const float *b = packed + pj * count * LANES;
      for (size_t r = 0; r < LANES; r += ROWS) {
        const float *a = packed + pi * count * LANES + r;
        ister_floats sums[ROWS] = {};
        for (size_t t = 0; t < count; t++) {
          ister_floats v;
          memcpy(&v, b + t * LANES, sizeof v);
#pragma clang loop unroll(full)
          for (size_t k = 0; k < ROWS; k++) sums[k] += v * a[t * LANES + k];
        }
        for (size_t k = 0; k < ROWS; k++) {
          float *target = gram + (pi * LANES + r + k) * width + pj * LANES;
          for (size_t l = 0; l < LANES; l++) target[l] += sums[k][l];
        }
      }
    }
  }
}

void ister_gram_mirror(float *gram, size_t width, float part) {
  enum { TILE = 32 };
  for (size_t i = 0; i < width; i += TILE)
    for (size_t j = 0; j <= i; j += TILE)
      for (size_t r = i; r < i + TILE && r < width; r++)
        for (size_t c = j; c < j + TILE && c < r; c++) gram[r * width + c] = gram[c * width + r] *= part;
}
