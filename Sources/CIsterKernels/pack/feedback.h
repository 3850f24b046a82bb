#ifndef ISTER_PACK_FEEDBACK_H
#define ISTER_PACK_FEEDBACK_H

#include "pack.h"
#include "wide.h"

/// Rows of a panel side by side: a vector holds one column of all 16.
enum { ISTER_LANES = ISTER_PANEL_ROWS };

typedef ister_q4_row ister_codes;

/// The values that a weight of each row can take, at some columns: those of a sub-block.
typedef struct {
  float thresholds[15][ISTER_LANES];  // Q4: between codes, in units of scale * sub-scale
  float inverse[ISTER_LANES];         // of that unit; 0 where all is zero
} ister_grid;

/// Chooses scales and codes of one chunk for each row by itself. weights: [count]; importance: [count].
void ister_grid_search(ister_format format, ister_codes *rows, const ister_floats *weights, const float *importance,
                       size_t count);

/// Prepares rounding in the sub-block that starts at column c. importance: [16] when sub-scales are to be chosen for
/// the weights [16] as they are now, null to keep them. Q8G32, Q4G32: [32] where a group starts, and its scale.
void ister_grid_open(ister_format format, ister_codes *rows, size_t c, const ister_floats *weights,
                     const float *importance, ister_grid *grid);

/// Sets the codes nearest to the weights in column c.
void ister_grid_round(ister_format format, ister_codes *rows, size_t c, const ister_grid *grid,
                      const ister_floats *weights);

/// Ends a sub-block: one without any code but zero has one spelling.
void ister_grid_close(ister_format format, ister_codes *rows, size_t c);

/// The stored values of column c.
void ister_grid_values(ister_format format, const ister_codes *rows, size_t c, ister_floats *values);

/// Lays out one row of a chunk.
void ister_grid_put(ister_format format, const ister_codes *codes, size_t count, size_t row, uint8_t *chunk);

#endif
