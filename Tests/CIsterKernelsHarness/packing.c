// The quantizer's kernels have one source and no tables: their hashes are what is compared between architectures.
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "ister_calibration.h"

enum { ROWS = ISTER_PANEL_ROWS };

static const char *const format_names[] = {"pack f32", "pack q8", "pack q4", "pack q8g32", "pack q4g32"};

/// Rows of weights: bell-shaped, or with what is hard to scale.
static void fill_rows(seeded_t *seeded, int kind, float *rows, size_t columns) {
  static const float magnitudes[] = {0.05f, 1e-36f, 3e38f, 0.0f};
  for (size_t i = 0; i < ROWS * columns; i++) {
    float parts[4];
    fill_floats(seeded, kind ? magnitudes[i / columns % 4] : 0.02f, parts, 4);
    rows[i] = kind ? parts[0] : parts[0] + parts[1] + parts[2] + parts[3];
    // A lonely spike in every fifth row.
    if (kind && i % columns == 7 && i / columns % 5 == 0) rows[i] = 1.0f;
  }
}

static void pack(ister_format format, const float *rows, size_t columns, const float *importance) {
  const size_t bytes = ister_panel_bytes(format, columns);
  void *panel = guarded(bytes);
  double sums[2] = {0, 0};
  float *back = guarded(columns * sizeof(float));
  ister_pack_panel(format, rows, columns, importance, panel, &sums[0], &sums[1]);
  hash_results(format_names[format], panel, bytes);
  hash_results(format_names[format], sums, sizeof sums);
  for (size_t row = 0; row < ROWS; row++) {
    ister_unpack_row(format, panel, columns, row, back);
    hash_results("unpack_row", back, columns * sizeof(float));
  }
}

static void check_panels(void) {
  static const size_t widths[] = {32, 64, 160, 576, 1024};
  seeded_t seeded = {21};
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    float *rows = guarded(ROWS * widths[w] * sizeof(float)), *importance = guarded(widths[w] * sizeof(float));
    fill_floats(&seeded, 1.0f, importance, widths[w]);
    for (size_t i = 0; i < widths[w]; i++) importance[i] *= importance[i];
    for (int kind = 0; kind < 2; kind++) {
      fill_rows(&seeded, kind, rows, widths[w]);
      for (int format = ISTER_FORMAT_F32; format <= ISTER_FORMAT_Q4G32; format++) {
        pack((ister_format)format, rows, widths[w], NULL);
        pack((ister_format)format, rows, widths[w], importance);
      }
    }
  }
}

/// R of gram plus damping, block by block, and U = R^-1.
static void factor(const float *gram, size_t width, float *inverse) {
  double *a = guarded(width * width * sizeof(double)), *workspace = guarded(width * 32 * sizeof(double));
  double *transposed = guarded(ISTER_FACTOR_BLOCK * width * sizeof(double));
  int refused = 0;
  for (size_t i = 0; i < width * width; i++) a[i] = (double)gram[i] + (i % (width + 1) ? 0 : 0.5);
  for (size_t end = width; end > 0;) {
    const size_t begin = end > ISTER_FACTOR_BLOCK ? end - ISTER_FACTOR_BLOCK : 0;
    refused |= ister_factor_diagonal(a, width, begin, end);
    ister_factor_rows(a, width, begin, end, 0, begin, transposed);
    ister_factor_update(a, width, begin, end, 0, begin, transposed);
    end = begin;
  }
  check_true(!refused, "scalar", "factor", "a damped gram matrix is positive definite");
  for (size_t i = 0; i < width; i++) hash_results("factor", a + i * width + i, (width - i) * sizeof(double));
  for (size_t c = 0; c < width; c += 32) ister_factor_invert(a, width, c, workspace, inverse);
  hash_results("factor", inverse, width * width * sizeof(float));
}

static void check_feedback(size_t width, size_t count) {
  seeded_t seeded = {width + count};
  float *samples = guarded(count * width * sizeof(float)), *packed = guarded(count * width * sizeof(float));
  float *gram = guarded(width * width * sizeof(float)), *inverse = guarded(width * width * sizeof(float));
  float *rows = guarded(ROWS * width * sizeof(float));
  // Neighbouring columns go together, or there would be nothing for the feedback to use.
  fill_floats(&seeded, 1.0f, samples, count * width);
  for (size_t i = 1; i < count * width; i++) samples[i] += 0.7f * samples[i - 1];
  ister_gram_pack(samples, count, width, width, width, packed);
  ister_gram_add(packed, count, width, 0, width / 16, gram);
  ister_gram_mirror(gram, width, 0.7f);
  hash_results("gram", gram, width * width * sizeof(float));
  factor(gram, width, inverse);
  fill_rows(&seeded, 0, rows, width);
  const size_t workspace_bytes = (ister_feedback_workspace(width) + 63) / 64 * 64;
  void *workspace = guarded(workspace_bytes);
  for (int format = ISTER_FORMAT_Q8; format <= ISTER_FORMAT_Q4G32; format++) {
    const size_t bytes = ister_panel_bytes((ister_format)format, width);
    void *panel = guarded(bytes);
    ister_feedback_sums sums;
    ister_pack_feedback((ister_format)format, rows, width, gram, inverse, workspace, panel, &sums);
    hash_results("pack_feedback", panel, bytes);
    hash_results("pack_feedback", &sums, sizeof sums);
    check_true(sums.weighted_error < sums.plain_error, "scalar", "pack_feedback", "feedback lowers the error");
  }
}

/// Groups with any scales and codes, as they come from another program's file.
static void check_groups(ister_format format, size_t columns) {
  seeded_t seeded = {columns + (size_t)format};
  const size_t count = ROWS * columns, bytes = ister_panel_bytes(format, columns);
  uint16_t *scales = guarded(count / ISTER_GROUP * sizeof *scales);
  uint8_t *codes = guarded(count), *panel = guarded(bytes);
  fill_bytes(&seeded, (uint8_t *)scales, count / ISTER_GROUP * sizeof *scales);
  fill_bytes(&seeded, codes, count);
  for (size_t i = 0; i < count && format == ISTER_FORMAT_Q4G32; i++) codes[i] &= 15;
  // Not infinite and no NaN.
  for (size_t i = 0; i < count / ISTER_GROUP; i++) scales[i] &= 0xFBFF;
  double sum = 0;
  ister_pack_groups(format, scales, codes, columns, panel, &sum);
  hash_results("pack_groups", panel, bytes);
  hash_results("pack_groups", &sum, sizeof sum);
  check_true(ister_panel_is_finite(format, panel, columns), "scalar", "pack_groups", "finite scales are finite");
  panel[2 * (columns / ISTER_GROUP) - 1] |= 0x7C;
  check_true(!ister_panel_is_finite(format, panel, columns), "scalar", "pack_groups", "an infinite scale is found");
}

void check_packing(void) {
  check_panels();
  check_groups(ISTER_FORMAT_Q8G32, 352);
  check_groups(ISTER_FORMAT_Q4G32, 352);
  check_feedback(96, 50);
  check_feedback(352, 200);
}
