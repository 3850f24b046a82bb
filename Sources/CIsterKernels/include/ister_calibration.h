#ifndef ISTER_CALIBRATION_H
#define ISTER_CALIBRATION_H

#include <stddef.h>

#include "ister_formats.h"

#pragma clang assume_nonnull begin

/// Quantization with what a calibration text says about the inputs x of a matrix. All sums have a fixed order and no
/// contraction, so every machine and every split over threads gives the same bits. Widths are multiples of 32.

/// Largest block of columns that one step of the factorisation takes.
enum { ISTER_FACTOR_BLOCK = 64 };

/// Reorders rows [count][stride] into packed [padded_width / 16][count][16]; columns from `width` on in the packed
/// form, up to padded_width, are zero. Rows are scaled to a mean square of 1, so that a few large ones (a text's first
/// token is often a hundred times as large as the others) do not outweigh the rest; a row of zeros stays one.
void ister_gram_pack(const float *rows, size_t count, size_t stride, size_t width, size_t padded_width, float *packed);

/// gram[i][j] += sum over rows of x[i] * x[j], for i in panels panel_begin..<panel_end (of 16) and j from i's panel on.
/// gram: [width][width].
void ister_gram_add(const float *packed, size_t count, size_t width, size_t panel_begin, size_t panel_end, float *gram);

/// Copies the upper triangle to the lower one and takes all but the diagonal times `part`: what few tokens say about
/// pairs of columns is taken with caution (Ledoit and Wolf 2004).
void ister_gram_mirror(float *gram, size_t width, float part);

/// The steps of a = R R^T with R upper triangular, which replaces a's upper triangle; blocks of columns begin..<end go
/// from the last to the first. For each: the diagonal block, then all rows above it in any split, then the rest in any
/// split. ister_factor_diagonal returns 0, or 1 when a is not positive definite.
int ister_factor_diagonal(double *a, size_t width, size_t begin, size_t end);
/// transposed: [width / 32][ISTER_FACTOR_BLOCK][32], gets the rows' new values.
void ister_factor_rows(double *a, size_t width, size_t begin, size_t end, size_t row_begin, size_t row_end,
                       double *transposed);
void ister_factor_update(double *a, size_t width, size_t begin, size_t end, size_t row_begin, size_t row_end,
                         const double *transposed);

/// Columns column_begin..<column_begin + 32 (a multiple of 32) of U = R^-1 in floats, zeros below the diagonal.
/// U^T U is the inverse of R R^T. workspace: [width][32].
void ister_factor_invert(const double *r, size_t width, size_t column_begin, double *workspace, float *inverse);

/// What ister_pack_feedback did; sums over the panel's rows.
typedef struct {
  double squared_error;  ///< of (w - q)
  double squared_sum;    ///< of w
  double plain_error;    ///< (w - q) gram (w - q)^T when each weight is rounded by itself
  double weighted_error; ///< the same for what was stored: never more than plain_error
  double weighted_sum;   ///< w gram w^T
} ister_feedback_sums;

/// Bytes of ister_pack_feedback's workspace.
size_t ister_feedback_workspace(size_t columns);

/// Packs 16 rows [16][columns] into a panel of an integer format so that the error in the matrix's output is small:
/// weights are rounded column by column, and the columns that follow take up the error (Frantar et al. 2022, GPTQ, with
/// the inverse's Cholesky factor). Scales are searched on the updated weights when a chunk is reached. Then each column
/// is rounded again, given all others, twice. A row keeps the plain rounding where that is better.
/// gram: [columns][columns], symmetric. inverse: of ister_factor_invert, for gram plus damping.
/// workspace: 64-byte aligned. The sums are overwritten. Any thread; no state.
void ister_pack_feedback(ister_format format, const float *rows, size_t columns, const float *gram,
                         const float *inverse, void *workspace, void *panel, ister_feedback_sums *sums);

#pragma clang assume_nonnull end
#endif
