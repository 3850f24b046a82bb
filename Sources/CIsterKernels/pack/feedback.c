// Rounding of a panel with error feedback. A vector holds one column of the panel's 16 rows.
#include "feedback.h"

#include <string.h>

#include "../include/ister_calibration.h"

enum {
  LANES = ISTER_LANES,
  TILE = 8,
  /// Passes over all columns after the first rounding; later ones change next to nothing.
  SWEEPS = 2,
};

typedef struct {
  ister_format format;
  size_t columns;
  ister_floats *weights;   // [columns]
  ister_floats *plain;     // [columns]: errors of plain rounding
  ister_floats *errors;    // [columns]: errors of rounding with feedback
  ister_floats *steps;     // [ISTER_CHUNK]: errors over the factor's diagonal, of the chunk at work
  ister_floats *products;  // [columns]: gram times errors
  float *importance;       // [columns]
  ister_codes *rows;       // [chunks][LANES]
  ister_codes *plain_rows;
} space_t;

static size_t chunk_count(size_t columns) { return (columns + ISTER_CHUNK - 1) / ISTER_CHUNK; }

size_t ister_feedback_workspace(size_t columns) {
  return (4 * columns + ISTER_CHUNK) * sizeof(ister_floats) + columns * sizeof(float) +
         2 * chunk_count(columns) * LANES * sizeof(ister_codes);
}

static space_t divide(ister_format format, void *workspace, size_t columns) {
  space_t space = {.format = format, .columns = columns};
  space.weights = workspace;
  space.plain = space.weights + columns;
  space.errors = space.plain + columns;
  space.steps = space.errors + columns;
  space.products = space.steps + ISTER_CHUNK;
  space.importance = (float *)(space.products + columns);
  space.rows = (ister_codes *)(space.importance + columns);
  space.plain_rows = space.rows + chunk_count(columns) * LANES;
  return space;
}

/// target[k] -= (or +=, by the sign) sum over j of by[j] * matrix[j][k], for k in begin..<end.
ISTER_WIDE
static void accumulate(const float *matrix, size_t width, const ister_floats *by, size_t j_begin, size_t j_end,
                       size_t begin, size_t end, float sign, ister_floats *target) {
  for (size_t tile = begin; tile < end; tile += TILE) {
    ister_floats sums[TILE] = {};
    for (size_t j = j_begin; j < j_end; j++) {
      const ister_floats v = by[j - j_begin];
      const float *row = matrix + j * width + tile;
#pragma clang loop unroll(full)
      for (size_t k = 0; k < TILE; k++) sums[k] += v * row[k];
    }
    for (size_t k = 0; k < TILE; k++) target[tile + k] += sums[k] * sign;
  }
}

/// products = gram times v; sums[r]: v gram v^T of each row.
static void find_energy(const space_t *space, const float *gram, const ister_floats *v, double sums[LANES]) {
  const size_t columns = space->columns;
  memset(space->products, 0, columns * sizeof *space->products);
  accumulate(gram, columns, v, 0, columns, 0, columns, 1, space->products);
  for (size_t r = 0; r < LANES; r++) sums[r] = 0;
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < LANES; r++) sums[r] += (double)space->products[c][r] * (double)v[c][r];
}

/// target[k] += by * row[k], for k in begin..<end.
ISTER_WIDE
static void spread(const float *row, const ister_floats *by, size_t begin, size_t end, ister_floats *target) {
  const ister_floats v = *by;
  for (size_t k = begin; k < end; k++) target[k] += v * row[k];
}

/// One chunk with feedback: columns start..<start + count.
static void round_chunk(const space_t *space, const float *inverse, size_t start, size_t count, ister_codes *rows) {
  ister_grid grid;
  ister_floats *weights = space->weights + start;
  const float *importance = space->importance + start;
  ister_grid_search(space->format, rows, weights, importance, count);
  for (size_t c = 0; c < count; c++) {
    if (c % ISTER_SUBBLOCK == 0) ister_grid_open(space->format, rows, c, weights + c, importance + c, &grid);
    const float *row = inverse + (start + c) * space->columns + start;
    ister_grid_round(space->format, rows, c, &grid, &weights[c]);
    ister_floats stored;
    ister_grid_values(space->format, rows, c, &stored);
    space->steps[c] = (weights[c] - stored) / row[c];
    const ister_floats back = -space->steps[c];
    spread(row, &back, c + 1, count, weights);
    if (c % ISTER_SUBBLOCK == ISTER_SUBBLOCK - 1) ister_grid_close(space->format, rows, c);
  }
  accumulate(inverse, space->columns, space->steps, start, start + count, start + count, space->columns, -1,
             space->weights);
}

/// source - stored for the rows of one chunk.
static void find_errors(const space_t *space, const ister_codes *rows, const float *source, size_t start, size_t count,
                        ister_floats *errors) {
  for (size_t c = 0; c < count; c++) {
    ister_floats stored;
    ister_grid_values(space->format, rows, c, &stored);
    for (size_t r = 0; r < LANES; r++) errors[start + c][r] = source[r * space->columns + start + c] - stored[r];
  }
}

static void load(const float *rows, size_t columns, ister_floats *weights) {
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < LANES; r++) weights[c][r] = rows[r * columns + c];
}

