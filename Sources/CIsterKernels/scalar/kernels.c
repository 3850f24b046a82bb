// The definition of the numbers: plain loops for the integer products, the portable sources for the rest, compiled
// for the oldest processor of the architecture.
#include "ister_codebook.h"
#include "ister_kernels.h"

#define HARDWARE_HALF 0
#define TOKEN_TILE 1
#define QUERY_TILE 1
#define VALUE_ACCUMULATORS 4
#define TABLE ister_kernels_scalar
#define TABLE_NAME "scalar"

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#include "../portable/integer_peak.inc"

/// Integer sums of one step for 16 rows of Q8 or Q8G32: lines of [16 rows][4 columns], weights offset by 128.
static void dot_step_q8(const uint8_t *lines, size_t columns, const int8_t *x, int32_t *sum) {
  for (size_t k = 0; k < columns; k++) {
    for (size_t r = 0; r < LANES; r++) sum[r] += (lines[k / 4 * 64 + r * 4 + k % 4] - 128) * x[k];
  }
}

/// Integer sums of sub-blocks begin..<end of a chunk for 16 rows of Q4; x: activations of the chunk.
static void dot_step_q4(const uint32_t *words, const uint8_t *lines, size_t begin, size_t end, const int8_t *x,
                        int32_t *sum) {
  for (size_t g = begin; g < end; g++) {
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

/// Integer sums of one step for 16 rows of Q4G32: four lines of nibbles, weights offset by 8.
static void dot_step_q4g32(const uint8_t *lines, const int8_t *x, int32_t *sum) {
  for (size_t k = 0; k < ISTER_GROUP; k++) {
    for (size_t r = 0; r < LANES; r++) {
      sum[r] += ((lines[k % 16 / 4 * 64 + r * 4 + k % 4] >> (k / 16 * 4) & 15) - 8) * x[k];
    }
  }
}

static int is_grouped(ister_format format) { return format == ISTER_FORMAT_Q8G32 || format == ISTER_FORMAT_Q4G32; }

/// The scale that a chunk's sum is multiplied by.
static void chunk_scales(ister_format format, const void *chunk, float *scales) {
  if (format == ISTER_FORMAT_Q8) {
    memcpy(scales, chunk, LANES * sizeof(float));
    return;
  }
  if (is_grouped(format)) {
    for (size_t r = 0; r < LANES; r++) scales[r] = 1;
    return;
  }
  for (size_t r = 0; r < LANES; r++) {
    uint32_t bits = ((const uint32_t *)chunk)[r] & 0xFFFF0000u;
    memcpy(&scales[r], &bits, sizeof bits);
  }
}

/// Integer sums of one step of a chunk, and what each is multiplied by besides the activation's scale.
static void dot_step(ister_format format, const uint8_t *chunk, size_t columns, size_t begin, const int8_t *x,
                     int32_t *sum, float *factors) {
  for (size_t r = 0; r < LANES; r++) {
    sum[r] = 0;
    factors[r] = is_grouped(format) ? float_of_half(((const uint16_t *)chunk)[begin / ISTER_GROUP * LANES + r]) : 1;
  }
  switch (format) {
    case ISTER_FORMAT_Q8: dot_step_q8(chunk + 64 + begin * LANES, ISTER_STEP, x + begin, sum); break;
    case ISTER_FORMAT_Q8G32:
      dot_step_q8(chunk + ISTER_GROUP_HEAD_BYTES(columns) + begin * LANES, ISTER_STEP, x + begin, sum);
      break;
    case ISTER_FORMAT_Q4G32:
      dot_step_q4g32(chunk + ISTER_GROUP_HEAD_BYTES(columns) + begin * LANES / 2, x + begin, sum);
      break;
    default:
      dot_step_q4((const uint32_t *)chunk, chunk + ISTER_Q4_HEAD_BYTES(columns), begin / ISTER_SUBBLOCK,
                  (begin + ISTER_STEP) / ISTER_SUBBLOCK, x, sum);
  }
}

/// Adds one chunk of 16 rows to total; x, scales: activations and step scales of the chunk.
static void add_chunk(ister_format format, const uint8_t *chunk, size_t columns, const int8_t *x, const float *scales,
                      float *total) {
  float sums[LANES] = {0}, factors[LANES], weight_scales[LANES];
  for (size_t begin = 0; begin < columns; begin += ISTER_STEP) {
    int32_t sum[LANES];
    dot_step(format, chunk, columns, begin, x, sum, factors);
    for (size_t r = 0; r < LANES; r++) {
      sums[r] = __builtin_fmaf((float)sum[r] * factors[r], scales[begin / ISTER_STEP], sums[r]);
    }
  }
  chunk_scales(format, chunk, weight_scales);
  for (size_t r = 0; r < LANES; r++) total[r] = __builtin_fmaf(sums[r], weight_scales[r], total[r]);
}

static void matmul_integer(const ister_matrix *w, size_t panel_begin, size_t panel_end, const ister_activations *x,
                           size_t tokens, const ister_output *out) {
  size_t panel_bytes = ister_panel_bytes(w->format, w->columns);
  size_t steps = w->columns / ISTER_STEP;
  for (size_t p = panel_begin; p < panel_end; p++) {
    for (size_t t = 0; t < tokens; t++) {
      const uint8_t *chunk = (const uint8_t *)w->panels + p * panel_bytes;
      float total[LANES] = {0};
      for (size_t begin = 0; begin < w->columns; begin += ISTER_CHUNK) {
        size_t columns = w->columns - begin < ISTER_CHUNK ? w->columns - begin : ISTER_CHUNK;
        add_chunk(w->format, chunk, columns, x->values + t * x->value_stride + begin,
                  x->scales + t * steps + begin / ISTER_STEP, total);
        chunk += ister_chunk_bytes(w->format, columns);
      }
      finish_panel(out, t, p, load_lanes(total));
    }
  }
}

#define matmul_q8 matmul_integer
#define matmul_q4 matmul_integer
#define matmul_q8g32 matmul_integer
#define matmul_q4g32 matmul_integer
#include "../portable/quads.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"
