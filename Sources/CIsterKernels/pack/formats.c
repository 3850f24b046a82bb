// Packing and unpacking of panels: the layouts of ister_formats.h.
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "pack.h"

enum { ROWS = ISTER_PANEL_ROWS, LINE = 64, Q8_MOST = 127 };

size_t ister_chunk_bytes(ister_format format, size_t columns) {
  switch (format) {
    case ISTER_FORMAT_F32: return columns * LINE;
    case ISTER_FORMAT_Q8: return ISTER_CHUNK_BYTES_Q8(columns);
    case ISTER_FORMAT_Q4: return ISTER_CHUNK_BYTES_Q4(columns);
    case ISTER_FORMAT_Q8G32: return ISTER_CHUNK_BYTES_Q8G32(columns);
    case ISTER_FORMAT_Q4G32: return ISTER_CHUNK_BYTES_Q4G32(columns);
  }
  return 0;
}

size_t ister_panel_bytes(ister_format format, size_t columns) {
  const size_t rest = columns % ISTER_CHUNK;
  return columns / ISTER_CHUNK * ister_chunk_bytes(format, ISTER_CHUNK) + (rest ? ister_chunk_bytes(format, rest) : 0);
}

static void put_word(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_word(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t bits_of(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

// ---- F32: [columns][16 rows] ----

static void pack_f32(const float *x, size_t columns, size_t row, uint8_t *chunk) {
  for (size_t c = 0; c < columns; c++) put_word(chunk + (c * ROWS + row) * 4, bits_of(x[c]));
}

static void unpack_f32(const uint8_t *chunk, size_t columns, size_t row, float *out) {
  for (size_t c = 0; c < columns; c++) out[c] = float_of(get_word(chunk + (c * ROWS + row) * 4));
}

// ---- Q8: 16 float scales, then lines of 16 rows x 4 columns ----

static size_t q8_offset(size_t column, size_t row) { return LINE + column / 4 * LINE + row * 4 + column % 4; }

float ister_q8_scale(const float *x, size_t columns) {
  float amax = 0;
  for (size_t c = 0; c < columns; c++) amax = fabsf(x[c]) > amax ? fabsf(x[c]) : amax;
  // The cap keeps 127 * scale finite; a scale that is no normal float becomes 0.
  const float scale = (amax < 3.4e38f ? amax : 3.4e38f) / Q8_MOST;
  return scale < FLT_MIN ? 0 : scale;
}

uint8_t ister_q8_code(float x, float scale) {
  float q = scale > 0 ? x / scale : 0;
  q = q > Q8_MOST ? Q8_MOST : q < -Q8_MOST ? -Q8_MOST : q;
  return (uint8_t)((int)(q + (q < 0 ? -0.5f : 0.5f)) + ISTER_Q8_BIAS);
}

void ister_q8_put(float scale, const uint8_t *code, size_t columns, size_t row, uint8_t *chunk) {
  put_word(chunk + row * 4, bits_of(scale));
  for (size_t c = 0; c < columns; c++) chunk[q8_offset(c, row)] = code[c];
}

static void pack_q8(const float *x, size_t columns, size_t row, uint8_t *chunk) {
  const float scale = ister_q8_scale(x, columns);
  put_word(chunk + row * 4, bits_of(scale));
  for (size_t c = 0; c < columns; c++) chunk[q8_offset(c, row)] = ister_q8_code(x[c], scale);
}

static void unpack_q8(const uint8_t *chunk, size_t columns, size_t row, float *out) {
  const float scale = float_of(get_word(chunk + row * 4));
  for (size_t c = 0; c < columns; c++) out[c] = scale * (float)(chunk[q8_offset(c, row)] - ISTER_Q8_BIAS);
}

// ---- Q4: word 0, sub-scale words, then lines of 16 rows x (4 low + 4 high) columns ----

/// The byte of a column's code; columns 16-31 of every 32 are in the high nibble.
static size_t q4_offset(size_t columns, size_t column, size_t row) {
  return ISTER_Q4_HEAD_BYTES(columns) + column / 32 * (4 * LINE) + column % 16 / 4 * LINE + row * 4 + column % 4;
}

void ister_q4_put(const ister_q4_row *q, size_t columns, size_t row, uint8_t *chunk) {
  uint32_t words[3] = {bits_of(q->scale)};
  for (size_t g = 0; g < columns / ISTER_SUBBLOCK; g++) {
    words[0] |= (uint32_t)q->table[g] << g;
    words[1 + g / 8] |= (uint32_t)(q->subscale[g] & 15) << 4 * (g % 8);
  }
  for (size_t w = 0; w < ISTER_Q4_HEAD_BYTES(columns) / LINE; w++) put_word(chunk + w * LINE + row * 4, words[w]);
  for (size_t c = 0; c < columns; c += 32)
    for (size_t i = c; i < c + 16; i++) {
      chunk[q4_offset(columns, i, row)] = (uint8_t)(q->code[i] | q->code[i + 16] << 4);
    }
}

static void pack_q4(const float *x, const float *importance, size_t columns, size_t row, uint8_t *chunk) {
  ister_q4_row q;
  ister_q4_search(x, importance, columns, &q);
  ister_q4_put(&q, columns, row, chunk);
}

static void unpack_q4(const uint8_t *chunk, size_t columns, size_t row, float *out) {
  const uint32_t first = get_word(chunk + row * 4);
  const float scale = float_of(first & 0xffff0000u);
  for (size_t c = 0; c < columns; c++) {
    const size_t g = c / ISTER_SUBBLOCK;
    const uint32_t subscales = get_word(chunk + (1 + g / 8) * LINE + row * 4);
    const int s = (int)((subscales >> 4 * (g % 8) & 15) ^ 8) - 8;
    const int code = chunk[q4_offset(columns, c, row)] >> (c & 16 ? 4 : 0) & 15;
    out[c] = scale * (float)(s * ister_q4_codebook[first >> g & 1][code]);
  }
}

// ---- Q8G32, Q4G32 ----

static void pack_groups(ister_format format, const float *x, const float *importance, size_t columns, size_t row,
                        uint8_t *chunk) {
  uint16_t scales[ISTER_CHUNK / ISTER_GROUP];
  uint8_t codes[ISTER_CHUNK];
  for (size_t c = 0; c < columns; c += ISTER_GROUP) {
    const uint16_t scale = ister_group_scale(format, x + c, importance ? importance + c : NULL);
    scales[c / ISTER_GROUP] = scale;
    ister_group_codes(format, x + c, ISTER_GROUP, scale, codes + c);
  }
  ister_group_put(format, scales, codes, columns, row, chunk);
}

// ---- all formats ----

static void unpack_chunk(ister_format format, const uint8_t *chunk, size_t columns, size_t row, float *out) {
  switch (format) {
    case ISTER_FORMAT_F32: unpack_f32(chunk, columns, row, out); break;
    case ISTER_FORMAT_Q8: unpack_q8(chunk, columns, row, out); break;
    case ISTER_FORMAT_Q4: unpack_q4(chunk, columns, row, out); break;
    case ISTER_FORMAT_Q8G32:
    case ISTER_FORMAT_Q4G32: ister_group_unpack(format, chunk, columns, row, out); break;
  }
}

void ister_pack_panel(ister_format format, const float *rows, size_t columns, const float *importance, void *panel,
                      double *squared_error, double *squared_sum) {
  uint8_t *chunk = panel;
  double error = 0, sum = 0;
  for (size_t start = 0; start < columns; start += ISTER_CHUNK) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    for (size_t row = 0; row < ROWS; row++) {
      const float *x = rows + row * columns + start;
      float back[ISTER_CHUNK];
      switch (format) {
        case ISTER_FORMAT_F32: pack_f32(x, count, row, chunk); break;
        case ISTER_FORMAT_Q8: pack_q8(x, count, row, chunk); break;
        case ISTER_FORMAT_Q4: pack_q4(x, importance ? importance + start : NULL, count, row, chunk); break;
        case ISTER_FORMAT_Q8G32:
        case ISTER_FORMAT_Q4G32:
          pack_groups(format, x, importance ? importance + start : NULL, count, row, chunk);
          break;
        default: return;
      }
      unpack_chunk(format, chunk, count, row, back);
      for (size_t c = 0; c < count; c++) {
        const double e = (double)x[c] - (double)back[c];
        error += e * e;
        sum += (double)x[c] * (double)x[c];
      }
    }
    chunk += ister_chunk_bytes(format, count);
  }
  *squared_error += error;
  *squared_sum += sum;
}

/// Whether no float among `count` words is infinite or NaN.
static int are_finite(const uint8_t *words, size_t count) {
  const uint32_t exponent = 0x7F800000u;
  for (size_t i = 0; i < count; i++) {
    if ((get_word(words + 4 * i) & exponent) == exponent) return 0;
  }
  return 1;
}

int ister_panel_is_finite(ister_format format, const void *panel, size_t columns) {
  const uint8_t *chunk = panel;
  for (size_t start = 0; start < columns; start += ISTER_CHUNK) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    int finite = 0;
    switch (format) {
      case ISTER_FORMAT_F32: finite = are_finite(chunk, count * ROWS); break;
      // Q4's scale is the upper half of a float, exponent included.
      case ISTER_FORMAT_Q8:
      case ISTER_FORMAT_Q4: finite = are_finite(chunk, ROWS); break;
      case ISTER_FORMAT_Q8G32:
      case ISTER_FORMAT_Q4G32: finite = ister_group_is_finite(chunk, count); break;
    }
    if (!finite) return 0;
    chunk += ister_chunk_bytes(format, count);
  }
  return 1;
}

void ister_unpack_row(ister_format format, const void *panel, size_t columns, size_t row, float *out) {
  const uint8_t *chunk = panel;
  for (size_t start = 0; start < columns; start += ISTER_CHUNK) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    unpack_chunk(format, chunk, count, row, out + start);
    chunk += ister_chunk_bytes(format, count);
  }
}
