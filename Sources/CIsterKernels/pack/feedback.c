// Rounding of a Q4 panel with error feedback. A vector holds one column of the panel's 16 rows.
#include <string.h>

#include "../include/ister_calibration.h"
#include "pack.h"
#include "wide.h"

enum { LANES = ISTER_PANEL_ROWS, TILE = 8 };

typedef struct {
  ister_floats *weights;  // [columns]
  ister_floats *plain;    // [columns]: errors of plain rounding
  ister_floats *errors;   // [columns]: errors of rounding with feedback
  ister_floats *steps;    // [ISTER_CHUNK]: errors over the factor's diagonal, of the chunk at work
  ister_floats *products; // [columns]
  float *importance;      // [columns]
  ister_q4_row *rows;     // [chunks][LANES]
  ister_q4_row *plain_rows;
} space_t;

static size_t chunk_count(size_t columns) { return (columns + ISTER_CHUNK - 1) / ISTER_CHUNK; }

size_t ister_feedback_workspace(size_t columns) {
  return (4 * columns + ISTER_CHUNK) * sizeof(ister_floats) + columns * sizeof(float) +
         2 * chunk_count(columns) * LANES * sizeof(ister_q4_row);
}

static space_t divide(void *workspace, size_t columns) {
  space_t space;
  space.weights = workspace;
  space.plain = space.weights + columns;
  space.errors = space.plain + columns;
  space.steps = space.errors + columns;
  space.products = space.steps + ISTER_CHUNK;
  space.importance = (float *)(space.products + columns);
  space.rows = (ister_q4_row *)(space.importance + columns);
  space.plain_rows = space.rows + chunk_count(columns) * LANES;
  return space;
}

static float value(const ister_q4_row *q, size_t c) {
  const size_t g = c / ISTER_SUBBLOCK;
  return q->scale * (float)(q->subscale[g] * ister_q4_codebook[q->table[g]][q->code[c]]);
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

/// Adds v gram v^T of every row to sums; scratch: [columns].
static void add_energy(const float *gram, size_t columns, const ister_floats *v, ister_floats *scratch,
                       double sums[LANES]) {
  memset(scratch, 0, columns * sizeof *scratch);
  accumulate(gram, columns, v, 0, columns, 0, columns, 1, scratch);
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < LANES; r++) sums[r] += (double)scratch[c][r] * (double)v[c][r];
}

/// The code of each row's weight in column c, and the weight's error.
ISTER_WIDE
static void round_column(ister_q4_row *rows, size_t c, const float thresholds[15][LANES], const float inverse[LANES],
                         const ister_floats *weights, ister_floats *error) {
  float z[LANES];
  int32_t code[LANES] = {};
  for (size_t r = 0; r < LANES; r++) z[r] = (*weights)[r] * inverse[r];
  for (size_t u = 0; u < 15; u++)
    for (size_t r = 0; r < LANES; r++) code[r] += z[r] > thresholds[u][r];
  for (size_t r = 0; r < LANES; r++) {
    rows[r].code[c] = inverse[r] != 0 ? (uint8_t)code[r] : ISTER_Q4_ZERO;
    (*error)[r] = (*weights)[r] - value(&rows[r], c);
  }
}

/// Chooses sub-scales and tables of sub-block g for the weights as they are now.
static void choose_subblock(ister_q4_row *rows, size_t g, const ister_floats *weights, const float *importance,
                            float thresholds[15][LANES], float inverse[LANES]) {
  for (size_t r = 0; r < LANES; r++) {
    float x[ISTER_SUBBLOCK];
    for (size_t i = 0; i < ISTER_SUBBLOCK; i++) x[i] = weights[i][r];
    ister_q4_row *q = &rows[r];
    inverse[r] = 0;
    if (q->scale > 0) {
      ister_q4_choose(x, importance, q->scale, &q->subscale[g], &q->table[g]);
      inverse[r] = q->subscale[g] ? 1 / (q->scale * (float)q->subscale[g]) : 0;
    }
    const int8_t *table = ister_q4_codebook[q->table[g]];
    for (size_t u = 0; u < 15; u++) thresholds[u][r] = 0.5f * (float)(table[u] + table[u + 1]);
  }
}

/// A sub-block of zeros has one spelling.
static void tidy_subblock(ister_q4_row *rows, size_t g) {
  for (size_t r = 0; r < LANES; r++) {
    uint8_t used = 0;
    for (size_t i = 0; i < ISTER_SUBBLOCK; i++) used |= rows[r].code[g * ISTER_SUBBLOCK + i] ^ ISTER_Q4_ZERO;
    if (!used) rows[r].subscale[g] = 0, rows[r].table[g] = 0;
  }
}

