// The definition of the numbers: plain loops for the integer products, the portable sources for the rest, compiled
// for the oldest processor of the architecture.
#include "ister_codebook.h"
#include "ister_kernels.h"

#define HARDWARE_HALF 0
#define TOKEN_TILE 1
#define QUERY_TILE 1
#define TABLE ister_kernels_scalar
#define TABLE_NAME "scalar"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#include "../portable/attention.inc"

/// One chunk's product for 16 rows of Q8: lines of [16 rows][4 columns], weights offset by 128.
static void dot_chunk_q8(const uint8_t *lines, size_t columns, const int8_t *x, int32_t *sum) {
  for (size_t k = 0; k < columns; k++) {
    for (size_t r = 0; r < LANES; r++) sum[r] += (lines[k / 4 * 64 + r * 4 + k % 4] - 128) * x[k];
  }
}

/// One chunk's product for 16 rows of Q4, by sub-blocks of 16 columns.
static void dot_chunk_q4(const uint32_t *words, const uint8_t *lines, size_t columns, const int8_t *x, int32_t *sum) {
  for (size_t g = 0; g < columns / ISTER_SUBBLOCK; g++) {
    const uint8_t *group = lines + g / 2 * 256;
    int shift = g % 2 ? 4 : 0;
    for (size_t r = 0; r < LANES; r++) {
      uint32_t nibble = words[(1 + g / 8) * LANES + r] >> (4 * (g % 8)) & 15;
      int32_t scale = (int32_t)(nibble ^ 8) - 8;
      const int8_t *codebook = ister_q4_codebook[words[r] >> g & 1];
      int32_t dot = 0;
      for (size_t k = 0; k < ISTER_SUBBLOCK; k++) {
        dot += codebook[group[k / 4 * 64 + r * 4 + k % 4] >> shift & 15] * x[g * ISTER_SUBBLOCK + k];
      }
      sum[r] += scale * dot;
    }
  }
}

static void add_chunk(const float *scales, float activation_scale, const int32_t *sum, float *total) {
  for (size_t r = 0; r < LANES; r++) total[r] = __builtin_fmaf((float)sum[r], scales[r] * activation_scale, total[r]);
}

static void chunk_scales(ister_format format, const void *chunk, float *scales) {
  if (format == ISTER_FORMAT_Q8) {
    memcpy(scales, chunk, LANES * sizeof(float));
    return;
  }
  for (size_t r = 0; r < LANES; r++) {
    uint32_t bits = ((const uint32_t *)chunk)[r] & 0xFFFF0000u;
    memcpy(&scales[r], &bits, sizeof bits);
  }
}

static void matmul_integer(const ister_matrix *w, size_t panel_begin, size_t panel_end, const ister_activations *x,
                           size_t tokens, const ister_output *out) {
  size_t panel_bytes = ister_panel_bytes(w->format, w->columns);
  size_t chunks = (w->columns + ISTER_CHUNK - 1) / ISTER_CHUNK;
  for (size_t p = panel_begin; p < panel_end; p++) {
    for (size_t t = 0; t < tokens; t++) {
      const uint8_t *chunk = (const uint8_t *)w->panels + p * panel_bytes;
      float total[LANES] = {0};
      for (size_t c = 0; c < chunks; c++) {
        size_t begin = c * ISTER_CHUNK;
        size_t columns = w->columns - begin < ISTER_CHUNK ? w->columns - begin : ISTER_CHUNK;
        const int8_t *row = x->values + t * x->value_stride + begin;
        int32_t sum[LANES] = {0};
        float scales[LANES];
        chunk_scales(w->format, chunk, scales);
        if (w->format == ISTER_FORMAT_Q8) {
          dot_chunk_q8(chunk + 64, columns, row, sum);
        } else {
          dot_chunk_q4((const uint32_t *)chunk, chunk + 64 * (1 + (columns + 127) / 128), columns, row, sum);
        }
        add_chunk(scales, x->scales[t * chunks + c], sum, total);
        chunk += ister_chunk_bytes(w->format, columns);
      }
      finish_panel(out, t, p, load_lanes(total));
    }
  }
}

#define matmul_q8 matmul_integer
#define matmul_q4 matmul_integer
#include "../portable/table.inc"
