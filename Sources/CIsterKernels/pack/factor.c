// The upper triangular factor R of a = R R^T, taken from the last column to the first, and its inverse. This way the
// Cholesky factor of a's inverse comes without forming that inverse (a^-1 = U^T U with U = R^-1).
#include <math.h>
#include <string.h>

#include "../include/ister_calibration.h"
#include "lanes.h"
#include "wide.h"

/// Two rows of a tile in registers; a block of 16 rows' factors and a tile stay in the first-level cache.
enum { LANES = 8, TILE = 32, VECTORS = TILE / LANES, ROWS = 16 };

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
    double *tile = transposed + i / TILE * TILE * ISTER_FACTOR_BLOCK + i % TILE;
    for (size_t k = begin; k < end; k++) tile[(k - begin) * TILE] = a[i * width + k];
  }
}

/// sums[row] += factors[row][k] * lines[k], for k from 0 on.
ISTER_INLINE void add_products(const double *factors[2], const double *lines, size_t count,
                               ister_doubles sums[2][VECTORS]) {
  for (size_t k = 0; k < count; k++) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < VECTORS; v++) {
      ister_doubles line;
      memcpy(&line, lines + k * TILE + v * LANES, sizeof line);
      sums[0][v] += line * factors[0][k];
      sums[1][v] += line * factors[1][k];
    }
  }
}

/// The part of one tile of columns in rows i and, unless it is row_end, i + 1.
ISTER_INLINE void update_tile(double *a, size_t width, size_t i, size_t row_end, size_t tile, size_t columns,
                              size_t begin, size_t end, const double *lines) {
  double *row = a + i * width, *next = i + 1 < row_end ? row + width : row;
  const double *factors[2] = {row + begin, next + begin};
  ister_doubles sums[2][VECTORS] = {};
  add_products(factors, lines, end - begin, sums);
  for (size_t c = 0; c < columns; c++) row[tile + c] -= sums[0][c / LANES][c % LANES];
  for (size_t c = 0; next != row && c < columns; c++) next[tile + c] -= sums[1][c / LANES][c % LANES];
}

ISTER_WIDE
void ister_factor_update(double *a, size_t width, size_t begin, size_t end, size_t row_begin, size_t row_end,
                         const double *transposed) {
  for (size_t first = row_begin; first < row_end; first += ROWS) {
    for (size_t tile = first / TILE * TILE; tile < begin; tile += TILE) {
      size_t last = first + ROWS < row_end ? first + ROWS : row_end;
      if (last > tile + TILE) last = tile + TILE;
      const size_t columns = begin - tile < TILE ? begin - tile : TILE;
      for (size_t i = first; i < last; i += 2) {
        update_tile(a, width, i, last, tile, columns, begin, end, transposed + tile * ISTER_FACTOR_BLOCK);
      }
    }
  }
}

ISTER_WIDE
void ister_factor_invert(const double *r, size_t width, size_t column_begin, double *workspace, float *inverse) {
  const size_t end = column_begin + TILE;
  for (size_t i = end; i < width; i++) memset(inverse + i * width + column_begin, 0, TILE * sizeof *inverse);
  // Two rows at once: the upper one also takes the lower one's values, last.
  for (size_t i = end; i > 0; i -= 2) {
    const double *rows[2] = {r + (i - 1) * width, r + (i - 2) * width};
    const double *factors[2] = {rows[0] + i, rows[1] + i};
    ister_doubles sums[2][VECTORS] = {};
    add_products(factors, workspace + i * TILE, end - i, sums);
    for (size_t n = 0; n < 2; n++) {
      const size_t at = i - 1 - n;
      for (size_t c = 0; c < TILE; c++) {
        double sum = sums[n][c / LANES][c % LANES];
        if (n == 1) sum += rows[1][i - 1] * workspace[(i - 1) * TILE + c];
        const double one = column_begin + c == at ? 1 : 0;
        const double value = (one - sum) / rows[n][at];
        workspace[at * TILE + c] = value;
        inverse[at * width + column_begin + c] = (float)value;
      }
    }
  }
}
