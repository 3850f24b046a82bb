// The upper triangular factor R of a = R R^T, taken from the last column to the first, and its inverse. This way the
// Cholesky factor of a's inverse comes without forming that inverse (a^-1 = U^T U with U = R^-1).
#include <math.h>
#include <string.h>

#include "../include/ister_calibration.h"
#include "wide.h"

enum { LANES = 8, TILE = 32 };

/// a[i][j] for j from end - 1 down to begin; row j of the block is final from its diagonal on.
static void solve_row(double *a, size_t width, size_t i, size_t begin, size_t end) {
  double *row = a + i * width;
  for (size_t j = end; j-- > begin;) {
    const double *other = a + j * width;
    double sum = row[j];
    for (size_t k = j + 1; k < end; k++) sum -= row[k] * other[k];
    row[j] = sum / other[j];
  }
}

int ister_factor_diagonal(double *a, size_t width, size_t begin, size_t end) {
  for (size_t j = end; j-- > begin;) {
    double *row = a + j * width;
    double sum = row[j];
    for (size_t k = j + 1; k < end; k++) sum -= row[k] * row[k];
    if (!(sum > 0) || isinf(sum)) return 1;
    row[j] = sqrt(sum);
    for (size_t i = begin; i < j; i++) {
      double *above = a + i * width;
      double rest = above[j];
      for (size_t k = j + 1; k < end; k++) rest -= above[k] * row[k];
      above[j] = rest / row[j];
    }
  }
  return 0;
}

void ister_factor_rows(double *a, size_t width, size_t begin, size_t end, size_t row_begin, size_t row_end,
                       double *transposed) {
  for (size_t i = row_begin; i < row_end; i++) {
    solve_row(a, width, i, begin, end);
    for (size_t k = begin; k < end; k++) transposed[(k - begin) * width + i] = a[i * width + k];
  }
}

ISTER_WIDE
void ister_factor_update(double *a, size_t width, size_t begin, size_t end, size_t row_begin, size_t row_end,
                         const double *transposed) {
  for (size_t tile = row_begin / TILE * TILE; tile < begin; tile += TILE) {
    const size_t last = tile + TILE < row_end ? tile + TILE : row_end;
    for (size_t i = row_begin; i < last; i++) {
      double *row = a + i * width;
      ister_doubles sums[TILE / LANES] = {};
      for (size_t b = 0; b < end - begin; b++) {
        const double factor = row[begin + b];
        const double *source = transposed + b * width + tile;
#pragma clang loop unroll(full)
        for (size_t v = 0; v < TILE / LANES; v++) {
          ister_doubles lanes;
          memcpy(&lanes, source + v * LANES, sizeof lanes);
          sums[v] += lanes * factor;
        }
      }
      for (size_t c = 0; c < TILE && tile + c < begin; c++) row[tile + c] -= sums[c / LANES][c % LANES];
    }
  }
}

ISTER_WIDE
void ister_factor_invert(const double *r, size_t width, size_t column_begin, double *workspace, float *inverse) {
  const size_t end = column_begin + TILE;
  for (size_t i = width; i-- > 0;) {
    float *out = inverse + i * width + column_begin;
    if (i >= end) {
      memset(out, 0, TILE * sizeof *out);
      continue;
    }
    const double *row = r + i * width;
    ister_doubles sums[TILE / LANES] = {};
    for (size_t j = i + 1; j < end; j++) {
      const double factor = row[j];
#pragma clang loop unroll(full)
      for (size_t v = 0; v < TILE / LANES; v++) {
        ister_doubles lanes;
        memcpy(&lanes, workspace + j * TILE + v * LANES, sizeof lanes);
        sums[v] += lanes * factor;
      }
    }
    for (size_t c = 0; c < TILE; c++) {
      const double one = column_begin + c == i ? 1 : 0;
      const double value = (one - sums[c / LANES][c % LANES]) / row[i];
      workspace[i * TILE + c] = value;
      out[c] = (float)value;
    }
  }
}