static size_t chunk_length(const space_t *space, size_t start) {
  return space->columns - start < ISTER_CHUNK ? space->columns - start : ISTER_CHUNK;
}

/// All chunks of all rows by themselves, with weights of the error from the gram matrix's diagonal.
static void round_plainly(const space_t *space, const float *rows, const float *gram) {
  for (size_t c = 0; c < space->columns; c++) space->importance[c] = gram[c * space->columns + c];
  for (size_t start = 0, k = 0; start < space->columns; start += ISTER_CHUNK, k++) {
    const size_t count = chunk_length(space, start);
    ister_codes *q = space->plain_rows + k * LANES;
    ister_grid_search(space->format, q, space->weights + start, space->importance + start, count);
    find_errors(space, q, rows, start, count, space->plain);
  }
}

/// The importance of a column is what an error in it costs after the later columns have done their best.
static void round_with_feedback(const space_t *space, const float *rows, const float *inverse) {
  for (size_t c = 0; c < space->columns; c++) {
    const float diagonal = inverse[c * space->columns + c];
    space->importance[c] = 1 / (diagonal * diagonal);
  }
  for (size_t start = 0, k = 0; start < space->columns; start += ISTER_CHUNK, k++) {
    const size_t count = chunk_length(space, start);
    round_chunk(space, inverse, start, count, space->rows + k * LANES);
    find_errors(space, space->rows + k * LANES, rows, start, count, space->errors);
  }
}

static int any(const ister_floats *v) {
  int found = 0;
  for (size_t r = 0; r < LANES; r++) found |= (*v)[r] != 0;
  return found;
}

/// Rounds column `start + c` again to what is best while all others stay; keeps errors and products true.
static void improve_column(const space_t *space, const float *gram, size_t start, size_t c, const ister_grid *grid,
                           ister_codes *rows) {
  const size_t column = start + c;
  const float *row = gram + column * space->columns;
  if (!(row[column] > 0)) return;
  ister_floats stored = space->weights[column] - space->errors[column];
  const ister_floats wanted = stored + space->products[column] / row[column];
  ister_grid_round(space->format, rows, c, grid, &wanted);
  ister_grid_values(space->format, rows, c, &stored);
  const ister_floats error = space->weights[column] - stored;
  const ister_floats change = error - space->errors[column];
  space->errors[column] = error;
  if (any(&change)) spread(row, &change, 0, space->columns, space->products);
}

/// One pass of coordinate descent over all columns, sub-scales kept.
static void sweep(const space_t *space, const float *gram) {
  ister_grid grid;
  for (size_t start = 0, k = 0; start < space->columns; start += ISTER_CHUNK, k++) {
    ister_codes *rows = space->rows + k * LANES;
    for (size_t c = 0; c < chunk_length(space, start); c++) {
      if (c % ISTER_SUBBLOCK == 0)
        ister_grid_open(space->format, rows, c, space->weights + start + c, NULL, &grid);
      improve_column(space, gram, start, c, &grid, rows);
      if (c % ISTER_SUBBLOCK == ISTER_SUBBLOCK - 1) ister_grid_close(space->format, rows, c);
    }
  }
}

/// Rows whose plain rounding is better get it.
static void keep_better(const space_t *space, const double *plain, double *found) {
  for (size_t r = 0; r < LANES; r++) {
    if (found[r] < plain[r]) continue;
    for (size_t k = 0; k < chunk_count(space->columns); k++)
      space->rows[k * LANES + r] = space->plain_rows[k * LANES + r];
    for (size_t c = 0; c < space->columns; c++) space->errors[c][r] = space->plain[c][r];
    found[r] = plain[r];
  }
}

static void put(const space_t *space, uint8_t *chunk) {
  for (size_t start = 0, k = 0; start < space->columns; start += ISTER_CHUNK, k++) {
    const size_t count = chunk_length(space, start);
    for (size_t r = 0; r < LANES; r++) ister_grid_put(space->format, &space->rows[k * LANES + r], count, r, chunk);
    chunk += ister_chunk_bytes(space->format, count);
  }
}

void ister_pack_feedback(ister_format format, const float *rows, size_t columns, const float *gram,
                         const float *inverse, void *workspace, void *panel, ister_feedback_sums *sums) {
  const space_t space = divide(format, workspace, columns);
  double total[LANES], plain[LANES], found[LANES];
  load(rows, columns, space.weights);
  find_energy(&space, gram, space.weights, total);
  round_plainly(&space, rows, gram);
  find_energy(&space, gram, space.plain, plain);
  round_with_feedback(&space, rows, inverse);
  load(rows, columns, space.weights);
  find_energy(&space, gram, space.errors, found);
  for (int i = 0; i < SWEEPS; i++) sweep(&space, gram);
  find_energy(&space, gram, space.errors, found);
  keep_better(&space, plain, found);
  memset(sums, 0, sizeof *sums);
  for (size_t r = 0; r < LANES; r++) {
    sums->plain_error += plain[r], sums->weighted_error += found[r], sums->weighted_sum += total[r];
    for (size_t c = 0; c < columns; c++) {
      const double w = rows[r * columns + c], e = space.errors[c][r];
      sums->squared_error += e * e, sums->squared_sum += w * w;
    }
  }
  put(&space, panel);
}
