// The values that weights can take in the integer formats, for rounding with error feedback.
#include <math.h>
#include <string.h>

#include "feedback.h"

enum { LANES = ISTER_LANES };

static void search_q8(ister_codes *row, const float *x, size_t count) {
  memset(row, 0, sizeof *row);
  row->scale = ister_q8_scale(x, count);
  for (size_t c = 0; c < count; c++) row->code[c] = ister_q8_code(x[c], row->scale);
}

/// Scale and codes of the group that starts at column c.
static void search_group(ister_format format, ister_codes *row, size_t c, const float *x, const float *importance) {
  uint16_t *scale = &row->group[c / ISTER_GROUP];
  *scale = ister_group_scale(format, x, importance);
  ister_group_codes(format, x, ISTER_GROUP, *scale, row->code + c);
}

static void search_groups(ister_format format, ister_codes *row, const float *x, const float *importance,
                          size_t count) {
  memset(row, 0, sizeof *row);
  for (size_t c = 0; c < count; c += ISTER_GROUP) search_group(format, row, c, x + c, importance + c);
}

void ister_grid_search(ister_format format, ister_codes *rows, const ister_floats *weights, const float *importance,
                       size_t count) {
  for (size_t r = 0; r < LANES; r++) {
    float x[ISTER_CHUNK];
    for (size_t c = 0; c < count; c++) x[c] = weights[c][r];
    if (format == ISTER_FORMAT_Q8)
      search_q8(&rows[r], x, count);
    else if (ister_is_grouped(format))
      search_groups(format, &rows[r], x, importance, count);
    else
      ister_q4_search(x, importance, count, &rows[r]);
  }
}

static void open_row(ister_codes *q, size_t r, size_t g, const ister_floats *weights, const float *importance,
                     ister_grid *grid) {
  if (importance && q->scale > 0) {
    float x[ISTER_SUBBLOCK];
    for (size_t i = 0; i < ISTER_SUBBLOCK; i++) x[i] = weights[i][r];
    ister_q4_choose(x, importance, q->scale, &q->subscale[g], &q->table[g]);
  }
  grid->inverse[r] = q->scale > 0 && q->subscale[g] ? 1 / (q->scale * (float)q->subscale[g]) : 0;
  const int8_t *table = ister_q4_codebook[q->table[g]];
  for (size_t u = 0; u < 15; u++) grid->thresholds[u][r] = 0.5f * (float)(table[u] + table[u + 1]);
}

/// Chooses the groups' scales for the weights as they are now. weights, importance: of a whole group.
static void open_groups(ister_format format, ister_codes *rows, size_t c, const ister_floats *weights,
                        const float *importance) {
  for (size_t r = 0; r < LANES; r++) {
    float x[ISTER_GROUP];
    for (size_t i = 0; i < ISTER_GROUP; i++) x[i] = weights[i][r];
    search_group(format, &rows[r], c, x, importance);
  }
}

void ister_grid_open(ister_format format, ister_codes *rows, size_t c, const ister_floats *weights,
                     const float *importance, ister_grid *grid) {
  if (ister_is_grouped(format)) {
    if (importance && c % ISTER_GROUP == 0) open_groups(format, rows, c, weights, importance);
    return;
  }
  // Q8's codes need no grid.
  if (format != ISTER_FORMAT_Q4) return;
  for (size_t r = 0; r < LANES; r++) open_row(&rows[r], r, c / ISTER_SUBBLOCK, weights, importance, grid);
}

ISTER_WIDE
static void round_q4(ister_codes *rows, size_t c, const ister_grid *grid, const ister_floats *weights) {
  float z[LANES];
  int32_t code[LANES] = {};
  for (size_t r = 0; r < LANES; r++) z[r] = (*weights)[r] * grid->inverse[r];
  for (size_t u = 0; u < 15; u++)
    for (size_t r = 0; r < LANES; r++) code[r] += z[r] > grid->thresholds[u][r];
  for (size_t r = 0; r < LANES; r++) rows[r].code[c] = grid->inverse[r] != 0 ? (uint8_t)code[r] : ISTER_Q4_ZERO;
}

void ister_grid_round(ister_format format, ister_codes *rows, size_t c, const ister_grid *grid,
                      const ister_floats *weights) {
  if (format == ISTER_FORMAT_Q8)
    for (size_t r = 0; r < LANES; r++) rows[r].code[c] = ister_q8_code((*weights)[r], rows[r].scale);
  else if (ister_is_grouped(format))
    for (size_t r = 0; r < LANES; r++) {
      const float x = (*weights)[r];
      ister_group_codes(format, &x, 1, rows[r].group[c / ISTER_GROUP], &rows[r].code[c]);
    }
  else
    round_q4(rows, c, grid, weights);
}

void ister_grid_close(ister_format format, ister_codes *rows, size_t c) {
  if (format != ISTER_FORMAT_Q4) return;
  const size_t g = c / ISTER_SUBBLOCK;
  for (size_t r = 0; r < LANES; r++) {
    uint8_t used = 0;
    for (size_t i = 0; i < ISTER_SUBBLOCK; i++) used |= rows[r].code[g * ISTER_SUBBLOCK + i] ^ ISTER_Q4_ZERO;
    if (!used) rows[r].subscale[g] = 0, rows[r].table[g] = 0;
  }
}

void ister_grid_values(ister_format format, const ister_codes *rows, size_t c, ister_floats *values) {
  for (size_t r = 0; r < LANES; r++) {
    const ister_codes *q = &rows[r];
    if (ister_is_grouped(format)) {
      (*values)[r] = ister_group_value(format, q->code[c], q->group[c / ISTER_GROUP]);
      continue;
    }
    const size_t g = c / ISTER_SUBBLOCK;
    const int step = format == ISTER_FORMAT_Q8 ? q->code[c] - ISTER_Q8_BIAS
                                               : q->subscale[g] * ister_q4_codebook[q->table[g]][q->code[c]];
    (*values)[r] = q->scale * (float)step;
  }
}

void ister_grid_put(ister_format format, const ister_codes *codes, size_t count, size_t row, uint8_t *chunk) {
  if (format == ISTER_FORMAT_Q8)
    ister_q8_put(codes->scale, codes->code, count, row, chunk);
  else if (ister_is_grouped(format))
    ister_group_put(format, codes->group, codes->code, count, row, chunk);
  else
    ister_q4_put(codes, count, row, chunk);
}
