// Sums of products of activations: gram = X^T X.
#include <string.h>

#include "../include/ister_calibration.h"
#include "wide.h"

enum { LANES = 16, ROWS = 4 };

void ister_gram_pack(const float *rows, size_t count, size_t stride, size_t width, size_t padded_width, float *packed) {
  for (size_t panel = 0; panel < padded_width / LANES; panel++) {
    const size_t start = panel * LANES;
    const size_t inside = start >= width ? 0 : width - start < LANES ? width - start : LANES;
    for (size_t row = 0; row < count; row++) {
      float *target = packed + (panel * count + row) * LANES;
      memset(target, 0, LANES * sizeof *target);
      if (inside) memcpy(target, rows + row * stride + start, inside * sizeof *target);
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

void ister_gram_mirror(float *gram, size_t width) {
  enum { TILE = 32 };
  for (size_t i = 0; i < width; i += TILE)
    for (size_t j = 0; j <= i; j += TILE)
      for (size_t r = i; r < i + TILE && r < width; r++)
        for (size_t c = j; c < j + TILE && c < r; c++) gram[r * width + c] = gram[c * width + r];
}