static void search(ister_q4_row *rows, const ister_floats *weights, const float *importance, size_t count) {
  for (size_t r = 0; r < LANES; r++) {
    float x[ISTER_CHUNK];
    for (size_t c = 0; c < count; c++) x[c] = weights[c][r];
    ister_q4_search(x, importance, count, &rows[r]);
  }
}

/// One chunk with feedback: columns start..<start + count.
static void round_chunk(const space_t *space, const float *inverse, size_t columns, size_t start, size_t count,
                        ister_q4_row *rows) {
  float thresholds[15][LANES], inverses[LANES];
  ister_floats *weights = space->weights + start;
  search(rows, weights, space->importance + start, count);
  for (size_t c = 0; c < count; c++) {
    const size_t g = c / ISTER_SUBBLOCK;
    if (c % ISTER_SUBBLOCK == 0)
      choose_subblock(rows, g, weights + c, space->importance + start + c, thresholds, inverses);
    const float *row = inverse + (start + c) * columns;
    ister_floats error;
    round_column(rows, c, thresholds, inverses, &weights[c], &error);
    error /= row[start + c];
    space->steps[c] = error;
    for (size_t k = c + 1; k < count; k++) weights[k] -= error * row[start + k];
    if (c % ISTER_SUBBLOCK == ISTER_SUBBLOCK - 1) tidy_subblock(rows, g);
  }
  accumulate(inverse, columns, space->steps, start, start + count, start + count, columns, -1, space->weights);
}

/// source - stored for the rows of one chunk.
static void find_errors(const ister_q4_row *rows, const float *source, size_t columns, size_t start, size_t count,
                        ister_floats *errors) {
  for (size_t c = 0; c < count; c++)
    for (size_t r = 0; r < LANES; r++) errors[start + c][r] = source[r * columns + start + c] - value(&rows[r], c);
}

static void load(const float *rows, size_t columns, ister_floats *weights) {
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < LANES; r++) weights[c][r] = rows[r * columns + c];
}

/// All chunks of all rows by themselves, with weights of the error from the gram matrix's diagonal.
static void round_plainly(const space_t *space, const float *rows, const float *gram, size_t columns) {
  for (size_t c = 0; c < columns; c++) space->importance[c] = gram[c * columns + c];
  for (size_t start = 0, k = 0; start < columns; start += ISTER_CHUNK, k++) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    ister_q4_row *q = space->plain_rows + k * LANES;
    search(q, space->weights + start, space->importance + start, count);
    find_errors(q, rows, columns, start, count, space->plain);
  }
}

/// The importance of a column is what an error in it costs after the later columns have done their best.
static void round_with_feedback(const space_t *space, const float *rows, const float *inverse, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    const float diagonal = inverse[c * columns + c];
    space->importance[c] = 1 / (diagonal * diagonal);
  }
  for (size_t start = 0, k = 0; start < columns; start += ISTER_CHUNK, k++) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    round_chunk(space, inverse, columns, start, count, space->rows + k * LANES);
    find_errors(space->rows + k * LANES, rows, columns, start, count, space->errors);
  }
}

/// Rows whose plain rounding is better get it.
static void keep_better(const space_t *space, size_t columns, const double *plain, double *found) {
  for (size_t r = 0; r < LANES; r++) {
    if (found[r] < plain[r]) continue;
    for (size_t k = 0; k < chunk_count(columns); k++) space->rows[k * LANES + r] = space->plain_rows[k * LANES + r];
    for (size_t c = 0; c < columns; c++) space->errors[c][r] = space->plain[c][r];
    found[r] = plain[r];
  }
}

void ister_pack_feedback(const float *rows, size_t columns, const float *gram, const float *inverse, void *workspace,
                         void *panel, ister_feedback_sums *sums) {
  const space_t space = divide(workspace, columns);
  double total[LANES] = {}, plain[LANES] = {}, found[LANES] = {};
  load(rows, columns, space.weights);
  add_energy(gram, columns, space.weights, space.products, total);
  round_plainly(&space, rows, gram, columns);
  add_energy(gram, columns, space.plain, space.products, plain);
  round_with_feedback(&space, rows, inverse, columns);
  add_energy(gram, columns, space.errors, space.products, found);
  keep_better(&space, columns, plain, found);
  memset(sums, 0, sizeof *sums);
  for (size_t r = 0; r < LANES; r++) {
    sums->plain_error += plain[r], sums->weighted_error += found[r], sums->weighted_sum += total[r];
    for (size_t c = 0; c < columns; c++) {
      const double w = rows[r * columns + c], e = space.errors[c][r];
      sums->squared_error += e * e, sums->squared_sum += w * w;
    }
  }
  uint8_t *chunk = panel;
  for (size_t start = 0, k = 0; start < columns; start += ISTER_CHUNK, k++) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    for (size_t r = 0; r < LANES; r++) ister_q4_put(&space.rows[k * LANES + r], count, r, chunk);
    chunk += ister_chunk_bytes(ISTER_FORMAT_Q4, count);
  }
}
